import pytest
import torch
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.bench import encoders
from player_contact.bench.encoders import SHORTCUTS, EncoderCost, encoder_cost, encoders_text, gradient_norms, parse_encoder, with_encoder
from player_contact.files import read_json
from player_contact.stages.variants import score_variants
from player_contact.vision.model import ContactModel


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(encoders, "SECONDS", 0.0)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("resnet18", "resnet18", {}),
        ("contact_resnet10:shortcut=none", "contact_resnet10", {"shortcut": "none"}),
        ("resnet10t:drop_path_rate=0.5,zero_init_last=false", "resnet10t", {"drop_path_rate": 0.5, "zero_init_last": False}),
    ],
)
def test_a_word_names_an_encoder_and_its_options(text, name, options):
    assert parse_encoder(text) == {"encoder": name, "encoder_options": options, "weights": "none"}


def test_another_encoder_starts_from_random_weights_and_leaves_the_other_settings(tiny_config):
    vision = tiny_config.vision.model_copy(update={"weights": "w.pth", "encoder_options": {"drop_path_rate": 0.1}})
    changed = with_encoder(tiny_config.model_copy(update={"vision": vision}), "resnet18")
    assert changed == tiny_config.model_copy(update={"vision": tiny_config.vision.model_copy(update={"encoder": "resnet18"})})


def test_multiply_adds_and_parameters_are_those_of_the_encoder_alone(tiny_config):
    cost = encoder_cost(tiny_config, "contact_resnet10")
    stem = 7 * 7 * 5 * 64 * 16 * 16  # of one picture of 32 pixels and five channels
    first = 4 * 3 * 3 * 64 * 64 * 8 * 8 // 2
    assert cost.parameters == pytest.approx(4.9e6, rel=0.02)
    assert stem + first < cost.multiply_adds < 3 * (stem + first)
    assert cost.trained > 0
    assert cost.scored > 0


def test_the_gradient_is_that_of_the_loss_by_block_from_the_stem_on(tiny_config):
    torch.manual_seed(1)
    model = ContactModel(with_encoder(tiny_config, "contact_resnet10").vision, frames=3)
    seen = torch.ones(2, 3, 2, dtype=torch.bool)
    batch = (torch.randint(0, 256, (12, 5, 32, 32), dtype=torch.uint8), torch.randn(2, 3, len(tiny_config.vision.tabular)), seen, seen[..., 0])
    norms = gradient_norms(model, batch, torch.ones(2, 3))
    assert list(norms) == ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0"]
    assert all(value > 0 for value in norms.values())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_shortcuts_the_gradient_changes_more_along_depth(tiny_config):
    steep = {}
    for shortcut in ("none", "identity"):
        gradient = encoder_cost(tiny_config, f"contact_resnet34:shortcut={shortcut}").gradient
        steep[shortcut] = gradient["layer1.0"] / gradient["layer4.2"]
    assert steep["none"] > 3 * steep["identity"]


def test_the_table_fits_a_page_and_stands_for_what_was_measured(tiny_config):
    costs = [EncoderCost(f"contact_resnet34:shortcut={one}", 21_000_000, 304_000_000, 42.3, 210.1, {"stem": 0.5}) for one in SHORTCUTS]
    text = encoders_text(costs, {costs[0].name: 0.7654}, tiny_config)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].split() == ["contact_resnet34:shortcut=none", "21.0", "304", "42.3", "210.1", "0.765"]
    assert lines[-1].split() == ["stem", *["0.5000"] * 4]


def test_an_encoder_scores_what_the_run_scored_with_it(finished_run):
    ladder = {rung["name"]: rung["mcc"] for rung in read_json(finished_run.folder / "ladder.json")["rungs"]}
    (rung,) = score_variants(finished_run, {"same": finished_run.config}, {"same": "as-the-run"})
    assert (rung.name, rung.mcc) == ("same", pytest.approx(ladder["vision"]))


def test_the_command_prints_the_table_and_writes_it(tmp_path):
    words = ["--encoder", "resnet10t", "--output", str(tmp_path), "--set", "vision.image_size=32", "--set", "vision.steps=1"]
    config = tmp_path / "c.yaml"
    config.write_text("seed: 1\n")
    done = CliRunner().invoke(app, ["encoders", "--config", str(config), *words])
    assert done.exit_code == 0, done.output
    assert "resnet10t" in done.output
    (written,) = read_json(tmp_path / "bench" / "encoders.json")
    assert (written["name"], written["mcc"]) == ("resnet10t", None)
