import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from player_contact.detection.drawn_helmets import (
    BRIGHTEST,
    CANVAS,
    DARKEST,
    draw_design,
    draw_helmet,
    redraw_helmets,
)
from player_contact.detection.helmets import box_iou


@given(st.integers(0, 10_000))
def test_a_drawn_helmet_fills_its_canvas_in_the_tones_of_a_video(seed):
    random = np.random.default_rng(seed)
    tones, opacity = draw_helmet(draw_design(random), random)
    assert tones.shape == opacity.shape == CANVAS
    assert DARKEST <= tones.min() <= tones.max() <= BRIGHTEST
    assert 0.5 < opacity.mean() < 0.85
    assert opacity[CANVAS[0] // 3, CANVAS[1] // 2] == 1
    assert opacity[0, 0] == 0


@given(st.integers(0, 10_000))
def test_only_the_boxes_are_drawn_over_also_those_at_the_border(seed):
    random = np.random.default_rng(seed)
    image = np.full((60, 80), 120, dtype=np.uint8)
    low = random.integers(-10, 70, (4, 2))
    boxes = np.concatenate([low, low + random.integers(8, 24, (4, 2))], 1).astype(np.float32)
    every = redraw_helmets(image, boxes, random)
    np.testing.assert_array_equal(every[:4], boxes)
    outside = np.ones(image.shape, dtype=bool)
    for left, top, right, bottom in np.rint(every).astype(int):
        outside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = False
    assert (image[outside] == 120).all()
    new = every[4:]
    assert ((new[:, :2] >= 0) & (new[:, 2:] <= (80, 60))).all()


def test_new_helmets_are_drawn_where_none_was_and_hide_no_other():
    random = np.random.default_rng(8)
    box, found = np.array([[60.0, 20, 80, 42]], dtype=np.float32), 0
    for _ in range(30):
        image = np.full((160, 160), 120, dtype=np.uint8)
        new = redraw_helmets(image, box, random)[1:]
        for left, top, right, bottom in np.rint(new).astype(int):
            assert (image[top:bottom, left:right] != 120).mean() > 0.4
        overlap = box_iou(*(np.column_stack([b[:, :2], b[:, 2:] - b[:, :2]]) for b in (new, box)))
        assert (overlap < 0.2).all()
        found += len(new)
    assert found > 30
    nothing = redraw_helmets(np.full((60, 60), 120, np.uint8), box[:0], random)
    assert nothing.shape == (0, 4)


def test_helmets_of_one_tile_have_two_designs_at_most():
    random = np.random.default_rng(3)
    designs = [draw_design(random) for _ in range(50)]
    assert len({design.shell for design in designs}) == 50
    image = np.full((40, 400), 120, dtype=np.uint8)
    boxes = np.array([[40 * k, 5, 40 * k + 30, 35] for k in range(10)], dtype=np.float32)
    redraw_helmets(image, boxes, random)
    assert all((image[5:35, 40 * k : 40 * k + 30] != 120).mean() > 0.4 for k in range(10))
