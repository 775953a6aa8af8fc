import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.video.draw import draw_boxes, paint_boxes

OFFSET, EXTENT, NO_BOX = st.integers(-30, 60), st.integers(1, 40), [np.nan] * 4


def drawn(boxes: np.ndarray, size: int) -> np.ndarray:
    channels = np.zeros((len(boxes), 3, size, size), dtype=np.uint8)
    draw_boxes(channels, boxes)
    return channels


def painted(boxes: np.ndarray, size: int) -> np.ndarray:
    images = np.full((len(boxes), 3, size, size), 100, dtype=np.uint8)
    paint_boxes(images, boxes)
    return images


@settings(max_examples=100)
@given(st.lists(st.tuples(OFFSET, OFFSET, EXTENT, EXTENT), min_size=2, max_size=4))
def test_a_drawn_box_covers_its_pixels_and_no_others(boxes):
    boxes = np.array(boxes, dtype=np.float32)
    boxes[:, 2:] += boxes[:, :2]
    expected = np.zeros((1, 3, 48, 48), dtype=np.uint8)
    second_is_lower = len(boxes) > 1 and boxes[1, 3] > boxes[0, 3]
    for index, (left, top, right, bottom) in enumerate(boxes.astype(int).clip(0)):
        expected[0, 2 if index > 1 else index ^ second_is_lower, top:bottom, left:right] = 255
    np.testing.assert_array_equal(drawn(boxes[None], 48), expected)


def test_the_order_of_the_players_changes_no_mask():
    boxes = np.random.default_rng(1).uniform(0, 40, (9, 4, 4)).astype(np.float32)
    boxes[..., 2:] = boxes[..., :2] + 8
    boxes[::3, 1] = np.nan
    np.testing.assert_array_equal(drawn(boxes[:, [1, 0, 2, 3]], 48), drawn(boxes, 48))


def test_the_player_who_reaches_lower_has_the_first_channel():
    masks = drawn(np.float32([[[4, 4, 10, 10], [14, 14, 20, 20], [24, 24, 30, 30]]]), 40)[0]
    assert masks[[0, 1, 2], [14, 4, 24], [14, 4, 24]].all()
    assert masks.astype(bool).sum() == 3 * 36


def test_a_missing_box_is_not_drawn():
    boxes = np.full((1, 3, 4), np.nan, dtype=np.float32)
    assert not drawn(boxes, 32).any()
    assert (painted(boxes, 32) == 100).all()


def test_painted_boxes_are_white_for_the_pair_black_for_others():
    boxes = np.float32([[[4, 4, 10, 10], [14, 14, 20, 20], [24, 24, 30, 30]]])
    image = painted(boxes, 40)[0]
    assert image[0].diagonal()[[4, 14, 24, 7, 36]].tolist() == [255, 255, 0, 100, 100]
    np.testing.assert_array_equal(image[0], image[1])


def test_every_image_gets_its_own_boxes():
    boxes = np.float32([[[2, 2, 9, 9], NO_BOX, [20, 20, 28, 28]], [NO_BOX, [4, 4, 12, 12], NO_BOX]])
    for draw in (drawn, painted):
        both = draw(boxes, 32)
        np.testing.assert_array_equal(both[:1], draw(boxes[:1], 32))
        np.testing.assert_array_equal(both[1:], draw(boxes[1:], 32))
        assert not np.array_equal(both[0], both[1])
