"""Helmet boxes along time: short gaps filled, and the box of every player at every step."""

from dataclasses import dataclass

import numpy as np

from player_contact.competition import clock
from player_contact.play import Play, View

LONGEST_AGE = 10.0  # s, for a player who was never detected in the view
HELD = 6  # frames, a step: boxes and videos end up to so many frames before the last labelled step


@dataclass(frozen=True)
class StepBoxes:
    """One view's boxes on the steps of a play. Letters as in `Play`.

    frame   [S] int64, the frame nearest to each step; just behind the end, the last one; may lie outside the video
    centre  [S, P, 2] float32, pixels; NaN: no box, not even a completed one
    size    [S, P, 2] float32, width and height in pixels
    age     [S, P] float32, seconds to the nearest frame with a detected box: 0 where the box was detected, NaN where there is none
    off     [S, P, 2] float32, pixels right and down from where registration expects the box; NaN where it was not detected or not registered
    """

    frame: np.ndarray
    centre: np.ndarray
    size: np.ndarray
    age: np.ndarray
    off: np.ndarray


def no_boxes(steps: int, players: int) -> StepBoxes:
    """Those of a view that does not exist."""
    nothing = np.full((steps, players, 2), np.nan, dtype=np.float32)
    return StepBoxes(np.full(steps, -1), nothing, nothing, nothing[..., 0], nothing)


def fill_gaps(boxes: np.ndarray, longest_gap: int) -> np.ndarray:
    """[F, P, 4] boxes with every gap of at most `longest_gap` frames filled on a straight line; longer gaps and both ends stay NaN."""
    filled = boxes.copy()
    frames = np.arange(len(boxes))
    for player in range(boxes.shape[1]):
        seen = np.flatnonzero(~np.isnan(boxes[:, player, 0]))
        if len(seen) < 2:
            continue
        gap = np.diff(seen)
        after = np.searchsorted(seen, frames, side="left").clip(1, len(seen) - 1)
        inside = (frames > seen[0]) & (frames < seen[-1]) & (gap[after - 1] - 1 <= longest_gap) & np.isnan(boxes[:, player, 0])
        for side in range(4):
            filled[inside, player, side] = np.interp(frames[inside], seen, boxes[seen, player, side])
    return filled


def hold_last(boxes: np.ndarray) -> np.ndarray:
    """[F, P, 4] boxes in which the last box of each player stands for up to HELD frames more."""
    held = boxes.copy()
    for player in range(boxes.shape[1]):
        seen = np.flatnonzero(~np.isnan(boxes[:, player, 0]))
        if len(seen):
            held[seen[-1] + 1 : seen[-1] + 1 + HELD, player] = boxes[seen[-1], player]
    return held


def frames_to_nearest_box(seen: np.ndarray) -> np.ndarray:
    """[F, P] float32 frames to the nearest frame in which [F, P] `seen` is true for the player; inf where it never is."""
    frames = np.arange(len(seen), dtype=np.float32)[:, None]
    last = np.maximum.accumulate(np.where(seen, frames, -np.inf), axis=0)
    following = np.minimum.accumulate(np.where(seen, frames, np.inf)[::-1], axis=0)[::-1]
    return np.minimum(frames - last, following - frames)


def step_boxes(play: Play, view: View, longest_gap: int) -> StepBoxes:
    """The boxes of a view at the frame nearest to each step, gaps of up to `longest_gap` frames filled, the last box held for a step."""
    frame = view.frame_of(play.times)
    last = len(view.boxes) - 1
    frame = np.where((frame > last) & (frame <= last + HELD), last, frame)
    inside = (frame >= 0) & (frame <= last)
    boxes = np.full((len(frame), len(play.players), 4), np.nan, dtype=np.float32)
    boxes[inside] = hold_last(fill_gaps(view.boxes, longest_gap))[frame[inside]]
    age = np.full(boxes.shape[:2], np.nan, dtype=np.float32)
    detected = ~np.isnan(view.boxes[..., 0]) if view.detected is None else view.detected
    age[inside] = np.minimum(frames_to_nearest_box(detected)[frame[inside]] / clock.FRAMES_PER_SECOND, LONGEST_AGE)
    off = np.full((len(frame), len(play.players), 2), np.nan, dtype=np.float32)
    if view.residual is not None:
        off[inside] = view.residual[frame[inside]]
    left_top, size = boxes[..., :2], boxes[..., 2:]
    age = np.where(np.isnan(size[..., 0]), np.float32(np.nan), age)
    return StepBoxes(frame=frame, centre=left_top + size / 2, size=size, age=age, off=off)
