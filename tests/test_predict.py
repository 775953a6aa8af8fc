import os
import shutil

import numpy as np
import pandas as pd
import pytest

from player_contact.errors import BundleError, InputError
from player_contact.files import read_json, write_json
from player_contact.predict import predict_folder
from tests.makers import TinySeason

TRACKING, HELMETS, VIDEOS, IDS = "test_player_tracking.csv", "test_baseline_helmets.csv", "test_video_metadata.csv", "sample_submission.csv"


@pytest.fixture
def predict(bundle, tmp_path):
    """Predicts a season's folder; returns the submission and what was counted."""

    def run(season: TinySeason, workers: int = 1):
        counted = predict_folder(bundle, season.folder, tmp_path / "submission.csv", workers)
        return pd.read_csv(tmp_path / "submission.csv"), counted

    return run


def assert_complete(submission: pd.DataFrame, season: TinySeason) -> None:
    assert list(submission.columns) == ["contact_id", "contact"]
    assert submission["contact_id"].tolist() == season.table(IDS)["contact_id"].tolist()
    assert set(submission["contact"]) <= {0, 1}


@pytest.fixture
def video(filmed_season):
    """The Sideline video of the test play; a link."""
    return next((filmed_season.folder / "test").glob("*_Sideline.mp4"))


def break_off(video) -> None:
    content = video.read_bytes()
    video.unlink()
    video.write_bytes(content[: len(content) // 2])


def empty(video) -> None:
    video.unlink()
    video.touch()


def test_a_filmed_play_is_predicted_with_both_views(predict, filmed_season):
    submission, counted = predict(filmed_season)
    assert_complete(submission, filmed_season)
    assert counted["seen in Sideline"] > 0
    assert counted["seen in Endzone"] > 0
    assert counted["contacts"] == submission["contact"].sum()


@pytest.mark.parametrize(("harm", "words"), [(os.unlink, "is missing"), (empty, "can't be opened"), (break_off, "can't be opened")])
def test_a_play_whose_video_fails_is_predicted_from_the_other_view(predict, filmed_season, video, harm, words, caplog):
    harm(video)
    submission, counted = predict(filmed_season)
    assert_complete(submission, filmed_season)
    assert counted["seen in Sideline"] == 0
    assert counted["with vision"] == counted["seen in Endzone"] > 0
    assert f"{video.name} {words}" in caplog.text
    assert "rows are scored without the Sideline view" in caplog.text


def test_without_any_video_sensors_and_boxes_must_do_and_it_is_said(predict, tiny_season, caplog):
    submission, counted = predict(tiny_season)
    assert_complete(submission, tiny_season)
    assert counted["with vision"] == 0
    assert counted["plays without video"] == counted["plays"] == 1
    assert "No video was found in" in caplog.text
    assert "predicting from sensors and helmet boxes alone" in caplog.text


def test_without_video_metadata_and_boxes_sensors_alone_must_do(predict, tiny_season):
    for file in (HELMETS, VIDEOS):
        tiny_season.write(file, tiny_season.table(file).iloc[:0])
    assert_complete(predict(tiny_season)[0], tiny_season)


def test_a_play_that_the_sensors_missed_is_predicted_all_the_same(predict, tiny_season):
    tiny_season.write(TRACKING, tiny_season.table(TRACKING).iloc[:0])
    assert_complete(predict(tiny_season)[0], tiny_season)


def test_a_player_that_the_sensors_missed_is_predicted_all_the_same(predict, tiny_season):
    tracking = tiny_season.table(TRACKING)
    tiny_season.write(TRACKING, tracking[tracking["nfl_player_id"] != tracking["nfl_player_id"].iloc[0]])
    assert_complete(predict(tiny_season)[0], tiny_season)


def test_empty_measurements_are_predicted_with_what_is_left(predict, tiny_season):
    tracking = tiny_season.table(TRACKING)
    for column in ("speed", "orientation", "x_position", "sa"):
        tracking[column] = tracking[column].mask(np.arange(len(tracking)) % 5 == 0, "")
    tiny_season.write(TRACKING, tracking)
    assert_complete(predict(tiny_season)[0], tiny_season)


def test_a_row_is_decided_the_same_wherever_it_stands(predict, tiny_season):
    before, _ = predict(tiny_season)
    tiny_season.shuffle(IDS)
    after, _ = predict(tiny_season)
    assert_complete(after, tiny_season)
    assert after.set_index("contact_id")["contact"].reindex(before["contact_id"]).tolist() == before["contact"].tolist()


def test_shuffled_tables_reordered_columns_and_a_new_column_give_the_same_bytes(predict, tiny_season, tmp_path):
    predict(tiny_season)
    before = (tmp_path / "submission.csv").read_bytes()
    for file in (TRACKING, HELMETS, VIDEOS):
        tiny_season.shuffle(file)
    predict(tiny_season)
    assert (tmp_path / "submission.csv").read_bytes() == before


def test_a_folder_with_nothing_asked_is_refused(predict, tiny_season):
    tiny_season.write(IDS, tiny_season.table(IDS).iloc[:0])
    with pytest.raises(InputError, match=r"^sample_submission\.csv has no rows"):
        predict(tiny_season)


@pytest.mark.parametrize("file", [TRACKING, HELMETS, VIDEOS, IDS])
def test_a_missing_table_leaves_the_old_submission_alone(predict, tiny_season, tmp_path, file):
    (tmp_path / "submission.csv").write_text("old")
    (tiny_season.folder / file).unlink()
    with pytest.raises(InputError, match=f"^{file} is missing"):
        predict(tiny_season)
    assert (tmp_path / "submission.csv").read_text() == "old"


def test_a_broken_bundle_leaves_the_old_submission_alone(own_bundle, tiny_season, tmp_path):
    (tmp_path / "submission.csv").write_text("old")
    (own_bundle / "config.yaml").unlink()
    with pytest.raises(BundleError, match=r"config\.yaml is missing"):
        predict_folder(own_bundle, tiny_season.folder, tmp_path / "submission.csv", 1)
    assert (tmp_path / "submission.csv").read_text() == "old"


def test_a_folder_where_the_submission_should_go_is_refused_and_kept(bundle, tiny_season, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "precious.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"results is a folder"):
        predict_folder(bundle, tiny_season.folder, tmp_path / "results", 1)
    assert (tmp_path / "results" / "precious.txt").read_text() == "years of work"


def test_a_bundle_without_vision_models_predicts_plays_with_videos_all_the_same(own_bundle, filmed_season, tmp_path):
    shutil.rmtree(own_bundle / "vision")
    manifest = read_json(own_bundle / "manifest.json")
    files = {name: digest for name, digest in manifest["files"].items() if not name.startswith("vision/")}
    write_json(manifest | {"files": files}, own_bundle / "manifest.json")
    counted = predict_folder(own_bundle, filmed_season.folder, tmp_path / "submission.csv", 1)
    assert counted["with vision"] == 0
    assert_complete(pd.read_csv(tmp_path / "submission.csv"), filmed_season)


def test_the_real_play_is_predicted_whole_and_in_order(predict, real_folder, caplog):
    submission, counted = predict(real_folder)
    assert_complete(submission, real_folder)
    assert counted["rows"] == len(submission) == 17_710
    assert "No video was found" in caplog.text


def test_the_real_play_is_predicted_the_same_from_shuffled_tables(predict, real_folder, tmp_path):
    predict(real_folder)
    before = (tmp_path / "submission.csv").read_bytes()
    for file in (TRACKING, HELMETS, VIDEOS):
        real_folder.shuffle(file)
    predict(real_folder)
    assert (tmp_path / "submission.csv").read_bytes() == before


def test_a_bundle_with_other_features_is_refused_before_the_tables_are_read(own_bundle, tmp_path):
    manifest = read_json(own_bundle / "manifest.json")
    manifest["features"] = manifest["features"][1:]
    write_json(manifest, own_bundle / "manifest.json")
    with pytest.raises(BundleError, match="made with other features"):
        predict_folder(own_bundle, tmp_path / "nowhere", tmp_path / "submission.csv", 1)
