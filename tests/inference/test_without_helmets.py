"""Plays whose table of helmets is missing, or lacks some, are seen by a detector of their own."""

import numpy as np
import pandas as pd
import pytest

from player_contact.detection.play_helmets import ADDED, FOUND, NAMED
from player_contact.inference.bundle import DETECTOR
from player_contact.inference.cascade import NOT_SEARCHED
from player_contact.inference.predict import predict_folder
from player_contact.inference.summary import summary_text
from player_contact.pipeline.result_stages import bundle_stage
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import read_json, write_json
from tests.makers import split_files

_, _, HELMETS, _ = split_files("test")


def with_boxes(config, **settings):
    return config.model_copy(update={"boxes": config.boxes.model_copy(update=settings)})


@pytest.fixture
def bundle_with(own_run, tiny_config, tmp_path):
    """The bundle of the finished run with other settings of `boxes`."""

    def make(**settings):
        run = own_run(with_boxes(tiny_config, **settings))
        bundle_stage(run, tmp_path / "made")
        return tmp_path / "made" / "bundle"

    (tmp_path / "made").mkdir()
    return make


def decisions(path) -> np.ndarray:
    return pd.read_csv(path)["contact"].to_numpy()


def test_without_a_table_helmets_are_found_named_and_vision_decides(
    bundle, own_short_films, tmp_path, caplog
):
    usual = predict_folder(bundle, own_short_films.folder, tmp_path / "usual.csv", 0)
    assert not usual[FOUND]
    (own_short_films.folder / HELMETS).unlink()
    counts = predict_folder(bundle, own_short_films.folder, tmp_path / "found.csv", 0)
    assert f"{HELMETS} is missing in {own_short_films.folder}: no helmet boxes" in caplog.text
    assert "have no helmet boxes but those found in their videos" in caplog.text
    assert counts[NAMED] > 0.8 * counts[FOUND] > 250
    assert counts["plays decided by vision"] == counts["plays"] == 1
    assert counts["with vision"] > 0.5 * usual["with vision"]
    same = decisions(tmp_path / "usual.csv") == decisions(tmp_path / "found.csv")
    assert same.mean() > 0.98
    assert "named by the tracking" in summary_text(counts)


def test_with_fill_the_boxes_that_the_table_lacks_are_added(bundle_with, own_short_films, tmp_path):
    counts = predict_folder(
        bundle_with(detect="fill"), own_short_films.folder, tmp_path / "ids.csv", 0
    )
    assert counts[ADDED] > 20
    assert counts["plays decided by vision"] == 1


@pytest.mark.parametrize("detect", ["missing", "fill"])
def test_a_search_that_fails_costs_a_play_no_vision_and_is_told(
    bundle_with, own_short_films, tmp_path, monkeypatch, caplog, detect
):
    def fail(*_, **__):
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr("player_contact.detection.play_helmets.name_helmets", fail)
    bundle = bundle_with(detect=detect)
    if detect == "missing":  # of one view
        table = own_short_films.table(HELMETS)
        own_short_films.write(HELMETS, table[table["view"] == "Sideline"])
    counts = predict_folder(bundle, own_short_films.folder, tmp_path / "ids.csv", 0)
    assert counts["plays decided by vision"] == 1
    assert counts[NOT_SEARCHED] == 1
    assert "helmets could not be searched (LinAlgError: singular)" in caplog.text


def test_a_bundle_without_a_detector_says_that_it_searches_nothing(
    own_bundle, own_short_films, tmp_path, caplog
):
    manifest = read_json(own_bundle / "manifest.json")
    del manifest["files"][DETECTOR]
    write_json(manifest, own_bundle / "manifest.json")
    (own_bundle / DETECTOR).unlink()
    (own_short_films.folder / HELMETS).unlink()
    predict_folder(own_bundle, own_short_films.folder, tmp_path / "ids.csv", 0)
    assert "the bundle has no detector of helmets: none are searched" in caplog.text


def test_where_it_is_switched_off_nothing_is_searched(bundle_with, own_short_films, tmp_path):
    bundle = bundle_with(detect="never")
    assert not (bundle / DETECTOR).exists()
    own_short_films.write(HELMETS, own_short_films.table(HELMETS).iloc[:0])
    counts = predict_folder(bundle, own_short_films.folder, tmp_path / "ids.csv", 0)
    assert not counts[FOUND]
    assert counts["plays decided by screen"] == 1


def test_a_bundle_carries_its_detector_and_names_one_that_is_missing(bundle_with, bundle, tmp_path):
    assert (bundle / DETECTOR).is_file()
    with pytest.raises(ConfigError, match=r"There is no file .*none of 'boxes\.detector'"):
        bundle_with(detector=str(tmp_path / "none"))
