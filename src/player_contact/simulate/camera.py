"""Two cameras that follow the ball: pinhole projection of the field into 1280x720 pictures."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH, FRAME_HEIGHT, FRAME_WIDTH
from player_contact.simulate.pose import HELMET_RADIUS

LOOK_HEIGHT = 0.9  # yd, what the cameras aim at


@dataclass(frozen=True)
class Camera:
    """One view of a play.

    place      [3] yd, where the camera stands
    matrix     [F, 3, 4] projection of (x, y, z, 1) to homogeneous pixels, scaled so that the third value is the depth in yards
    focal      [F] pixels
    """

    place: np.ndarray
    matrix: np.ndarray
    focal: np.ndarray

    def ground(self) -> np.ndarray:
        """[F, 3, 3] homography from (x, y, 1) on the ground to homogeneous pixels."""
        return self.matrix[:, :, [0, 1, 3]]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [F, ..., 2] and depth in yards [F, ...] of `points` [F, ..., 3]."""
        flat = points.reshape(len(points), -1, 3)
        seen = np.einsum("fij,fnj->fni", self.matrix[:, :, :3], flat) + self.matrix[:, None, :, 3]
        depth = np.maximum(seen[..., 2], 1.0)
        pixels = seen[..., :2] / depth[..., None]
        return pixels.reshape(*points.shape[:-1], 2), depth.reshape(points.shape[:-1])


def sideline_camera(rng: np.random.Generator, ball: np.ndarray, crowd: np.ndarray, near_side: bool, zoom: float) -> Camera:
    """The camera high on one long side. `ball` and `crowd` (middle of the players) [F, 2] yd; `zoom` is a helmet's width in pixels."""
    y = -42.0 if near_side else FIELD_WIDTH + 42.0
    place = np.array([FIELD_LENGTH / 2 + rng.normal(0, 4), y, rng.uniform(24, 34)])
    return _follow(rng, place, 0.65 * ball + 0.35 * crowd, zoom)


def endzone_camera(rng: np.random.Generator, ball: np.ndarray, crowd: np.ndarray, at_end: bool, zoom: float) -> Camera:
    """The camera high behind one end zone, at x = 0 or (`at_end`) at x = 120."""
    x = FIELD_LENGTH + 22.0 if at_end else -22.0
    place = np.array([x, FIELD_WIDTH / 2 + rng.normal(0, 1.5), rng.uniform(13, 19)])
    return _follow(rng, place, 0.9 * ball + 0.1 * crowd, zoom)


def _follow(rng: np.random.Generator, place: np.ndarray, subject: np.ndarray, zoom: float) -> Camera:
    """A tripod: pans and tilts after the subject with an operator's delay, and keeps a helmet about `zoom` pixels wide."""
    second = FRAMES_PER_SECOND
    aim = gaussian_filter1d(subject, 0.45 * second, axis=0, mode="nearest")
    delay = int(rng.uniform(0.05, 0.25) * second)
    aim = np.concatenate([np.repeat(aim[:1], delay, axis=0), aim[: len(aim) - delay]])
    aim = aim + rng.normal(0, [1.2, 1.5], (1, 2))
    target = np.column_stack([aim, np.full(len(aim), LOOK_HEIGHT)])
    look = target - place
    depth = np.linalg.norm(look, axis=1)
    breathe = gaussian_filter1d(rng.normal(0, 1, len(aim)), 0.7 * second, mode="nearest")
    breathe *= 0.03 / max(breathe.std(), 1e-6)
    focal = zoom / (2 * HELMET_RADIUS) * gaussian_filter1d(depth, second, mode="nearest") * (1 + breathe)
    forward = look / depth[:, None]
    right = np.column_stack([forward[:, 1], -forward[:, 0], np.zeros(len(forward))])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    below = np.cross(forward, right)
    rotation = np.stack([right, below, forward], axis=1)
    inner = np.zeros((len(aim), 3, 3))
    inner[:, 0, 0] = inner[:, 1, 1] = focal
    inner[:, 0, 2], inner[:, 1, 2], inner[:, 2, 2] = FRAME_WIDTH / 2, 0.47 * FRAME_HEIGHT, 1.0
    outer = np.concatenate([rotation, -(rotation @ place)[..., None]], axis=2)
    return Camera(place, inner @ outer, focal)
