"""The field and what lies round it as one texture, seen from above."""

import numpy as np

from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH
from player_contact.simulate.figure import AWAY_COLOURS, SKIN, TEAM_COLOURS

TEXELS = 18  # texture pixels a yard
MARGIN = 20  # yards of surroundings in the texture
BORDER = 1.8  # yd, the white edge
BENCH = 3.2, 8.0  # yd beyond the sideline: where bystanders have their feet, and where the stands begin


def draw_field(rng: np.random.Generator) -> np.ndarray:
    """[H, W, 3] uint8 BGR texture of the field with `MARGIN` yards around it; row 0 is y = -MARGIN."""
    import cv2

    width, height = int((FIELD_LENGTH + 2 * MARGIN) * TEXELS), int((FIELD_WIDTH + 2 * MARGIN) * TEXELS)
    green = rng.uniform(108, 155)
    grass = green * np.array([rng.uniform(0.48, 0.63), 1.0, rng.uniform(0.74, 0.86)])
    field = _turf(rng, grass, width, height)
    paint = tuple(int(c) for c in np.clip(grass * 0.25 + rng.uniform(155, 190), 0, 235))
    _paint_lines(rng, field, paint)
    _paint_numbers(field, paint)
    _surround(rng, field)
    return np.asarray(cv2.GaussianBlur(field, (3, 3), 0), np.uint8)  # else thin lines far away come and go


def _at(x: float, y: float) -> tuple[int, int]:
    return round((x + MARGIN) * TEXELS), round((y + MARGIN) * TEXELS)


def _turf(rng: np.random.Generator, grass: np.ndarray, width: int, height: int) -> np.ndarray:
    """Grass with the mower's stripes, worn patches and tufts; [height, width, 3] uint8."""
    import cv2

    stripe = 1 + rng.uniform(0.0, 0.035) * np.where(np.arange(width) // (5 * TEXELS) % 2 == 0, 1.0, -1.0)
    shade = np.tile(stripe.astype(np.float32), (height, 1))
    for yards, strength in ((6.0, 0.03), (1.2, 0.025), (0.35, 0.03), (1 / TEXELS, rng.uniform(0.05, 0.12))):
        rough = rng.normal(0, strength, (int(height / TEXELS / yards) + 1, int(width / TEXELS / yards) + 1)).astype(np.float32)
        shade += cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(shade[..., None] * grass.astype(np.float32), 0, 255), np.uint8)


def _paint_lines(rng: np.random.Generator, field: np.ndarray, paint: tuple[int, ...]) -> None:
    import cv2

    for low, high in ((0, 10), (110, 120)):
        colour = TEAM_COLOURS[int(rng.integers(len(TEAM_COLOURS)))].jersey
        block = field[_at(0, 0)[1] : _at(0, FIELD_WIDTH)[1], _at(low, 0)[0] : _at(high, 0)[0]]
        block[:] = (0.45 * block + 0.55 * np.array(colour)).astype(np.uint8)
    half = BORDER / 2
    cv2.rectangle(field, _at(-half, -half), _at(FIELD_LENGTH + half, FIELD_WIDTH + half), paint, int(BORDER * TEXELS))
    for x in range(10, 111, 5):
        cv2.line(field, _at(x, 0), _at(x, FIELD_WIDTH), paint, 2, cv2.LINE_AA)
    for x in range(10, 111):
        for y in (0.6, 23.58, FIELD_WIDTH - 23.58, FIELD_WIDTH - 0.6):
            cv2.line(field, _at(x, y - 0.33), _at(x, y + 0.33), paint, 2, cv2.LINE_AA)


def _paint_numbers(field: np.ndarray, paint: tuple[int, ...]) -> None:
    import cv2

    for x in range(20, 101, 10):
        number = str(min(x - 10, 110 - x)).replace("0", "O")  # OpenCV strikes its noughts through
        for y, up in ((12.0, True), (FIELD_WIDTH - 12.0, False)):
            stamp = np.zeros((int(2.2 * TEXELS), int(4.6 * TEXELS)), np.uint8)
            for digit, left in zip(number, (0.35, 2.75), strict=True):
                cv2.putText(stamp, digit, (int(left * TEXELS), int(2.05 * TEXELS)), cv2.FONT_HERSHEY_SIMPLEX, 1.75, 255, 5, cv2.LINE_AA)
            stamp = stamp[::-1] if up else stamp[:, ::-1]
            left, top = _at(x - 2.3, y - 1.1)
            part = field[top : top + stamp.shape[0], left : left + stamp.shape[1]]
            part[:] = np.where(stamp[..., None] > 90, np.array(paint, np.uint8), part)


def _surround(rng: np.random.Generator, field: np.ndarray) -> None:
    """Beyond the sidelines a strip of ground and people who stand on it; all round the stands.

    They are painted flat on the ground, long enough to look upright to a camera high on the other side.
    """
    import cv2

    ground = rng.uniform(0.5, 1.0) * np.array([175, 180, 180])
    clothes = [colours.jersey for colours in TEAM_COLOURS + AWAY_COLOURS] + [(40, 40, 40)] * 6
    seats = np.clip(rng.normal(75, 12, (field.shape[0] // 8, field.shape[1] // 8, 1)) + rng.normal(0, 4, (1, 1, 3)), 20, 170).astype(np.uint8)
    crowd = cv2.resize(seats, (field.shape[1], field.shape[0]), interpolation=cv2.INTER_CUBIC)
    left, right = _at(-BENCH[1], 0)[0], _at(FIELD_LENGTH + BENCH[1], 0)[0]
    field[:, :left], field[:, right:] = crowd[:, :left], crowd[:, right:]
    for edge, out in ((0.0, -1), (FIELD_WIDTH, 1)):
        near, far = sorted((_at(0, edge + out * (BORDER + 0.3))[1], 0 if out < 0 else len(field)))
        field[near:far, left:right] = (0.15 * field[near:far, left:right] + 0.85 * ground).astype(np.uint8)
        near, far = sorted((_at(0, edge + out * BENCH[1])[1], 0 if out < 0 else len(field)))
        field[near:far] = crowd[near:far]
        for x in rng.uniform(0, FIELD_LENGTH, 110).tolist():
            feet = edge + out * (BENCH[0] + rng.uniform(0, 1.5))
            colour, trousers = (clothes[int(rng.integers(len(clothes)))] for _ in range(2))
            cv2.line(field, _at(x, feet), _at(x, feet + out * 2.4), trousers, 8, cv2.LINE_AA)
            cv2.line(field, _at(x, feet + out * 2.4), _at(x, feet + out * 4.2), colour, 12, cv2.LINE_AA)
            cv2.ellipse(field, _at(x, feet + out * 5.0), (4, 9), 0, 0, 360, SKIN[int(rng.integers(len(SKIN)))], -1, cv2.LINE_AA)
