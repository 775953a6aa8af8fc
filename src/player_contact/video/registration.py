"""Where the field lies in the picture: for every frame a homography from field positions to helmets, and the shift between the two clocks.

Helmets lie nearly in a plane above the field, so a homography takes (x, y) in yards to the middle of the helmet in pixels (Hartley & Zisserman,
*Multiple View Geometry*, 2004, chapter 4). It is fitted to all boxes of a frame by reweighted least squares, so that a few boxes with the wrong
player or of nobody do not pull it.
"""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND, time_of_frame
from player_contact.play import Play, View

LEAST_BOXES = 6  # a frame with fewer boxes is not registered: four points fit any homography
ROUNDS = 12  # of reweighting
TOLERANCE = 2.0  # px, residuals below are noise of the boxes
SHIFTS = np.arange(-0.10, 0.241, 0.02)  # s, which shifts between the clocks are tried
EVERY = 6  # frames between those that measure the clock


@dataclass(frozen=True)
class Clock:
    """How far the sensors' clock lies behind the picture's, in one view.

    shift  s: the picture of a moment fits what the sensors report so many seconds later; NaN where too few boxes could be registered
    error  px, the median distance between helmets and registered positions at that shift
    """

    shift: float
    error: float


def field_at(play: Play, view: View, frame: np.ndarray, shift: float) -> np.ndarray:
    """[F, P, 2] where the sensors saw the players `shift` seconds after each frame was taken, in yards; NaN outside the tracking."""
    start = (time_of_frame(frame, view.start_time) - play.times[0]).astype(np.int64) / 1000
    place = (start + shift) * STEPS_PER_SECOND
    low = np.floor(place).astype(int)
    inside = (low >= 0) & (low < len(play.steps) - 1)
    low = np.clip(low, 0, len(play.steps) - 2)
    share = (place - low)[:, None, None]
    field = (1 - share) * play.position[low] + share * play.position[low + 1]
    field[~inside] = np.nan
    return field


def project(homography: np.ndarray, field: np.ndarray) -> np.ndarray:
    """[F, P, 2] pixels of the positions `field` [F, P, 2] under `homography` [F, 3, 3]; NaN behind the camera."""
    seen = np.einsum("fij,fpj->fpi", homography[:, :, :2], field) + homography[:, None, :, 2]
    depth = np.where(seen[..., 2:] > 1e-9, seen[..., 2:], np.nan)
    return seen[..., :2] / depth


def fit_homographies(field: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """[F, 3, 3] the homography of every frame from `field` [F, P, 2] in yards to `pixels` [F, P, 2], NaN points left out.

    Reweighted least squares with Cauchy weights on the distance in pixels. NaN where a frame has fewer than LEAST_BOXES points.
    """
    known = ~(np.isnan(field).any(-1) | np.isnan(pixels).any(-1))
    enough = known.sum(1) >= LEAST_BOXES
    homography = np.full((len(field), 3, 3), np.nan)
    if not enough.any():
        return homography
    known, field, pixels = known[enough], field[enough].astype(np.float64), pixels[enough].astype(np.float64)
    from_field, _ = _normaliser(field, known)
    from_pixels, to_pixels = _normaliser(pixels, known)
    a, b = np.where(known[..., None], project(from_field, field), 0.0), np.where(known[..., None], project(from_pixels, pixels), 0.0)
    size = np.linalg.inv(from_pixels)[:, 0, 0][:, None]  # px a unit
    weight = known.astype(np.float64)
    depth = np.ones_like(weight)
    for _ in range(ROUNDS):
        matrix = _solve(a, b, weight / depth**2)
        seen = np.einsum("fij,fpj->fpi", matrix[:, :, :2], a) + matrix[:, None, :, 2]
        depth = np.where(seen[..., 2] > 1e-3, seen[..., 2], 1e-3)
        residual = np.linalg.norm(seen[..., :2] / depth[..., None] - b, axis=-1) * size
        scale = np.maximum(1.5 * _median(residual, known), TOLERANCE)
        weight = known / (1 + (residual / scale) ** 2)
    homography[enough] = to_pixels @ matrix @ from_field
    return homography / np.abs(homography[:, 2:, 2:])


def _solve(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[F, 3, 3] weighted direct linear transform of points `a` to `b` [F, P, 2], the sign such that the points lie before the camera."""
    zero, one = np.zeros_like(a[..., 0]), np.ones_like(a[..., 0])
    x, y, u, v = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=-1)
    normal = np.einsum("fpi,fp,fpj->fij", first, weight, first) + np.einsum("fpi,fp,fpj->fij", second, weight, second)
    matrix = np.linalg.eigh(normal)[1][:, :, 0].reshape(-1, 3, 3)
    depth = np.einsum("fj,fpj->fp", matrix[:, 2, :2], a) + matrix[:, 2, 2:]
    sign = np.where((np.sign(depth) * weight).sum(1) < 0, -1.0, 1.0)[:, None, None]
    return sign * matrix / np.maximum(np.linalg.norm(matrix[:, 2], axis=-1), 1e-12)[:, None, None]


def _normaliser(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[F, 3, 3] similarity that takes each frame's points to mean 0 and spread 1, and its inverse."""
    count = known.sum(1)[:, None]
    centre = np.where(known[..., None], points, 0).sum(1) / count
    away = np.where(known[..., None], points - centre[:, None], 0)
    spread = np.sqrt((away**2).sum((1, 2)) / count[:, 0]) + 1e-9
    matrix = np.zeros((len(points), 3, 3))
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / spread
    matrix[:, :2, 2] = -centre / spread[:, None]
    matrix[:, 2, 2] = 1
    return matrix, np.linalg.inv(matrix)


def _median(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[F, 1] median of the known values of each frame."""
    return np.nanmedian(np.where(known, values, np.nan), axis=1, keepdims=True)


def measure_clock(play: Play, view: View) -> Clock:
    """The shift between sensors and picture at which tracking fits the helmet boxes of a view best, by a homography for each of some frames.

    The error over the tried SHIFTS is smooth, and its lowest point is found between them by a parabola.
    """
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    frame = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= LEAST_BOXES)[::EVERY]
    if len(frame) < FRAMES_PER_SECOND / EVERY:  # less than a second
        return Clock(np.nan, np.nan)
    errors = np.array([_error(field_at(play, view, frame, shift), centre[frame]) for shift in SHIFTS])
    if np.isnan(errors).any():
        return Clock(np.nan, np.nan)
    low = int(np.clip(errors.argmin(), 1, len(SHIFTS) - 2))
    before, best, after = errors[low - 1 : low + 2]
    bend = before - 2 * best + after
    shift = SHIFTS[low] + (SHIFTS[1] - SHIFTS[0]) * (0.5 * (before - after) / bend if bend > 0 else 0.0)
    return Clock(float(np.clip(shift, SHIFTS[0], SHIFTS[-1])), float(errors.min()))


def _error(field: np.ndarray, pixels: np.ndarray) -> float:
    """px, median distance of helmets from registered positions."""
    away = np.linalg.norm(project(fit_homographies(field, pixels), field) - pixels, axis=-1)
    return float(np.nanmedian(away)) if np.isfinite(away).any() else np.nan
