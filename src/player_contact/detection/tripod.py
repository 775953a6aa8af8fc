"""A camera on a tripod: it pans, tilts and zooms, level with the ground; no lens distortion."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH

CENTRE = np.array([FRAME_WIDTH / 2, FRAME_HEIGHT / 2])
MIN_DEPTH = 1.0  # yd before the camera
HELMET_HEIGHT = 1.7  # yd above the ground, between a player who stands and one in his stance
HELMET_SIZE = 0.30  # yd, mean of a box's width and height


@dataclass(frozen=True)
class Aim:
    """Where a camera looks in each of F frames."""

    pan: np.ndarray  # [F] radians from +x towards +y
    tilt: np.ndarray  # [F] radians below the horizon
    log_focal: np.ndarray  # [F] of the focal length in pixels

    def __getitem__(self, frame: int) -> "Aim":
        pick = slice(frame, frame + 1)
        return Aim(self.pan[pick], self.tilt[pick], self.log_focal[pick])

    def moved(self, step: np.ndarray) -> "Aim":
        """Changed by [F, 3]: pan, tilt, log_focal."""
        pan, tilt, log_focal = step.T
        return Aim(self.pan + pan, self.tilt + tilt, self.log_focal + log_focal)

    def to(self, other: "Aim") -> np.ndarray:
        """[F, 3] what this one must be moved by to become the other, the short way round."""
        pan = (other.pan - self.pan + np.pi) % (2 * np.pi) - np.pi
        return np.stack([pan, other.tilt - self.tilt, other.log_focal - self.log_focal], axis=-1)


def joined(aims: list[Aim]) -> Aim:
    """The frames of all of them, one after another."""
    names = ("pan", "tilt", "log_focal")
    return Aim(*(np.concatenate([getattr(aim, name) for aim in aims]) for name in names))


def look_at(position: np.ndarray, point: np.ndarray, pixels_per_yard: np.ndarray) -> Aim:
    """The aim of a camera at `position` [3] that has `point` [F, 2] of the field in the middle, so
    large."""
    ray = np.concatenate([point, np.full((len(point), 1), HELMET_HEIGHT)], axis=1) - position
    flat = np.hypot(ray[:, 0], ray[:, 1])
    pan, tilt = np.arctan2(ray[:, 1], ray[:, 0]), np.arctan2(-ray[:, 2], flat)
    return Aim(pan, tilt, np.log(pixels_per_yard * np.linalg.norm(ray, axis=1)))


def project(position: np.ndarray, aim: Aim, field: np.ndarray) -> np.ndarray:
    """[F, P, 2] pixels of helmets above `field` [F, P, 2] yd; NaN: behind the camera."""
    height = np.full((*field.shape[:2], 1), HELMET_HEIGHT)
    ray = np.concatenate([field, height], axis=-1) - position
    seen = np.einsum("ijf,fpj->fpi", _axes(aim), ray)
    depth = np.where(seen[..., 2:] > MIN_DEPTH, seen[..., 2:], np.nan)
    return np.exp(aim.log_focal)[:, None, None] * seen[..., :2] / depth + CENTRE


def unproject(position: np.ndarray, aim: Aim, pixels: np.ndarray) -> np.ndarray:
    """[F, K, 2] yd of the field below helmets at `pixels` [F, K, 2]; NaN: above the horizon."""
    across = (pixels - CENTRE) / np.exp(aim.log_focal)[:, None, None]
    ray = np.concatenate([across, np.ones((*pixels.shape[:2], 1))], axis=-1)
    ray = np.einsum("ijf,fki->fkj", _axes(aim), ray)
    fall = np.where(ray[..., 2:] < 0, ray[..., 2:], np.nan)
    return position[:2] + ray[..., :2] * (HELMET_HEIGHT - position[2]) / fall


def _axes(aim: Aim) -> np.ndarray:
    """[3, 3, F] unit vectors to the right (level), down and forward."""
    cos_pan, sin_pan = np.cos(aim.pan), np.sin(aim.pan)
    cos_tilt, sin_tilt = np.cos(aim.tilt), np.sin(aim.tilt)
    return np.array(
        [
            [sin_pan, -cos_pan, np.zeros_like(cos_pan)],
            [-sin_tilt * cos_pan, -sin_tilt * sin_pan, -cos_tilt],
            [cos_tilt * cos_pan, cos_tilt * sin_pan, -sin_tilt],
        ]
    )
