import dataclasses

import numpy as np
import pytest

from player_contact.features import kinematics
from player_contact.play import Rows
from tests.makers import make_play

PAIR = Rows(np.array([0]), np.array([1]), np.array([0]), np.array([1]))


def two_players(direction=(90.0, 270.0), orientation=(90.0, 270.0), speed=(3.0, 2.0), gap=(4.0, 0.0)):
    """Two players `gap` apart at all of three steps."""
    play = make_play(players=2, steps=3)
    position = np.broadcast_to(np.array([[50.0, 20.0], [50.0 + gap[0], 20.0 + gap[1]]], dtype=np.float32), (3, 2, 2))
    values = {"direction": direction, "orientation": orientation, "speed": speed}
    return dataclasses.replace(
        play, position=position, **{name: np.broadcast_to(np.array(value, dtype=np.float32), (3, 2)) for name, value in values.items()}
    )


def test_two_players_who_run_at_each_other_close_in_with_the_sum_of_their_speeds():
    columns = kinematics.approach(two_players(), PAIR)
    assert columns["distance"] == pytest.approx(4)
    assert columns["closing_speed"] == pytest.approx(5)
    assert columns["relative_speed"] == pytest.approx(5)
    assert columns["seconds_to_contact"] == pytest.approx(4 / 5)
    assert columns["distance_in_half_a_second"] == pytest.approx(4 - 5 / 2)


def test_two_players_who_run_apart_never_meet():
    columns = kinematics.approach(two_players(direction=(270.0, 90.0)), PAIR)
    assert columns["closing_speed"] == pytest.approx(-5)
    assert columns["seconds_to_contact"] == pytest.approx(10)


def test_two_players_side_by_side_have_the_same_heading_and_do_not_close_in():
    columns = kinematics.approach(two_players(direction=(10.0, 10.0), speed=(3.0, 3.0)), PAIR)
    assert columns["heading_difference"] == pytest.approx(0)
    assert columns["closing_speed"] == pytest.approx(0, abs=1e-5)


def test_a_player_who_looks_at_another_is_told_from_one_who_looks_away():
    columns = kinematics.approach(two_players(orientation=(90.0, 90.0)), PAIR)
    assert (float(columns["looks_low"][0]), float(columns["looks_high"][0])) == pytest.approx((-1, 1), abs=1e-5)
    assert columns["body_difference"] == pytest.approx(0)


def test_the_distance_splits_into_along_and_across_the_field():
    columns = kinematics.approach(two_players(gap=(3.0, -4.0)), PAIR)
    assert [float(columns[name][0]) for name in ("distance", "distance_along_field", "distance_across_field")] == pytest.approx([5, 3, 4])


def test_running_backwards_is_an_angle_of_half_a_turn_between_body_and_motion():
    columns = kinematics.motion(two_players(direction=(0.0, 90.0), orientation=(180.0, 90.0)))
    assert columns["sideways"][1].tolist() == [180, 0]


def test_turning_counts_degrees_a_second_also_across_north():
    play = two_players()
    orientation = np.array([[350, 0], [0, 0], [10, 0]], dtype=np.float32)
    columns = kinematics.motion(dataclasses.replace(play, orientation=orientation))
    assert columns["turning"][1].tolist() == pytest.approx([100, 0])


def test_motion_splits_into_the_way_ahead_to_the_other_and_the_way_across():
    columns = kinematics.approach(two_players(direction=(90.0, 0.0), speed=(3.0, 2.0)), PAIR)
    values = {name: float(columns[name][0]) for name in ("ahead_low", "ahead_high", "across_low", "across_high", "drift_speed", "closing_speed")}
    assert values == pytest.approx(
        {"ahead_low": 0, "ahead_high": 3, "across_low": 0, "across_high": 2, "drift_speed": 2, "closing_speed": 3}, abs=1e-5
    )


def test_two_players_on_crossing_ways_pass_at_the_nearest_where_both_will_be():
    columns = kinematics.approach(two_players(direction=(90.0, 270.0), speed=(2.0, 2.0), gap=(4.0, 1.0)), PAIR)
    assert float(columns["seconds_to_nearest"][0]) == pytest.approx(1)
    assert float(columns["nearest_pass"][0]) == pytest.approx(1)


def test_one_missing_orientation_leaves_the_turning_of_later_steps_alone():
    play = make_play(steps=20)
    orientation = play.orientation.copy()
    orientation[3, 0] = np.nan
    before, after = kinematics.motion(play)["turning"], kinematics.motion(dataclasses.replace(play, orientation=orientation))["turning"]
    np.testing.assert_allclose(after[6:], before[6:], rtol=1e-4)
