import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.features import gather
from player_contact.play import Rows

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)  # 4 steps, 3 players
ROWS = Rows(row=np.arange(3), step=np.array([0, 2, 3]), first=np.array([2, 0, 1]), second=np.array([0, 1, -1]))


def test_a_pair_has_the_lower_and_the_higher_of_its_players_values():
    columns = gather.low_high("speed", VALUES, ROWS)
    assert columns["speed_low"].tolist() == [0, 6, 10]
    assert columns["speed_high"].tolist() == [2, 7, 10]


def test_a_player_and_the_ground_have_the_player_s_value_twice():
    columns = gather.low_high("speed", VALUES, ROWS[2:])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[3, 1]


def test_the_value_of_one_player_stands_for_both_where_the_other_s_is_missing():
    values = VALUES.copy()
    values[0, 2] = np.nan
    columns = gather.low_high("speed", values, ROWS[:1])
    assert columns["speed_low"] == columns["speed_high"] == VALUES[0, 0]


def test_a_value_from_before_or_after_the_play_is_not_known():
    np.testing.assert_array_equal(gather.shifted(VALUES[:, 0], np.array([-1, 0, 3, 4])), [np.nan, 0, 9, np.nan])


def test_what_needs_two_players_is_not_known_for_the_ground():
    pairs = np.arange(36, dtype=np.float32).reshape(4, 3, 3)
    np.testing.assert_array_equal(gather.of_pair(pairs, ROWS), [pairs[0, 2, 0], pairs[2, 0, 1], np.nan])


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


def test_a_feature_named_twice_is_refused():
    with pytest.raises(ValueError, match="two features are named 'speed'"):
        gather.merge([{"speed": VALUES}, {"speed": VALUES}])
