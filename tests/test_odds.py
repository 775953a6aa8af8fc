import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.odds import LARGEST_SHIFT, log_odds, shift_to_mean, sigmoid


@given(st.floats(1e-5, 1 - 1e-5))
def test_log_odds_and_the_logistic_function_undo_each_other(probability):
    assert float(sigmoid(log_odds(np.array(probability)))) == pytest.approx(probability, rel=1e-3)


def test_log_odds_of_certainty_are_finite():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_the_odds_of_what_is_not_known_are_not_known():
    assert np.isnan(log_odds(np.array(np.nan)))
    assert np.isnan(sigmoid(np.array(np.nan)))


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_more_log_odds_never_mean_less_probability(one, other):
    assert sigmoid(np.array(min(one, other))) <= sigmoid(np.array(max(one, other)))


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_after_the_shift_the_mean_of_the_probabilities_is_what_was_asked_for(odds, mean):
    shifted = np.array(odds) + shift_to_mean(np.array(odds), mean)
    assert abs(sigmoid(shifted).mean() - mean) < 1e-4


@pytest.mark.parametrize(("mean", "shift"), [(0.0, -LARGEST_SHIFT), (1.0, LARGEST_SHIFT)])
def test_a_mean_that_no_shift_reaches_gives_the_largest_one(mean, shift):
    assert shift_to_mean(np.zeros(3), mean) == shift
