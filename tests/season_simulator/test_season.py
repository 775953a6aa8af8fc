from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from player_contact.competition import clock, constants
from season_simulator import season_cache, season_writer
from season_simulator.season_writer import COLUMNS, SeasonSettings, write_season
from tests.season_simulator.conftest import make_season

SHORT = SeasonSettings(plays=1, test_plays=0, video=False, median_steps=12)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_with_two_workers(tables_only, tmp_path):
    write_season(tmp_path / "again", tables_only.settings, workers=2)
    for name in COLUMNS:
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (tables_only.folder / name).read_bytes(), name


def test_another_seed_gives_another_season(tables_only, tmp_path):
    other = make_season(tmp_path / "other", **vars(replace(SHORT, seed=12)))
    assert not set(other.game_plays) & set(tables_only.game_plays)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_has_its_columns_and_no_missing_value(tables_only, name):
    table = tables_only.table(name)
    assert tuple(table.columns) == COLUMNS[name]
    assert not table.isna().any(axis=None)


def test_no_row_comes_twice(tables_only):
    assert tables_only.table("train_labels.csv").contact_id.is_unique
    tracking = tables_only.table("train_player_tracking.csv")
    assert not tracking.duplicated(["game_play", "step", "nfl_player_id"]).any()


def test_every_step_has_all_pairs_and_all_players_with_the_ground(tables_only):
    labels = tables_only.table("train_labels.csv")
    rows = labels.groupby("game_play").apply(lambda play: len(play) / play.step.nunique())
    assert sorted(rows.unique()) == [21 * 20 / 2 + 21, 22 * 21 / 2 + 22]
    pairs = labels[labels.nfl_player_id_2 != "G"]
    assert (pairs.nfl_player_id_1 < pairs.nfl_player_id_2.astype(int)).all()
    step, first = labels.step.astype(str), labels.nfl_player_id_1.astype(str)
    contact_id = labels.game_play + "_" + step + "_" + first + "_" + labels.nfl_player_id_2
    assert (labels.contact_id == contact_id).all()


def test_the_sample_submission_has_the_hidden_ids_and_no_contact(tables_only):
    sample = tables_only.table("sample_submission.csv")
    hidden = tables_only.table("truth/test_labels.csv")
    assert sample.contact_id.tolist() == hidden.contact_id.tolist()
    assert (sample.contact == 0).all()


def test_test_plays_come_from_games_without_training_plays(tables_only):
    tables = (tables_only.table(f"{part}_video_metadata.csv") for part in ("train", "test"))
    train, test = (set(table.game_key) for table in tables)
    assert len(train) == 5
    assert not train & test


def test_step_zero_is_the_snap_floored_to_a_tenth_of_a_second(tables_only):
    video = tables_only.table("train_video_metadata.csv").drop_duplicates("game_play")
    snap = clock.to_datetime(video.snap_time)
    assert (snap - clock.to_datetime(video.start_time) == np.timedelta64(5000, "ms")).all()
    expected = dict(zip(video.game_play, map(clock.step_zero, snap), strict=True))
    for name in ("train_labels.csv", "train_player_tracking.csv"):
        first = tables_only.table(name).query("step == 0").drop_duplicates("game_play")
        times = clock.to_datetime(first.datetime)
        assert dict(zip(first.game_play, times, strict=True)) == expected


def test_tracking_spans_more_than_the_labelled_steps(tables_only):
    steps = tables_only.table("train_player_tracking.csv").groupby("game_play").step
    last = tables_only.table("train_labels.csv").groupby("game_play").step.max()
    assert steps.min().between(-200, -60).all()
    assert (steps.max() - last).between(20, 60).all()


def test_one_play_has_an_alias_of_a_view_in_its_helmets_alone(tables_only):
    helmets = tables_only.table("train_baseline_helmets.csv")
    assert set(helmets.view) == {"Sideline", "Endzone", "Endzone2"}
    assert helmets.query("view == 'Endzone2'").game_play.nunique() == 1
    assert set(tables_only.table("train_video_metadata.csv").view) == {"Sideline", "Endzone"}


def test_the_truth_holds_every_play(tables_only):
    assert len(tables_only.game_plays) == 10
    for game_play in tables_only.game_plays:
        truth = tables_only.truth(game_play)
        S, P = truth["ground_contact"].shape
        assert truth["position"].shape == (S, P, 2)
        assert truth["pair_contact"].shape == (S, P, P)
        assert 0.065 <= truth["sensor_lag"] <= 0.095
        for view in constants.VIEWS:
            F = len(truth[f"boxes_{view}"])  # the two videos differ in length
            assert truth[f"boxes_{view}"].shape == (F, P, 4)
            assert truth[f"visibility_{view}"].shape == (F, P)
            assert truth[f"homography_{view}"].shape == (F, 3, 3)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        write_season(tmp_path, SHORT)


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "season").mkdir()
    assert len(make_season(tmp_path / "season", **vars(SHORT)).game_plays) == 1


def test_a_season_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch):
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(season_writer, "_truth", fail)
    with pytest.raises(KeyboardInterrupt):
        write_season(tmp_path / "season", SHORT)
    assert not list(tmp_path.iterdir())


def test_a_season_is_made_once_for_its_settings_and_code(tmp_path: Path, monkeypatch):
    written = []
    monkeypatch.setattr(season_cache, "write_season", lambda folder, *_: written.append(folder))
    folder = season_cache.season_folder(tmp_path, SHORT, 1)
    folder.mkdir()
    (folder / "train_labels.csv").touch()
    assert season_cache.season_folder(tmp_path, SHORT, 1) == folder
    assert season_cache.season_folder(tmp_path, replace(SHORT, seed=2), 1) != folder
    monkeypatch.setattr(season_cache, "_code_hash", lambda: "other")
    assert season_cache.season_folder(tmp_path, SHORT, 1) != folder
    assert len(written) == 3


def test_what_a_killed_simulation_left_is_removed(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(season_cache, "write_season", lambda folder, *_: folder.mkdir())
    folder = season_cache.season_folder(tmp_path, SHORT, 1)
    (tmp_path / f".{folder.name}.machine-123.partial").mkdir()
    folder.rmdir()
    season_cache.season_folder(tmp_path, SHORT, 1)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("same", [True, False])
def test_the_code_hash_ignores_comments_and_docstrings(tmp_path: Path, monkeypatch, same):
    (tmp_path / "season_cache.py").write_text(
        '"""One."""\n\ndef f():\n    """Two."""\n    return 1\n'
    )
    monkeypatch.setattr(season_cache, "__file__", str(tmp_path / "season_cache.py"))
    before = season_cache._code_hash()
    text = f"# A comment\ndef f():\n\n    return {1 if same else 2}\n"
    (tmp_path / "season_cache.py").write_text(text)
    assert (season_cache._code_hash() == before) is same
