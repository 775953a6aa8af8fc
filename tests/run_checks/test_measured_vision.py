import dataclasses

import pytest

from player_contact.competition.season import read_season
from player_contact.vision import model
from run_checks.measured_play import MeasuredPlay, measure_play
from run_checks.measured_vision import MORE_IMAGES, SCORED_IMAGES, VisionCost, time_vision
from run_checks.quick_screen import QuickScreen


@pytest.fixture(scope="module")
def play(season, tiny_config):
    """All of its candidates are open."""
    tables = next(iter(read_season(season, "train").plays()))
    with measure_play(tables, QuickScreen(1.0, 0, {}), tiny_config, 1) as measured:
        yield measured


def time_on(play: MeasuredPlay, config, **settings) -> VisionCost:
    vision = config.vision.model_copy(update={"tabular": (), **settings})
    rows = dataclasses.replace(play.open_rows, tabular=play.open_rows.tabular[:, :0])
    return time_vision(0, rows, play.open_label, vision, config, seconds=0.02)


def test_no_large_batch_is_forwarded_whatever_the_config_says(play, tiny_config, monkeypatch):
    counts, normalize = [], model.normalize

    def count(images):
        counts.append((len(images), images.requires_grad or model.torch.is_grad_enabled()))
        return normalize(images)

    monkeypatch.setattr(model, "normalize", count)
    time_on(play, tiny_config, image_batch_size=6000, batch_size=1000)
    assert max(images for images, _ in counts) == SCORED_IMAGES
    assert max(images for images, trains in counts if trains) == MORE_IMAGES


def test_memory_of_a_batch_is_that_of_its_images(play, tiny_config):
    small, large = (time_on(play, tiny_config, image_size=size) for size in (32, 36))
    assert 0 < small.image_mb < large.image_mb
    one_more = small.training_mb(101) - small.training_mb(100)
    assert one_more == pytest.approx(small.images * small.image_mb)
    assert 1 <= small.images <= 2


def test_a_step_of_twice_the_rows_takes_twice_what_depends_on_images(play, tiny_config):
    measured = time_on(play, tiny_config)
    assert min(measured.image, measured.load, measured.scoring) > 0
    cost = dataclasses.replace(measured, images=1.0)
    fixed = cost.batch + cost.update
    assert cost.step(320, False) - fixed == pytest.approx(2 * (cost.step(160, False) - fixed))
    assert cost.step(160, True) - cost.step(160, False) == pytest.approx(cost.head)
    padding = cost.step(160, False) - cost.step(145, False)
    assert padding == pytest.approx(15 * cost.load), "the encoder gets 160 images both times"
