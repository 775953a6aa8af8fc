import dataclasses
import logging
import re
import shutil

import numpy as np
import pytest

from player_contact.__main__ import app
from player_contact.competition.constants import GROUND
from player_contact.config import Config
from player_contact.pipeline.pretraining import play_truth, pretrain, season_truth
from player_contact.utils.errors import ConfigError, InputError
from player_contact.vision.encoders import make_encoder
from player_contact.vision.model import input_channels
from player_contact.vision.pretrain import TARGETS
from tests.conftest import ROOT
from tests.invoke import invoke
from tests.makers import copy_season

pytestmark = pytest.mark.slow


def truth_of(run, table):
    return dict(zip(TARGETS, season_truth(run, table).T, strict=True))


def test_every_row_knows_the_targets_of_its_kind(finished_run):
    table = finished_run.candidates
    truth, ground = truth_of(finished_run, table), (table["second"] == GROUND).to_numpy()
    for name, values in truth.items():
        of_kind = {"contact": ground | ~ground, "height": ground, "touches": ground}
        known = of_kind.get(name, ~ground)
        assert (np.isfinite(values) == known).all(), name
        assert ((values[known] >= 0) & (values[known] <= 1)).all(), name
    assert (truth["lower_height"][~ground] <= truth["upper_height"][~ground]).all()
    agrees = (truth["contact"] > 0) == table["contact"]  # annotators err at the edges of contacts
    assert 0.9 < agrees.mean() < 1
    low = truth["height"][ground]
    assert low[truth["contact"][ground] > 0].max() < np.median(low)
    tracked = finished_run.features_of(["distance"])["distance"][~ground]
    assert np.abs(3 * truth["distance"][~ground] - np.minimum(tracked, 3)).mean() < 0.3  # yards


def test_the_order_of_players_and_steps_in_the_truth_changes_nothing(finished_run):
    rng = np.random.default_rng(0)
    tables = next(iter(finished_run.season.plays()))
    table = finished_run.candidates[finished_run.candidates["play_index"] == 0]
    path = finished_run.input / "truth" / f"{tables.game_play}.npz"
    known = dict(np.load(path))
    steps, players = (rng.permutation(len(known[name])) for name in ("steps", "players"))
    other = {"steps": known["steps"][steps], "players": known["players"][players]}
    for name in ("ground_contact", "lowest", "position"):
        other[name] = known[name][steps][:, players]
    other["pair_contact"] = known["pair_contact"][steps][:, players][:, :, players]
    np.testing.assert_array_equal(
        play_truth(tables, table, known), play_truth(tables, table, other)
    )


def test_an_encoder_learns_the_truth_and_a_model_starts_from_it(
    finished_run, season, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    folder, path = tmp_path / "run", tmp_path / "weights.safetensors"
    shutil.copytree(finished_run.folder, folder)
    (folder / "pretrain-of-other-settings.checkpoint").touch()
    words = ["pretrain", "--config", ROOT / "configs" / "tiny.yaml", "--input", season]
    words += ["--run", folder, "--output", path, "--workers", "1"]
    done = invoke(app, [*words, "--set", "vision.image_epochs=8", "vision.weights=none"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == str(path)
    losses = [float(loss) for loss in re.findall(r"epoch \d of 8: loss (\S+)", caplog.text)]
    assert len(losses) == 8
    assert losses[-1] < 0.9 * losses[0]
    assert not list(folder.glob("*.checkpoint"))
    vision = finished_run.config.vision
    channels = input_channels(vision, len(finished_run.config.crops.frame_offsets))
    trained, untrained = (
        make_encoder(vision.encoder, channels, vision.image_size, {}, weights)[0].state_dict()
        for weights in (str(path), "none")
    )
    assert trained.keys() == untrained.keys()
    assert not np.allclose(trained["conv1.weight"], untrained["conv1.weight"])


def with_vision(config: Config, **settings) -> Config:
    return config.model_copy(update={"vision": config.vision.model_copy(update=settings)})


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"members": ({"seed": 1}, {"seed": 2})}, "no vision.members"),
        ({"family": "tokens"}, "family pairs"),
        ({"image_epochs": 0}, "set vision.image_epochs"),
        ({"devices": 2}, "on one device"),
        ({"encoder": "nope"}, "not a timm model"),
        ({"mixup": 0.2}, "no mixup"),
    ],
)
def test_what_can_not_be_pretrained_is_refused(finished_run, tmp_path, settings, error):
    config = finished_run.config
    if "mixup" in settings:
        augment = config.vision.augment.model_copy(update={"mixup_alpha": settings["mixup"]})
        settings = {"augment": augment}
    run = dataclasses.replace(finished_run, config=with_vision(config, **settings))
    with pytest.raises(ConfigError, match=error):
        pretrain(run, tmp_path / "weights.safetensors")


def test_a_season_that_knows_no_truth_is_refused(finished_run, season, tmp_path):
    real = copy_season(season, tmp_path / "real").folder
    with pytest.raises(InputError, match=r"truth.*only a simulated season"):
        pretrain(dataclasses.replace(finished_run, input=real), tmp_path / "weights.safetensors")


def test_a_truth_of_an_older_version_is_refused(finished_run, season, tmp_path):
    folder = copy_season(season, tmp_path / "old").folder
    (folder / "truth").mkdir()
    for path in sorted((season / "truth").glob("*.npz")):
        known = dict(np.load(path))
        del known["lowest"]
        np.savez(folder / "truth" / path.name, **known)
    run = dataclasses.replace(finished_run, input=folder)
    with pytest.raises(InputError, match=r"npz lacks lowest: an older version simulated it"):
        pretrain(run, tmp_path / "weights.safetensors")
