import dataclasses

import pytest

from run_checks.gpu_estimate import RTX_3090, GpuWork, gpu_lines

WORK = GpuWork("resnet50", 224, gmacs=4.1, trained=1e6, scored=1e6, load=1e-3, loaders=2)


def test_published_rates_hold_at_their_size_and_half_the_size_is_four_times_as_fast():
    assert WORK.rates("RTX 3090") == RTX_3090["resnet50"]
    half = dataclasses.replace(WORK, image_size=112).rates("RTX 3090")
    assert half == pytest.approx([4 * rate for rate in RTX_3090["resnet50"]])
    assert WORK.rates("T4") < WORK.rates("RTX 3090") < WORK.rates("A100")
    assert WORK.rates("A100")[0] == pytest.approx(2470)
    assert WORK.rates("T4")[1] == pytest.approx(1198)


def test_our_networks_have_the_rates_of_timms_and_others_go_by_multiplications():
    ours = dataclasses.replace(WORK, encoder="contact_resnet50")
    assert ours.rates("T4") == WORK.rates("T4")
    other = dataclasses.replace(WORK, encoder="resnet200d", gmacs=18.2)
    assert other.rates("RTX 3090")[0] == pytest.approx(RTX_3090["resnet18"][0] / 10)


def test_a_gpu_waits_for_the_images_that_are_loaded_more_slowly():
    encoder, whole = WORK.seconds("A100")
    assert encoder < whole == pytest.approx(2e6 * 1e-3 / 2)
    alone, both = dataclasses.replace(WORK, loaders=0).seconds("A100")
    assert both == pytest.approx(alone + 2e6 * 1e-3)
    plenty = dataclasses.replace(WORK, loaders=64).seconds("A100")
    assert plenty == (encoder, encoder)


def test_the_lines_name_encoder_size_and_assumption_within_100_columns():
    lines = gpu_lines([WORK, dataclasses.replace(WORK, encoder="contact_resnet10_small")])
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100
    for words in ("resnet50 at 224 px", "scaled by pixels", "T4", "A100", "waits for images"):
        assert words in text
