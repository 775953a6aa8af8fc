"""Helmet boxes: where they truly are in the picture, which of them a detector finds, and whose it says they are."""

import numpy as np
import pandas as pd

from player_contact.competition.clock import FIRST_FRAME_NUMBER, FRAMES_PER_SECOND
from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate.camera import Camera
from player_contact.simulate.pose import HELMET_RADIUS, Bodies

BOX = (1.02, 1.10)  # width and height of a box, in helmet diameters: the face mask sticks out
FIRST_BOX = 290  # frame number
SWAPS_A_SECOND = 0.16  # how often the tracker mixes up two players


def true_boxes(camera: Camera, bodies: Bodies) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [F, P, 4] left, top, width, height in pixels (NaN: off the picture) and depth [F, P] in yards."""
    pixels, depth = camera.project(bodies.joint("head"))
    size = 2 * HELMET_RADIUS * camera.focal[:, None] / depth
    width, height = BOX[0] * size, BOX[1] * size
    boxes = np.stack([pixels[..., 0] - width / 2, pixels[..., 1] - height / 2, width, height], axis=-1)
    x, y = pixels[..., 0], pixels[..., 1]
    off = (x < 0) | (x > FRAME_WIDTH - 1) | (y < 0) | (y > FRAME_HEIGHT - 1)
    return np.where(off[..., None], np.nan, boxes), depth


def visibility(camera: Camera, bodies: Bodies, boxes: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """[F, P] share of each helmet that no nearer body or helmet covers, 0..1; 0 off the picture."""
    joints, _ = camera.project(bodies.joints)
    low, high = joints.min(2), joints.max(2)
    chest = camera.project(bodies.joint("chest"))[0]
    pelvis = camera.project(bodies.joint("pelvis"))[0]
    scale = camera.focal[:, None] / depth
    half = 0.24 * scale
    body_low = np.minimum(chest, pelvis) - half[..., None]
    body_high = np.maximum(chest, pelvis) + half[..., None]
    body_low, body_high = np.maximum(body_low, low), np.minimum(body_high, high)
    left, top, width, height = np.moveaxis(boxes, -1, 0)
    seen = np.ones(depth.shape)
    for j in range(depth.shape[1]):
        nearer = depth[:, j, None] < depth - 0.15
        for x0, y0, x1, y1 in (
            (*np.moveaxis(body_low[:, j], -1, 0), *np.moveaxis(body_high[:, j], -1, 0)),
            (left[:, j], top[:, j], left[:, j] + width[:, j], top[:, j] + height[:, j]),
        ):
            over_x = np.minimum(left + width, x1[:, None]) - np.maximum(left, x0[:, None])
            over_y = np.minimum(top + height, y1[:, None]) - np.maximum(top, y0[:, None])
            covered = np.clip(over_x, 0, None) * np.clip(over_y, 0, None) / (width * height)
            seen = np.where(nearer & (covered > 0), np.minimum(seen, 1 - covered), seen)
    return np.where(np.isnan(left), 0.0, np.clip(seen, 0, 1))


def detect(rng: np.random.Generator, boxes: np.ndarray, seen: np.ndarray, down: np.ndarray) -> pd.DataFrame:
    """The rows a detector and a tracker would leave: frame (a frame number), player (index of P), left, width, top, height in pixels."""
    F, P = seen.shape
    mood = _wander(rng, (F, P), 25.0)
    found = seen > np.clip(0.68 + 0.24 * mood + 0.3 * (down > 0.5), 0.05, 0.98)
    found &= (np.arange(F) >= FIRST_BOX - FIRST_FRAME_NUMBER)[:, None]
    found &= rng.random((F, P)) > 0.02
    scale = boxes[..., 2:3] / 16
    centre = boxes[..., :2] + boxes[..., 2:] / 2 + 0.8 * np.sqrt(scale) * _wander(rng, (F, P, 2), 8.0) + rng.normal(0, 0.35, (F, P, 2))
    size = boxes[..., 2:] * (1 + 0.05 * _wander(rng, (F, P, 2), 12.0) + rng.normal(0, 0.02, (F, P, 2)))
    name = _names(rng, boxes, found)
    frame, player = np.nonzero(found)
    low = np.rint((centre - size / 2)[frame, player])
    high = np.rint((centre + size / 2)[frame, player])
    low = np.clip(low, 0, [FRAME_WIDTH - 2, FRAME_HEIGHT - 2])
    high = np.clip(high, low + 2, [FRAME_WIDTH, FRAME_HEIGHT])
    left, top = low.astype(int).T
    width, height = (high - low).astype(int).T
    return pd.DataFrame({
        "frame": frame + FIRST_FRAME_NUMBER, "player": name[frame, player], "left": left, "width": width, "top": top, "height": height,
    })  # fmt: skip


def _names(rng: np.random.Generator, boxes: np.ndarray, found: np.ndarray) -> np.ndarray:
    """[F, P] whose box the tracker says it is: now and then two players who met keep each other's name for a while."""
    F, P = found.shape
    name = np.tile(np.arange(P), (F, 1))
    centre = boxes[..., :2] + boxes[..., 2:] / 2
    for _ in range(rng.poisson(SWAPS_A_SECOND * max(F - FIRST_BOX, 0) / FRAMES_PER_SECOND)):
        start = int(rng.integers(FIRST_BOX, F))
        stop = start + int(rng.integers(15, 160))
        shown = np.flatnonzero(~np.isnan(centre[start, :, 0]))
        gap = np.linalg.norm(centre[start, shown, None] - centre[start, shown], axis=-1)
        close = np.argwhere(np.triu(gap < 3 * boxes[start, shown, 2], 1))
        if len(close):
            a, b = shown[close[rng.integers(len(close))]]
            name[start:stop, [a, b]] = name[start:stop, [b, a]]
    return name


def _wander(rng: np.random.Generator, shape: tuple, frames: float) -> np.ndarray:
    """Unit noise that stays alike for about `frames` frames along the first axis."""
    keep = np.exp(-1 / frames)
    values = rng.normal(0, 1, shape)
    for t in range(1, shape[0]):
        values[t] = keep * values[t - 1] + np.sqrt(1 - keep**2) * values[t]
    return values
