from dataclasses import replace

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
    draw_shoulders,
    redraw_helmets,
)


@given(st.integers(0, 10_000))
def test_a_drawn_helmet_fills_its_canvas_in_the_tones_of_a_video(seed):
    random = np.random.default_rng(seed)
    tones, opacity = draw_helmet(draw_design(random), random)
    assert tones.shape == opacity.shape == CANVAS
    assert DARKEST <= tones.min() <= tones.max() <= BRIGHTEST
    assert 0.4 < opacity.mean() < 0.85
    reach = [np.flatnonzero(opacity.any(axis)) for axis in (0, 1)]
    assert all(line[0] < 6 and line[-1] > len(line) - 6 for line in reach)
    assert opacity[0, 0] == 0


def test_the_face_is_seen_from_the_front_and_the_crown_from_above(monkeypatch):
    random = np.random.default_rng(0)
    design = replace(draw_design(random), shell=200.0, stripe=20.0, stripes=(0.0,), face=90.0)
    design = replace(design, edge=0.0, mark_size=(0.0, 0.0), gloss=0.0, bars=(0, 0))

    def drawn(yaw, tilt):
        angles = {"yaw": yaw, "tilt": tilt, "roll": 0.0}
        monkeypatch.setattr(drawn_helmets, "_random_angles", lambda rng: tuple(angles.values()))
        return draw_helmet(design, np.random.default_rng(1))

    front, _ = drawn(0.0, 0.0)
    back, _ = drawn(np.pi, 0.0)
    above, _ = drawn(0.0, np.pi / 2)
    middle, side = CANVAS[1] // 2, CANVAS[1] // 4
    assert (front[40:50, middle] < 100).all()  # eyes and face
    assert (back[10:50, middle] < 50).all()  # the stripe, down to the neck
    assert (above[15:45, middle] < 50).all()  # the stripe, over the crown
    assert (back[20:40, side] > 100).all()
    assert (above[20:40, side] > 100).all()


@given(st.integers(0, 10_000))
def test_only_what_is_near_the_boxes_is_drawn_over_also_at_the_border(seed):
    random = np.random.default_rng(seed)
    image = np.full((160, 180), 120, dtype=np.uint8)
    low = random.integers(-10, 170, (4, 2))
    boxes = np.concatenate([low, low + random.integers(8, 24, (4, 2))], 1).astype(np.float32)
    redraw_helmets(image, boxes, random)
    outside = np.ones(image.shape, dtype=bool)
    for left, top, right, bottom in np.rint(boxes).astype(int):
        wide, high = 4 * (right - left), 4 * (bottom - top)
        outside[max(top - high, 0) : bottom + high, max(left - wide, 0) : right + wide] = False
    assert (image[outside] == 120).all()


def test_shoulders_lie_below_their_helmet():
    random = np.random.default_rng(5)
    box = np.array([100, 60, 120, 85], dtype=np.float32)
    drawn = np.zeros((200, 220))
    for _ in range(40):
        image = np.full(drawn.shape, 120, dtype=np.uint8)
        draw_shoulders(image, box, draw_design(random), random)
        drawn += image != 120
    assert drawn[85:100, 100:120].mean() > 0.8 * 40
    assert drawn[85:140].mean() > 4 * drawn[:60].mean()


def test_the_shoulders_of_one_hide_no_helmet_of_another(monkeypatch):
    monkeypatch.setattr(drawn_helmets, "WITH_SHOULDERS", 1.0)
    monkeypatch.setattr(drawn_helmets, "draw_shoulders", lambda image, *_: image.fill(7))
    image = np.full((60, 90), 120, dtype=np.uint8)
    boxes = np.array([[5, 10, 30, 40], [20, 15, 45, 45]], dtype=np.float32)
    redraw_helmets(image, boxes, np.random.default_rng(2))
    assert (image[:, 60:] == 7).all()
    assert all((image[20:35, left + 3 : left + 22] != 7).mean() > 0.9 for left in (5, 20))


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
