import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.utils.logits import MAX_SHIFT, logit, shift_to_mean, sigmoid


@given(st.floats(1e-5, 1 - 1e-5))
def test_logit_and_sigmoid_are_inverse(probability):
    assert float(sigmoid(logit(np.array(probability)))) == pytest.approx(probability, rel=1e-3)


def test_logits_of_certainty_are_finite():
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_missing_values_stay_missing():
    assert np.isnan(logit(np.array(np.nan)))
    assert np.isnan(sigmoid(np.array(np.nan)))


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_sigmoid_never_falls(one, other):
    assert sigmoid(np.array(min(one, other))) <= sigmoid(np.array(max(one, other)))


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_the_shift_gives_the_wanted_mean_probability(odds, mean):
    shifted = np.array(odds) + shift_to_mean(np.array(odds), mean)
    assert abs(sigmoid(shifted).mean() - mean) < 1e-4


@pytest.mark.parametrize(("mean", "shift"), [(0.0, -MAX_SHIFT), (1.0, MAX_SHIFT)])
def test_a_mean_that_no_shift_reaches_gives_the_largest_one(mean, shift):
    assert shift_to_mean(np.zeros(3), mean) == shift
