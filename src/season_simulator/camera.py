"""Two cameras that follow the ball: pinhole projections of the field into 1280x720 images."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from player_contact.competition import constants
from player_contact.competition.clock import FRAMES_PER_SECOND
from season_simulator.geometry import lift, right_of, smooth, unit
from season_simulator.motion import Motion
from season_simulator.pose import HELMET_RADIUS

AIM_HEIGHT = 0.9  # yd


@dataclass(frozen=True)
class Camera:
    """One view of a play."""

    position: np.ndarray  # [3] yd
    matrix: np.ndarray  # [F, 3, 4] (x, y, z, 1) to homogeneous pixels; the third is depth in yd
    focal: np.ndarray  # [F] pixels

    def first(self, frames: int) -> "Camera":
        """The view of so many frames."""
        return Camera(self.position, self.matrix[:frames], self.focal[:frames])

    def homography(self) -> np.ndarray:
        """[F, 3, 3] from (x, y, 1) on the ground to homogeneous pixels."""
        return self.matrix[:, :, [0, 1, 3]]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [F, ..., 2] and depth in yards [F, ...] of `points` [F, ..., 3]."""
        flat = points.reshape(len(points), -1, 3)
        image = np.einsum("fij,fnj->fni", self.matrix[:, :, :3], flat) + self.matrix[:, None, :, 3]
        depth = np.maximum(image[..., 2], 1.0)
        pixels = image[..., :2] / depth[..., None]
        return pixels.reshape(*points.shape[:-1], 2), depth.reshape(points.shape[:-1])


def draw_cameras(
    rng: Generator, motion: Motion, time: np.ndarray, near_side: bool, sign: int
) -> dict[str, Camera]:
    """Both views at `time` [F]; `near_side` is negative y, `sign` the direction of play."""

    def track(values: np.ndarray) -> np.ndarray:
        return np.column_stack([np.interp(time, motion.time, xy) for xy in smooth(values, 4).T])

    ball, players = track(motion.ball), track(motion.position.mean(1))
    behind_offence = bool(rng.random() < 0.5)
    zoom = np.clip(rng.lognormal(np.log(14.5), 0.14), 10, 22)
    x, y = constants.FIELD_LENGTH / 2, -42.0 if near_side else constants.FIELD_WIDTH + 42.0
    position = np.array([x + rng.normal(0, 4), y, rng.uniform(24, 34)])
    sideline = _follow(rng, position, 0.65 * ball + 0.35 * players, zoom)
    zoom = np.clip(rng.lognormal(np.log(20), 0.22), 12, 30)
    x = constants.FIELD_LENGTH + 22.0 if behind_offence == (sign < 0) else -22.0
    position = np.array([x, constants.FIELD_WIDTH / 2 + rng.normal(0, 1.5), rng.uniform(13, 19)])
    endzone = _follow(rng, position, 0.9 * ball + 0.1 * players, zoom)
    return {"Sideline": sideline, "Endzone": endzone}


def _follow(rng: Generator, position: np.ndarray, subject: np.ndarray, zoom: float) -> Camera:
    """A tripod that follows the subject [F, 2] late; a helmet stays about `zoom` pixels wide."""
    second = FRAMES_PER_SECOND
    aim = smooth(subject, 0.45 * second)
    delay = int(rng.uniform(0.05, 0.25) * second)
    aim = np.concatenate([np.repeat(aim[:1], delay, axis=0), aim[: len(aim) - delay]])
    aim = aim + rng.normal(0, [1.2, 1.5], (1, 2))
    ray = lift(aim, AIM_HEIGHT) - position
    depth = np.linalg.norm(ray, axis=1)
    jitter = smooth(rng.normal(0, 1, len(aim)), 0.7 * second)
    jitter *= 0.03 / max(jitter.std(), 1e-6)
    focal = zoom / (2 * HELMET_RADIUS) * smooth(depth, second) * (1 + jitter)
    forward = unit(ray)
    right = unit(right_of(forward))
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    intrinsics = np.zeros((len(aim), 3, 3))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, :, 2] = constants.FRAME_WIDTH / 2, 0.47 * constants.FRAME_HEIGHT, 1.0
    extrinsics = np.concatenate([rotation, -(rotation @ position)[..., None]], axis=2)
    return Camera(position, intrinsics @ extrinsics, focal)
