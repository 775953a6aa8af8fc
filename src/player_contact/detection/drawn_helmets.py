"""Helmets and shoulders of many designs, drawn over those of a training tile, in gray.

The simulation draws all helmets and jerseys alike. Real ones differ: shells, stripes, marks on the
side, cages before a face, gloss; numbers and striped sleeves beside them. A detector that has seen
many drawings takes a new one for another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

DARKEST, BRIGHTEST = 16, 235
CANVAS = 72, 56  # height and width of a drawing, which is then scaled to its box
SMALLEST = 4  # px of a box that is drawn into
TILT = -20.0, 80.0  # degrees: a lifted head, and one that is lowered to show its crown
ROLL = 25.0  # degrees to either side, most
MASK_AT, MASK_SIZE = (0.45, -0.38), 0.76  # of the cage: forward and up, radius; the shell's is 1
BROW, CHIN = 0.22, -0.62  # heights of the shell's edges at the front and all around
WITH_SHOULDERS = 0.5  # share of the drawn tiles


@dataclass(frozen=True)
class Design:
    """What the helmets and jerseys of a team have in common; tones are gray values."""

    shell: float
    stripe: float
    mask: float
    face: float
    mark: float
    jersey: float
    sleeve: float
    number: float
    stripes: tuple[float, ...]  # their places across, -1..1
    stripe_width: float
    edge: float  # width of a line of the mark's tone between stripe and shell
    mark_size: tuple[float, float]  # forward and up; 0: none
    ring: float  # of the mark: share of it that is hollow
    gloss: float
    bars: tuple[int, int]  # of the cage: across and down


def draw_design(rng: Generator) -> Design:
    """A random design."""
    shell, stripe, mask, face, mark, jersey, sleeve, number = rng.uniform(DARKEST, BRIGHTEST, 8)
    gap, count = rng.uniform(0.15, 0.4), int(rng.choice([0, 1, 1, 2, 3]))
    stripes = (np.arange(count) - (count - 1) / 2) * gap
    forward, up = rng.uniform(0.2, 0.5, 2) if rng.random() < 0.6 else (0.0, 0.0)
    return Design(
        float(shell),
        float(stripe),
        float(mask),
        float(face),
        float(mark),
        float(jersey),
        float(sleeve),
        float(number),
        stripes=tuple(stripes.tolist()),
        stripe_width=float(rng.uniform(0.04, 0.16)),
        edge=float(rng.choice([0.0, rng.uniform(0.02, 0.05)])),
        mark_size=(float(forward), float(up)),
        ring=float(rng.choice([0.0, rng.uniform(0.3, 0.8)])),
        gloss=float(rng.uniform(0, 1)),
        bars=(int(rng.integers(1, 5)), int(rng.integers(0, 4))),
    )


def draw_helmet(design: Design, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A helmet seen from a random side: tones and opacity, both float32 [H, W] of CANVAS.

    The shell is a sphere that is open before the face and below, the cage part of a smaller one.
    """
    turn = _turn(*_random_angles(rng))
    ahead, up = MASK_AT
    mask = turn.T @ (0.0, up, ahead)  # its centre in the picture: right, up, to the camera
    x, y = _picture_plane(mask)
    light = rng.normal((0, 1.5, 0.5), 1)
    light /= np.linalg.norm(light)
    tones, opacity = np.full(CANVAS, design.face * 0.5, np.float32), np.zeros(CANVAS, np.float32)
    nearest = np.full(CANVAS, -np.inf)
    for is_mask, centre, radius in ((False, np.zeros(3), 1.0), (True, mask, MASK_SIZE)):
        across, above = (x - centre[0]) / radius, (y - centre[1]) / radius
        inside = across**2 + above**2 < 1
        towards = np.sqrt(np.where(inside, 1 - across**2 - above**2, 0))
        normal = np.stack([across, above, towards], axis=-1)
        place = normal @ turn.T  # right, up, forward of the helmet
        drawn, tone = _cage(design, place) if is_mask else _shell(design, place)
        depth = centre[2] + radius * towards
        drawn &= inside & (depth > nearest)
        shaded = _shade(tone, normal, light, design.gloss if not is_mask else 0.2)
        tones[drawn], opacity[drawn], nearest[drawn] = shaded[drawn], 1, depth[drawn]
    np.clip(tones, DARKEST, BRIGHTEST, out=tones)
    return tones, opacity


def _random_angles(rng: Generator) -> tuple[float, float, float]:
    """Radians: yaw (0: the face is seen), tilt (upwards: from above), roll."""
    yaw = rng.uniform(-np.pi, np.pi)
    tilt, roll = np.deg2rad([rng.uniform(*TILT), rng.uniform(-ROLL, ROLL)])
    return float(yaw), float(tilt), float(roll)


def _turn(yaw: float, tilt: float, roll: float) -> np.ndarray:
    """[3, 3] from the picture's axes (right, up, to the camera) to the helmet's."""
    (cy, sy), (ct, st), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, tilt, roll))
    around = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    down = np.array([[1, 0, 0], [0, ct, st], [0, -st, ct]])
    aside = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return around @ down @ aside


def _picture_plane(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and up of each pixel, so that shell and cage just fit into the canvas."""
    low = np.minimum(-1, mask[:2] - MASK_SIZE)
    high = np.maximum(1, mask[:2] + MASK_SIZE)
    height, width = CANVAS
    right = low[0] + (high[0] - low[0]) * (np.arange(width) + 0.5) / width
    above = high[1] - (high[1] - low[1]) * (np.arange(height) + 0.5) / height
    return tuple(np.meshgrid(right, above))


def _shell(design: Design, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the shell is, and its tones, at places [..., 3] of the sphere."""
    right, up, ahead = np.moveaxis(place, -1, 0)
    tone = np.full(right.shape, design.shell)
    for at in design.stripes:
        far = np.abs(right - at)
        tone[far < design.stripe_width + design.edge] = design.mark
        tone[far < design.stripe_width] = design.stripe
    if min(design.mark_size) > 0:
        forward, above = ((ahead - 0.05) / design.mark_size[0], (up - 0.15) / design.mark_size[1])
        far = np.hypot(forward, above)
        tone[(far < 1) & (far >= design.ring) & (np.abs(right) > 0.5)] = design.mark
    tone[(np.hypot(ahead - 0.1, up + 0.3) < 0.11) & (np.abs(right) > 0.5)] = DARKEST  # the ear's
    tone[(ahead > 0) & (up < BROW + 0.12) & (np.abs(right) < 0.6)] = design.mask  # its bumper
    before_face = (ahead > 0.45) & (up < BROW)
    face = before_face & (up > CHIN) & (np.abs(right) < 0.7)
    tone = np.where(face, np.where(up > BROW - 0.25, DARKEST, design.face * 0.6), tone)
    return (up > CHIN) & (face | ~before_face), tone


def _cage(design: Design, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where bars of the cage are, and their tone, at places [..., 3] of its sphere."""
    right, up, ahead = np.moveaxis(place, -1, 0)
    across, down = design.bars
    bar = np.zeros(right.shape, dtype=bool)
    for at in np.linspace(-0.65, 0.25, across):
        bar |= np.abs(up - at) < 0.1
    for at in np.linspace(-0.45, 0.45, down) if down > 1 else [0.0] * down:
        bar |= (np.abs(right - at) < 0.09) & (up < 0.25)
    return bar & (ahead > 0.1), np.full(right.shape, design.mask)


def _shade(tone: np.ndarray, normal: np.ndarray, light: np.ndarray, gloss: float) -> np.ndarray:
    """Light from one side, and its gleam (Phong 1975)."""
    facing = normal @ light
    half = light + np.array([0, 0, 1])
    gleam = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 24
    return tone * (0.85 + 0.35 * facing) + gloss * 120 * gleam


def draw_shoulders(image: np.ndarray, box: np.ndarray, design: Design, rng: Generator) -> None:
    """A jersey around a helmet's box [4], in place: of a player who stands, stoops or lies."""
    import cv2

    size, centre = box[2:] - box[:2], (box[:2] + box[2:]) / 2
    turn = float(rng.normal(0, 25))
    axes = rng.uniform((2.0, 1.2), (3.2, 2.6)) * size
    down = rng.uniform(0.2, 0.9) * axes[1] * np.array([-np.sin(np.deg2rad(turn)), 1.0])
    middle = centre + down / 2 + (0, 0.3 * size[1])

    def ellipse(at: np.ndarray, extent: np.ndarray, tone: float, angle: float = turn) -> None:
        shape = at.tolist(), np.maximum(extent, 1).tolist(), angle
        cv2.ellipse(image, shape, tone, -1, cv2.LINE_AA)

    ellipse(middle, axes, design.jersey)
    aside = np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))]) * axes[0] * 0.42
    for side in (-1, 1):
        cap = middle + side * aside
        ellipse(cap, rng.uniform(0.5, 1.0, 2) * size, design.sleeve)
        for _ in range(int(rng.integers(0, 4))):
            start = cap + rng.uniform(-0.5, 0.5, 2) * size
            end = start + rng.uniform(-0.5, 0.5, 2) * size
            ends = np.rint([start, end]).astype(np.int32)
            cv2.polylines(image, [ends], False, design.number, int(rng.integers(1, 4)), cv2.LINE_AA)
        hand = middle + side * aside * rng.uniform(0, 1.5) + (0, rng.uniform(0.5, 2) * size[1])
        ellipse(hand, rng.uniform(0.25, 0.6, 2) * size, rng.uniform(DARKEST, BRIGHTEST), 0.0)
    for _ in range(int(rng.integers(0, 4))):
        at = middle + rng.uniform((-0.9, -0.2), (0.6, 0.6)) * (axes / 2)
        scale, bold = float(rng.uniform(0.3, 0.9) * size[1] / 22), int(rng.integers(1, 4))
        where, text = tuple(np.rint(at).astype(int).tolist()), str(int(rng.integers(1, 100)))
        cv2.putText(image, text, where, 0, scale, design.number, bold, cv2.LINE_AA)


def redraw_helmets(image: np.ndarray, boxes: np.ndarray, rng: Generator) -> None:
    """Draws a helmet into each box [K, 4] of a gray image, in place: of one of two designs.

    In some images each wearer gets a jersey first, which may hide what else is there.
    """
    import cv2

    designs = draw_design(rng), draw_design(rng)
    drawn = boxes[np.rint(boxes[:, 2:] - boxes[:, :2]).min(1) >= SMALLEST]
    chosen = [designs[int(rng.random() < 0.5)] for _ in drawn]
    if rng.random() < WITH_SHOULDERS:
        for box, design in zip(drawn, chosen, strict=True):
            draw_shoulders(image, box, design, rng)
    for box, design in zip(drawn, chosen, strict=True):
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        size = (x1 - x0, y1 - y0)
        tones, opacity = (
            cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in draw_helmet(design, rng)
        )
        part = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        low, (height, width) = (max(-y0, 0), max(-x0, 0)), part.shape
        shown = np.s_[low[0] : low[0] + height, low[1] : low[1] + width]
        share = opacity[shown]
        part[:] = np.rint(share * tones[shown] + (1 - share) * part).astype(np.uint8)
