import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition import clock
from player_contact.video.step_boxes import (
    MAX_HOLD,
    fill_gaps,
    frames_to_nearest_box,
    hold_last,
    step_boxes,
)
from tests.makers import make_play

PLAY = make_play()
VIEW = PLAY.views["Endzone"]


@st.composite
def moving_boxes(draw):
    """[F, P, 4] boxes in linear motion, [F, P] which are detected, and the boxes with gaps."""
    frames, players = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, speed = random.uniform(0, 500, (players, 4)), random.uniform(-4, 4, (players, 4))
    boxes = (start + np.arange(frames)[:, None, None] * speed).astype(np.float32)
    detected = random.random((frames, players)) < draw(st.sampled_from([0.1, 0.3, 0.7]))
    return boxes, detected, np.where(detected[..., None], boxes, np.float32(np.nan))


def gap_length(detected, frame) -> float:
    """Frames without a box around `frame`; inf at the ends."""
    before, after = np.flatnonzero(detected[:frame]), np.flatnonzero(detected[frame:])
    return after[0] + frame - before[-1] - 1 if len(before) and len(after) else np.inf


@given(moving_boxes(), st.integers(0, 30))
def test_exactly_short_gaps_are_filled_on_a_straight_line(case, max_gap):
    boxes, detected, gaps = case
    before = gaps.copy()
    filled = fill_gaps(gaps, max_gap)
    known = ~np.isnan(filled)
    np.testing.assert_array_equal(gaps, before)
    np.testing.assert_array_equal(filled[detected], boxes[detected])
    np.testing.assert_allclose(filled[known], boxes[known], atol=1e-3)
    for frame, player in np.argwhere(~detected):
        expected = gap_length(detected[:, player], frame) <= max_gap
        assert known[frame, player].tolist() == [expected] * 4


@given(moving_boxes())
def test_the_nearest_box_is_as_far_as_a_search_finds_it(case):
    _, detected, _ = case
    distance = frames_to_nearest_box(detected)
    for frame, player in np.ndindex(detected.shape):
        frames = np.flatnonzero(detected[:, player])
        assert distance[frame, player] == min(np.abs(frames - frame), default=np.inf)


@given(moving_boxes())
def test_the_last_box_of_a_player_is_held_for_a_step(case):
    boxes, detected, gaps = case
    held, expected = hold_last(gaps), gaps.copy()
    for player in np.flatnonzero(detected.any(0)):
        last = np.flatnonzero(detected[:, player])[-1]
        expected[last : last + MAX_HOLD + 1, player] = boxes[last, player]
    np.testing.assert_array_equal(held, expected)


def test_the_boxes_of_a_step_are_those_of_the_nearest_frame():
    at_step = step_boxes(PLAY, VIEW, max_gap=0)
    boxes = VIEW.boxes[VIEW.frame_of(PLAY.times)]
    np.testing.assert_allclose(at_step.centre, boxes[..., :2] + boxes[..., 2:] / 2)
    np.testing.assert_array_equal(at_step.size, boxes[..., 2:])


def test_the_age_of_a_filled_box_is_in_seconds():
    frame = int(VIEW.frame_of(PLAY.times)[5])
    boxes = np.full_like(VIEW.boxes, 10)
    boxes[frame - 2 : frame + 3, 0] = np.nan
    at_step = step_boxes(PLAY, dataclasses.replace(VIEW, boxes=boxes), max_gap=30)
    assert at_step.age[5, :2].tolist() == pytest.approx([3 / clock.FRAMES_PER_SECOND, 0])


@given(st.integers(1, len(VIEW.boxes)))
def test_a_step_after_the_video_has_the_last_boxes_for_a_step_and_then_none(frames):
    cut = dataclasses.replace(VIEW, boxes=VIEW.boxes[:frames])
    at_step, whole = (step_boxes(PLAY, view, max_gap=0) for view in (cut, VIEW))
    late = VIEW.frame_of(PLAY.times) - (frames - 1)
    before, held, outside = late <= 0, (late > 0) & (late <= MAX_HOLD), late > MAX_HOLD
    np.testing.assert_array_equal(at_step.frame[before], whole.frame[before])
    assert (at_step.frame[held] == frames - 1).all()
    assert (at_step.frame[outside] >= frames).all()
    for values in (at_step.centre, at_step.size, at_step.age):
        assert np.isnan(values[outside]).all()
    for player, boxes in enumerate(hold_last(cut.boxes)[-1]):
        centre = boxes[:2] + boxes[2:] / 2
        expected = np.tile(centre, (held.sum(), 1))
        np.testing.assert_allclose(at_step.centre[held, player], expected)


def test_where_there_is_no_box_there_is_no_age():
    at_step = step_boxes(PLAY, VIEW, max_gap=1)
    np.testing.assert_array_equal(np.isnan(at_step.age), np.isnan(at_step.centre[..., 0]))
