"""Runs whose ensemble has a model of each family, or of tokens alone."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

from player_contact.config import Config
from player_contact.inference.cascade import VISION, predict_play
from player_contact.pipeline.runner import run_pipeline
from player_contact.pipeline.vision_stage import train_configs
from player_contact.utils.errors import ConfigError
from player_contact.video.crop_store import open_crops, read_contact_ids, read_crop_rows
from run_checks.audit_predictions import check_predictions
from run_checks.finished_run import load_finished_run

PAIRS, TOKENS = {"family": "pairs"}, {"family": "tokens", "batch_size": 2}

pytestmark = pytest.mark.slow


def with_members(config: Config, *members: dict) -> Config:
    vision = config.vision.model_copy(update={"members": members})
    return config.model_copy(update={"vision": vision})


@pytest.fixture(scope="module")
def mixed(finished_run, tmp_path_factory):
    """The finished run, gone on with a model of each family."""
    folder = tmp_path_factory.mktemp("mixed") / "run"
    shutil.copytree(finished_run.folder, folder, ignore=shutil.ignore_patterns("report", "crops"))
    config = with_members(finished_run.config, PAIRS, TOKENS)
    run = dataclasses.replace(finished_run, folder=folder, config=config)
    run_pipeline(run, until="bundle")
    return run


def test_both_families_predict_the_rows_that_a_view_shows(mixed, finished_run):
    oof, pairs = mixed.oof("vision"), finished_run.oof("vision")
    assert oof["row"].tolist() == pairs["row"].tolist()
    np.testing.assert_array_equal(oof["vision_0"], pairs["vision"])  # as it was by itself
    assert np.isfinite(oof["vision_1"]).all()
    assert (oof["vision_1"] != oof["vision_0"]).any()


def test_crops_are_those_of_open_rows_and_of_each_player_in_them(mixed):
    opened = mixed.open_rows()
    for play, game_play in enumerate(mixed.folds["game_play"]):
        folder = mixed.folder / "crops" / game_play
        rows = opened[opened["play_index"] == play]
        assert set(rows["row"]) <= set(read_crop_rows(folder).tolist())
        ids = pd.Series(read_contact_ids(folder))
        closed = ids[~np.isin(read_crop_rows(folder), rows["row"])]
        assert closed.str.endswith("_G").all()
        assert len(open_crops(folder).images) == len(ids)


def test_the_models_of_a_fold_give_its_table_again(mixed):
    assert "predicted again" in check_predictions(load_finished_run(mixed))


def test_a_play_is_predicted_as_it_was_out_of_fold(mixed):
    """By models of one fold, with the crops that are cut when it is predicted."""
    finished = load_finished_run(mixed)
    tables = next(mixed.season.plays())
    predicted = predict_play(tables, finished.bundle.folder, complete=True, with_video=True)
    assert predicted.source == VISION
    seen = mixed.oof("vision").set_index("row")["vision"].reindex(predicted.row)
    vision = predicted.probabilities["vision"]
    both = np.isfinite(vision) & seen.notna().to_numpy()
    assert both.sum() > 0.9 * seen.notna().sum()
    assert np.corrcoef(vision[both], seen[both])[0, 1] > 0.5


def test_a_run_of_pairs_has_no_crops_for_tokens(finished_run, tmp_path):
    config = with_members(finished_run.config, TOKENS)
    with pytest.raises(ConfigError, match=r"no crops for vision\.family tokens: start another"):
        train_configs(finished_run, [(config, tmp_path)], [0])
