"""The weights that come with the project, and what their card says of them."""

import logging
import re

import pytest

from player_contact.config import SHIPPED_WEIGHTS, load_config
from player_contact.vision.encoders import check_encoder
from player_contact.vision.model import PairModel, input_channels
from player_contact.vision.pretrained import load_weights, read_weights
from tests.conftest import ROOT

FILES = sorted(SHIPPED_WEIGHTS.glob("*.safetensors"))
CARD = (SHIPPED_WEIGHTS / "README.md").read_text(encoding="utf-8")
TRAINED_ON = [
    *sorted((ROOT / "configs").glob("helmets*.yaml")),
    ROOT / "configs" / "pretrain.yaml",
]
SEED = re.compile(r"\bseed[ =](\d+)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_is_small_and_fits_its_encoder(path):
    assert path.stat().st_size <= 2_000_000
    assert f"`{path.name}`" in CARD
    config = load_config(ROOT / "configs" / "demo.yaml", [])
    model = PairModel(config.vision, len(config.crops.frame_offsets))
    load_weights(model.encoder, read_weights(path), path.name)


def test_a_model_starts_from_what_is_shipped():
    config = load_config(ROOT / "configs" / "demo.yaml", [])
    assert config.vision.weights == "shipped"
    frames = len(config.crops.frame_offsets)
    first, second = (PairModel(config.vision, frames, pretrained=True) for _ in range(2))
    assert first.encoder.conv1.weight.equal(second.encoder.conv1.weight)
    plain = PairModel(config.vision, frames)
    assert not first.encoder.conv1.weight.equal(plain.encoder.conv1.weight)


@pytest.mark.parametrize(
    ("settings", "frames"), [({"encoder": "resnet10t"}, 3), ({"boxes": "none"}, 3), ({}, 1)]
)
def test_where_none_that_are_shipped_fit_training_starts_without_and_says_so(
    settings, frames, caplog
):
    vision = load_config(ROOT / "configs" / "demo.yaml", []).vision.model_copy(update=settings)
    with caplog.at_level(logging.WARNING):
        check_encoder(vision, input_channels(vision, frames), frames)
        PairModel(vision, frames, pretrained=True)
    assert f"no shipped weights fit {vision.encoder}" in caplog.text


def test_no_score_is_reported_on_a_season_that_the_shipped_weights_have_seen():
    seen = {int(seed) for seed in SEED.findall(CARD)}
    assert seen
    configs = set((ROOT / "configs").glob("*.yaml")) - set(TRAINED_ON)
    reported = {load_config(path, []).season.seed for path in configs}
    seen |= {load_config(path, []).season.seed for path in TRAINED_ON}
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        reported |= {int(seed) for seed in SEED.findall(path.read_text(encoding="utf-8"))}
    assert reported
    assert not seen & reported
