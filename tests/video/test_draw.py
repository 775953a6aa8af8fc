import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.video.draw import draw_boxes, paint_boxes


def drawn(boxes: np.ndarray, size: int) -> np.ndarray:
    marks = np.zeros((2, size, size), dtype=np.uint8)
    draw_boxes(marks[None], boxes[None])
    return marks


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(-30, 60), st.integers(-30, 60), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4))
def test_a_drawn_box_covers_its_pixels_and_no_others(corners):
    size = 48
    boxes = np.array([[left, top, left + width, top + height] for left, top, width, height in corners], dtype=np.float32)
    expected = np.zeros((2, size, size), dtype=np.uint8)
    for place, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        expected[0 if place < 2 else 1, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 255
    np.testing.assert_array_equal(drawn(boxes, size), expected)


def test_a_box_that_is_not_there_is_not_drawn():
    boxes = np.full((3, 4), np.nan, dtype=np.float32)
    assert not drawn(boxes, 32).any()
    pictures = np.zeros((1, 32, 32), dtype=np.uint8)
    paint_boxes(pictures[None], boxes[None])
    assert not pictures.any()


def test_painted_boxes_are_white_for_the_row_s_players_and_black_for_others():
    painted = np.full((2, 40, 40), 100, dtype=np.uint8)
    paint_boxes(painted[None], np.array([[[4, 4, 10, 10], [14, 14, 20, 20], [24, 24, 30, 30]]], dtype=np.float32))
    assert [painted[0, place, place] for place in (4, 14, 24, 7, 36)] == [255, 255, 0, 100, 100]
    np.testing.assert_array_equal(painted[0], painted[1])


def test_every_picture_gets_its_own_boxes():
    boxes = np.array([[[2, 2, 9, 9], [np.nan] * 4, [20, 20, 28, 28]], [[np.nan] * 4, [4, 4, 12, 12], [np.nan] * 4]], dtype=np.float32)
    marks, pictures = np.zeros((2, 2, 32, 32), dtype=np.uint8), np.full((2, 3, 32, 32), 100, dtype=np.uint8)
    draw_boxes(marks, boxes)
    paint_boxes(pictures, boxes)
    for number in range(2):
        alone = np.full((1, 3, 32, 32), 100, dtype=np.uint8)
        paint_boxes(alone, boxes[number][None])
        np.testing.assert_array_equal(pictures[number], alone[0])
        np.testing.assert_array_equal(marks[number], drawn(boxes[number], 32))
    assert not np.array_equal(marks[0], marks[1])
