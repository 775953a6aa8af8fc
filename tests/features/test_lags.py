import dataclasses

import numpy as np
import pytest

from player_contact.features import lags
from player_contact.play import Rows
from tests.makers import make_play

STEPS = 45
PAIR = Rows(np.array([0]), np.array([20]), np.array([0]), np.array([1]))


@pytest.fixture
def parting():
    """Two players: the first stands, the other walks 0.1 yards a step; his speed counts the steps."""
    play = make_play(players=2, steps=STEPS)
    position = np.zeros((STEPS, 2, 2), dtype=np.float32)
    position[:, 1, 0] = np.arange(STEPS) / 10
    speed = np.stack([np.zeros(STEPS), np.arange(STEPS)], axis=1).astype(np.float32)
    return dataclasses.replace(play, position=position, speed=speed, sa=-speed)


@pytest.mark.parametrize("lag", [sign * size for size in lags.LAGS for sign in (-1, 1)])
def test_the_distance_at_a_lag_is_that_of_the_step_then(parting, lag):
    expected = pytest.approx((20 + lag) / 10) if 0 <= 20 + lag < STEPS else pytest.approx(np.nan, nan_ok=True)
    assert lags.pair_history(parting, PAIR)[f"distance_{lag:+d}"] == expected


def test_a_window_looks_as_far_ahead_as_back_or_one_way_alone(parting):
    columns = lags.pair_history(parting, PAIR)
    for name, low, high in (("3", 17, 23), ("8", 12, 28), ("before_10", 10, 20), ("after_10", 20, 30), ("after_25", 20, 44)):
        assert columns[f"distance_least_{name}"] == pytest.approx(low / 10)
        assert columns[f"distance_most_{name}"] == pytest.approx(high / 10)
        assert columns[f"distance_mean_{name}"] == pytest.approx((low + high) / 20)


def test_parting_is_negative_closing_speed_and_a_growing_distance(parting):
    columns = lags.pair_history(parting, PAIR)
    assert columns["closing_speed_-4"] == pytest.approx(-1)
    assert columns["distance_trend"] == pytest.approx(1)
    assert columns["moved_apart_8"] == pytest.approx(1.6)


def test_the_steps_two_players_stay_within_reach_are_counted_without_a_break():
    play = make_play(players=2, steps=STEPS)
    position = np.zeros((STEPS, 2, 2), dtype=np.float32)
    position[:, 1, 0] = 5
    position[15:23, 1, 0] = 0.7  # eight steps, the asked one among them
    position[25:28, 1, 0] = 0.7
    columns = lags.pair_history(dataclasses.replace(play, position=position), PAIR)
    assert columns["run_within_0_8"] == 8
    assert columns["run_within_0_6"] == 0
    assert columns["share_within_0_8"] == pytest.approx(11 / 21)


@pytest.mark.parametrize("lag", [sign * size for size in lags.SPEED_LAGS if size <= 20 for sign in (-1, 1)])
def test_the_speed_at_a_lag_is_that_of_the_step_then(parting, lag):
    assert lags.player_history(parting)[f"speed_{lag:+d}"][20].tolist() == [0, 20 + lag]


def test_the_hardest_braking_looks_back_and_ahead(parting):
    columns = lags.player_history(parting)
    assert (columns["braking_10"][20, 1], columns["braking_after_10"][20, 1]) == (-20, -30)


def test_the_way_runs_from_as_long_before_to_as_long_after(parting):
    columns = lags.player_history(parting)
    assert columns["way_5"][20, 1] == pytest.approx(1)
    assert columns["way_after_20"][20, 1] == pytest.approx(2)
