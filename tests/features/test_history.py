import dataclasses

import numpy as np
import pytest

from player_contact.features import history
from player_contact.play import Rows
from tests.makers import make_play

STEPS = 45
PAIR = Rows(np.array([0]), np.array([20]), np.array([0]), np.array([1]))


@pytest.fixture
def parting():
    """Two players: the first stands, the other walks 0.1 yards a step; his speed is the step."""
    play = make_play(players=2, steps=STEPS)
    position = np.zeros((STEPS, 2, 2), dtype=np.float32)
    position[:, 1, 0] = np.arange(STEPS) / 10
    speed = np.stack([np.zeros(STEPS), np.arange(STEPS)], axis=1).astype(np.float32)
    return dataclasses.replace(play, position=position, speed=speed, sa=-speed)


@pytest.fixture
def pair(parting):
    return history.pair_history(parting, PAIR)


@pytest.fixture
def player(parting):
    return history.player_history(parting)


@pytest.mark.parametrize("steps", history.DISTANCE_STEPS)
def test_the_distance_at_a_lag_is_that_of_its_step(pair, steps):
    distance = (20 + steps) / 10 if 0 <= 20 + steps < STEPS else np.nan
    assert pair[f"distance_{steps:+d}"] == pytest.approx(distance, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("3", 17, 23),
        ("8", 12, 28),
        ("before_10", 10, 20),
        ("after_10", 20, 30),
        ("after_25", 20, 44),
    ],
)
def test_a_window_is_two_sided_or_of_one_side_alone(pair, name, low, high):
    assert pair[f"distance_min_{name}"] == pytest.approx(low / 10)
    assert pair[f"distance_max_{name}"] == pytest.approx(high / 10)
    assert pair[f"distance_mean_{name}"] == pytest.approx((low + high) / 20)


def test_parting_is_negative_closing_speed(pair):
    assert pair["closing_speed_-4"] == pytest.approx(-1)
    assert pair["distance_trend"] == pytest.approx(1)
    assert pair["moved_apart_8"] == pytest.approx(1.6)


def test_steps_within_a_radius_are_counted_without_a_break():
    play = make_play(players=2, steps=STEPS)
    position = np.zeros((STEPS, 2, 2), dtype=np.float32)
    position[:, 1, 0] = 5
    position[15:23, 1, 0] = 0.7  # eight steps, the row's among them
    position[25:28, 1, 0] = 0.7
    columns = history.pair_history(dataclasses.replace(play, position=position), PAIR)
    assert columns["run_within_0_8"] == 8
    assert columns["run_within_0_6"] == 0
    assert columns["share_within_0_8"] == pytest.approx(11 / 21)


@pytest.mark.parametrize("steps", [steps for steps in history.SPEED_STEPS if abs(steps) <= 20])
def test_the_speed_at_a_lag_is_that_of_its_step(player, steps):
    assert player[f"speed_{steps:+d}"][20].tolist() == [0, 20 + steps]


def test_the_hardest_braking_is_before_and_after(player):
    assert (player["braking_10"][20, 1], player["braking_after_10"][20, 1]) == (-20, -30)


def test_displacement_is_from_before_to_after(player):
    assert player["displacement_5"][20, 1] == pytest.approx(1)
    assert player["displacement_after_20"][20, 1] == pytest.approx(2)
