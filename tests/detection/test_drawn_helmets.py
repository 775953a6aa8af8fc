import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from player_contact.detection import drawn_helmets
from player_contact.detection.drawn_helmets import (
    BRIGHTEST,
    CANVAS,
    DARKEST,
    draw_design,
    draw_helmet,
    redraw_helmets,
)


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
    redraw_helmets(image, boxes, random)
    outside = np.ones(image.shape, dtype=bool)
    for left, top, right, bottom in np.rint(boxes).astype(int):
        outside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = False
    assert (image[outside] == 120).all()


def test_helmets_of_one_tile_have_two_designs_at_most(monkeypatch):
    random = np.random.default_rng(3)
    image = np.full((40, 400), 120, dtype=np.uint8)
    boxes = np.array([[40 * k, 5, 40 * k + 30, 35] for k in range(10)], dtype=np.float32)
    drawn = []
    original = drawn_helmets.draw_helmet

    def remember(design, rng):
        drawn.append(design)
        return original(design, rng)

    monkeypatch.setattr(drawn_helmets, "draw_helmet", remember)
    redraw_helmets(image, boxes, random)
    assert len(drawn) == 10
    assert len(set(drawn)) == 2
    assert all((image[5:35, 40 * k : 40 * k + 30] != 120).mean() > 0.4 for k in range(10))
