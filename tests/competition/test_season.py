import logging

import numpy as np
import pytest

from player_contact.competition.names import GROUND
from player_contact.competition.season import fingerprint, is_ground, read_season, video_fingerprint
from player_contact.errors import InputError
from tests.makers import split_files


def test_a_training_season_has_a_row_for_every_label_in_their_order(tiny_season):
    labels = tiny_season.table("train_labels.csv")
    rows = read_season(tiny_season.folder, "train").rows
    assert rows["contact_id"].tolist() == labels["contact_id"].tolist()
    assert rows["contact"].tolist() == labels["contact"].astype(int).tolist()


def test_a_test_season_has_a_row_for_every_asked_id_in_their_order(tiny_season):
    tiny_season.shuffle("sample_submission.csv")
    asked = tiny_season.table("sample_submission.csv")["contact_id"].tolist()
    assert read_season(tiny_season.folder, "test").rows["contact_id"].tolist() == asked


def test_a_row_about_the_ground_is_one_whose_id_ends_in_g(tiny_season):
    rows = read_season(tiny_season.folder, "train").rows
    np.testing.assert_array_equal(is_ground(rows), rows["contact_id"].str.endswith("_G"))
    assert set(rows.loc[is_ground(rows), "nfl_player_id_2"]) == {GROUND}


def test_the_plays_together_hold_every_row_of_every_table_once(tiny_season):
    season = read_season(tiny_season.folder, "train")
    plays = list(season.plays())
    assert [play.game_play for play in plays] == season.game_plays
    assert np.concatenate([play.rows["row"] for play in plays]).tolist() == list(range(len(season.rows)))
    for table in ("tracking", "helmets", "videos"):
        assert sum(len(getattr(play, table)) for play in plays) == len(getattr(season, table))


def test_a_play_holds_nothing_of_another_play(tiny_season):
    for play in read_season(tiny_season.folder, "train").plays():
        for table in (play.rows, play.tracking, play.helmets, play.videos):
            assert set(table["game_play"].astype(str)) == {play.game_play}


def test_a_row_of_a_play_knows_its_place_in_the_season_whatever_the_order(tiny_season):
    tiny_season.shuffle("train_labels.csv")
    season = read_season(tiny_season.folder, "train")
    for play in season.plays():
        assert season.rows["contact_id"].iloc[play.rows["row"]].tolist() == play.rows["contact_id"].tolist()


def test_the_stray_spelling_of_a_view_is_read_as_the_view_and_said_so(tiny_season, caplog):
    helmets = tiny_season.table("train_baseline_helmets.csv")
    first = helmets["game_play"].iloc[0]
    stray = (helmets["game_play"] == first) & (helmets["view"] == "Endzone")
    tiny_season.write("train_baseline_helmets.csv", helmets.assign(view=helmets["view"].mask(stray, "Endzone2")))
    with caplog.at_level(logging.INFO):
        season = read_season(tiny_season.folder, "train")
    assert season.helmets["view"].astype(str).tolist() == helmets["view"].tolist()
    assert f"train_baseline_helmets.csv: {stray.sum()} rows of view Endzone2 read as Endzone" in caplog.text


def test_a_box_both_under_a_view_and_under_its_alias_counts_once(tiny_season, caplog):
    expected = read_season(tiny_season.folder, "train").helmets
    helmets = tiny_season.table("train_baseline_helmets.csv")
    line = int(np.flatnonzero(helmets["view"] == "Endzone")[0]) + 2
    tiny_season.duplicate_line("train_baseline_helmets.csv", line)
    tiny_season.set_value("train_baseline_helmets.csv", line, "view", "Endzone2")
    assert (
        read_season(tiny_season.folder, "train")
        .helmets.sort_values(list(expected.columns))
        .reset_index(drop=True)
        .equals(expected.sort_values(list(expected.columns)).reset_index(drop=True))
    )
    assert "1 rows stand under a view and under its other name" in caplog.text


def test_a_video_both_under_a_view_and_under_its_alias_counts_once(tiny_season, caplog):
    expected = read_season(tiny_season.folder, "train").videos
    videos = tiny_season.table("train_video_metadata.csv")
    line = int(np.flatnonzero(videos["view"] == "Endzone")[0]) + 2
    tiny_season.duplicate_line("train_video_metadata.csv", line)
    tiny_season.set_value("train_video_metadata.csv", line, "view", "Endzone2")
    assert len(read_season(tiny_season.folder, "train").videos) == len(expected)
    assert "1 rows stand under a view and under its other name" in caplog.text


def test_a_pair_that_names_the_higher_player_first_is_refused(tiny_season):
    play, step, one, two = tiny_season.table("sample_submission.csv")["contact_id"][0].rsplit("_", 3)
    tiny_season.set_value("sample_submission.csv", 2, "contact_id", f"{play}_{step}_{two}_{one}")
    with pytest.raises(InputError, match=r"^sample_submission\.csv, line 2: .* names the higher or the same player first"):
        read_season(tiny_season.folder, "test")


def test_a_video_of_years_is_refused(tiny_season):
    tiny_season.set_value("test_video_metadata.csv", 2, "end_time", "2030-01-01T00:00:00.000Z")
    with pytest.raises(InputError, match=r"^test_video_metadata\.csv: .* expected start, snap, end within 300 s"):
        read_season(tiny_season.folder, "test")


@pytest.mark.parametrize(
    ("column", "value"),
    [("game_play", "99999_000001"), ("step", "7"), ("nfl_player_id_1", "1"), ("nfl_player_id_2", "G"), ("nfl_player_id_2", "99")],
)
def test_labels_that_disagree_with_their_id_are_named(tiny_season, column, value):
    contact_id = tiny_season.table("train_labels.csv")["contact_id"][1]
    tiny_season.set_value("train_labels.csv", 3, column, value)
    with pytest.raises(InputError, match=rf"^train_labels\.csv, line 3: '{column}' is .*, but contact_id is '{contact_id}'\. 0 more rows"):
        read_season(tiny_season.folder, "train")


def test_an_input_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=rf"^The input folder {tmp_path}/nowhere does not exist"):
        read_season(tmp_path / "nowhere", "train")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_changed_byte_in_any_table_changes_the_fingerprint(tiny_season, split):
    for file in split_files(split):
        before = fingerprint(tiny_season.folder, split)
        path = tiny_season.folder / file
        path.write_bytes(path.read_bytes() + b" ")
        assert fingerprint(tiny_season.folder, split) != before


def test_a_video_that_comes_grows_or_goes_changes_the_video_fingerprint(tiny_season):
    prints = {video_fingerprint(tiny_season.folder, "test")}
    video = tiny_season.folder / "test" / "58168_003392_Endzone.mp4"
    for content in (b"1", b"12"):
        video.write_bytes(content)
        prints.add(video_fingerprint(tiny_season.folder, "test"))
    video.unlink()
    assert len(prints) == 3
    assert video_fingerprint(tiny_season.folder, "test") in prints


def test_what_a_split_does_not_read_leaves_its_fingerprint_alone(tiny_season):
    before = fingerprint(tiny_season.folder, "train")
    (tiny_season.folder / "test_player_tracking.csv").write_text("changed")
    (tiny_season.folder / "notes.txt").write_text("new")
    assert fingerprint(tiny_season.folder, "train") == before
