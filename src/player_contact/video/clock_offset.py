"""How far the tracking's clock lies behind the video's, in a view.

A helmet is ahead of the tracked position, by the player's lean, towards where he faces. As most run
where they face, a lean looks like a clock shift (a sixth of a yard at 4 yd/s: 0.04 s), so both are
estimated together: a lean turns with the body, a shift grows with the speed. Tracking and posture
also err by tenths of a yard that drift over seconds, so each player has an offset that may drift.
"""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND, time_of_frame
from player_contact.play import Play, View
from player_contact.video import homography as hg
from player_contact.video.homography import fit_homographies, nan_mean, nan_median, project

FRAME_STRIDE = 6
FIT_ROUNDS = 6  # of reweighting a homography
MIN_SHIFT, MAX_SHIFT = -0.10, 0.26  # s
PRIOR_SHIFT, PRIOR_LEAN = 0.08, 0.15  # s, yd: of the real play 58168_003392
SHIFT_STD, LEAN_STD, DRIFT_STD = 0.15, 0.1, 0.2  # s, yd, yd: of the priors
CORRELATED = 4  # consecutive boxes whose errors are correlated: they weigh as one box
DRIFT_SECONDS = 2.5  # between the nodes of a player's offset
MAX_ITERATIONS, SHIFT_TOLERANCE, MAX_STEP = 10, 5e-4, 0.08  # of Gauss-Newton; s; s
DIGITS = 5
YARDS = 10.0  # scale of the positions, so that all derivatives of a homography are alike


@dataclass(frozen=True)
class ClockOffset:
    """Tracking against the video of one view; NaN where too few boxes could be registered."""

    shift: float  # s: an image fits what the tracking reports so much later
    lean: float  # yd, of a helmet ahead of the tracked position, towards where its player faces
    error: float  # px, median distance between helmets and registered positions


UNKNOWN = ClockOffset(np.nan, np.nan, np.nan)


def measure_clock_offset(play: Play, view: View) -> ClockOffset:
    """Shift and lean at which the tracking fits the helmet boxes of a view best.

    Gauss-Newton on shift, lean and drifting offsets, over robust homographies of every
    FRAME_STRIDE-th frame, which are eliminated frame by frame.
    """
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    frame = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= hg.MIN_BOXES)[::FRAME_STRIDE]
    if len(frame) < FRAMES_PER_SECOND / FRAME_STRIDE:  # less than a second
        return UNKNOWN
    pixels = centre[frame].astype(np.float64)
    node = (frame - frame[0]) / FRAMES_PER_SECOND / DRIFT_SECONDS
    nodes = np.arange(np.ceil(node[-1]) + 1)
    share = np.maximum(1 - np.abs(node[:, None] - nodes), 0)  # [F, N] of each node in a frame
    drift = np.zeros((share.shape[1], pixels.shape[1], 2))
    prior = np.concatenate([[PRIOR_SHIFT, PRIOR_LEAN], np.zeros(drift.size)])
    std = np.concatenate([[SHIFT_STD, LEAN_STD], np.full(drift.size, DRIFT_STD)])
    precision = CORRELATED / std**2
    shift, lean = PRIOR_SHIFT, PRIOR_LEAN
    for _ in range(MAX_ITERATIONS):
        clock, offset = ClockOffset(shift, lean, np.nan), np.einsum("fn,npk->fpk", share, drift)
        linear = _linearise(play, view, frame, pixels, clock, offset)
        matrix, side = _normal_equations(*linear, share)
        current = np.concatenate([[shift, lean], drift.ravel()])
        step = np.linalg.solve(matrix + np.diag(precision), side + precision * (prior - current))
        step[0] = np.clip(step[0], -MAX_STEP, MAX_STEP)
        shift, lean, drift = shift + step[0], lean + step[1], drift + step[2:].reshape(drift.shape)
        if abs(step[0]) < SHIFT_TOLERANCE:
            break
    # The last digits depend on the threads of the linear algebra; what builds on them must not.
    shift = round(float(np.clip(shift, MIN_SHIFT, MAX_SHIFT)), DIGITS)
    lean = round(float(lean), DIGITS)
    field = helmets_at(play, view, frame, ClockOffset(shift, lean, np.nan))
    projected = project(fit_homographies(field, pixels, FIT_ROUNDS), field)
    error = np.linalg.norm(projected - pixels, axis=-1)
    if not np.isfinite(error).any():
        return UNKNOWN
    return ClockOffset(shift, lean, float(np.nanmedian(error)))


def _linearise(
    play: Play,
    view: View,
    frame: np.ndarray,
    px: np.ndarray,
    clock: ClockOffset,
    offset: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted derivatives and residuals at the current values; 0 where a box or position is NaN.

    Pixels of each box by yards of its player [F, P, 2, 2]; yards of its player by shift, lean and
    the eight parameters of a homography [F, P, 2, 10]; residuals of the boxes [F, P, 2] in pixels.
    """
    field = helmets_at(play, view, frame, clock) + offset
    facing = facing_at(play, view, frame, clock.shift)
    times = (clock.shift + sign / STEPS_PER_SECOND for sign in (-1, 1))
    before, after = (field_at(play, view, frame, time) for time in times)
    homography = fit_homographies(field, px, FIT_ROUNDS)
    projected = project(homography, field)
    depth = (homography[:, None, 2, :2] * field).sum(-1) + homography[:, None, 2, 2]
    numerator = homography[:, None, :2, :2] - projected[..., None] * homography[:, None, 2:, :2]
    by_yard = numerator / depth[..., None, None]
    residual = px - projected
    distance = np.linalg.norm(residual, axis=-1)
    known = np.isfinite(distance) & np.isfinite(before + after).all(-1)
    usual = 0.75 * nan_median(np.where(known, distance, np.nan))
    scale = np.maximum(usual, hg.TOLERANCE)[:, None]
    weight = np.where(known, 1 / scale / np.sqrt(1 + (distance / scale) ** 2), 0.0)  # Cauchy
    x, y = np.moveaxis((field - nan_mean(field)[:, None]) / YARDS, -1, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    affine = [(one, zero), (zero, one), (x, zero), (y, zero), (zero, x), (zero, y)]
    perspective = [(x * x, x * y), (x * y, y * y)]
    speed = (after - before) / (2 / STEPS_PER_SECOND)
    free = [np.stack(parameter, axis=-1) for parameter in affine + perspective]
    by_parameter = np.stack([speed, facing, *free], axis=-1)
    weighted = np.where(known[..., None, None], by_yard * weight[..., None, None], 0.0)
    by_parameter = np.where(known[..., None, None], by_parameter, 0.0)
    return weighted, by_parameter, np.where(known[..., None], residual * weight[..., None], 0.0)


def _normal_equations(
    by_yard: np.ndarray, by_parameter: np.ndarray, residual: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and right side for shift, lean and offsets [N, P, 2], homographies eliminated."""
    frames, players = residual.shape[:2]
    jacobian = (by_yard @ by_parameter).reshape(frames, 2 * players, -1)
    offset = np.einsum("fpik,pq->fpiqk", by_yard, np.eye(players))
    offset = offset.reshape(frames, 2 * players, 2 * players)
    columns = np.concatenate([jacobian[..., :2], offset, residual.reshape(frames, -1, 1)], axis=-1)
    free = jacobian[..., 2:]
    transposed = free.transpose(0, 2, 1)
    columns -= free @ np.linalg.solve(transposed @ free + 1e-6 * np.eye(8), transposed @ columns)
    normal = columns.transpose(0, 2, 1) @ columns
    shared, mixed, own = normal[:, :2, :2].sum(0), normal[:, :2, 2:-1], normal[:, 2:-1, 2:-1]
    size = share.shape[1] * own.shape[1]
    corner = np.einsum("fn,fai->ani", share, mixed).reshape(2, -1)
    offsets = np.einsum("fn,fm,fij->nimj", share, share, own, optimize=True).reshape(size, -1)
    offsets_side = np.einsum("fn,fi->ni", share, normal[:, 2:-1, -1]).ravel()
    side = np.concatenate([normal[:, :2, -1].sum(0), offsets_side])
    return np.block([[shared, corner], [corner.T, offsets]]), side


def helmets_at(play: Play, view: View, frame: np.ndarray, offset: ClockOffset) -> np.ndarray:
    """[F, P, 2] yd, field position of each helmet in each frame; NaN: not tracked.

    An unknown offset is taken for the prior.
    """
    known = np.isfinite(offset.shift)
    shift, lean = (offset.shift, offset.lean) if known else (PRIOR_SHIFT, PRIOR_LEAN)
    return field_at(play, view, frame, shift) + lean * facing_at(play, view, frame, shift)


def field_at(play: Play, view: View, frame: np.ndarray, shift: float) -> np.ndarray:
    """[F, P, 2] yd, tracked positions `shift` seconds after each frame; NaN: not tracked."""
    return _interpolate(play, view, frame, shift, play.position)


def facing_at(play: Play, view: View, frame: np.ndarray, shift: float) -> np.ndarray:
    """[F, P, 2] unit vectors in which players face `shift` seconds after each frame; 0: unknown."""
    angle = np.radians(play.orientation.astype(np.float64))
    vectors = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    facing = _interpolate(play, view, frame, shift, vectors)
    return np.nan_to_num(facing / np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-9))


def _interpolate(
    play: Play, view: View, frame: np.ndarray, shift: float, values: np.ndarray
) -> np.ndarray:
    """[F, P, 2] `values` [S, P, 2] interpolated `shift` seconds after each frame; NaN outside."""
    start = (time_of_frame(frame, view.start_time) - play.times[0]).astype(np.int64) / 1000
    position = (start + shift) * STEPS_PER_SECOND
    low = np.floor(position).astype(int)
    inside = (low >= 0) & (low < len(play.steps) - 1)
    low = np.clip(low, 0, len(play.steps) - 2)
    share = (position - low)[:, None, None]
    interpolated = (1 - share) * values[low] + share * values[low + 1]
    return np.where(inside[:, None, None], interpolated, np.nan)
