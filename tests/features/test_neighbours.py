import dataclasses

import numpy as np
import pytest

from player_contact.features.neighbours import nearest_opponent, pair_neighbours, player_neighbours
from player_contact.play import Rows
from tests.makers import make_play


@pytest.fixture
def in_a_row():
    """Five players on a line; the first and the last two are team mates."""
    position = np.zeros((1, 5, 2), dtype=np.float32)
    position[0, :, 0] = [0, 0.5, 1.5, 3, 9]
    home = np.array([True, False, False, True, True])
    return dataclasses.replace(make_play(players=5, steps=1), position=position, home=home)


def of_player(play, player, **changes):
    columns = player_neighbours(dataclasses.replace(play, **changes))
    return {name: float(values[0, player]) for name, values in columns.items()}


def test_the_nearest_opponents_and_mates(in_a_row):
    columns = of_player(in_a_row, 0)
    names = "nearest_opponent", "nearest_opponent_2", "nearest_mate", "nearest_mate_2"
    assert [columns[name] for name in names] == [0.5, 1.5, 3, 9]
    assert nearest_opponent(in_a_row)[0].tolist() == [0.5, 0.5, 1.5, 1.5, 7.5]


def test_a_player_does_not_count_himself(in_a_row):
    columns = of_player(in_a_row, 1)
    assert [columns[f"players_within_{radius}"] for radius in (1, 2, 4)] == [1, 2, 3]


def test_slow_players_are_counted_apart(in_a_row):
    columns = of_player(in_a_row, 0, speed=np.float32([[0.2, 0.2, 5.0, 0.2, 0.2]]))
    assert [columns[f"slow_within_{radius}"] for radius in (2, 3, 4)] == [1, 1, 2]


def test_an_untracked_player_is_no_neighbour(in_a_row):
    position = in_a_row.position.copy()
    position[0, 1] = np.nan
    columns = of_player(in_a_row, 0, position=position)
    assert (columns["nearest_opponent"], columns["players_within_2"]) == (1.5, 1)


def test_without_opponents_the_nearest_is_nan(in_a_row):
    assert np.isnan(of_player(in_a_row, 0, home=np.ones(5, dtype=bool))["nearest_opponent"])


def test_a_third_player_between_two_is_counted(in_a_row):
    pairs = Rows(np.arange(2), np.zeros(2, int), np.array([0, 0]), np.array([2, 1]))
    columns = pair_neighbours(in_a_row, pairs)
    assert columns["between"].tolist() == [1, 0]
    assert columns["nearest_third"].tolist() == pytest.approx([0.5 + 1.0, 1.5 + 1.0])


def test_a_nearer_opponent_changes_the_rank(in_a_row):
    pair = Rows(np.arange(1), np.zeros(1, int), np.array([0]), np.array([2]))
    columns = pair_neighbours(in_a_row, pair)
    assert columns["other_opponent_low"] == 0.5
    assert (columns["rank_low"], columns["rank_high"]) == (1, 1)
