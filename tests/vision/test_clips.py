import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.play import Rows
from player_contact.vision.clips import open_rows, split_into_clips, tabular_values

PAIR = st.tuples(st.integers(0, 4), st.integers(0, 60))
ROWS = st.lists(PAIR, min_size=1, max_size=80, unique=True).map(lambda rows: np.array(rows).T)
LENGTH, OFFSET = st.integers(1, 16), st.integers(0, 15)


@given(ROWS, LENGTH, OFFSET)
def test_every_row_is_in_exactly_one_clip(rows, length, offset):
    clips = split_into_clips(*rows, length, offset)
    assert sorted(clips[clips >= 0].tolist()) == list(range(len(rows[0])))
    assert (clips >= 0).any(axis=1).all()


@given(ROWS, LENGTH, OFFSET)
def test_clip_has_consecutive_steps_of_one_track(rows, length, offset):
    track, step = rows
    for clip in split_into_clips(track, step, length, offset):
        position = np.flatnonzero(clip >= 0)
        assert len(set(track[clip[position]])) == 1
        assert len(set(step[clip[position]] - position)) == 1


@given(ROWS, LENGTH, OFFSET)
def test_clip_starts_at_a_multiple_of_its_length(rows, length, offset):
    _, step = rows
    for clip in split_into_clips(*rows, length, offset):
        first = np.flatnonzero(clip >= 0)[0]
        assert (step[clip[first]] - first + offset) % length == 0


def test_no_rows_no_clips():
    empty = np.empty(0, dtype=np.int64)
    assert split_into_clips(empty, empty, 8, 0).shape == (0, 8)


@pytest.mark.parametrize("players", [22, 100])
def test_tracks_of_pairs_players_and_plays_are_unique(players):
    first, second = np.triu_indices(players, 1)
    first, second = np.append(first, np.arange(players)), np.append(second, np.full(players, -1))
    first, second = np.tile(first, 2), np.tile(second, 2)
    play_index = np.repeat([0, 1], len(first) // 2)
    rows = Rows(np.arange(len(first)), np.zeros_like(first), first, second)
    rows = open_rows(rows, np.empty((len(first), 0)), [], play_index=play_index)
    assert len(set(rows.track.tolist())) == len(rows)
    np.testing.assert_array_equal(rows.is_ground, second == -1)


def test_without_tabular_features_the_table_has_no_columns():
    assert tabular_values(pd.DataFrame(index=range(3)), np.full(3, 0.5), ()).shape == (3, 0)
