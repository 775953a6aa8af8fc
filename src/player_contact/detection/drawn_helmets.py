"""Helmets of many designs, drawn over those of a training tile: gray, seen from any side.

The simulation draws all helmets alike. Real ones differ: shells, stripes, marks on the side, masks
of bars before a face, gloss. A detector that has seen many drawings takes a new one for another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

DARKEST, BRIGHTEST = 16, 235
CANVAS = 72, 56  # height and width of a drawing, which is then scaled to its box
SMALLEST = 4  # px of a box that is drawn into
SIDES = "front", "back", "left", "right"


@dataclass(frozen=True)
class Design:
    """What the helmets of a team have in common; tones are gray values."""

    shell: float
    stripe: float
    mask: float
    face: float
    mark: float
    stripes: tuple[float, ...]  # their places across, -1..1 of the half width
    stripe_width: float  # of the half width
    has_mark: bool
    gloss: float
    bars: int


def draw_design(rng: Generator) -> Design:
    """A random design."""
    shell, stripe, mask, face, mark = rng.uniform(DARKEST, BRIGHTEST, 5).tolist()
    gap, count = rng.uniform(0.12, 0.3), int(rng.choice([0, 1, 1, 2, 3]))
    stripes = (np.arange(count) - (count - 1) / 2) * gap
    return Design(
        shell,
        stripe,
        mask,
        face,
        mark,
        stripes=tuple(stripes.tolist()),
        stripe_width=float(rng.uniform(0.05, 0.2)),
        has_mark=bool(rng.random() < 0.6),
        gloss=float(rng.uniform(0, 1)),
        bars=int(rng.integers(1, 5)),
    )


def draw_helmet(design: Design, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A helmet seen from a random side: tones and opacity, both float32 [H, W] of CANVAS."""
    import cv2

    height, width = CANVAS
    side = SIDES[int(rng.integers(len(SIDES)))]
    opacity = np.zeros(CANVAS, dtype=np.uint8)
    chin = rng.uniform(0.78, 1.0) if side == "front" else rng.uniform(0.85, 1.0)
    middle = (width // 2, int(height * 0.5))
    cv2.ellipse(opacity, middle, (width // 2 - 1, height // 2 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA)
    opacity[int(chin * height) :] = 0
    tones = np.full(CANVAS, design.shell, dtype=np.float32)
    turn = rng.uniform(-0.35, 0.35) + {"left": -0.7, "right": 0.7}.get(side, 0.0)
    for place in design.stripes:
        x = width / 2 * (1 + place * (1 - abs(turn)) + turn)
        half = max(1.0, design.stripe_width * width / 2 * (1 - abs(turn)))
        bottom = rng.uniform(0.35, 0.5) if side == "front" else 1.0
        low, high = int(max(x - half, 0)), int(min(x + half, width)) + 1
        tones[: int(bottom * height), low:high] = design.stripe
    if design.has_mark and side in ("left", "right"):
        centre = (int(width * rng.uniform(0.35, 0.65)), int(height * rng.uniform(0.35, 0.55)))
        axes = (int(rng.integers(5, 12)), int(rng.integers(4, 10)))
        cv2.ellipse(tones, centre, axes, rng.uniform(0, 180), 0, 360, design.mark, -1, cv2.LINE_AA)
    if side != "back":
        _draw_face(tones, design, side, rng)
    _shade(tones, design.gloss, rng)
    return tones, cv2.GaussianBlur(opacity.astype(np.float32) / 255, (3, 3), 0)


def _draw_face(tones: np.ndarray, design: Design, side: str, rng: Generator) -> None:
    """The opening, in it a face in shadow, and the bars before it."""
    import cv2

    height, width = CANVAS
    x = {"front": 0.5 + rng.uniform(-0.15, 0.15), "left": 0.12, "right": 0.88}[side] * width
    y, across = rng.uniform(0.55, 0.68) * height, width * (0.36 if side == "front" else 0.3)
    down, centre = rng.uniform(0.2, 0.32) * height, (int(x), int(y))
    axes = (int(across), int(down))
    cv2.ellipse(tones, centre, axes, 0, 0, 360, 0.5 * design.face + 10, -1, cv2.LINE_AA)
    eyes = (int(0.8 * across), max(1, int(0.25 * down)))
    above = (int(x), int(y - 0.4 * down))
    cv2.ellipse(tones, above, eyes, 0, 0, 360, float(rng.uniform(DARKEST, 60)), -1, cv2.LINE_AA)
    thick = int(rng.integers(1, 4))
    for bar in np.linspace(y - 0.1 * down, y + down, design.bars):
        ends = (int(x - across), int(bar)), (int(x + across), int(bar))
        cv2.line(tones, *ends, design.mask, thick, cv2.LINE_AA)
    for bar in np.linspace(x - 0.5 * across, x + 0.5 * across, int(rng.integers(1, 4))):
        ends = (int(bar), int(y - 0.2 * down)), (int(bar), int(y + down))
        cv2.line(tones, *ends, design.mask, thick, cv2.LINE_AA)


def _shade(tones: np.ndarray, gloss: float, rng: Generator) -> None:
    """Light from above or a side, and its gleam."""
    import cv2

    height, width = CANVAS
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(-np.pi, 0)
    light = np.cos(angle) * across + np.sin(angle) * down
    tones *= 1 + rng.uniform(0.05, 0.4) * light
    gleam = np.zeros(CANVAS, dtype=np.float32)
    centre = (int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.1, 0.35)))
    axes = (int(rng.integers(3, 10)), int(rng.integers(2, 7)))
    cv2.ellipse(gleam, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    tones += gloss * 110 * cv2.GaussianBlur(gleam, (9, 9), 0)
    np.clip(tones, DARKEST, BRIGHTEST, out=tones)


def redraw_helmets(image: np.ndarray, boxes: np.ndarray, rng: Generator) -> None:
    """Draws a helmet into each box [K, 4] of a gray image, in place: of one of two designs."""
    import cv2

    designs = draw_design(rng), draw_design(rng)
    for box in boxes:
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        if min(x1 - x0, y1 - y0) < SMALLEST:
            continue
        tones, opacity = draw_helmet(designs[int(rng.random() < 0.5)], rng)
        size = (x1 - x0, y1 - y0)
        tones, opacity = (
            cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (tones, opacity)
        )
        part = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        low, (height, width) = (max(-y0, 0), max(-x0, 0)), part.shape
        shown = np.s_[low[0] : low[0] + height, low[1] : low[1] + width]
        share = opacity[shown]
        part[:] = np.rint(share * tones[shown] + (1 - share) * part).astype(np.uint8)
