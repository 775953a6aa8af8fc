"""Helmet boxes over time: short gaps filled, and the box of every player at every step."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition import clock
from player_contact.play import Play, View

MAX_AGE = 10.0  # s
MAX_HOLD = 6  # frames: a step. Videos end up to four before the last labelled one


@dataclass(frozen=True)
class StepBoxes:
    """The boxes of one view at the steps of a play, float32; NaN: no box. Letters as in `Play`."""

    # [S] int64, nearest to each step; outside the video, but up to MAX_HOLD after it: the last one
    frame: np.ndarray
    centre: np.ndarray  # [S, P, 2] pixels
    size: np.ndarray  # [S, P, 2] width and height in pixels
    age: np.ndarray  # [S, P] seconds to the nearest detected box; 0: detected
    residual: np.ndarray  # [S, P, 2] as in `View`; NaN also: not detected or not registered


def no_boxes(steps: int, players: int) -> StepBoxes:
    """Those of a view that does not exist."""
    nothing = np.full((steps, players, 2), np.nan, dtype=np.float32)
    return StepBoxes(np.full(steps, -1), nothing, nothing, nothing[..., 0], nothing)


def fill_gaps(boxes: np.ndarray, max_gap: int) -> np.ndarray:
    """[F, P, 4] boxes, gaps of at most `max_gap` frames between two boxes interpolated linearly."""
    filled, frames = boxes.copy(), np.arange(len(boxes))
    for player, missing in enumerate(np.isnan(boxes[..., 0]).T):
        known = np.flatnonzero(~missing)
        if len(known) < 2:
            continue
        after = np.searchsorted(known, frames).clip(1, len(known) - 1)
        short = np.diff(known)[after - 1] - 1 <= max_gap
        inside = missing & short & (frames > known[0]) & (frames < known[-1])
        for side in range(4):
            values = boxes[known, player, side]
            filled[inside, player, side] = np.interp(frames[inside], known, values)
    return filled


def hold_last(boxes: np.ndarray) -> np.ndarray:
    """[F, P, 4] boxes, the last one of each player repeated for up to MAX_HOLD frames."""
    held = boxes.copy()
    for player in range(boxes.shape[1]):
        if len(known := np.flatnonzero(~np.isnan(boxes[:, player, 0]))):
            held[known[-1] + 1 : known[-1] + 1 + MAX_HOLD, player] = boxes[known[-1], player]
    return held


def frames_to_nearest_box(detected: np.ndarray) -> np.ndarray:
    """[F, P] float32 frames to the player's nearest true in `detected` [F, P]; inf: none."""
    frames = np.arange(len(detected), dtype=np.float32)[:, None]
    last = np.maximum.accumulate(np.where(detected, frames, -np.inf), axis=0)
    following = np.minimum.accumulate(np.where(detected, frames, np.inf)[::-1], axis=0)[::-1]
    return np.minimum(frames - last, following - frames)


def step_boxes(play: Play, view: View, max_gap: int) -> StepBoxes:
    """The boxes of a view at the frame nearest to each step, after `fill_gaps` and `hold_last`."""
    frame, last = view.frame_of(play.times), len(view.boxes) - 1
    frame = np.where((frame > last) & (frame <= last + MAX_HOLD), last, frame)
    inside = (frame >= 0) & (frame <= last)

    def at_steps(values: np.ndarray) -> np.ndarray:
        out = np.full((len(frame), *values.shape[1:]), np.nan, dtype=np.float32)
        out[inside] = values[frame[inside]]
        return out

    boxes = at_steps(hold_last(fill_gaps(view.boxes, max_gap)))
    detected = ~np.isnan(view.boxes[..., 0]) if view.detected is None else view.detected
    age = at_steps(np.minimum(frames_to_nearest_box(detected) / clock.FRAMES_PER_SECOND, MAX_AGE))
    age[np.isnan(boxes[..., 2])] = np.nan
    unknown = np.full_like(view.boxes[..., :2], np.nan)
    residual = at_steps(unknown if view.residual is None else view.residual)
    size = boxes[..., 2:]
    return StepBoxes(frame, boxes[..., :2] + size / 2, size, age, residual)
