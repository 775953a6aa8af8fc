import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.detection.helmets import Helmets, average_precision, box_iou, match_helmets

boxes_of = st.lists(
    st.tuples(st.floats(0, 200), st.floats(0, 100), st.floats(5, 40), st.floats(5, 40)),
    min_size=1,
    max_size=8,
).map(np.array)


@given(boxes_of, boxes_of)
def test_overlap_is_symmetric_and_of_equal_boxes_whole(boxes, others):
    overlap = box_iou(boxes, others)
    np.testing.assert_allclose(overlap, box_iou(others, boxes).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()
    np.testing.assert_allclose(np.diag(box_iou(boxes, boxes)), 1)


def test_overlap_is_the_common_area_over_that_of_both():
    boxes, others = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10], [20, 0, 5, 5]])
    np.testing.assert_allclose(box_iou(boxes, others), [[50 / 150, 0]])


THERE = np.array([[0.0, 0, 10, 10], [50, 0, 10, 10], [100, 0, 10, 10]])


def found(*boxes: tuple[float, ...], score: tuple[float, ...]) -> Helmets:
    return Helmets(np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(score, np.float32))


def test_a_helmet_is_found_once_and_by_the_surest():
    helmets = found((1, 0, 10, 10), (0, 0, 10, 10), (51, 1, 10, 10), score=(0.9, 0.8, 0.7))
    matches = match_helmets(helmets, THERE, np.ones(3, bool), 0.5)
    assert matches.is_true.tolist() == [True, False, True]
    assert matches.found.tolist() == [True, True, False]
    np.testing.assert_allclose(matches.offset, [1, np.sqrt(2), np.nan])
    assert matches.owner.tolist() == [0, -1, 1]


def test_finding_a_hidden_helmet_is_neither_right_nor_wrong():
    helmets = found((0, 0, 10, 10), (50, 0, 10, 10), (70, 0, 10, 10), score=(0.9, 0.8, 0.7))
    matches = match_helmets(helmets, THERE, np.array([True, False, True]), 0.5)
    assert matches.is_true.tolist() == [True, False]
    assert matches.found.tolist() == [True, False]


def test_average_precision_of_all_of_half_and_of_none():
    score = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(score, np.ones(4, bool), 4) == pytest.approx(1)
    assert average_precision(score, np.ones(4, bool), 8) == pytest.approx(0.5)
    assert average_precision(score, np.zeros(4, bool), 4) == 0
    mixed = np.array([True, False, True, False])  # precisions 1 and 2/3 where one is found
    assert average_precision(score, mixed, 2) == pytest.approx((1 + 2 / 3) / 2)


@given(st.integers(0, 100))
def test_a_false_helmet_that_is_less_sure_than_all_costs_nothing(seed):
    random = np.random.default_rng(seed)
    score, is_true = random.uniform(0.2, 1, 12), random.random(12) < 0.6
    before = average_precision(score, is_true, 12)
    after = average_precision(np.append(score, 0.1), np.append(is_true, False), 12)
    assert after == pytest.approx(before)
