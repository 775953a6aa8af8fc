"""What registration makes of a view: its clock, its error, completed boxes and swapped names."""

import dataclasses

import numpy as np

from player_contact.play import Play, View
from player_contact.video import homography as hg
from player_contact.video.clock_offset import (
    FIT_ROUNDS,
    MAX_SHIFT,
    MIN_SHIFT,
    PRIOR_SHIFT,
    field_at,
    measure_clock_offset,
)
from player_contact.video.completion import MAX_ERROR, complete_view, undo_swaps
from player_contact.video.registration import register

COARSE_STRIDE = 30  # frames
COARSE_SHIFTS = np.linspace(-2, 2, 41)  # s
BETTER = 0.8  # of the error: then the clock is taken for one that the usual search can't reach
SWAPPED = 0.8  # share of the frames with both boxes: names swapped in more are no passing mistake


@dataclasses.dataclass(frozen=True)
class ViewLook:
    """A registered view; NaN: it could not be registered."""

    name: str  # "58168_003392 Sideline"
    shift: float  # s, tracking behind the video, also where it is farther than registration looks
    error: float  # px, median distance of boxes from where registration expects them
    widths: float  # the same in box widths
    registered: bool  # well enough for boxes to be completed
    detected: float  # share of the players with a box, of the frames that have any
    completed: float
    swapped: float  # share of the boxes that registration gives to another player
    swaps: dict[str, int]  # two players who have each other's boxes -> in how many frames


def look_at_view(play: Play, view: View, title: str) -> ViewLook:
    """Registers a view and completes its boxes, as the features do; `title` names it."""
    registration = register(play, view)
    done = complete_view(view, registration)
    detected, completed = (~np.isnan(boxes[..., 0]) for boxes in (view.boxes, done.view.boxes))
    frames = detected.any(axis=1)
    swaps: dict[str, int] = {}
    if np.isfinite(done.error):  # also where it is too large: swapped names may be why
        width = float(np.median(view.boxes[detected][:, 2]))
        swaps = _swaps(play, detected, undo_swaps(view.boxes, registration, width))
    return ViewLook(
        name=title,
        shift=far_shift(play, view, registration.clock_offset.shift),
        error=registration.clock_offset.error,
        widths=done.error,
        registered=bool(done.error <= MAX_ERROR),
        detected=float(detected[frames].mean()) if frames.any() else 0.0,
        completed=float(completed[frames].mean()) if frames.any() else 0.0,
        swapped=done.swapped / max(int(detected.sum()), 1),
        swaps=swaps,
    )


def far_shift(play: Play, view: View, near: float) -> float:
    """s, tracking behind the video; NaN: unknown.

    What registration finds, `near`, lies within MIN_SHIFT..MAX_SHIFT. Where the tracking fits the
    boxes clearly better at a shift beyond, it is measured around that one.
    """
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    frame = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= hg.MIN_BOXES)[::COARSE_STRIDE]
    if not np.isfinite(near) or not len(frame):
        return near
    errors = np.array([_error(play, view, frame, centre[frame], shift) for shift in COARSE_SHIFTS])
    inside = (MIN_SHIFT <= COARSE_SHIFTS) & (COARSE_SHIFTS <= MAX_SHIFT)
    if not np.nanmin(errors) < BETTER * np.nanmin(errors[inside]):
        return near
    far = float(COARSE_SHIFTS[np.nanargmin(errors)]) - PRIOR_SHIFT
    start_time = view.start_time + np.timedelta64(round(1000 * far), "ms")
    moved = dataclasses.replace(view, start_time=start_time)
    return far + measure_clock_offset(play, moved).shift


def _error(play: Play, view: View, frame: np.ndarray, pixels: np.ndarray, shift: float) -> float:
    """px, distance of boxes from positions `shift` seconds later: mean of the frames' medians."""
    field = field_at(play, view, frame, shift)
    projected = hg.project(hg.fit_homographies(field, pixels, FIT_ROUNDS), field)
    median = hg.nan_median(np.linalg.norm(projected - pixels, axis=-1))
    return float(median[np.isfinite(median)].mean()) if np.isfinite(median).any() else np.inf


def _swaps(play: Play, detected: np.ndarray, owner: np.ndarray) -> dict[str, int]:
    """Of the pairs whose names are swapped nearly whenever both have a box."""
    swaps = {}
    for a, b in zip(*np.triu_indices(len(play.players), 1), strict=True):
        both = detected[:, a] & detected[:, b]
        swapped = int((both & (owner[:, a] == b)).sum())
        if swapped > SWAPPED * both.sum():
            swaps[f"{play.players[a]} and {play.players[b]}"] = swapped
    return swaps
