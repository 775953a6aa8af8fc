"""The field and the ground around it as one texture, seen from above."""

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator.colours import Colour, Colours, draw_turf_colour

TEXELS = 18  # texture pixels a yard
MARGIN = 20  # yards of surroundings in the texture
BORDER = 1.8  # yd, the white edge
STANDS = 8.0  # yd beyond the sideline, where the stands begin
NAMES = ("COMETS", "OTTERS", "HARBOR", "PILOTS", "MINERS", "GROVE", "VALLEY", "FORGE", "HERONS")
LOGO = 5.5, 4.0  # yd, half axes of what is painted at midfield


def draw_field(rng: Generator, teams: tuple[Colours, Colours], gain: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 BGR of the field with `MARGIN` yards around it; row 0 is y = -MARGIN.

    `gain` [3] is the camera's, see `colours.tint`; `teams`, home first, wear their colours in it.
    """
    import cv2

    size = int((FIELD_LENGTH + 2 * MARGIN) * TEXELS), int((FIELD_WIDTH + 2 * MARGIN) * TEXELS)
    grass = gain * draw_turf_colour(rng)
    field = _draw_turf(rng, grass, *size)
    white = np.clip(gain * (grass * 0.15 + rng.uniform(165, 225)), 0, 250).astype(int).tolist()
    paint = white[0], white[1], white[2]
    _draw_paintings(rng, field, teams, paint)
    _draw_markings(field, paint)
    _wear_out(rng, field, gain)
    _draw_surroundings(rng, field, gain, teams[0].jersey)
    return np.asarray(cv2.GaussianBlur(field, (3, 3), 0), np.uint8)  # else far lines flicker


def _texel(x: float, y: float) -> tuple[int, int]:
    return round((x + MARGIN) * TEXELS), round((y + MARGIN) * TEXELS)


def _draw_turf(rng: Generator, grass: np.ndarray, width: int, height: int) -> np.ndarray:
    """[height, width, 3] uint8 grass with the mower's stripes, patches and tufts."""
    import cv2

    mown = int(rng.choice([5, 10]))
    stripe = np.where(np.arange(width) // (mown * TEXELS) % 2 == 0, 1.0, -1.0)
    stripe = 1 + (rng.random() < 0.6) * rng.uniform(0.01, 0.09) * stripe
    shade = np.tile(stripe.astype(np.float32), (height, 1))
    noise = {6.0: 0.03, 1.2: 0.025, 0.35: 0.03, 1 / TEXELS: rng.uniform(0.05, 0.12)}
    for yards, strength in noise.items():
        shape = int(height / TEXELS / yards) + 1, int(width / TEXELS / yards) + 1
        rough = rng.normal(0, strength, shape).astype(np.float32)
        shade += cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(shade[..., None] * grass.astype(np.float32), 0, 255), np.uint8)


def _draw_paintings(
    rng: Generator, field: np.ndarray, teams: tuple[Colours, Colours], paint: Colour
) -> None:
    """The end zones in a team's colour with a word in each, and a logo at midfield."""
    import cv2

    plain = rng.random() < 0.3
    for low, high in ((0, 10), (110, 120)):
        jersey = np.array(teams[int(rng.random() < 0.25)].jersey)
        (left, top), (right, bottom) = _texel(low, 0), _texel(high, FIELD_WIDTH)
        end_zone = field[top:bottom, left:right]
        if not plain:
            end_zone[:] = (0.4 * end_zone + 0.6 * jersey).astype(np.uint8)
        word = np.zeros((right - left, bottom - top), np.uint8)
        name, scale = NAMES[int(rng.integers(len(NAMES)))], 0.22 * TEXELS
        (width, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_DUPLEX, scale, 18)
        origin = (word.shape[1] - width) // 2, (word.shape[0] + height) // 2
        cv2.putText(word, name, origin, cv2.FONT_HERSHEY_DUPLEX, scale, 255, 18, cv2.LINE_AA)
        end_zone[(np.rot90(word) if low else np.rot90(word, 3)) > 90] = paint
    if rng.random() < 0.75:
        center, axes = _texel(FIELD_LENGTH / 2, FIELD_WIDTH / 2), np.multiply(LOGO, TEXELS)
        team, outer = teams[0], rng.uniform(0.7, 1.2)
        for size, colour in ((1.0, team.helmet), (0.85, team.jersey), (0.5, team.digits)):
            half = (int(axes[0] * outer * size), int(axes[1] * outer * size))
            first = int(rng.integers(0, 180)) if size < 0.6 else 0
            cv2.ellipse(field, center, half, 0, first, first + (200 if first else 360), colour, -1)


def _draw_markings(field: np.ndarray, paint: Colour) -> None:
    import cv2

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


def _wear_out(rng: Generator, field: np.ndarray, gain: np.ndarray) -> None:
    """Bare earth where most of the play is, between the hashes and before the goal lines."""
    import cv2

    strength = rng.uniform(0, 0.5) if rng.random() < 0.4 else 0.0
    if not strength:
        return
    height, width = field.shape[:2]
    coarse = rng.random((height // (2 * TEXELS), width // (2 * TEXELS))).astype(np.float32)
    patch = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y = (np.arange(height) / TEXELS - MARGIN - FIELD_WIDTH / 2) / 9.0
    share = strength * np.clip(patch * np.exp(-(y**2))[:, None], 0, 1)[..., None]
    earth = (gain * np.array([75, 105, 125])).astype(np.float32)
    field[:] = (field + share * (earth - field)).astype(np.uint8)


def _draw_surroundings(rng: Generator, field: np.ndarray, gain: np.ndarray, team: Colour) -> None:
    """A strip of ground beyond the sidelines: concrete, turf or painted; then the stands."""
    import cv2

    height, width = field.shape[:2]
    concrete = gain * rng.uniform(0.4, 1.0) * np.array([165, 180, 190])
    kinds = (concrete, field[: 2 * TEXELS].mean((0, 1)), np.array(team, float))
    ground = kinds[int(rng.choice(3, p=[0.4, 0.35, 0.25]))]
    seats = rng.normal(75, 12, (height // 8, width // 8, 1)) + rng.normal(0, 9, (1, 1, 3))
    people = rng.random((height // 8, width // 8)) < rng.uniform(0.1, 0.7)
    clothes = rng.uniform(40, 210, (*people.shape, 1)) + rng.normal(0, 22, (*people.shape, 3))
    seats = np.where(people[..., None], clothes, seats)
    seats = np.clip(seats, 20, 230).astype(np.uint8)
    stands = cv2.resize(seats, (width, height), interpolation=cv2.INTER_CUBIC)
    left, right = _texel(-STANDS, 0)[0], _texel(FIELD_LENGTH + STANDS, 0)[0]
    field[:, :left], field[:, right:] = stands[:, :left], stands[:, right:]
    for edge, out in ((0.0, -1), (FIELD_WIDTH, 1)):
        border, bench = (_texel(0, edge + out * y)[1] for y in (BORDER + 0.3, STANDS))
        rows = slice(0, border) if out < 0 else slice(border, height)
        strip = field[rows, left:right]
        strip[:] = (0.25 * strip + 0.75 * ground).astype(np.uint8)
        rows = slice(0, bench) if out < 0 else slice(bench, height)
        field[rows] = stands[rows]
