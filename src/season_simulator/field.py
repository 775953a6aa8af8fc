"""The field and the ground around it as one texture, seen from above."""

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator.colours import Colour, Colours, draw_turf_colour

TEXELS = 28  # texture pixels a yard
MARGIN = 20  # yards of surroundings in the texture
SIZE = int((FIELD_LENGTH + 2 * MARGIN) * TEXELS), int((FIELD_WIDTH + 2 * MARGIN) * TEXELS)
BORDER = 1.8  # yd, the white edge
STANDS = 8.0  # yd beyond the sideline, where the stands begin
PATCHES = {6.0: 0.035, 1.2: 0.03, 0.35: 0.03}  # yd across: standard deviation of the brightness
BLADES, BLADE_TILE = (0.06, 0.15), 512  # the same of a texel; texels, then they repeat
EVEN = 100  # brightness that changes nothing
NAMES = ("COMETS", "OTTERS", "HARBOR", "PILOTS", "MINERS", "GROVE", "VALLEY", "FORGE", "HERONS")
LOGO = 5.5, 4.0  # yd, half axes of what is painted at midfield


def draw_field(rng: Generator, teams: tuple[Colours, Colours], gain: np.ndarray) -> np.ndarray:
    """[H, W, 4] uint8 BGR, and nothing in the fourth channel: OpenCV warps four twice as fast as
    three. The field with `MARGIN` yards around it; row 0 is y = -MARGIN.

    `gain` [3] is the camera's, see `colours.tint`; `teams`, home first, wear their colours in it.
    """
    import cv2

    grass = gain * draw_turf_colour(rng)
    field = np.empty((SIZE[1], SIZE[0], 4), np.uint8)
    field[:] = (*np.clip(grass, 0, 255).astype(np.uint8), 0)
    white = np.clip(gain * (grass * 0.15 + rng.uniform(175, 230)), 0, 252).astype(int).tolist()
    paint = white[0], white[1], white[2], 0
    _draw_paintings(rng, field, teams, paint)
    _draw_markings(field, paint)
    _wear_out(rng, field, gain)
    shade = np.repeat(_draw_shade(rng)[..., None], 4, axis=2)
    cv2.multiply(field, shade, dst=field, scale=1 / EVEN)
    _draw_surroundings(rng, field, gain, teams[0].jersey)
    return np.asarray(cv2.blur(field, (2, 2)), np.uint8)  # else far lines flicker


def _texel(x: float, y: float) -> tuple[int, int]:
    return round((x + MARGIN) * TEXELS), round((y + MARGIN) * TEXELS)


def _draw_shade(rng: Generator) -> np.ndarray:
    """[H, W] uint8 brightness, `EVEN` on average: the mower's stripes, patches and blades."""
    import cv2

    coarse = SIZE[0] // 4, SIZE[1] // 4
    mown = int(rng.choice([5, 10]))
    stripe = np.where(np.arange(coarse[0]) * 4 // (mown * TEXELS) % 2 == 0, 1.0, -1.0)
    stripe = 1 + (rng.random() < 0.6) * rng.uniform(0.01, 0.09) * stripe
    shade = np.tile(stripe.astype(np.float32), (coarse[1], 1))
    for yards, strength in PATCHES.items():
        shape = int(SIZE[1] / TEXELS / yards) + 1, int(SIZE[0] / TEXELS / yards) + 1
        rough = rng.normal(0, strength, shape).astype(np.float32)
        shade += cv2.resize(rough, coarse, interpolation=cv2.INTER_CUBIC)
    large = cv2.resize(np.clip(EVEN * shade, 0, 255).astype(np.uint8), SIZE)
    tile = rng.normal(EVEN, EVEN * rng.uniform(*BLADES), (BLADE_TILE, BLADE_TILE))
    repeats = SIZE[1] // BLADE_TILE + 1, SIZE[0] // BLADE_TILE + 1
    blades = np.tile(np.clip(tile, 0, 255).astype(np.uint8), repeats)[: SIZE[1], : SIZE[0]]
    return np.asarray(cv2.multiply(large, blades, scale=1 / EVEN))


def _draw_paintings(
    rng: Generator, field: np.ndarray, teams: tuple[Colours, Colours], paint: tuple[int, ...]
) -> None:
    """The end zones in a team's colour with a word in each, and a logo at midfield."""
    import cv2

    plain = rng.random() < 0.3
    for low, high in ((0, 10), (110, 120)):
        jersey = np.array((*teams[int(rng.random() < 0.25)].jersey, 0))
        (left, top), (right, bottom) = _texel(low, 0), _texel(high, FIELD_WIDTH)
        end_zone = field[top:bottom, left:right]
        if not plain:
            end_zone[:] = (0.4 * end_zone[0, 0] + 0.6 * jersey).astype(np.uint8)
        word = np.zeros((right - left, bottom - top), np.uint8)
        name, scale, thick = NAMES[int(rng.integers(len(NAMES)))], 0.22 * TEXELS, TEXELS
        (width, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_DUPLEX, scale, thick)
        origin = (word.shape[1] - width) // 2, (word.shape[0] + height) // 2
        cv2.putText(word, name, origin, cv2.FONT_HERSHEY_DUPLEX, scale, 255, thick, cv2.LINE_AA)
        end_zone[(np.rot90(word) if low else np.rot90(word, 3)) > 90] = paint
    if rng.random() < 0.75:
        _draw_logo(rng, field, teams[0])


def _draw_logo(rng: Generator, field: np.ndarray, team: Colours) -> None:
    """Some emblem at midfield: lobed shapes inside each other, or a ring, in the team's colours."""
    import cv2

    center = np.array(_texel(FIELD_LENGTH / 2, FIELD_WIDTH / 2))
    axes = np.multiply(LOGO, TEXELS) * rng.uniform(0.6, 1.3)
    angle, lobes = np.linspace(0, 2 * np.pi, 120, endpoint=False), int(rng.integers(2, 6))
    depth, turn = rng.choice([0.0, rng.uniform(0.1, 0.4)]), rng.uniform(0, 2 * np.pi)
    colours = [team.helmet, team.jersey, team.digits, team.stripe]
    rng.shuffle(colours)
    for size, colour in zip((1.0, 0.86, 0.55, 0.3), colours, strict=True):
        wave = 1 + depth * np.sin(lobes * angle + turn * (2 - size))
        ring = np.stack([np.cos(angle), np.sin(angle)], -1) * (size * wave)[:, None] * axes
        cv2.fillPoly(field, [(center + ring).astype(np.int32)], colour, cv2.LINE_AA)


def _draw_markings(field: np.ndarray, paint: tuple[int, ...]) -> None:
    import cv2

    half, line = BORDER / 2, 3
    corners = _texel(-half, -half), _texel(FIELD_LENGTH + half, FIELD_WIDTH + half)
    cv2.rectangle(field, *corners, paint, int(BORDER * TEXELS))
    for x in range(10, 111, 5):
        wide = 3 * line if x in (10, 110) else line
        cv2.line(field, _texel(x, 0), _texel(x, FIELD_WIDTH), paint, wide, cv2.LINE_AA)
    for x in range(10, 111):
        for y in (0.6, 23.58, FIELD_WIDTH - 23.58, FIELD_WIDTH - 0.6):
            cv2.line(field, _texel(x, y - 0.33), _texel(x, y + 0.33), paint, line, cv2.LINE_AA)
    for x in range(20, 101, 10):
        stamp = np.zeros((int(2.2 * TEXELS), int(4.6 * TEXELS)), np.uint8)
        digits = str(min(x - 10, 110 - x)).replace("0", "O")  # OpenCV strikes its noughts through
        font, scale, thick = cv2.FONT_HERSHEY_TRIPLEX, 0.095 * TEXELS, TEXELS // 4
        for digit, offset in zip(digits, (0.35, 2.75), strict=True):
            origin = int(offset * TEXELS), int(2.05 * TEXELS)
            cv2.putText(stamp, digit, origin, font, scale, 255, thick, cv2.LINE_AA)
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
    middle = MARGIN + FIELD_WIDTH / 2
    rows = slice(int((middle - 18) * TEXELS), int((middle + 18) * TEXELS))
    part = field[rows]
    shape = part.shape[0] // (2 * TEXELS), part.shape[1] // (2 * TEXELS)
    coarse = rng.random(shape).astype(np.float32)
    patch = cv2.resize(coarse, part.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    y = np.linspace(-2, 2, len(part), dtype=np.float32)
    share = np.float32(strength) * np.clip(patch * np.exp(-(y**2))[:, None], 0, 1)
    for k, earth in enumerate((gain * np.array([75, 105, 125])).tolist()):
        part[..., k] = part[..., k] + share * (np.float32(earth) - part[..., k])


def _draw_surroundings(rng: Generator, field: np.ndarray, gain: np.ndarray, team: Colour) -> None:
    """A strip of ground beyond the sidelines: concrete, turf or painted; then the stands."""
    import cv2

    width, height = SIZE
    concrete = gain * rng.uniform(0.4, 1.0) * np.array([165, 180, 190])
    turf = field[:TEXELS, :TEXELS].mean((0, 1))[:3]
    ground = (concrete, turf, np.array(team, float))[int(rng.choice(3, p=[0.4, 0.35, 0.25]))]
    left, right = _texel(-STANDS, 0)[0], _texel(FIELD_LENGTH + STANDS, 0)[0]
    seat = TEXELS // 2
    for edge, out in ((0.0, -1), (FIELD_WIDTH, 1)):
        border, bench = (_texel(0, edge + out * y)[1] for y in (BORDER + 0.3, STANDS))
        strip = field[bench:border, left:right] if out < 0 else field[border:bench, left:right]
        strip[:] = (0.25 * strip + 0.75 * np.array((*ground, 0))).astype(np.uint8)
    rows = height // seat + 1, width // seat + 1
    people = (rng.random(rows) < rng.uniform(0.1, 0.7))[..., None]
    seats = rng.normal(75, 12, (*rows, 1)) + rng.normal(0, 9, (1, 1, 3))
    clothes = rng.uniform(40, 210, (*rows, 1)) + rng.normal(0, 22, (*rows, 3))
    stands = np.zeros((*rows, 4), np.uint8)
    stands[..., :3] = np.clip(np.where(people, clothes, seats), 20, 230)
    low, high = (_texel(0, y)[1] for y in (-STANDS, FIELD_WIDTH + STANDS))
    for area in (np.s_[:low], np.s_[high:], np.s_[low:high, :left], np.s_[low:high, right:]):
        part = field[area]
        few = stands[: part.shape[0] // seat + 1, : part.shape[1] // seat + 1]
        part[:] = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_CUBIC)
