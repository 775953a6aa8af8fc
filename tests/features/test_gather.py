import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from player_contact.features import gather
from player_contact.play import Rows

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)  # 4 steps, 3 players
ROWS = Rows(row=np.arange(3), step=np.array([0, 2, 3]), first=np.array([2, 0, 1]), second=np.array([0, 1, -1]))


def test_a_pair_has_the_lower_and_the_higher_of_its_players_values():
    columns = gather.low_high({"speed": VALUES}, ROWS)
    assert columns["speed_low"].tolist() == [0, 6, 10]
    assert columns["speed_high"].tolist() == [2, 7, 10]


def test_a_player_and_the_ground_have_the_player_s_value_twice():
    columns = gather.low_high({"speed": VALUES}, ROWS[2:])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[3, 1]


def test_the_value_of_one_player_stands_for_both_where_the_other_s_is_missing():
    values = VALUES.copy()
    values[0, 2] = np.nan
    columns = gather.low_high({"speed": values}, ROWS[:1])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[0, 0]


def test_a_value_from_before_or_after_the_play_is_not_known():
    np.testing.assert_array_equal(gather.later(VALUES, 1)[:, 0], [3, 6, 9, np.nan])
    np.testing.assert_array_equal(gather.later(VALUES, -3)[:, 0], [np.nan, np.nan, np.nan, 0])
    assert np.isnan(gather.later(VALUES, 9)).all()
    assert np.isnan(gather.later(VALUES, -9)).all()


def test_what_needs_two_players_is_not_known_for_the_ground():
    np.testing.assert_array_equal(gather.at_pairs({"gap": np.array([4, 7])}, ROWS)["gap"], [4, 7, np.nan])


def test_the_steps_around_a_row_are_those_of_its_own_player():
    around = gather.around_rows(VALUES, ROWS.step, ROWS.first, 1)
    np.testing.assert_array_equal(around, [[np.nan, 3, 7], [2, 6, 10], [5, 9, np.nan]])


@given(arrays(np.float32, (9, 3), elements=st.floats(-5, 5, width=32) | st.just(np.float32(np.nan))), st.integers(0, 12), st.integers(0, 12))
def test_windows_know_their_least_most_and_mean(values, before, after):
    for function, plain in ((gather.least, np.nanmin), (gather.most, np.nanmax), (gather.mean, np.nanmean)):
        measured = function(values, before, after)
        for step in range(len(values)):
            around = values[max(step - before, 0) : step + after + 1]
            np.testing.assert_allclose(measured[step], gather.nan_reduce(plain, around, axis=0), rtol=1e-4, atol=1e-5)


@given(arrays(np.bool_, (12, 2)), st.integers(1, 15))
def test_steps_are_counted_since_and_until_something_happens(happens, most):
    since, until = gather.steps_since(happens, most), gather.steps_until(happens, most)
    for step in range(len(happens)):
        for player in range(2):
            past, future = np.flatnonzero(happens[: step + 1, player]), np.flatnonzero(happens[step:, player])
            assert since[step, player] == min(step - past[-1] if len(past) else step + 1, most)
            assert until[step, player] == min(future[0] if len(future) else len(happens) - step, most)


def test_a_window_holds_the_steps_around_in_order():
    around = gather.window(VALUES[:, 0], 1, 2)
    np.testing.assert_array_equal(around[0], [np.nan, 0, 3, 6])
    np.testing.assert_array_equal(around[3], [6, 9, np.nan, np.nan])


def test_the_mean_of_nothing_is_not_known_and_says_nothing():
    assert np.isnan(gather.nan_reduce(np.nanmean, np.full((1, 3), np.nan)))[0]


@pytest.mark.parametrize(("degrees", "x", "y"), [(0, 0, 1), (90, 1, 0), (180, 0, -1), (270, -1, 0)])
def test_an_angle_turns_clockwise_from_the_y_axis(degrees, x, y):
    assert gather.unit_vectors(np.array(degrees)).tolist() == pytest.approx([x, y], abs=1e-6)


@given(st.floats(-360, 720), st.floats(-360, 720))
def test_the_angle_between_two_directions_is_that_between_their_vectors(one, other):
    vectors = [np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))]) for angle in (one, other)]
    expected = np.rad2deg(np.arctan2(np.linalg.norm(vectors[0] - vectors[1]), np.linalg.norm(vectors[0] + vectors[1])) * 2)
    assert gather.angle_between(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-3)
