"""Where the field lies in the picture: for every frame a homography from field positions to helmets, and the shift between the two clocks.

Helmets lie nearly in a plane above the field, so a homography takes (x, y) in yards to the middle of the helmet in pixels (Hartley & Zisserman,
*Multiple View Geometry*, 2004, chapter 4). It is fitted to all boxes of a frame by reweighted least squares, so that a few boxes with the wrong
player or of nobody do not pull it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND, time_of_frame
from player_contact.play import Play, View

LEAST_BOXES = 6  # a frame with fewer boxes is not registered: four points fit any homography
AFFINE_ROUNDS = 8
ROUNDS, CLOCK_ROUNDS = 12, 6  # of reweighting; a few boxes more or less astray do not move the clock
TOLERANCE = 2.0  # px, residuals below are noise of the boxes
SHIFTS = np.arange(-0.10, 0.261, 0.04)  # s, which shifts between the clocks are tried
USUAL_SHIFT = 0.14  # s, where the clock can't be measured
EVERY = 6  # frames between those that measure the clock
GRID = 3  # frames between those that are registered; the camera moves smoothly in between
SMOOTHING = 4.0  # of these
CORNERS = np.array([[-6.0, -6.0], [6.0, -6.0], [6.0, 6.0], [-6.0, 6.0]])  # yd around the middle of the players: four points make a homography
BEYOND = 12  # frames before the first and after the last registered one that are still answered


@dataclass(frozen=True)
class Clock:
    """How far the sensors' clock lies behind the picture's, in one view.

    shift  s: the picture of a moment fits what the sensors report so many seconds later; NaN where too few boxes could be registered
    error  px, the median distance between helmets and registered positions at that shift
    """

    shift: float
    error: float


@dataclass(frozen=True)
class Registration:
    """Where a view should see the players; F frames, P players.

    clock     how the two clocks lie
    expected  [F, P, 2] px, where the helmets should be; NaN where the frame could not be registered or the player is not tracked
    nearness  [F, P] how large a helmet is there, up to a factor of the frame
    error     [F] px, the usual distance of boxes from where they should be around that moment; NaN where it is not known
    """

    clock: Clock
    expected: np.ndarray
    nearness: np.ndarray
    error: np.ndarray


def register(play: Play, view: View) -> Registration:
    """Registers a view: a robust homography for every third frame, smoothed along time as the four places to which it takes four points of the field.

    A view with fewer than a second of frames with LEAST_BOXES boxes is not registered: everything is NaN.
    """
    frames, players = view.boxes.shape[:2]
    clock = measure_clock(play, view)
    nothing = np.full((frames, players, 2), np.nan)
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    grid = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= LEAST_BOXES)[::GRID]
    every = np.arange(frames)
    field = field_at(play, view, every, clock.shift if np.isfinite(clock.shift) else USUAL_SHIFT)
    middle = _filled(nan_mean(field))
    if np.isnan(middle).any():
        return Registration(clock, nothing, nothing[..., 0], nothing[:, 0, 0])
    points = gaussian_filter1d(middle, GRID * SMOOTHING, axis=0, mode="nearest")[:, None] + CORNERS
    seen = project(fit_homographies(field[grid], centre[grid]), points[grid])  # [G, 4, 2]
    good = np.isfinite(seen).all((1, 2))
    grid, seen = grid[good], seen[good]
    if len(grid) < FRAMES_PER_SECOND / GRID:
        return Registration(clock, nothing, nothing[..., 0], nothing[:, 0, 0])
    seen = gaussian_filter1d(median_filter(seen, (5, 1, 1), mode="nearest"), SMOOTHING, axis=0, mode="nearest")
    between = np.stack([np.interp(every, grid, values) for values in seen.reshape(len(grid), -1).T], axis=1).reshape(frames, 4, 2)
    homography = _of_four(points, between)
    homography[(every < grid[0] - BEYOND) | (every > grid[-1] + BEYOND)] = np.nan
    depth = (homography[:, None, 2, :2] * field).sum(-1) + homography[:, None, 2, 2]
    expected = project(homography, field)
    away = np.linalg.norm(expected - centre, axis=-1)
    usual = np.interp(every, grid, gaussian_filter1d(nan_median(away[grid]), 2 * SMOOTHING, mode="nearest"))
    return Registration(clock, expected, 1 / depth, np.where(np.isnan(homography[:, 0, 0]), np.nan, usual))


def _of_four(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """[F, 3, 3] the homography that takes four `points` [F, 4, 2] to four `pixels` exactly."""
    middle = points.mean(1, keepdims=True)
    x, y = np.moveaxis(points - middle, -1, 0)
    u, v = np.moveaxis(pixels, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    equations = np.concatenate(
        [np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1), np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)], axis=1
    )
    solved = np.linalg.solve(equations, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    homography = np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)
    back = np.tile(np.eye(3), (len(points), 1, 1))
    back[:, :2, 2] = -middle[:, 0]
    return homography @ back


def _filled(values: np.ndarray) -> np.ndarray:
    """[F, 2] with gaps and ends filled from the nearest known; NaN where nothing is known."""
    known = np.isfinite(values[:, 0])
    if not known.any():
        return values
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[known], column[known]) for column in values.T], axis=1)


def nan_mean(values: np.ndarray) -> np.ndarray:
    """[F, 2] the mean over the known of [F, P, 2]; NaN where none is known."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(1) / known.sum(1)


def nan_median(values: np.ndarray) -> np.ndarray:
    """[F] the median of the known of [F, P]; NaN where none is known."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(ordered).sum(1)
    row = np.arange(len(ordered))
    low, high = ordered[row, np.maximum(count - 1, 0) // 2], ordered[row, np.minimum(count // 2, ordered.shape[1] - 1)]
    return np.where(count > 0, (low + high) / 2, np.nan)


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


def fit_homographies(field: np.ndarray, pixels: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """[F, 3, 3] the homography of every frame from `field` [F, P, 2] in yards to `pixels` [F, P, 2], NaN points left out.

    Reweighted least squares with Cauchy weights on the distance in pixels. It starts from the weights of an affine fit, which a box far astray can't
    turn inside out as it can a homography. NaN where a frame has fewer than LEAST_BOXES points.
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
    weight = _affine_weights(a, b, known)
    depth = np.ones_like(weight)
    for _ in range(rounds):
        matrix = _solve(a, b, weight / depth**2)
        seen = np.einsum("fij,fpj->fpi", matrix[:, :, :2], a) + matrix[:, None, :, 2]
        depth = np.maximum(seen[..., 2], 0.2)  # of the middle: 1
        residual = np.linalg.norm(seen[..., :2] / depth[..., None] - b, axis=-1) * size
        scale = np.maximum(1.5 * nan_median(np.where(known, residual, np.nan)), TOLERANCE)[:, None]
        weight = known / (1 + (residual / scale) ** 2)
    homography[enough] = to_pixels @ matrix @ from_field
    return homography / np.abs(homography[:, 2:, 2:])


def _affine_weights(a: np.ndarray, b: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[F, P] weights of the points in a robust affine fit of `a` to `b` [F, P, 2]."""
    points = np.concatenate([a, np.ones((*a.shape[:2], 1))], axis=-1)
    weight = known.astype(np.float64)
    for _ in range(AFFINE_ROUNDS):
        weighted = points * weight[..., None]
        normal = weighted.transpose(0, 2, 1) @ points + 1e-9 * np.eye(3)
        away = np.linalg.norm(points @ np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ b) - b, axis=-1)
        scale = np.maximum(1.5 * nan_median(np.where(known, away, np.nan)), 1e-3)[:, None]
        weight = known / (1 + (away / scale) ** 2)
    return weight


def _solve(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[F, 3, 3] weighted direct linear transform of points `a` to `b` [F, P, 2], the sign such that the points lie before the camera."""
    zero, one = np.zeros_like(a[..., 0]), np.ones_like(a[..., 0])
    x, y, u, v = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=-1)
    equations = np.concatenate([first, second], axis=1) * np.sqrt(np.concatenate([weight, weight], axis=1))[..., None]
    matrix = np.linalg.eigh(equations.transpose(0, 2, 1) @ equations)[1][:, :, 0].reshape(-1, 3, 3)
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
    away = np.linalg.norm(project(fit_homographies(field, pixels, CLOCK_ROUNDS), field) - pixels, axis=-1)
    return float(np.nanmedian(away)) if np.isfinite(away).any() else np.nan
