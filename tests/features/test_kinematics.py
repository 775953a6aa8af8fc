import dataclasses

import numpy as np
import pytest

from player_contact.features.kinematics import pair_kinematics, player_kinematics
from player_contact.play import Play, Rows
from tests.makers import make_play

PAIR = Rows(np.array([0]), np.array([1]), np.array([0]), np.array([1]))


def two_players(
    direction=(90.0, 270.0), orientation=(90.0, 270.0), speed=(3.0, 2.0), gap=(4.0, 0.0)
) -> Play:
    """Two players `gap` yards apart at all of three steps."""
    position = np.array([[50.0, 20.0], [50.0 + gap[0], 20.0 + gap[1]]])
    arrays = {"direction": direction, "orientation": orientation, "speed": speed}
    arrays = {name: np.tile(np.float32(values), (3, 1)) for name, values in arrays.items()}
    arrays["position"] = np.tile(np.float32(position), (3, 1, 1))
    return dataclasses.replace(make_play(players=2, steps=3), **arrays)


HEAD_ON = {
    "distance": 4,
    "closing_speed": 5,
    "relative_speed": 5,
    "seconds_to_contact": 4 / 5,
    "distance_in_half_a_second": 4 - 5 / 2,
}
CASES = {
    "running at each other": ({}, HEAD_ON),
    "running apart": (
        {"direction": (270.0, 90.0)},
        {"closing_speed": -5, "seconds_to_contact": 10},
    ),
    "side by side": (
        {"direction": (10.0, 10.0), "speed": (3.0, 3.0)},
        {"heading_difference": 0, "closing_speed": 0},
    ),
    "one faces the other, who faces away": (
        {"orientation": (90.0, 90.0)},
        {"facing_low": -1, "facing_high": 1, "body_difference": 0},
    ),
    "apart along and across the field": (
        {"gap": (3.0, -4.0)},
        {"distance": 5, "distance_along_field": 3, "distance_across_field": 4},
    ),
    "one runs ahead, the other across": (
        {"direction": (90.0, 0.0), "speed": (3.0, 2.0)},
        {"ahead_low": 0, "ahead_high": 3, "across_low": 0, "across_high": 2}
        | {"drift_speed": 2, "closing_speed": 3},
    ),
    "crossing": (
        {"speed": (2.0, 2.0), "gap": (4.0, 1.0)},
        {"seconds_to_nearest": 1, "nearest_pass": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_kinematics_of_two_players(case):
    changes, expected = CASES[case]
    columns = pair_kinematics(two_players(**changes), PAIR)
    values = {name: float(columns[name][0]) for name in expected}
    assert values == pytest.approx(expected, abs=1e-5)


def test_running_backwards_is_half_a_turn_sideways():
    play = two_players(direction=(0.0, 90.0), orientation=(180.0, 90.0))
    assert player_kinematics(play)["sideways"][1].tolist() == [180, 0]


def test_turning_is_in_degrees_a_second_also_across_north():
    orientation = np.float32([[350, 0], [0, 0], [10, 0]])
    play = dataclasses.replace(two_players(), orientation=orientation)
    assert player_kinematics(play)["turning"][1].tolist() == pytest.approx([100, 0])


def test_a_missing_orientation_leaves_later_turning_alone():
    play = make_play(steps=20)
    orientation = play.orientation.copy()
    orientation[3, 0] = np.nan
    gap = dataclasses.replace(play, orientation=orientation)
    before, after = (player_kinematics(p)["turning"] for p in (play, gap))
    np.testing.assert_allclose(after[6:], before[6:], rtol=1e-4)
