import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.vision.tracks import cut_stretches, sensor_values, track_numbers


@st.composite
def tracked_rows(draw):
    """track and step of rows in any order, each pair once."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), min_size=1, max_size=80, unique=True))
    track, step = np.array(pairs).T
    return track, step


LENGTH, PHASE = st.integers(1, 16), st.integers(0, 15)


@given(tracked_rows(), LENGTH, PHASE)
def test_every_row_lies_in_exactly_one_stretch(rows, length, phase):
    stretches = cut_stretches(*rows, length, phase)
    assert sorted(stretches[stretches >= 0].tolist()) == list(range(len(rows[0])))
    assert (stretches >= 0).any(axis=1).all()


@given(tracked_rows(), LENGTH, PHASE)
def test_no_stretch_mixes_tracks(rows, length, phase):
    track, _ = rows
    for stretch in cut_stretches(*rows, length, phase):
        assert len(set(track[stretch[stretch >= 0]])) == 1


@given(tracked_rows(), LENGTH, PHASE)
def test_the_places_of_a_stretch_are_consecutive_steps(rows, length, phase):
    _, step = rows
    for stretch in cut_stretches(*rows, length, phase):
        asked = np.flatnonzero(stretch >= 0)
        assert len(set(step[stretch[asked]] - asked)) == 1


@given(tracked_rows(), LENGTH, PHASE)
def test_a_stretch_starts_where_step_and_phase_are_a_multiple_of_its_length(rows, length, phase):
    _, step = rows
    for stretch in cut_stretches(*rows, length, phase):
        asked = np.flatnonzero(stretch >= 0)
        assert (step[stretch[asked[0]]] - asked[0] + phase) % length == 0


def test_no_rows_no_stretches():
    assert cut_stretches(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 8, 0).shape == (0, 8)


@pytest.mark.parametrize("players", [22, 100])
def test_every_pair_and_every_player_with_the_ground_has_a_number_of_its_own(players):
    first, second = np.triu_indices(players, 1)
    first, second = np.append(first, np.arange(players)), np.append(second, np.full(players, -1))
    numbers = track_numbers(first, second)
    assert len(set(numbers.tolist())) == len(first)
    assert 0 <= numbers.min() <= numbers.max() < 1 << 20


def test_no_sensor_values_are_a_table_without_columns():
    assert sensor_values(pd.DataFrame(index=range(3)), np.full(3, 0.5), ()).shape == (3, 0)
