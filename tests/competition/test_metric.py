import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from player_contact.competition.metric import Counts, Thresholds, best_thresholds, count, matthews

labels_and_decisions = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60).map(lambda rows: np.array(rows).T)
BOTH_KINDS = st.booleans()
probabilities = st.one_of(st.just(0.0), st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.floats(0, 1, width=32))


@st.composite
def scored_rows(draw, max_rows=14, kinds=BOTH_KINDS):
    """label, float32 probability, is_ground; equal and zero probabilities among them."""
    rows = draw(st.lists(st.tuples(st.booleans(), probabilities, kinds), min_size=1, max_size=max_rows))
    label, probability, is_ground = zip(*rows, strict=True)
    return np.array(label), np.array(probability, dtype=np.float32), np.array(is_ground)


def score(label, probability, is_ground, thresholds: Thresholds) -> float:
    return float(matthews(count(label, thresholds.decide(probability, is_ground))))


def every_threshold(probability) -> list[float]:
    return [*np.unique(probability[probability > 0]).astype(float), np.inf]


@pytest.mark.filterwarnings("ignore:A single label was found")  # scikit-learn says so of rows of one class
@given(labels_and_decisions)
def test_the_score_is_that_of_scikit_learn(rows):
    label, decided = rows
    assert matthews(count(label, decided)) == pytest.approx(matthews_corrcoef(label, decided), abs=1e-12)


@given(labels_and_decisions, st.integers(0, 60))
def test_counts_of_two_parts_add_up_to_those_of_the_whole(rows, cut):
    label, decided = rows
    parts = [count(label[part], decided[part]) for part in (slice(0, cut), slice(cut, None))]
    assert Counts(*map(sum, zip(*parts, strict=True))) == count(label, decided)


def test_many_counts_are_scored_at_once():
    one, other = Counts(3, 1, 5, 50), Counts(2, 2, 4, 30)
    together = Counts(*(np.array(pair) for pair in zip(one, other, strict=True)))
    np.testing.assert_array_equal(matthews(together), [matthews(one), matthews(other)])


@pytest.mark.parametrize("decided", [False, True])
def test_a_score_without_two_classes_or_two_decisions_is_zero(decided):
    assert matthews(count(np.array([True, False]), np.array([decided, decided]))) == 0
    assert matthews(count(np.array([decided, decided]), np.array([True, False]))) == 0


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_row_of_probability_zero_is_never_called_a_contact(pair, ground):
    assert not Thresholds(pair, ground).decide(np.zeros(2), np.array([True, False])).any()


def test_each_kind_is_decided_by_its_own_threshold():
    decided = Thresholds(pair=0.2, ground=0.6).decide(np.array([0.5, 0.5, 0.6]), np.array([False, True, True]))
    np.testing.assert_array_equal(decided, [True, False, True])


@given(scored_rows(max_rows=40, kinds=st.just(False)), st.booleans())
def test_with_one_kind_of_rows_the_best_threshold_is_the_exact_optimum(rows, ground):
    label, probability, is_ground = rows
    is_ground = is_ground | ground
    found = score(label, probability, is_ground, best_thresholds(label, probability, is_ground))
    best = max(score(label, probability, is_ground, Thresholds(value, value)) for value in every_threshold(probability))
    assert found == pytest.approx(best, abs=1e-12)


def uneven_rows(seed: int):
    """Rows on which the best threshold of one kind depends on that of the other."""
    random = np.random.default_rng(seed)
    rows = random.integers(2, 40)
    label, is_ground = random.random(rows) < random.choice([0.1, 0.3, 0.5]), random.random(rows) < random.choice([0.2, 0.5])
    probability = random.uniform(0, 0.6, rows) + 0.3 * label * random.random(rows)
    return label, np.round(probability, random.choice([1, 7])).astype(np.float32), is_ground


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=300)
def test_no_pair_of_thresholds_beats_the_best_ones(seed):
    label, probability, is_ground = uneven_rows(seed)
    found = score(label, probability, is_ground, best_thresholds(label, probability, is_ground))
    pair, ground = (every_threshold(probability[kind]) for kind in (~is_ground, is_ground))
    decided = [np.where(is_ground, probability >= two, probability >= one) & (probability > 0) for one in pair for two in ground]
    assert found >= max(float(matthews(count(label, one))) for one in decided) - 1e-12


@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=20, max_size=20))
def test_no_random_pair_of_thresholds_beats_the_best_ones_on_many_rows(seed, choices):
    random = np.random.default_rng(seed)
    label, is_ground = random.random(2000) < 0.05, random.random(2000) < 0.1
    probability = np.clip(random.normal(0.2 + 0.3 * label, 0.2), 0, 1).astype(np.float32)
    found = score(label, probability, is_ground, best_thresholds(label, probability, is_ground))
    assert found >= max(score(label, probability, is_ground, Thresholds(*choice)) for choice in choices) - 1e-12


@given(scored_rows())
def test_the_order_of_the_rows_changes_no_threshold(rows):
    label, probability, is_ground = rows
    backwards = best_thresholds(label[::-1], probability[::-1], is_ground[::-1])
    assert backwards == best_thresholds(label, probability, is_ground)


@given(scored_rows())
def test_rows_that_were_filtered_out_count_but_are_not_called(rows):
    label, probability, is_ground = rows
    padded = np.append(label, True), np.append(probability, np.float32(0)), np.append(is_ground, False)
    assert not best_thresholds(*padded).decide(padded[1], padded[2])[-1]


def test_where_nothing_is_worth_calling_nothing_is_called():
    label, probability, is_ground = np.array([True, False]), np.array([0.0, 0.9]), np.array([False, False])
    assert not best_thresholds(label, probability, is_ground).decide(probability, is_ground).any()


@given(st.floats(0.01, 0.99))
def test_a_threshold_parts_even_two_neighbouring_numbers(low):
    probability = np.array([np.nextafter(low, 1), low])
    label, is_ground = np.array([True, False]), np.array([False, False])
    np.testing.assert_array_equal(best_thresholds(label, probability, is_ground).decide(probability, is_ground), label)
