import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from player_contact.features import gather
from player_contact.play import Rows

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)  # 4 steps, 3 players
ROWS = Rows(np.arange(3), np.array([0, 2, 3]), np.array([2, 0, 1]), np.array([0, 1, -1]))


def test_a_pair_has_the_lower_and_the_higher_value():
    columns = gather.low_high({"speed": VALUES}, ROWS)
    assert columns["speed_low"].tolist() == [0, 6, 10]
    assert columns["speed_high"].tolist() == [2, 7, 10]


def test_a_ground_row_has_the_player_s_value_twice():
    columns = gather.low_high({"speed": VALUES}, ROWS[2:])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[3, 1]


def test_one_player_s_value_stands_for_both_if_the_other_is_nan():
    values = VALUES.copy()
    values[0, 2] = np.nan
    columns = gather.low_high({"speed": values}, ROWS[:1])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[0, 0]


def test_a_lead_beyond_the_play_is_nan():
    np.testing.assert_array_equal(gather.lead(VALUES, 1)[:, 0], [3, 6, 9, np.nan])
    np.testing.assert_array_equal(gather.lead(VALUES, -3)[:, 0], [np.nan, np.nan, np.nan, 0])
    assert np.isnan(gather.lead(VALUES, 9)).all()
    assert np.isnan(gather.lead(VALUES, -9)).all()


def test_pair_features_of_the_ground_are_nan():
    columns = gather.at_pairs({"gap": np.array([4, 7])}, ROWS)
    np.testing.assert_array_equal(columns["gap"], [4, 7, np.nan])


def test_a_row_s_window_is_of_its_own_player():
    near = gather.row_windows(VALUES, ROWS.step, ROWS.first, 1)
    np.testing.assert_array_equal(near, [[np.nan, 3, 7], [2, 6, 10], [5, 9, np.nan]])


STEPS = st.integers(0, 12)
FLOATS = arrays(np.float32, (9, 3), elements=st.floats(-5, 5, width=32) | st.just(np.nan))


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (gather.rolling_min, np.nanmin),
        (gather.rolling_max, np.nanmax),
        (gather.rolling_mean, np.nanmean),
    ],
)
@given(values=FLOATS, before=STEPS, after=STEPS)
def test_rolling_windows_agree_with_a_loop(function, plain, values, before, after):
    rolled = function(values, before, after)
    for step in range(len(values)):
        near = values[max(step - before, 0) : step + after + 1]
        expected = gather.nan_reduce(plain, near, axis=0)
        np.testing.assert_allclose(rolled[step], expected, rtol=1e-4, atol=1e-5)


@given(arrays(np.bool_, (12, 2)), st.integers(1, 15))
def test_steps_since_and_until_agree_with_a_search(happens, limit):
    since, until = gather.steps_since(happens, limit), gather.steps_until(happens, limit)
    for step, player in np.ndindex(happens.shape):
        past = np.flatnonzero(happens[: step + 1, player])
        future = np.flatnonzero(happens[step:, player])
        assert since[step, player] == min(step - past[-1] if len(past) else step + 1, limit)
        assert until[step, player] == min(future[0] if len(future) else 12 - step, limit)


def test_a_window_holds_the_steps_in_order():
    near = gather.rolling_window(VALUES[:, 0], 1, 2)
    np.testing.assert_array_equal(near[0], [np.nan, 0, 3, 6])
    np.testing.assert_array_equal(near[3], [6, 9, np.nan, np.nan])


def test_the_mean_of_nothing_is_nan_without_a_warning():
    assert np.isnan(gather.nan_reduce(np.nanmean, np.full((1, 3), np.nan)))[0]


@pytest.mark.parametrize(("degrees", "x", "y"), [(0, 0, 1), (90, 1, 0), (180, 0, -1), (270, -1, 0)])
def test_an_angle_is_clockwise_from_the_y_axis(degrees, x, y):
    assert gather.unit_vectors(np.array(degrees)).tolist() == pytest.approx([x, y], abs=1e-6)


@given(st.floats(-360, 720), st.floats(-360, 720))
def test_the_angle_between_directions_is_that_of_their_vectors(a, b):
    u, v = (np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))]) for angle in (a, b))
    expected = np.rad2deg(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v)))
    assert gather.angle_between(np.array(a), np.array(b)) == pytest.approx(expected, abs=1e-3)
