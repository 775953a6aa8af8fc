"""How far the sensors' clock lies behind the picture's, in a view.

A helmet is not where the sensors are: it lies ahead of the shoulder pads, by the player's lean, towards where he faces. As most players
run where they face, a lean looks like a shift of the clock (a sixth of a yard at 4 yd/s: 0.04 s), so both are estimated together. What tells
them apart: a lean turns with the body and stays when its player stands, a shift grows with the speed and points where he moves. Sensors and
posture also err by tenths of a yard that change over seconds; each player has an offset that may drift as slowly, so that the clock is told by
motion faster than that.
"""

from dataclasses import dataclass

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND, time_of_frame
from player_contact.play import Play, View
from player_contact.video.homography import LEAST_BOXES, TOLERANCE, fit_homographies, nan_mean, nan_median, project

EVERY = 6  # frames between those that measure the clock
FIT_ROUNDS = 6  # of reweighting a homography; a few boxes more or less astray do not move the clock
SHIFTS = (-0.10, 0.26)  # s, what a clock may be measured to be
USUAL_SHIFT, USUAL_LEAN = 0.08, 0.15  # s, yd: of the real play 58168_003392, where the clock starts and where it can't be measured
SHIFT_WIDTH, LEAN_WIDTH, DRIFT_WIDTH = 0.15, 0.1, 0.2  # s, yd, yd: how far from that, and from 0, they may well be
CORRELATED = 4  # boxes of following frames err alike: this many count as one against what is usual
DRIFT_SECONDS = 2.5  # between the nodes of a player's offset
STEPS, ENOUGH, LONGEST = 10, 5e-4, 0.08  # of the search; s, it ends when the shift moves less; s, it moves no further at once
DIGITS = 5  # of the measured shift and lean
YARDS = 10.0  # the size of a group of players, a unit in which all derivatives of a homography are alike


@dataclass(frozen=True)
class Clock:
    """How the sensors lie to the picture in one view; NaN where too few boxes could be registered.

    shift  s: the picture of a moment fits what the sensors report so many seconds later
    lean   yd, by which a helmet is ahead of the sensors, towards where its player faces
    error  px, the median distance between helmets and registered positions at that shift and lean
    """

    shift: float
    lean: float
    error: float


UNKNOWN = Clock(np.nan, np.nan, np.nan)


def measure_clock(play: Play, view: View) -> Clock:
    """Shift and lean at which tracking fits the helmet boxes of a view best, with a homography for each of some frames.

    Gauss-Newton on shift, lean and drifting offsets together, over robust homographies whose freedom is taken out frame by frame.
    """
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    frame = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= LEAST_BOXES)[::EVERY]
    if len(frame) < FRAMES_PER_SECOND / EVERY:  # less than a second
        return UNKNOWN
    pixels = centre[frame].astype(np.float64)
    node = (frame - frame[0]) / FRAMES_PER_SECOND / DRIFT_SECONDS
    share = np.maximum(1 - np.abs(node[:, None] - np.arange(np.ceil(node[-1]) + 1)), 0)  # [F, N] of each node in a frame
    drift = np.zeros((share.shape[1], pixels.shape[1], 2))
    usual = np.concatenate([[USUAL_SHIFT, USUAL_LEAN], np.zeros(drift.size)])
    stiff = CORRELATED / np.concatenate([[SHIFT_WIDTH, LEAN_WIDTH], np.full(drift.size, DRIFT_WIDTH)]) ** 2
    shift, lean = USUAL_SHIFT, USUAL_LEAN
    for _ in range(STEPS):
        matrix, side = _equations(*_linear(play, view, frame, pixels, shift, lean, share, drift), share)
        now = np.concatenate([[shift, lean], drift.ravel()])
        step = np.linalg.solve(matrix + np.diag(stiff), side + stiff * (usual - now))
        step[0] = np.clip(step[0], -LONGEST, LONGEST)
        shift, lean, drift = shift + step[0], lean + step[1], drift + step[2:].reshape(drift.shape)
        if abs(step[0]) < ENOUGH:
            break
    # The last digits depend on how many threads the linear algebra had; what is built on a clock must not.
    shift, lean = round(float(np.clip(shift, *SHIFTS)), DIGITS), round(float(lean), DIGITS)
    field = helmets_at(play, view, frame, Clock(shift, lean, np.nan))
    away = np.linalg.norm(project(fit_homographies(field, pixels, FIT_ROUNDS), field) - pixels, axis=-1)
    return Clock(shift, lean, float(np.nanmedian(away))) if np.isfinite(away).any() else UNKNOWN


def _linear(
    play: Play, view: View, frame: np.ndarray, pixels: np.ndarray, shift: float, lean: float, share: np.ndarray, drift: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Around the present values: how each box moves with a yard of its player [F, P, 2, 2], how its player moves [F, P, 2, 10] with shift, lean and
    the eight freedoms of a homography, and how far the box still is from there [F, P, 2]. All weighted; 0 where a box or position is not known."""
    facing = facing_at(play, view, frame, shift)
    before, after = (field_at(play, view, frame, shift + by / STEPS_PER_SECOND) for by in (-1, 1))
    field = field_at(play, view, frame, shift) + lean * facing + np.einsum("fn,npk->fpk", share, drift)
    homography = fit_homographies(field, pixels, FIT_ROUNDS)
    seen = project(homography, field)
    depth = (homography[:, None, 2, :2] * field).sum(-1) + homography[:, None, 2, 2]
    yard = (homography[:, None, :2, :2] - seen[..., None] * homography[:, None, 2:, :2]) / depth[..., None, None]
    residual = pixels - seen
    away = np.linalg.norm(residual, axis=-1)
    known = np.isfinite(away) & np.isfinite(before + after).all(-1)
    scale = np.maximum(0.75 * nan_median(np.where(known, away, np.nan)), TOLERANCE)[:, None]
    weight = np.where(known, 1 / scale / np.sqrt(1 + (away / scale) ** 2), 0.0)  # Cauchy
    x, y = np.moveaxis((field - nan_mean(field)[:, None]) / YARDS, -1, 0)
    one, zero = np.ones_like(x), np.zeros_like(x)
    free = [[one, zero], [zero, one], [x, zero], [y, zero], [zero, x], [zero, y], [x * x, x * y], [x * y, y * y]]
    speed = (after - before) / (2 / STEPS_PER_SECOND)
    moves = np.stack([speed, facing, *(np.stack(both, axis=-1) for both in free)], axis=-1)
    weight = weight[..., None]
    known = known[..., None]
    return (
        np.where(known[..., None], yard * weight[..., None], 0.0),
        np.where(known[..., None], moves, 0.0),
        np.where(known, residual * weight, 0.0),
    )


def _equations(yard: np.ndarray, moves: np.ndarray, residual: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of what `_linear` gives, for shift, lean and the offsets [N, P, 2], without what homographies can do by themselves."""
    frames, players = residual.shape[:2]
    moved = (yard @ moves).reshape(frames, 2 * players, -1)
    offset = np.einsum("fpik,pq->fpiqk", yard, np.eye(players)).reshape(frames, 2 * players, 2 * players)
    columns = np.concatenate([moved[..., :2], offset, residual.reshape(frames, -1, 1)], axis=-1)
    free = moved[..., 2:]
    turned = free.transpose(0, 2, 1)
    columns -= free @ np.linalg.solve(turned @ free + 1e-6 * np.eye(8), turned @ columns)
    normal = columns.transpose(0, 2, 1) @ columns
    both, mixed, own = normal[:, :2, :2].sum(0), normal[:, :2, 2:-1], normal[:, 2:-1, 2:-1]
    nodes, size = share.shape[1], own.shape[1]
    corner = np.einsum("fn,fai->ani", share, mixed).reshape(2, -1)
    rest = np.einsum("fn,fm,fij->nimj", share, share, own, optimize=True).reshape(nodes * size, -1)
    side = np.concatenate([normal[:, :2, -1].sum(0), np.einsum("fn,fi->ni", share, normal[:, 2:-1, -1]).ravel()])
    return np.block([[both, corner], [corner.T, rest]]), side


def helmets_at(play: Play, view: View, frame: np.ndarray, clock: Clock) -> np.ndarray:
    """[F, P, 2] yd, over which point of the field each player's helmet was in each frame; NaN outside the tracking.

    An unknown clock is taken for the usual one.
    """
    shift, lean = (clock.shift, clock.lean) if np.isfinite(clock.shift) else (USUAL_SHIFT, USUAL_LEAN)
    return field_at(play, view, frame, shift) + lean * facing_at(play, view, frame, shift)


def field_at(play: Play, view: View, frame: np.ndarray, shift: float) -> np.ndarray:
    """[F, P, 2] where the sensors saw the players `shift` seconds after each frame was taken, in yards; NaN outside the tracking."""
    return _between(play, view, frame, shift, play.position)


def facing_at(play: Play, view: View, frame: np.ndarray, shift: float) -> np.ndarray:
    """[F, P, 2] the directions in which they faced then, of length 1; 0 where that is not known."""
    angle = np.radians(play.orientation.astype(np.float64))
    facing = _between(play, view, frame, shift, np.stack([np.sin(angle), np.cos(angle)], axis=-1))
    return np.nan_to_num(facing / np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-9))


def _between(play: Play, view: View, frame: np.ndarray, shift: float, values: np.ndarray) -> np.ndarray:
    """[F, P, 2] of `values` [S, P, 2], on a line between the steps before and after `shift` seconds later than each frame; NaN outside."""
    start = (time_of_frame(frame, view.start_time) - play.times[0]).astype(np.int64) / 1000
    place = (start + shift) * STEPS_PER_SECOND
    low = np.floor(place).astype(int)
    inside = (low >= 0) & (low < len(play.steps) - 1)
    low = np.clip(low, 0, len(play.steps) - 2)
    share = (place - low)[:, None, None]
    out = (1 - share) * values[low] + share * values[low + 1]
    out[~inside] = np.nan
    return out
