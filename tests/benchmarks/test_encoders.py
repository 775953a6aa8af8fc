import pytest
import torch

from benchmarks import bench_encoders
from benchmarks.__main__ import app
from benchmarks.bench_encoders import (
    SHORTCUTS,
    EncoderCost,
    encoder_cost,
    encoders_text,
    gradient_norms,
    parse_encoder,
    with_encoder,
)
from player_contact.pipeline.variants import score_variants
from player_contact.utils.files import read_json
from player_contact.vision.model import PairModel
from tests.invoke import invoke


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(bench_encoders, "SECONDS", 0.0)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("resnet18", "resnet18", {}),
        ("contact_resnet10:shortcut=none", "contact_resnet10", {"shortcut": "none"}),
        ("resnet10t:a=0.5,b=false", "resnet10t", {"a": 0.5, "b": False}),
    ],
)
def test_a_text_names_an_encoder_and_its_options(text, name, options):
    assert parse_encoder(text) == {"encoder": name, "encoder_options": options, "weights": "none"}


def test_another_encoder_keeps_the_other_settings(tiny_config):
    def with_vision(**changes):
        return tiny_config.model_copy(
            update={"vision": tiny_config.vision.model_copy(update=changes)}
        )

    config = with_vision(weights="w.pth", encoder_options={"drop_path_rate": 0.1})
    assert with_encoder(config, "resnet18") == with_vision(encoder="resnet18", weights="none")


def test_costs_are_those_of_the_encoder_alone(tiny_config):
    cost = encoder_cost(tiny_config, "contact_resnet10")
    stem = 7 * 7 * 6 * 64 * 16 * 16  # of one image of 32 pixels and six channels
    first = 4 * 3 * 3 * 64 * 64 * 8 * 8 // 2
    assert cost.parameters == pytest.approx(4.9e6, rel=0.02)
    assert stem + first < cost.multiply_adds < 3 * (stem + first)
    assert cost.trained > 0
    assert cost.scored > 0


def test_gradient_norms_are_those_of_the_loss_by_block(tiny_config):
    torch.manual_seed(1)
    model = PairModel(with_encoder(tiny_config, "contact_resnet10").vision, num_frames=3)
    visible = torch.ones(2, 3, 2, dtype=torch.bool)
    images = torch.randint(0, 256, (12, 6, 32, 32), dtype=torch.uint8)
    tabular = torch.randn(2, 3, len(tiny_config.vision.tabular))
    batch = (images, tabular, visible, visible[..., 0], ~visible[..., 0])
    norms = gradient_norms(model, batch, torch.ones(2, 3))
    assert list(norms) == ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0"]
    assert all(value > 0 for value in norms.values())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.slow
def test_without_shortcuts_gradients_change_more_along_depth(tiny_config):
    ratio = {}
    for shortcut in ("none", "identity"):
        gradient = encoder_cost(tiny_config, f"contact_resnet34:shortcut={shortcut}").gradient
        ratio[shortcut] = gradient["layer1.0"] / gradient["layer4.2"]
    assert ratio["none"] > 3 * ratio["identity"]


def test_the_table_fits_100_columns(tiny_config):
    names = [f"contact_resnet34:shortcut={shortcut}" for shortcut in SHORTCUTS]
    costs = [
        EncoderCost(name, 21_000_000, 304_000_000, 42.3, 210.1, {"stem": 0.5}) for name in names
    ]
    lines = encoders_text(costs, {names[0]: 0.7654}, tiny_config).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].split() == [names[0], "21.0", "304", "42.3", "210.1", "0.765"]
    assert lines[-1].split() == ["stem", *["0.5000"] * 4]


def test_an_encoder_scores_as_the_run_did_with_it(finished_run):
    scores = read_json(finished_run.folder / "scores.json")["scores"]
    expected = {score["name"]: score["mcc"] for score in scores}["vision"]
    (score,) = score_variants(finished_run, {"same": finished_run.config}, {"same": "as-the-run"})
    assert (score.name, score.mcc) == ("same", pytest.approx(expected))


def test_the_command_prints_the_table_and_writes_it(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("vision: {image_size: 32, clip_length: 1}\n")
    words = ["--encoders", "resnet10t", "--outputs", tmp_path, "--config", config]
    done = invoke(app, ["encoders", *words])
    assert done.exit_code == 0, done.output
    assert "resnet10t" in done.output
    (result,) = read_json(tmp_path / "bench" / "encoders.json")
    assert (result["name"], result["mcc"]) == ("resnet10t", None)
