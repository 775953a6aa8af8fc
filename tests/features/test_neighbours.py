import dataclasses

import numpy as np
import pytest

from player_contact.features.neighbours import company, crowd, nearest_opponent
from player_contact.play import Rows
from tests.makers import make_play


@pytest.fixture
def in_a_row():
    """Five players on a line at 0, 0.5, 1.5, 3 and 9 yards; the first and the last two play together."""
    play = make_play(players=5, steps=1)
    position = np.zeros((1, 5, 2), dtype=np.float32)
    position[0, :, 0] = [0, 0.5, 1.5, 3, 9]
    return dataclasses.replace(play, position=position, home=np.array([True, False, False, True, True]))


def of_player(play, player):
    return {name: float(values[0, player]) for name, values in crowd(play).items()}


def test_the_nearest_opponents_and_the_nearest_mate_are_found(in_a_row):
    columns = of_player(in_a_row, 0)
    assert [columns[name] for name in ("nearest_opponent", "nearest_opponent_2", "nearest_mate", "nearest_mate_2")] == [0.5, 1.5, 3, 9]
    assert nearest_opponent(in_a_row)[0].tolist() == [0.5, 0.5, 1.5, 1.5, 7.5]


def test_a_crowd_counts_everybody_but_the_player_himself(in_a_row):
    columns = of_player(in_a_row, 1)
    assert [columns[f"players_within_{radius}"] for radius in (1, 2, 4)] == [1, 2, 3]


def test_those_who_stand_are_counted_apart(in_a_row):
    speed = np.array([[0.2, 0.2, 5.0, 0.2, 0.2]], dtype=np.float32)
    columns = of_player(dataclasses.replace(in_a_row, speed=speed), 0)
    assert [columns[f"slow_within_{radius}"] for radius in (2, 3, 4)] == [1, 1, 2]


def test_a_player_who_is_not_tracked_is_nobody_s_neighbour(in_a_row):
    position = in_a_row.position.copy()
    position[0, 1] = np.nan
    columns = of_player(dataclasses.replace(in_a_row, position=position), 0)
    assert (columns["nearest_opponent"], columns["players_within_2"]) == (1.5, 1)


def test_without_opponents_the_nearest_one_is_not_known(in_a_row):
    alone = of_player(dataclasses.replace(in_a_row, home=np.ones(5, dtype=bool)), 0)
    assert np.isnan(alone["nearest_opponent"])


def test_a_third_player_between_two_is_seen(in_a_row):
    pairs = Rows(np.arange(2), np.zeros(2, int), np.array([0, 0]), np.array([2, 1]))
    columns = company(in_a_row, pairs)
    assert columns["between"].tolist() == [1, 0]
    assert columns["nearest_third"].tolist() == pytest.approx([0.5 + 1.0, 1.5 + 1.0])


def test_a_nearer_opponent_than_the_one_asked_about_is_told(in_a_row):
    columns = company(in_a_row, Rows(np.arange(1), np.zeros(1, int), np.array([0]), np.array([2])))
    assert columns["other_opponent_low"] == 0.5
    assert (columns["rank_low"], columns["rank_high"]) == (1, 1)
