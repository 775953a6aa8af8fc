import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest

from player_contact.competition import clock
from player_contact.competition.names import GROUND, VIEWS
from player_contact.competition.season import read_season
from player_contact.play import CHANNELS, Play, build_play
from tests.makers import all_rows, first_play, make_play

TRACKING, HELMETS = "train_player_tracking.csv", "train_baseline_helmets.csv"
ARRAYS = ("steps", "times", "players", "home", "role", "position", *CHANNELS)


@pytest.fixture
def first(tiny_season) -> tuple[Play, pd.DataFrame]:
    """The first play and its tracking as text."""
    table = tiny_season.table(TRACKING)
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    return play, table[table["game_play"] == play.game_play]


def assert_same_play(one: Play, other: Play) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert list(one.views) == list(other.views)
    for name in one.views:
        np.testing.assert_array_equal(one.views[name].boxes, other.views[name].boxes)
        assert one.views[name].start_time == other.views[name].start_time


@pytest.mark.parametrize(("column", "name"), [("speed", "speed"), ("orientation", "orientation"), ("sa", "sa"), ("distance", "distance")])
def test_a_measurement_stands_at_its_step_and_player(first, column, name):
    play, table = first
    step, player = table["step"].astype(int) - play.steps[0], np.searchsorted(play.players, table["nfl_player_id"].astype(int))
    np.testing.assert_array_equal(getattr(play, name)[step, player], table[column].astype(np.float32))


def test_a_position_is_x_then_y(first):
    play, table = first
    line = table.iloc[100]
    place = play.position[int(line["step"]) - play.steps[0], np.searchsorted(play.players, int(line["nfl_player_id"]))]
    assert place.tolist() == pytest.approx([float(line["x_position"]), float(line["y_position"])])


def test_a_box_stands_at_its_frame_as_left_top_width_height(tiny_season):
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    helmets = tiny_season.table(HELMETS)
    line = helmets[(helmets["game_play"] == play.game_play) & (helmets["view"] == "Sideline")].iloc[20]
    box = play.views["Sideline"].boxes[int(line["frame"]) - 1, np.searchsorted(play.players, int(line["nfl_player_id"]))]
    assert box.tolist() == [float(line[name]) for name in ("left", "top", "width", "height")]


def test_every_detected_box_is_kept_and_no_other(tiny_season):
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    helmets = tiny_season.table(HELMETS)
    for name in VIEWS:
        rows = (helmets["game_play"] == play.game_play) & (helmets["view"] == name)
        assert (~np.isnan(play.views[name].boxes[..., 0])).sum() == rows.sum()


def test_players_steps_and_views_are_in_order(first):
    play, table = first
    assert play.players.tolist() == sorted(table["nfl_player_id"].astype(int).unique())
    assert play.steps.tolist() == sorted(table["step"].astype(int).unique())
    assert tuple(play.views) == VIEWS


def test_the_rows_of_a_play_point_at_the_players_of_their_ids(tiny_season):
    season = read_season(tiny_season.folder, "train")
    play, rows = first_play(season)
    asked = season.rows.iloc[rows.row]
    assert play.steps[rows.step].tolist() == asked["step"].tolist()
    assert play.players[rows.first].tolist() == asked["nfl_player_id_1"].tolist()
    assert np.where(rows.is_ground, GROUND, play.players[rows.second]).tolist() == asked["nfl_player_id_2"].tolist()


def test_step_zero_of_a_play_is_the_snap_floored(tiny_season):
    for tables in read_season(tiny_season.folder, "train").plays():
        play, _ = build_play(tables)
        assert play.times[play.steps == 0][0] == clock.step_zero(tables.videos["snap_time"].to_numpy()[0])


def test_shuffled_rows_reordered_columns_and_a_new_column_give_the_same_play(tiny_season):
    before = [build_play(tables)[0] for tables in read_season(tiny_season.folder, "train").plays()]
    for file in (TRACKING, HELMETS, "train_video_metadata.csv"):
        tiny_season.shuffle(file)
    after = [build_play(tables)[0] for tables in read_season(tiny_season.folder, "train").plays()]
    for one, other in zip(before, after, strict=True):
        assert_same_play(one, other)


@pytest.mark.parametrize("column", ["speed", "direction", "orientation", "acceleration", "sa", "distance", "x_position", "y_position"])
def test_an_empty_measurement_is_nan_at_its_place_alone(tiny_season, column):
    before, _ = first_play(read_season(tiny_season.folder, "train"))
    tiny_season.set_value(TRACKING, 40, column, "")
    after, _ = first_play(read_season(tiny_season.folder, "train"))
    new = sum((np.isnan(getattr(after, name)) & ~np.isnan(getattr(before, name))).sum() for name in ("position", *CHANNELS))
    assert new == 1


def test_a_player_without_sensor_data_keeps_his_rows_and_is_named(tiny_season, caplog):
    table = tiny_season.table(TRACKING)
    gone = table["nfl_player_id"].iloc[0]
    tiny_season.write(TRACKING, table[(table["nfl_player_id"] != gone) | (table["game_play"] != table["game_play"].iloc[0])])
    season = read_season(tiny_season.folder, "train")
    play, rows = first_play(season)
    assert len(rows) == (season.rows["game_play"].astype(str) == play.game_play).sum()
    assert np.isnan(play.position[:, play.players == int(gone)]).all()
    assert f"{play.game_play}: players [{gone}] have no sensor data" in caplog.text


def test_a_play_without_any_sensor_data_takes_its_clock_from_the_snap(tiny_season):
    tiny_season.write(TRACKING, tiny_season.table(TRACKING).iloc[:0])
    tables = next(iter(read_season(tiny_season.folder, "train").plays()))
    play, rows = build_play(tables)
    assert len(rows) == len(tables.rows)
    assert play.times[play.steps == 0][0] == clock.step_zero(tables.videos["snap_time"].to_numpy()[0])


def test_a_label_after_the_sensors_end_gets_a_step_without_measurements(tiny_season):
    table = tiny_season.table(TRACKING)
    tiny_season.write(TRACKING, table[table["step"].astype(int) <= 3])
    play, rows = first_play(read_season(tiny_season.folder, "train"))
    assert play.steps[rows.step].max() > 3
    assert np.isnan(play.position[play.steps > 3]).all()


def test_a_view_without_metadata_is_absent_and_its_boxes_are_said_to_be_left_out(tiny_season, caplog):
    videos = tiny_season.table("train_video_metadata.csv")
    tiny_season.write("train_video_metadata.csv", videos[videos["view"] == "Endzone"])
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    assert list(play.views) == ["Endzone"]
    assert f"{play.game_play}: boxes of Sideline left out, the video metadata has no such view" in caplog.text


def test_a_box_of_a_player_nobody_knows_is_left_out_and_counted(tiny_season, caplog):
    tiny_season.set_value(HELMETS, 5, "nfl_player_id", "99999")
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    assert 99999 not in play.players
    assert "1 boxes of players without rows left out" in caplog.text


def test_a_gap_in_the_tracking_is_said_with_its_steps(tiny_season, caplog):
    table = tiny_season.table(TRACKING)
    play = table["game_play"].iloc[0]
    tiny_season.write(TRACKING, table[(table["game_play"] != play) | ~table["step"].isin(["5", "6"])])
    _, rows = first_play(read_season(tiny_season.folder, "train"))
    assert f"{play}: {2 * len(rows) // len(np.unique(rows.step))} rows between steps 5 and 6 lack a player's sensor data" in caplog.text


def test_a_view_without_boxes_and_one_of_another_time_are_said_so(tiny_season, caplog):
    helmets, videos = tiny_season.table(HELMETS), tiny_season.table("train_video_metadata.csv")
    tiny_season.write(HELMETS, helmets[helmets["view"] != "Endzone"])
    late = videos["view"] == "Sideline"
    for column in ("start_time", "snap_time", "end_time"):
        videos.loc[late, column] = "2031" + videos.loc[late, column].str.slice(4)
    tiny_season.write("train_video_metadata.csv", videos)
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    assert f"{play.game_play} Endzone: there is no helmet box of any of its players" in caplog.text
    assert f"{play.game_play} Sideline: by their clocks, sensors and video have no moment in common" in caplog.text


def test_a_good_play_says_nothing(tiny_season, caplog):
    first_play(read_season(tiny_season.folder, "train"))
    assert not caplog.records


def test_a_box_long_after_the_end_of_its_video_is_left_out_and_makes_no_play_of_hours(tiny_season, caplog):
    before, _ = first_play(read_season(tiny_season.folder, "train"))
    tiny_season.set_value(HELMETS, 5, "frame", "99999")
    play, _ = first_play(read_season(tiny_season.folder, "train"))
    assert [len(view.boxes) for view in play.views.values()] == [len(view.boxes) for view in before.views.values()]
    assert "1 boxes after the end of the video left out" in caplog.text


def test_sensor_rows_with_another_clock_do_not_move_the_play(tiny_season, caplog):
    before, _ = first_play(read_season(tiny_season.folder, "train"))
    tiny_season.set_value(TRACKING, 40, "datetime", "2020-09-10T01:02:03.400Z")
    with caplog.at_level(logging.INFO):
        after, _ = first_play(read_season(tiny_season.folder, "train"))
    np.testing.assert_array_equal(after.times, before.times)
    assert "1 sensor rows disagree with the clock of the others" in caplog.text


@pytest.mark.parametrize("name", ["times", "home", "role", "position", *CHANNELS])
def test_a_play_with_an_array_of_the_wrong_shape_is_refused(name):
    with pytest.raises(ValueError, match=rf"^play 58168_003392: {name} has shape \(9, 3\), expected \("):
        dataclasses.replace(make_play(), **{name: np.zeros((9, 3))})


def test_a_play_with_a_gap_in_its_steps_is_refused():
    play = make_play()
    with pytest.raises(ValueError, match="steps must be consecutive"):
        dataclasses.replace(play, steps=play.steps * 2)


def test_boxes_of_other_players_than_the_play_s_are_refused():
    play = make_play()
    view = dataclasses.replace(play.views["Endzone"], boxes=np.zeros((10, 3, 4)))
    with pytest.raises(ValueError, match=r"boxes of Endzone have shape \(10, 3, 4\), expected \(F, 6, 4\)"):
        dataclasses.replace(play, views={"Endzone": view})


def test_chosen_rows_keep_their_order():
    rows = all_rows(make_play())
    chosen = rows[np.array([5, 2, 9])]
    assert (chosen.row.tolist(), len(chosen)) == ([5, 2, 9], 3)


def test_the_frame_of_a_step_comes_from_the_true_times():
    play = make_play()
    assert play.views["Sideline"].frame_of(play.times).tolist() == [
        round((37 + 100 * step) / 1000 * clock.FRAMES_PER_SECOND) for step in range(len(play.steps))
    ]
