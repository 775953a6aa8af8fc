"""The field and its surroundings as one texture, seen from above."""

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator.figure import AWAY_COLOURS, HOME_COLOURS, SKIN

TEXELS = 18  # texture pixels a yard
MARGIN = 20  # yards of surroundings in the texture
BORDER = 1.8  # yd, the white edge
BENCH, STANDS = 3.2, 8.0  # yd beyond the sideline, where people and where the stands begin


def draw_field(rng: Generator) -> np.ndarray:
    """[H, W, 3] uint8 BGR of the field with `MARGIN` yards around it; row 0 is y = -MARGIN."""
    import cv2

    size = int((FIELD_LENGTH + 2 * MARGIN) * TEXELS), int((FIELD_WIDTH + 2 * MARGIN) * TEXELS)
    green = rng.uniform(108, 155)
    grass = green * np.array([rng.uniform(0.48, 0.63), 1.0, rng.uniform(0.74, 0.86)])
    field = _draw_turf(rng, grass, *size)
    paint = tuple(int(c) for c in np.clip(grass * 0.25 + rng.uniform(155, 190), 0, 235))
    _draw_markings(rng, field, paint)
    _draw_surroundings(rng, field)
    return np.asarray(cv2.GaussianBlur(field, (3, 3), 0), np.uint8)  # else far lines flicker


def _texel(x: float, y: float) -> tuple[int, int]:
    return round((x + MARGIN) * TEXELS), round((y + MARGIN) * TEXELS)


def _draw_turf(rng: Generator, grass: np.ndarray, width: int, height: int) -> np.ndarray:
    """[height, width, 3] uint8 grass with the mower's stripes, worn patches and tufts."""
    import cv2

    stripe = np.where(np.arange(width) // (5 * TEXELS) % 2 == 0, 1.0, -1.0)
    stripe = 1 + rng.uniform(0.0, 0.035) * stripe
    shade = np.tile(stripe.astype(np.float32), (height, 1))
    noise = {6.0: 0.03, 1.2: 0.025, 0.35: 0.03, 1 / TEXELS: rng.uniform(0.05, 0.12)}
    for yards, strength in noise.items():
        shape = int(height / TEXELS / yards) + 1, int(width / TEXELS / yards) + 1
        rough = rng.normal(0, strength, shape).astype(np.float32)
        shade += cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(shade[..., None] * grass.astype(np.float32), 0, 255), np.uint8)


def _draw_markings(rng: Generator, field: np.ndarray, paint: tuple[int, ...]) -> None:
    import cv2

    for low, high in ((0, 10), (110, 120)):
        colour = HOME_COLOURS[int(rng.integers(len(HOME_COLOURS)))].jersey
        (left, top), (right, bottom) = _texel(low, 0), _texel(high, FIELD_WIDTH)
        end_zone = field[top:bottom, left:right]
        end_zone[:] = (0.45 * end_zone + 0.55 * np.array(colour)).astype(np.uint8)
    half = BORDER / 2
    corners = _texel(-half, -half), _texel(FIELD_LENGTH + half, FIELD_WIDTH + half)
    cv2.rectangle(field, *corners, paint, int(BORDER * TEXELS))
    for x in range(10, 111, 5):
        cv2.line(field, _texel(x, 0), _texel(x, FIELD_WIDTH), paint, 2, cv2.LINE_AA)
    for x in range(10, 111):
        for y in (0.6, 23.58, FIELD_WIDTH - 23.58, FIELD_WIDTH - 0.6):
            cv2.line(field, _texel(x, y - 0.33), _texel(x, y + 0.33), paint, 2, cv2.LINE_AA)
    for x in range(20, 101, 10):
        stamp = np.zeros((int(2.2 * TEXELS), int(4.6 * TEXELS)), np.uint8)
        digits = str(min(x - 10, 110 - x)).replace("0", "O")  # OpenCV strikes its noughts through
        for digit, offset in zip(digits, (0.35, 2.75), strict=True):
            origin = int(offset * TEXELS), int(2.05 * TEXELS)
            cv2.putText(stamp, digit, origin, cv2.FONT_HERSHEY_SIMPLEX, 1.75, 255, 5, cv2.LINE_AA)
        for y, number in ((12.0, stamp[::-1]), (FIELD_WIDTH - 12.0, stamp[:, ::-1])):
            left, top = _texel(x - 2.3, y - 1.1)
            part = field[top : top + stamp.shape[0], left : left + stamp.shape[1]]
            part[number > 90] = paint


def _draw_surroundings(rng: Generator, field: np.ndarray) -> None:
    """People on a strip of ground beyond the sidelines, and the stands, all painted flat."""
    import cv2

    height, width = field.shape[:2]
    ground = rng.uniform(0.5, 1.0) * np.array([175, 180, 180])
    clothes = [colours.jersey for colours in HOME_COLOURS + AWAY_COLOURS] + [(40, 40, 40)] * 6
    seats = rng.normal(75, 12, (height // 8, width // 8, 1)) + rng.normal(0, 4, (1, 1, 3))
    seats = np.clip(seats, 20, 170).astype(np.uint8)
    stands = cv2.resize(seats, (width, height), interpolation=cv2.INTER_CUBIC)
    left, right = _texel(-STANDS, 0)[0], _texel(FIELD_LENGTH + STANDS, 0)[0]
    field[:, :left], field[:, right:] = stands[:, :left], stands[:, right:]
    for edge, out in ((0.0, -1), (FIELD_WIDTH, 1)):
        border, bench = (_texel(0, edge + out * y)[1] for y in (BORDER + 0.3, STANDS))
        rows = slice(0, border) if out < 0 else slice(border, height)
        strip = field[rows, left:right]
        strip[:] = (0.15 * strip + 0.85 * ground).astype(np.uint8)
        rows = slice(0, bench) if out < 0 else slice(bench, height)
        field[rows] = stands[rows]
        for x in rng.uniform(0, FIELD_LENGTH, 110).tolist():
            feet = edge + out * (BENCH + rng.uniform(0, 1.5))
            shirt, trousers = (clothes[int(rng.integers(len(clothes)))] for _ in range(2))
            skin = SKIN[int(rng.integers(len(SKIN)))]
            ankle, waist, neck, head = (_texel(x, feet + out * y) for y in (0, 2.4, 4.2, 5.0))
            cv2.line(field, ankle, waist, trousers, 8, cv2.LINE_AA)
            cv2.line(field, waist, neck, shirt, 12, cv2.LINE_AA)
            cv2.ellipse(field, head, (4, 9), 0, 0, 360, skin, -1, cv2.LINE_AA)
