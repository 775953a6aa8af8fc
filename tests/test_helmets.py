import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition import clock
from player_contact.helmets import HELD, fill_gaps, frames_to_nearest_box, hold_last, step_boxes
from tests.makers import make_play


@st.composite
def moving_boxes(draw):
    """[F, P, 4] boxes in linear motion, and which of them were seen."""
    frames, players = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, speed = random.uniform(0, 500, (players, 4)), random.uniform(-4, 4, (players, 4))
    boxes = (start + np.arange(frames)[:, None, None] * speed).astype(np.float32)
    return boxes, random.random((frames, players)) < draw(st.sampled_from([0.1, 0.3, 0.7]))


def hidden(boxes, seen):
    return np.where(seen[..., None], boxes, np.float32(np.nan))


def gap_around(seen_of_player, frame) -> float:
    """Frames without a box around `frame`; inf at the ends."""
    before, after = np.flatnonzero(seen_of_player[:frame]), np.flatnonzero(seen_of_player[frame:])
    return after[0] + frame - before[-1] - 1 if len(before) and len(after) else np.inf


@given(moving_boxes(), st.integers(0, 30))
def test_a_filled_box_of_a_player_in_linear_motion_is_exact(case, longest):
    boxes, seen = case
    filled = fill_gaps(hidden(boxes, seen), longest)
    known = ~np.isnan(filled)
    np.testing.assert_allclose(filled[known], boxes[known], atol=1e-3)


@given(moving_boxes(), st.integers(0, 30))
def test_exactly_the_short_gaps_between_two_boxes_are_filled(case, longest):
    boxes, seen = case
    filled = ~np.isnan(fill_gaps(hidden(boxes, seen), longest))
    for frame, player in zip(*np.nonzero(~seen), strict=True):
        expected = gap_around(seen[:, player], frame) <= longest
        assert filled[frame, player].tolist() == [expected] * 4


@given(moving_boxes(), st.integers(0, 30))
def test_detected_boxes_stay_as_they_are(case, longest):
    boxes, seen = case
    np.testing.assert_array_equal(fill_gaps(hidden(boxes, seen), longest)[seen], boxes[seen])


def test_filling_leaves_its_input_alone():
    boxes, seen = np.ones((5, 1, 4), dtype=np.float32), np.array([[True], [False], [True], [False], [True]])
    given_boxes = hidden(boxes, seen)
    fill_gaps(given_boxes, 3)
    np.testing.assert_array_equal(given_boxes, hidden(boxes, seen))


@given(moving_boxes())
def test_the_nearest_box_is_as_far_as_a_search_finds_it(case):
    _, seen = case
    found = frames_to_nearest_box(seen)
    for frame, player in np.ndindex(seen.shape):
        places = np.flatnonzero(seen[:, player])
        assert found[frame, player] == (np.abs(places - frame).min() if len(places) else np.inf)


def test_the_boxes_of_a_step_are_those_of_the_frame_nearest_to_it():
    play = make_play()
    view = play.views["Endzone"]
    at_step = step_boxes(play, view, longest_gap=0)
    boxes = view.boxes[view.frame_of(play.times)]
    np.testing.assert_allclose(at_step.centre, boxes[..., :2] + boxes[..., 2:] / 2)
    np.testing.assert_array_equal(at_step.size, boxes[..., 2:])


def test_a_detected_box_has_age_zero_and_a_completed_one_counts_the_seconds():
    play = make_play()
    view = play.views["Endzone"]
    frame = int(view.frame_of(play.times)[5])
    boxes = np.full_like(view.boxes, 10)
    boxes[frame - 2 : frame + 3, 0] = np.nan
    at_step = step_boxes(play, dataclasses.replace(view, boxes=boxes), longest_gap=30)
    assert at_step.age[5, :2].tolist() == pytest.approx([3 / clock.FRAMES_PER_SECOND, 0])


@given(moving_boxes())
def test_the_last_box_of_a_player_is_held_for_a_step_and_no_longer(case):
    boxes, seen = case
    held = hold_last(hidden(boxes, seen))
    for player in range(seen.shape[1]):
        expected = hidden(boxes, seen)[:, player]
        if seen[:, player].any():
            last = np.flatnonzero(seen[:, player])[-1]
            expected[last : last + HELD + 1] = boxes[last, player]
        np.testing.assert_array_equal(held[:, player], expected)


def test_a_step_outside_the_video_has_no_boxes():
    play = make_play()
    view = dataclasses.replace(play.views["Endzone"], boxes=play.views["Endzone"].boxes[:30])
    at_step = step_boxes(play, view, longest_gap=30)
    outside = at_step.frame >= 30
    assert 0 < outside.sum() < len(outside)
    for values in (at_step.centre, at_step.size, at_step.age):
        assert np.isnan(values[outside]).all()


def test_where_there_is_no_box_there_is_no_age():
    play = make_play()
    at_step = step_boxes(play, play.views["Sideline"], longest_gap=1)
    np.testing.assert_array_equal(np.isnan(at_step.age), np.isnan(at_step.centre[..., 0]))
