from pathlib import Path

import numpy as np
import pytest

from player_contact.competition import clock, names
from player_contact.simulate.season import SeasonSize, write_season

TABLES = (
    "train_labels.csv", "sample_submission.csv", "train_player_tracking.csv", "test_player_tracking.csv", "train_baseline_helmets.csv",
    "test_baseline_helmets.csv", "train_video_metadata.csv", "test_video_metadata.csv", "truth/test_labels.csv",
)  # fmt: skip


def test_the_same_seed_gives_the_same_bytes_with_one_worker_and_with_two(tables_only, tmp_path):
    again = tmp_path / "again"
    write_season(again, SeasonSize(plays=8, test_plays=2, video=False, median_steps=12), seed=11, workers=2)
    for name in TABLES:
        assert (again / name).read_bytes() == (tables_only.folder / name).read_bytes(), name


def test_another_seed_gives_another_season(tables_only, tmp_path):
    write_season(tmp_path / "other", SeasonSize(plays=1, test_plays=0, video=False, median_steps=12), seed=12)
    other = (tmp_path / "other" / "train_video_metadata.csv").read_text().splitlines()
    assert other[1] not in (tables_only.folder / "train_video_metadata.csv").read_text()


def test_the_columns_are_the_competitions_in_its_order(tables_only):
    columns = {name: tuple(tables_only.table(name).columns) for name in TABLES}
    assert columns["train_labels.csv"] == columns["truth/test_labels.csv"] == names.LABEL_COLUMNS
    assert columns["sample_submission.csv"] == names.SUBMISSION_COLUMNS
    for part in ("train", "test"):
        assert columns[f"{part}_player_tracking.csv"] == names.TRACKING_COLUMNS
        assert columns[f"{part}_baseline_helmets.csv"] == names.HELMET_COLUMNS
        assert columns[f"{part}_video_metadata.csv"] == names.VIDEO_COLUMNS


def test_nothing_is_missing_and_nothing_comes_twice(tables_only):
    for name in TABLES:
        assert not tables_only.table(name).isna().any(axis=None), name
    assert tables_only.table("train_labels.csv").contact_id.is_unique
    assert not tables_only.table("train_player_tracking.csv").duplicated(["game_play", "step", "nfl_player_id"]).any()


def test_every_step_has_all_pairs_with_the_smaller_id_first_and_every_player_with_the_ground(tables_only):
    labels = tables_only.table("train_labels.csv")
    rows = labels.groupby("game_play").apply(lambda play: len(play) / play.step.nunique())
    assert sorted(rows.unique()) == [21 * 20 / 2 + 21, 22 * 21 / 2 + 22]
    pairs = labels[labels.nfl_player_id_2 != "G"]
    assert (pairs.nfl_player_id_1 < pairs.nfl_player_id_2.astype(int)).all()
    parts = labels.game_play + "_" + labels.step.astype(str) + "_" + labels.nfl_player_id_1.astype(str) + "_" + labels.nfl_player_id_2
    assert (labels.contact_id == parts).all()


def test_the_sample_submission_has_the_rows_of_the_hidden_labels_and_no_contact(tables_only):
    sample, hidden = tables_only.table("sample_submission.csv"), tables_only.table("truth/test_labels.csv")
    assert sample.contact_id.tolist() == hidden.contact_id.tolist()
    assert (sample.contact == 0).all()


def test_test_plays_come_from_games_without_training_plays(tables_only):
    games = [set(tables_only.table(f"{part}_video_metadata.csv").game_key) for part in ("train", "test")]
    assert len(games[0]) == 5
    assert not games[0] & games[1]


def test_step_zero_is_the_snap_floored_to_a_tenth_of_a_second(tables_only):
    video = tables_only.table("train_video_metadata.csv").drop_duplicates("game_play").set_index("game_play")
    snap = clock.to_datetime(video.snap_time)
    assert (snap - clock.to_datetime(video.start_time) == np.timedelta64(5000, "ms")).all()
    expected = dict(zip(video.index, (clock.step_zero(time) for time in snap), strict=True))
    for name in ("train_labels.csv", "train_player_tracking.csv"):
        first = tables_only.table(name).query("step == 0").drop_duplicates("game_play")
        assert dict(zip(first.game_play, clock.to_datetime(first.datetime), strict=True)) == expected


def test_tracking_starts_before_the_snap_and_ends_after_the_last_labelled_step(tables_only):
    steps = tables_only.table("train_player_tracking.csv").groupby("game_play").step.agg(["min", "max"])
    last = tables_only.table("train_labels.csv").groupby("game_play").step.max()
    assert steps["min"].between(-200, -60).all()
    assert (steps["max"] - last).between(20, 60).all()


def test_one_view_is_spelt_in_a_stray_way_but_its_video_is_not(tables_only):
    helmets = tables_only.table("train_baseline_helmets.csv")
    assert set(helmets.view) == {"Sideline", "Endzone", "Endzone2"}
    assert helmets.query("view == 'Endzone2'").game_play.nunique() == 1
    assert set(tables_only.table("train_video_metadata.csv").view) == {"Sideline", "Endzone"}


def test_the_truth_holds_every_play(tables_only):
    for game_play in tables_only.done:
        truth = tables_only.truth(game_play)
        S, P = truth["ground_contact"].shape
        F = len(truth["boxes_Sideline"])
        assert truth["position"].shape == (S, P, 2)
        assert truth["pair_contact"].shape == (S, P, P)
        assert 0.08 <= truth["sensor_lag"] <= 0.11
        for view in names.VIEWS:
            assert truth[f"boxes_{view}"].shape == (F, P, 4)
            assert truth[f"visibility_{view}"].shape == (F, P)
            assert truth[f"homography_{view}"].shape == (F, 3, 3)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        write_season(tmp_path, SeasonSize(plays=1, test_plays=0, video=False), seed=1)


def test_a_season_that_fails_half_way_leaves_no_folder(tmp_path: Path):
    def fail(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_season(tmp_path / "season", SeasonSize(plays=1, test_plays=0, video=False, median_steps=12), seed=1, on_play=fail)
    assert not (tmp_path / "season").exists()
