import logging
import re

import numpy as np
import pytest

from player_contact.competition.constants import GROUND
from player_contact.competition.contact_ids import is_ground
from player_contact.competition.season import fingerprint, read_season, video_fingerprint
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from tests.makers import split_files

HELMETS, VIDEOS = "train_baseline_helmets.csv", "train_video_metadata.csv"
TRACKING = "test_player_tracking.csv"
IDS, LABELS = "sample_submission.csv", "train_labels.csv"


def test_a_training_season_has_the_labels_in_their_order(tiny_season):
    labels = tiny_season.table(LABELS)
    rows = read_season(tiny_season.folder, "train").rows
    assert rows["contact_id"].tolist() == labels["contact_id"].tolist()
    assert rows["contact"].tolist() == labels["contact"].astype(int).tolist()


def test_a_test_season_has_the_submission_s_ids_in_their_order(tiny_season):
    tiny_season.shuffle(IDS)
    ids = tiny_season.table(IDS)["contact_id"].tolist()
    assert read_season(tiny_season.folder, "test").rows["contact_id"].tolist() == ids


def test_a_ground_row_is_one_whose_id_ends_in_g(tiny_season):
    rows = read_season(tiny_season.folder, "train").rows
    np.testing.assert_array_equal(is_ground(rows), rows["contact_id"].str.endswith("_G"))
    assert set(rows.loc[is_ground(rows), "nfl_player_id_2"]) == {GROUND}


def test_the_plays_together_hold_every_row_of_every_table_once(tiny_season):
    season = read_season(tiny_season.folder, "train")
    plays = list(season.plays())
    assert [play.game_play for play in plays] == season.game_plays
    positions = np.concatenate([play.rows["row"] for play in plays])
    assert positions.tolist() == list(range(len(season.rows)))
    for table in ("tracking", "helmets", "videos"):
        assert sum(len(getattr(play, table)) for play in plays) == len(getattr(season, table))


def test_a_play_holds_nothing_of_another_play(tiny_season):
    for play in read_season(tiny_season.folder, "train").plays():
        for table in (play.rows, play.tracking, play.helmets, play.videos):
            assert set(table["game_play"].astype(str)) == {play.game_play}


def test_row_is_the_position_in_the_season_in_any_order(tiny_season):
    tiny_season.shuffle(LABELS)
    season = read_season(tiny_season.folder, "train")
    for play in season.plays():
        ids = season.rows["contact_id"].iloc[play.rows["row"]]
        assert ids.tolist() == play.rows["contact_id"].tolist()


def test_an_alias_of_a_view_is_read_as_the_view_and_logged(tiny_season, caplog):
    helmets = tiny_season.table(HELMETS)
    alias = helmets["game_play"] == helmets["game_play"].iloc[0]
    alias &= helmets["view"] == "Endzone"
    tiny_season.write(HELMETS, helmets.assign(view=helmets["view"].mask(alias, "Endzone2")))
    with caplog.at_level(logging.INFO):
        season = read_season(tiny_season.folder, "train")
    assert season.helmets["view"].astype(str).tolist() == helmets["view"].tolist()
    assert f"{HELMETS}: {alias.sum()} rows of view Endzone2 read as Endzone" in caplog.text


@pytest.mark.parametrize(("file", "table"), [(HELMETS, "helmets"), (VIDEOS, "videos")])
def test_a_row_under_a_view_and_its_alias_counts_once(tiny_season, caplog, file, table):
    def read():
        frame = getattr(read_season(tiny_season.folder, "train"), table)
        return frame.sort_values(list(frame.columns)).reset_index(drop=True)

    expected = read()
    line = int(np.flatnonzero(tiny_season.table(file)["view"] == "Endzone")[0]) + 2
    tiny_season.duplicate_line(file, line)
    tiny_season.set_value(file, line, "view", "Endzone2")
    assert read().equals(expected)
    assert "1 rows stand under a view and under its other name" in caplog.text


def test_a_pair_that_names_the_higher_player_first_is_refused(tiny_season):
    play, step, first, second = tiny_season.table(IDS)["contact_id"][0].rsplit("_", 3)
    tiny_season.set_value(IDS, 2, "contact_id", f"{play}_{step}_{second}_{first}")
    match = r"^sample_submission\.csv, line 2: .* names the higher or the same player first"
    with pytest.raises(InputError, match=match):
        read_season(tiny_season.folder, "test")


def test_a_sample_submission_without_rows_is_refused(tiny_season):
    tiny_season.write(IDS, tiny_season.table(IDS).iloc[:0])
    with pytest.raises(InputError, match=r"^sample_submission\.csv has no rows"):
        read_season(tiny_season.folder, "test")


def test_a_video_of_years_is_refused_or_left_out(tiny_season, caplog):
    videos = len(read_season(tiny_season.folder, "test").videos)
    tiny_season.set_value("test_video_metadata.csv", 2, "end_time", "2030-01-01T00:00:00.000Z")
    match = r"^test_video_metadata\.csv, line 2: .* expected start, snap, end within 300 s"
    with pytest.raises(InputError, match=match):
        read_season(tiny_season.folder, "test")
    assert len(read_season(tiny_season.folder, "test", mend=True).videos) == videos - 1
    assert "the times of 1 rows can't be true" in caplog.text


def no_rows(table):
    return table.iloc[:0]


def no_x(table):
    return table.assign(x_position="")


def no_speed(table):
    return table.assign(speed="")


def another_play(table):
    return table.assign(game_play="99999_000001")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_rows, "has no rows"),
        (no_x, "has no value in the column 'x_position'"),
        (no_speed, "has no value in the column 'speed'"),
        (another_play, r"has no positions of 1 of 1 plays to predict \(58174_001609\)"),
    ],
)
def test_tracking_that_lost_its_content_is_refused(tiny_season, caplog, change, message):
    tiny_season.write(TRACKING, change(tiny_season.table(TRACKING)))
    with pytest.raises(
        InputError, match=rf"^{TRACKING} {message}\. Mend or download again: .*csv$"
    ):
        read_season(tiny_season.folder, "test")
    assert len(read_season(tiny_season.folder, "test", mend=True).rows)
    assert re.search(rf"{TRACKING} {message}\. Going on with what there is", caplog.text)


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        ("baseline_helmets", "have no helmet boxes but those found in their videos"),
        ("video_metadata", "are decided without helmet boxes and videos"),
    ],
)
def test_plays_without_boxes_or_videos_are_counted(tiny_season, caplog, table, lost):
    file = f"test_{table}.csv"
    tiny_season.write(file, no_rows(tiny_season.table(file)))
    read_season(tiny_season.folder, "test")
    text = f"{file}: no rows of 1 of 1 plays, which {lost}: 58174_001609"
    assert text in caplog.text


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_season_without_a_file_of_helmets_has_no_boxes(tiny_season, caplog, split):
    (tiny_season.folder / f"{split}_baseline_helmets.csv").unlink()
    season = read_season(tiny_season.folder, split)
    assert season.helmets.empty
    assert f"{split}_baseline_helmets.csv is missing in {tiny_season.folder}" in caplog.text
    (tables, *_) = season.plays()
    play, _ = build_play(tables)
    assert len(play.views) == 2
    assert all(np.isnan(view.boxes).all() for view in play.views.values())


def test_training_plays_may_lack_all_tracking(tiny_season):
    """What trains tells which, and stops or passes over them."""
    table = tiny_season.table("train_player_tracking.csv")
    lost = table["game_play"] == table["game_play"].iloc[0]
    tiny_season.write("train_player_tracking.csv", table[~lost])
    read_season(tiny_season.folder, "train")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("game_play", "99999_000001"),
        ("step", "7"),
        ("nfl_player_id_1", "1"),
        ("nfl_player_id_2", "G"),
        ("nfl_player_id_2", "99"),
    ],
)
def test_labels_that_disagree_with_their_id_are_named(tiny_season, column, value):
    contact_id = tiny_season.table(LABELS)["contact_id"][1]
    tiny_season.set_value(LABELS, 3, column, value)
    sentence = rf"line 3: '{column}' is {value if value != 'G' else GROUND}, but contact_id is"
    with pytest.raises(InputError, match=rf"^{LABELS}, {sentence} '{contact_id}'\. Mend or"):
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


def test_a_new_changed_or_removed_video_changes_the_fingerprint(tiny_season):
    hashes = {video_fingerprint(tiny_season.folder, "test")}
    video = tiny_season.folder / "test" / "58168_003392_Endzone.mp4"
    for content in (b"1", b"12"):
        video.write_bytes(content)
        hashes.add(video_fingerprint(tiny_season.folder, "test"))
    video.unlink()
    assert len(hashes) == 3
    assert video_fingerprint(tiny_season.folder, "test") in hashes


def test_a_file_of_the_other_split_is_not_in_a_fingerprint(tiny_season):
    before = fingerprint(tiny_season.folder, "train")
    (tiny_season.folder / "test_player_tracking.csv").write_text("changed")
    (tiny_season.folder / "notes.txt").write_text("new")
    assert fingerprint(tiny_season.folder, "train") == before
