import os
import re
import shutil
import signal
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

from player_contact.cascade import decide_with_video, decide_without_video
from player_contact.errors import BundleError, InputError
from player_contact.files import read_json, write_json
from player_contact.pace import seconds_of
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


def raise_memory_error(*_, **__):
    raise MemoryError("no 80 GB left")


FAULTS = {  # what breaks -> what decides the play then, and what is said
    "cut_crops": ("screen", "vision failed (MemoryError: no 80 GB left); decided by sensors and boxes"),
    "complete_play": ("screen", "the screen failed (MemoryError: no 80 GB left)"),
    "is_candidate": ("distance", "the screen without completed boxes failed (MemoryError: no 80 GB left)"),
    "build_play": ("distance", "the screen without completed boxes failed (MemoryError: no 80 GB left)"),
    "blend_table": ("distance", "the screen without completed boxes failed (MemoryError: no 80 GB left)"),
}


@pytest.mark.parametrize("broken", FAULTS)
def test_whatever_breaks_in_a_play_something_else_decides_it(predict, filmed_season, monkeypatch, caplog, broken):
    monkeypatch.setattr(f"player_contact.cascade.{broken}", raise_memory_error)
    submission, counted = predict(filmed_season)
    level, words = FAULTS[broken]
    assert_complete(submission, filmed_season)
    assert counted[f"plays decided by {level}"] == 1
    assert words in caplog.text


def test_a_play_of_which_nothing_works_is_left_at_no_contact_and_counted(predict, filmed_season, monkeypatch, caplog):
    for name in ("cascade.build_play", "predict.decide_by_distance"):
        monkeypatch.setattr(f"player_contact.{name}", raise_memory_error)
    submission, counted = predict(filmed_season)
    assert_complete(submission, filmed_season)
    assert not submission["contact"].any()
    assert counted["plays left at no contact"] == 1
    assert "Of 1 plays, 1 are left at no contact" in caplog.text


def test_what_the_screen_alone_decides_is_what_a_folder_without_videos_gets(predict, filmed_season, tiny_season, monkeypatch):
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr("player_contact.cascade.cut_crops", raise_memory_error)
    assert predict(filmed_season)[0].equals(unfilmed)


def test_a_play_that_kills_its_process_falls_back_and_the_others_are_predicted_as_ever(bundle, filmed_season, tmp_path, monkeypatch, caplog):
    """As where the system kills what takes too much memory: one play while its boxes are completed, another while its video is looked at."""
    boxes, video = "99999_000001", "99999_000002"
    for play in (boxes, video):
        copy_play(filmed_season, play)
    predict_folder(bundle, filmed_season.folder, tmp_path / "calm.csv", 1)
    monkeypatch.setattr("player_contact.predict.decide_without_video", partial(dying_without_video, dies=boxes))
    monkeypatch.setattr("player_contact.predict.decide_with_video", partial(dying_with_video, dies=video))
    counted = predict_folder(bundle, filmed_season.folder, tmp_path / "deadly.csv", 2)
    before, after = pd.read_csv(tmp_path / "calm.csv"), pd.read_csv(tmp_path / "deadly.csv")
    assert_complete(after, filmed_season)
    struck = after["contact_id"].str.startswith(video)
    assert after[~struck].equals(before[~struck])
    assert (counted["plays decided by vision"], counted["plays decided by screen"], counted["plays where vision failed"]) == (2, 1, 1)
    assert f"{boxes}: the screen failed (its process died twice; did memory run out?)" in caplog.text
    assert f"{video}: vision failed (its process died twice; did memory run out?); decided by sensors and boxes" in caplog.text


def dying_without_video(tables, bundle_folder, complete, dies):
    if complete and tables.game_play == dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return decide_without_video(tables, bundle_folder, complete)


def dying_with_video(tables, bundle_folder, dies):
    if tables.game_play == dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return decide_with_video(tables, bundle_folder)


def copy_play(season: TinySeason, name: str) -> None:
    """The test play once more, under another name, with its videos."""
    ids = season.table(IDS)
    old = ids["contact_id"][0][:12]
    for file in (TRACKING, HELMETS, VIDEOS):
        table = season.table(file)
        season.write(file, pd.concat([table, table[table["game_play"] == old].assign(game_play=name)]))
    first = ids[ids["contact_id"].str.startswith(old)]
    season.write(IDS, pd.concat([ids, first.assign(contact_id=name + first["contact_id"].str.slice(12))]))
    for video in (season.folder / "test").glob(f"{old}_*.mp4"):
        video.with_name(video.name.replace(old, name)).symlink_to(video.resolve())


def test_with_time_enough_a_budget_changes_nothing_and_the_first_play_tells_the_pace(bundle, filmed_season, tmp_path, caplog):
    predict_folder(bundle, filmed_season.folder, tmp_path / "free.csv", 1)
    caplog.clear()
    with caplog.at_level("INFO"):
        predict_folder(bundle, filmed_season.folder, tmp_path / "timed.csv", 1, budget=seconds_of("1h"))
    assert (tmp_path / "free.csv").read_bytes() == (tmp_path / "timed.csv").read_bytes()
    assert "vision: 1 of 1 plays" in caplog.text
    assert "of the budget left: all of them fit" in caplog.text
    assert re.search(r"a play took [\d.]+ s of a process: start .*, videos [\d.]+, vision [\d.]+, blend", caplog.text)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_budget_that_is_over_before_it_begins_gives_a_whole_submission_by_distance(bundle, filmed_season, tmp_path, workers):
    counted = predict_folder(bundle, filmed_season.folder, tmp_path / "submission.csv", workers, budget=1e-3)
    assert_complete(pd.read_csv(tmp_path / "submission.csv"), filmed_season)
    assert counted["plays decided by distance"] == 1


@pytest.mark.alone
def test_at_the_end_of_the_budget_vision_is_stopped_and_the_screen_stands(bundle, filmed_season, tiny_season, tmp_path, monkeypatch, caplog):
    predict_folder(bundle, tiny_season.folder, tmp_path / "unfilmed.csv", 1)
    monkeypatch.setattr("player_contact.predict.decide_with_video", sleep_long)
    started = time.monotonic()
    counted = predict_folder(bundle, filmed_season.folder, tmp_path / "timed.csv", 2, budget=15)
    assert time.monotonic() - started < 15 * 1.1
    assert counted["plays without vision for lack of time"] == counted["plays decided by screen"] == 1
    assert "No time for the video of 1 plays" in caplog.text
    assert (tmp_path / "timed.csv").read_bytes() == (tmp_path / "unfilmed.csv").read_bytes()


def sleep_long(tables, bundle_folder):
    time.sleep(600)


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        (TRACKING, 9, "speed", "fast"),
        (TRACKING, 9, "step", "1e99"),
        (TRACKING, 9, "datetime", "2020-13-45T03:01:48.100Z"),
        (TRACKING, 9, "game_play", "../../etc"),
        (HELMETS, 30, "width", "-4"),
        (HELMETS, 30, "nfl_player_id", "nobody"),
        (VIDEOS, 2, "snap_time", "1999-01-01T00:00:00.000Z"),
        (VIDEOS, 2, "view", "Blimp"),
    ],
)
def test_a_fault_in_the_tables_costs_its_row_where_mending_is_asked_for(bundle, tiny_season, tmp_path, caplog, file, line, column, value):
    tiny_season.set_value(file, line, column, value)
    with pytest.raises(InputError, match=f"^{file}"):
        predict_folder(bundle, tiny_season.folder, tmp_path / "submission.csv", 1)
    predict_folder(bundle, tiny_season.folder, tmp_path / "submission.csv", 1, mend=True)
    assert_complete(pd.read_csv(tmp_path / "submission.csv"), tiny_season)
    assert f"{file}" in caplog.text
    assert "Going on without" in caplog.text


@pytest.mark.parametrize("file", [TRACKING, HELMETS, VIDEOS])
def test_a_whole_table_may_be_missing_or_no_table_where_mending_is_asked_for(bundle, tiny_season, tmp_path, file):
    (tiny_season.folder / file).write_bytes(b"\x00\xff\x00PNG")
    predict_folder(bundle, tiny_season.folder, tmp_path / "submission.csv", 1, mend=True)
    assert_complete(pd.read_csv(tmp_path / "submission.csv"), tiny_season)
    (tiny_season.folder / file).unlink()
    predict_folder(bundle, tiny_season.folder, tmp_path / "submission.csv", 1, mend=True)
    assert_complete(pd.read_csv(tmp_path / "submission.csv"), tiny_season)


def test_what_is_asked_for_is_never_mended(bundle, tiny_season, tmp_path):
    tiny_season.set_value(IDS, 5, "contact_id", "58168_003392_0_1_who")
    with pytest.raises(InputError, match=r"^sample_submission\.csv, line 5"):
        predict_folder(bundle, tiny_season.folder, tmp_path / "submission.csv", 1, mend=True)
