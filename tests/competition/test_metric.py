import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from player_contact.competition.metric import Counts, Thresholds, best_thresholds, count, matthews

SEEDS = st.integers(0, 2**32 - 1)
PROBABILITIES = st.just(0.0) | st.sampled_from([0.1, 0.3, 0.5, 0.9]) | st.floats(0, 1, width=32)
LABELS_AND_DECISIONS = st.lists(
    st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60
).map(lambda rows: np.array(rows).T)


def scored_rows(max_rows=14, is_ground=st.booleans()):  # noqa: B008
    """label, float32 probability, is_ground; equal and zero probabilities among them."""
    rows = st.tuples(st.booleans(), PROBABILITIES, is_ground)
    return st.lists(rows, min_size=1, max_size=max_rows).map(
        lambda rows: tuple(map(np.array, zip(*rows, strict=True), (bool, np.float32, bool)))
    )


def score(label, probability, is_ground, thresholds: Thresholds) -> float:
    return float(matthews(count(label, thresholds.decide(probability, is_ground))))


def best_score(label, probability, is_ground) -> float:
    thresholds = best_thresholds(label, probability, is_ground)
    return score(label, probability, is_ground, thresholds)


def every_threshold(probability) -> list[float]:
    return [*np.unique(probability[probability > 0]).astype(float), np.inf]


@pytest.mark.filterwarnings("ignore:A single label was found")  # by scikit-learn, of one class
@given(LABELS_AND_DECISIONS)
def test_the_score_is_that_of_scikit_learn(rows):
    label, decided = rows
    expected = matthews_corrcoef(label, decided)
    assert matthews(count(label, decided)) == pytest.approx(expected, abs=1e-12)


@given(LABELS_AND_DECISIONS, st.integers(0, 60))
def test_counts_of_two_parts_add_up_to_those_of_all(rows, split):
    label, decided = rows
    parts = [count(label[part], decided[part]) for part in (slice(0, split), slice(split, None))]
    assert Counts(*map(sum, zip(*parts, strict=True))) == count(label, decided)


def test_many_counts_are_scored_at_once():
    first, second = Counts(3, 1, 5, 50), Counts(2, 2, 4, 30)
    both = Counts(*map(np.array, zip(first, second, strict=True)))
    np.testing.assert_array_equal(matthews(both), [matthews(first), matthews(second)])


@pytest.mark.parametrize("decided", [False, True])
def test_a_score_without_two_classes_or_two_decisions_is_zero(decided):
    assert matthews(count(np.array([True, False]), np.array([decided, decided]))) == 0
    assert matthews(count(np.array([decided, decided]), np.array([True, False]))) == 0


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_row_of_probability_zero_is_never_called_a_contact(pair, ground):
    assert not Thresholds(pair, ground).decide(np.zeros(2), np.array([True, False])).any()


def test_each_kind_is_decided_by_its_own_threshold():
    probability, is_ground = np.array([0.5, 0.5, 0.6]), np.array([False, True, True])
    decided = Thresholds(pair=0.2, ground=0.6).decide(probability, is_ground)
    np.testing.assert_array_equal(decided, [True, False, True])


@given(scored_rows(max_rows=40, is_ground=st.just(False)), st.booleans())
def test_with_one_kind_of_rows_the_best_threshold_is_exact(rows, ground):
    label, probability, is_ground = rows
    is_ground = is_ground | ground
    best = max(
        score(label, probability, is_ground, Thresholds(value, value))
        for value in every_threshold(probability)
    )
    assert best_score(label, probability, is_ground) == pytest.approx(best, abs=1e-12)


def uneven_rows(seed: int):
    """Rows on which the best threshold of one kind depends on that of the other."""
    random = np.random.default_rng(seed)
    rows = random.integers(2, 40)
    label = random.random(rows) < random.choice([0.1, 0.3, 0.5])
    is_ground = random.random(rows) < random.choice([0.2, 0.5])
    probability = random.uniform(0, 0.6, rows) + 0.3 * label * random.random(rows)
    return label, np.round(probability, random.choice([1, 7])).astype(np.float32), is_ground


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=300)
def test_no_pair_of_thresholds_beats_the_best_ones(seed):
    label, probability, is_ground = uneven_rows(seed)
    pairs, grounds = (every_threshold(probability[kind]) for kind in (~is_ground, is_ground))
    scores = [
        score(label, probability, is_ground, Thresholds(pair, ground))
        for pair in pairs
        for ground in grounds
    ]
    assert best_score(label, probability, is_ground) >= max(scores) - 1e-12


@given(SEEDS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=20))
def test_on_many_rows_no_random_thresholds_beat_the_best_ones(seed, choices):
    random = np.random.default_rng(seed)
    label, is_ground = random.random(2000) < 0.05, random.random(2000) < 0.1
    probability = np.clip(random.normal(0.2 + 0.3 * label, 0.2), 0, 1).astype(np.float32)
    scores = [score(label, probability, is_ground, Thresholds(*choice)) for choice in choices]
    assert best_score(label, probability, is_ground) >= max(scores) - 1e-12


@given(scored_rows())
def test_the_order_of_the_rows_changes_no_threshold(rows):
    assert best_thresholds(*(values[::-1] for values in rows)) == best_thresholds(*rows)


@given(scored_rows())
def test_filtered_rows_count_but_are_never_called_a_contact(rows):
    label, probability, is_ground = map(np.append, rows, (True, np.float32(0), False))
    thresholds = best_thresholds(label, probability, is_ground)
    assert not thresholds.decide(probability, is_ground)[-1]


def test_nothing_is_called_where_nothing_is_worth_calling():
    label, probability = np.array([True, False]), np.array([0.0, 0.9])
    is_ground = np.zeros(2, dtype=bool)
    assert not best_thresholds(label, probability, is_ground).decide(probability, is_ground).any()


@given(st.floats(0.01, 0.99))
def test_a_threshold_separates_even_adjacent_floats(low):
    probability = np.array([np.nextafter(low, 1), low])
    label, is_ground = np.array([True, False]), np.array([False, False])
    thresholds = best_thresholds(label, probability, is_ground)
    np.testing.assert_array_equal(thresholds.decide(probability, is_ground), label)
