import dataclasses

import numpy as np
import pytest

from player_contact.features.falls import MAX_STEPS, player_falls
from tests.makers import make_play

STEPS = 60


@pytest.fixture
def columns():
    """Of two opponents: the first runs until step 30 and then lies, the second meets him there and
    walks on."""
    play = make_play(players=2, steps=STEPS)
    speed = np.stack([np.where(np.arange(STEPS) < 30, 5.0, 0.2), np.full(STEPS, 3.0)], axis=1)
    position = np.zeros((STEPS, 2, 2), dtype=np.float32)
    position[:, 1, 0] = np.abs(np.arange(STEPS) - 30) * 0.3
    tackle = {"speed": speed.astype(np.float32), "position": position}
    return player_falls(dataclasses.replace(play, **tackle, home=np.array([True, False])))


def test_steps_since_a_player_ran_grow_while_he_lies(columns):
    assert columns["steps_since_faster_2"][[20, 30, 45], 0].tolist() == [0, 1, 16]
    assert columns["steps_until_faster_2"][[45, 55], 0].tolist() == [
        15,
        5,
    ]  # to the end of the play
    assert columns["steps_since_faster_4"][58, 1] == MAX_STEPS
    assert columns["steps_still"][45, 1] == 0


def test_slowing_down_shows_where_it_happens(columns):
    assert columns["slowed_down"][29, 0] > 4
    assert columns["slowed_down"][[10, 50], 0] == pytest.approx([0, 0], abs=0.01)
    assert columns["slowed_down_max_15"][40, 0] > 4


def test_steps_are_counted_from_the_touch_before_a_fall(columns):
    assert columns["steps_since_touch"][[30, 40], 0].tolist() == [0, 7]
    assert columns["steps_until_touch"][20, 0] == 7
    assert columns["opponent_left"][30, 0] == pytest.approx(3)
