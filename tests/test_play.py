import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest

from player_contact.competition import clock
from player_contact.competition.constants import GROUND, VIEWS
from player_contact.competition.season import read_season
from player_contact.play import CHANNELS, Play, build_play
from tests.makers import TinySeason, all_rows, first_play, make_play

TRACKING, HELMETS = "train_player_tracking.csv", "train_baseline_helmets.csv"
VIDEOS = "train_video_metadata.csv"
ARRAYS = ("steps", "times", "players", "home", "role", "position", *CHANNELS)


def read_first(season: TinySeason) -> Play:
    return first_play(read_season(season.folder, "train"))[0]


@pytest.fixture(scope="module")
def before(short_tables) -> Play:
    """The first play of the tables that nobody has edited."""
    return read_first(TinySeason(short_tables))


@pytest.fixture
def first(before, short_tables) -> tuple[Play, pd.DataFrame]:
    """That play and its tracking as text."""
    table = TinySeason(short_tables).table(TRACKING)
    return before, table[table["game_play"] == before.game_play]


def assert_same_play(play: Play, expected: Play) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(play, name), getattr(expected, name), err_msg=name)
    assert list(play.views) == list(expected.views)
    for name, view in play.views.items():
        np.testing.assert_array_equal(view.boxes, expected.views[name].boxes)
        assert view.start_time == expected.views[name].start_time


@pytest.mark.parametrize("name", CHANNELS)
def test_a_measurement_is_at_its_step_and_player(first, name):
    play, table = first
    step = table["step"].astype(int) - play.steps[0]
    player = np.searchsorted(play.players, table["nfl_player_id"].astype(int))
    expected = table[name].astype(np.float32)
    np.testing.assert_array_equal(getattr(play, name)[step, player], expected)


def test_a_position_is_x_then_y(first):
    play, table = first
    line = table.iloc[100]
    player = np.searchsorted(play.players, int(line["nfl_player_id"]))
    position = play.position[int(line["step"]) - play.steps[0], player].tolist()
    assert position == pytest.approx([float(line["x_position"]), float(line["y_position"])])


@pytest.mark.parametrize("view", VIEWS)
def test_boxes_are_those_of_the_table_as_left_top_width_height(before, short_tables, view):
    play, table = before, TinySeason(short_tables).table(HELMETS)
    table = table[(table["game_play"] == play.game_play) & (table["view"] == view)]
    player = np.searchsorted(play.players, table["nfl_player_id"].astype(int))
    expected = np.full_like(play.views[view].boxes, np.nan)
    sides = table[["left", "top", "width", "height"]].astype(float)
    expected[table["frame"].astype(int) - 1, player] = sides
    np.testing.assert_array_equal(play.views[view].boxes, expected)


def test_players_steps_and_views_are_in_order(first):
    play, table = first
    assert play.players.tolist() == sorted(table["nfl_player_id"].astype(int).unique())
    assert play.steps.tolist() == sorted(table["step"].astype(int).unique())
    assert tuple(play.views) == VIEWS


def test_rows_point_at_the_players_of_their_ids(short_season):
    season = read_season(short_season.folder, "train")
    play, rows = first_play(season)
    table = season.rows.iloc[rows.row]
    second = np.where(rows.is_ground, GROUND, play.players[rows.second])
    assert play.steps[rows.step].tolist() == table["step"].tolist()
    assert play.players[rows.first].tolist() == table["nfl_player_id_1"].tolist()
    assert second.tolist() == table["nfl_player_id_2"].tolist()


@pytest.mark.parametrize("tracked", [True, False])
def test_step_zero_is_the_floored_snap(short_season, tracked):
    if not tracked:
        short_season.write(TRACKING, short_season.table(TRACKING).iloc[:0])
    for tables in read_season(short_season.folder, "train", mend=not tracked).plays():
        play, rows = build_play(tables)
        snap_time = tables.videos["snap_time"].to_numpy()[0]
        assert len(rows) == len(tables.rows)
        assert play.times[play.steps == 0][0] == clock.step_zero(snap_time)


def test_tracking_without_times_is_on_the_clock_of_the_snap(short_season, before):
    short_season.write(TRACKING, short_season.table(TRACKING).assign(datetime="noon"))
    season = read_season(short_season.folder, "train", mend=True)
    assert_same_play(first_play(season)[0], before)


def test_the_order_of_rows_and_columns_changes_no_play(short_season):
    before = [build_play(tables)[0] for tables in read_season(short_season.folder, "train").plays()]
    for file in (TRACKING, HELMETS, VIDEOS):
        short_season.shuffle(file)
    after = [build_play(tables)[0] for tables in read_season(short_season.folder, "train").plays()]
    for play, expected in zip(after, before, strict=True):
        assert_same_play(play, expected)


@pytest.mark.parametrize("column", [*CHANNELS, "x_position", "y_position"])
def test_an_empty_measurement_is_a_single_nan(short_season, before, column):
    short_season.set_value(TRACKING, 40, column, "")
    after = read_first(short_season)
    names = ("position", *CHANNELS)
    new = [np.isnan(getattr(after, n)) & ~np.isnan(getattr(before, n)) for n in names]
    assert sum(map(np.sum, new)) == 1


def test_a_player_without_tracking_keeps_his_rows_and_is_logged(short_season, caplog):
    table = short_season.table(TRACKING)
    game_play, player = table[["game_play", "nfl_player_id"]].iloc[0]
    same = (table["nfl_player_id"] == player) & (table["game_play"] == game_play)
    short_season.write(TRACKING, table[~same])
    season = read_season(short_season.folder, "train")
    play, rows = first_play(season)
    assert len(rows) == (season.rows["game_play"].astype(str) == game_play).sum()
    assert np.isnan(play.position[:, play.players == int(player)]).all()
    assert f"{game_play}: players [{player}] have no tracking data" in caplog.text


def test_a_label_after_the_tracking_gets_a_step_of_nan(short_season):
    table = short_season.table(TRACKING)
    short_season.write(TRACKING, table[table["step"].astype(int) <= 3])
    play, rows = first_play(read_season(short_season.folder, "train"))
    assert play.steps[rows.step].max() > 3
    assert np.isnan(play.position[play.steps > 3]).all()


def test_boxes_of_a_view_without_metadata_are_dropped_and_logged(short_season, caplog):
    videos = short_season.table(VIDEOS)
    short_season.write(VIDEOS, videos[videos["view"] == "Endzone"])
    play = read_first(short_season)
    assert list(play.views) == ["Endzone"]
    text = f"{play.game_play}: boxes of Sideline dropped, the video metadata has no such view"
    assert text in caplog.text


@pytest.mark.parametrize(
    ("column", "reason"),
    [("nfl_player_id", "of players without rows"), ("frame", "after the video's end")],
)
def test_a_box_of_no_player_or_frame_is_dropped_and_counted(
    short_season, before, caplog, column, reason
):
    short_season.set_value(HELMETS, 5, column, "99999")
    play = read_first(short_season)
    assert f"1 boxes {reason} dropped" in caplog.text
    assert 99999 not in play.players
    for name, view in play.views.items():
        assert view.boxes.shape == before.views[name].boxes.shape


@pytest.mark.parametrize(
    ("column", "value"),
    [("left", "99999"), ("left", "1280"), ("left", "-400"), ("top", "720"), ("top", "-3e30")],
)
def test_a_box_outside_of_the_image_is_dropped_and_counted(
    short_season, before, caplog, column, value
):
    short_season.set_value(HELMETS, 5, column, value)
    line = short_season.table(HELMETS).iloc[3]
    at = int(line["frame"]) - 1, np.searchsorted(before.players, int(line["nfl_player_id"]))
    play = read_first(short_season)
    assert f"{play.game_play} {line['view']}: 1 boxes outside of the image dropped" in caplog.text
    expected = before.views[line["view"]].boxes.copy()
    expected[at] = np.nan
    np.testing.assert_array_equal(play.views[line["view"]].boxes, expected)


def test_a_box_partly_outside_of_the_image_is_kept(short_season, caplog):
    for line, column, value in ((5, "left", "-1"), (6, "top", "719")):
        short_season.set_value(HELMETS, line, column, value)
    read_first(short_season)
    assert not caplog.records


def test_a_gap_in_the_tracking_is_logged_with_its_steps(short_season, caplog):
    table = short_season.table(TRACKING)
    play = table["game_play"].iloc[0]
    short_season.write(
        TRACKING, table[(table["game_play"] != play) | ~table["step"].isin(["5", "6"])]
    )
    _, rows = first_play(read_season(short_season.folder, "train"))
    count = 2 * len(rows) // len(np.unique(rows.step))
    text = f"{play}: {count} rows between steps 5 and 6 lack a player's tracking data"
    assert text in caplog.text


def test_a_view_without_boxes_or_of_another_time_is_logged(short_season, caplog):
    helmets, videos = short_season.table(HELMETS), short_season.table(VIDEOS)
    short_season.write(HELMETS, helmets[helmets["view"] != "Endzone"])
    late = videos["view"] == "Sideline"
    for column in ("start_time", "snap_time", "end_time"):
        videos.loc[late, column] = "2031" + videos.loc[late, column].str.slice(4)
    short_season.write(VIDEOS, videos)
    name = read_first(short_season).game_play
    assert f"{name} Endzone: no helmet box of any of its players" in caplog.text
    assert f"{name} Sideline: tracking and video do not overlap in time" in caplog.text


def test_a_good_play_logs_nothing(short_season, caplog):
    read_first(short_season)
    assert not caplog.records


def test_a_tracking_row_on_another_clock_does_not_move_the_play(short_season, before, caplog):
    short_season.set_value(TRACKING, 40, "datetime", "2020-09-10T01:02:03.400Z")
    with caplog.at_level(logging.INFO):
        after = read_first(short_season)
    np.testing.assert_array_equal(after.times, before.times)
    assert "1 tracking rows are on another clock" in caplog.text


@pytest.mark.parametrize("name", ["times", "home", "role", "position", *CHANNELS])
def test_an_array_of_the_wrong_shape_is_refused(name):
    text = rf"^play 58168_003392: {name} has shape \(9, 3\), expected \("
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(make_play(), **{name: np.zeros((9, 3))})


def test_a_gap_in_the_steps_is_refused():
    play = make_play()
    with pytest.raises(ValueError, match="steps must be consecutive"):
        dataclasses.replace(play, steps=play.steps * 2)


def test_boxes_of_another_number_of_players_are_refused():
    play = make_play()
    view = dataclasses.replace(play.views["Endzone"], boxes=np.zeros((10, 3, 4)))
    text = r"Endzone boxes has shape \(10, 3, 4\), expected \(10, 6, 4\)"
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(play, views={"Endzone": view})


def test_indexed_rows_are_in_the_order_of_the_index():
    rows = all_rows(make_play())[np.array([5, 2, 9])]
    assert (rows.row.tolist(), len(rows)) == ([5, 2, 9], 3)


def test_the_frame_of_a_step_is_from_the_true_times():
    play = make_play()
    seconds = [(37 + 100 * step) / 1000 for step in range(len(play.steps))]
    expected = [round(second * clock.FRAMES_PER_SECOND) for second in seconds]
    assert play.views["Sideline"].frame_of(play.times).tolist() == expected
