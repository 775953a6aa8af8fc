"""Helmet boxes: where they truly are, what a detector finds, and whose a tracker says they are."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from player_contact.competition.clock import FIRST_FRAME_NUMBER, FRAMES_PER_SECOND
from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from season_simulator.camera import Camera
from season_simulator.geometry import ar1_noise
from season_simulator.pose import HELMET_RADIUS, Poses

BOX_SIZE = np.array([1.02, 1.10])  # in helmet diameters: the face mask sticks out
FIRST_BOX = 290  # frame number
LOW_FOUND = 0.15  # standard deviations of a noise, up to which a low helmet may be found
SWAPS_PER_SECOND = 0.3  # how often the tracker mixes up two players
MIX_UP = 4.0  # helmets between two whom the tracker mixes up
SWAPS_PER_FALL = 1.0  # and one who is down with somebody near him


def true_boxes(camera: Camera, poses: Poses) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [F, P, 4] left, top, width, height in pixels (NaN: off the image); depth [F, P] yd."""
    pixels, depth = camera.project(poses.joint("head"))
    size = BOX_SIZE * (2 * HELMET_RADIUS * camera.focal[:, None] / depth)[..., None]
    off = (pixels < 0) | (pixels > [FRAME_WIDTH - 1, FRAME_HEIGHT - 1])
    boxes = np.concatenate([pixels - size / 2, size], axis=-1)
    return np.where(off.any(-1, keepdims=True), np.nan, boxes), depth


def visibility(camera: Camera, poses: Poses, boxes: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """[F, P] share of each helmet that no nearer body or helmet covers, 0..1; 0 off the image."""
    joints, _ = camera.project(poses.joints)
    trunk, _ = camera.project(np.stack([poses.joint("chest"), poses.joint("pelvis")], axis=2))
    half = 0.24 * (camera.focal[:, None] / depth)[..., None]
    body_low = np.maximum(trunk.min(2) - half, joints.min(2))
    body_high = np.minimum(trunk.max(2) + half, joints.max(2))
    low, size = boxes[..., :2], boxes[..., 2:]
    high = low + size
    nearer = depth[:, None] < depth[..., None] - 0.15  # [F, P, P]: the second covers the first
    visible = np.ones(depth.shape)
    for other_low, other_high in ((body_low, body_high), (low, high)):
        overlap = np.minimum(high[:, :, None], other_high[:, None])
        overlap = overlap - np.maximum(low[:, :, None], other_low[:, None])
        covered = np.clip(overlap, 0, None).prod(-1) / size.prod(-1)[..., None]
        shares = np.where(nearer & (covered > 0), 1 - covered, 1.0)
        visible = np.minimum(visible, shares.min(axis=2))
    return np.where(np.isnan(boxes[..., 0]), 0.0, np.clip(visible, 0, 1))


def detect(
    rng: Generator, boxes: np.ndarray, visible: np.ndarray, down: np.ndarray
) -> pd.DataFrame:
    """The detections, a row a box: a frame number, a player's index, pixels."""
    F, P = visible.shape
    low = down > 0.45
    threshold = 0.68 + 0.24 * ar1_noise(rng, (F, P), 25.0) + 0.6 * low
    detected = visible > np.clip(threshold, 0.05, 0.98)
    detected &= ~low | (ar1_noise(rng, (F, P), 40.0) < LOW_FOUND)
    detected &= (np.arange(F) >= FIRST_BOX - FIRST_FRAME_NUMBER)[:, None]
    detected &= rng.random((F, P)) > 0.02
    scale = np.sqrt(boxes[..., 2:3] / 16)
    center = boxes[..., :2] + boxes[..., 2:] / 2 + 0.8 * scale * ar1_noise(rng, (F, P, 2), 8.0)
    center = center + rng.normal(0, 0.35, (F, P, 2))
    error = 1 + 0.05 * ar1_noise(rng, (F, P, 2), 12.0) + rng.normal(0, 0.02, (F, P, 2))
    size = boxes[..., 2:] * error
    players = _track_identities(rng, boxes, down)
    low = np.clip(np.rint(center - size / 2)[detected], 0, [FRAME_WIDTH - 2, FRAME_HEIGHT - 2])
    high = np.clip(np.rint(center + size / 2)[detected], low + 2, [FRAME_WIDTH, FRAME_HEIGHT])
    (left, top), (width, height) = low.astype(int).T, (high - low).astype(int).T
    frame = np.nonzero(detected)[0] + FIRST_FRAME_NUMBER
    columns = {"left": left, "width": width, "top": top, "height": height}
    return pd.DataFrame({"frame": frame, "player": players[detected], **columns})


def _track_identities(rng: Generator, boxes: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[F, P] whose the tracker says a box is: now and then two who met are swapped for a while,
    most often where somebody lies."""
    F, P = down.shape
    players = np.tile(np.arange(P), (F, 1))
    center = boxes[..., :2] + boxes[..., 2:] / 2
    events: list[tuple[int, int | None]] = [
        (int(rng.integers(FIRST_BOX, F)), None)
        for _ in range(rng.poisson(SWAPS_PER_SECOND * max(F - FIRST_BOX, 0) / FRAMES_PER_SECOND))
    ]
    falls = np.argwhere(np.diff((down > 0.5).astype(np.int8), axis=0) == 1)
    falls = falls[(falls[:, 0] > FIRST_BOX) & (rng.random(len(falls)) < SWAPS_PER_FALL)]
    events += [(min(int(f + rng.integers(60)), F - 1), int(p)) for f, p in falls]
    for start, fallen in events:
        stop = start + int(rng.integers(15, 160))
        inside = np.flatnonzero(~np.isnan(center[start, :, 0]))
        distance = np.linalg.norm(center[start, inside, None] - center[start, inside], axis=-1)
        close = inside[np.argwhere(np.triu(distance < MIX_UP * boxes[start, inside, 2], 1))]
        if fallen is not None:
            close = close[(close == fallen).any(1)]
        if len(close):
            a, b = close[rng.integers(len(close))]
            players[start:stop, [a, b]] = players[start:stop, [b, a]]
    return players
