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


@pytest.mark.parametrize("lag", lags.LAGS)
def test_the_distance_at_a_lag_is_that_of_the_step_then(parting, lag):
    assert lags.pair_history(parting, PAIR)[f"distance_{lag:+d}"] == pytest.approx((20 + lag) / 10)


@pytest.mark.parametrize("half", lags.WINDOWS)
def test_a_window_looks_as_far_ahead_as_back(parting, half):
    columns = lags.pair_history(parting, PAIR)
    assert columns[f"distance_least_{half}"] == pytest.approx((20 - half) / 10)
    assert columns[f"distance_mean_{half}"] == pytest.approx(2)


@pytest.mark.parametrize("lag", lags.SPEED_LAGS)
def test_the_speed_at_a_lag_is_that_of_the_step_then(parting, lag):
    columns = lags.player_history(parting, PAIR)
    assert (columns[f"speed_{lag:+d}_low"], columns[f"speed_{lag:+d}_high"]) == (0, 20 + lag)


def test_the_hardest_braking_looks_back_alone(parting):
    assert lags.player_history(parting, PAIR)["braking_10_low"] == -20


def test_the_way_in_a_second_runs_from_half_a_second_before_to_half_a_second_after(parting):
    assert lags.player_history(parting, PAIR)["way_in_a_second_high"] == pytest.approx(1)
