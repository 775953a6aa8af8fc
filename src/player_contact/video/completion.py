"""Boxes put right by registration: names that two players swapped, and boxes for players whom the detector missed."""

import dataclasses
from collections import Counter

import numpy as np
from scipy.ndimage import uniform_filter1d

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.helmets import fill_gaps
from player_contact.play import Play, View
from player_contact.video.homography import nan_median
from player_contact.video.registration import Registration, register

SHORT_GAP = 12  # frames that a straight line fills better than any registration
MEMORY = 10.0  # frames over which a player stays as far from where he should be
POOR = 1.2  # box widths: a view that misses by more is left as it is
SWAP_FRAMES = 15  # over which a swap must pay
SWAP_GAIN = 2.5  # box widths that it must pay on average


@dataclasses.dataclass(frozen=True)
class Completed:
    """What became of a view's boxes.

    view     the view with its completed boxes
    swapped  frames in which a player's box was given back to its owner, counted by player
    added    boxes that were added
    error    box widths, the usual distance of boxes from where registration expects them; NaN where there is none
    """

    view: View
    swapped: int
    added: int
    error: float


def complete_play(play: Play) -> tuple[Play, Counter]:
    """The play with the boxes of its views put right, and what was done: boxes added and given back, views that could not be registered."""
    views, counted = {}, Counter({"boxes added": 0, "boxes given back": 0, "views not registered": 0})
    for name, view in play.views.items():
        done = complete_view(view, register(play, view))
        views[name] = done.view
        counted.update({"boxes added": done.added, "boxes given back": done.swapped, "views not registered": int(not done.error <= POOR)})
    return dataclasses.replace(play, views=views), counted


def complete_view(view: View, registration: Registration) -> Completed:
    """Swaps undone, short gaps filled on a straight line, longer ones from where the player should be, in the size of boxes near him.

    Only frames are completed whose own error is at most POOR box widths, and only places inside the picture.
    """
    boxes = view.boxes.astype(np.float64)
    detected = ~np.isnan(boxes[..., 0])
    width = float(np.median(boxes[detected][:, 2])) if detected.any() else np.nan
    error = float(np.nanmedian(registration.error)) / width if np.isfinite(registration.error).any() else np.nan
    if not error <= POOR:
        return Completed(dataclasses.replace(view, detected=detected), 0, 0, error)
    owner = undo_swaps(boxes, registration, width)
    swapped = int((detected & (owner != np.arange(owner.shape[1]))).sum())
    boxes = np.take_along_axis(boxes, owner[..., None], axis=1)
    detected = ~np.isnan(boxes[..., 0])
    residual = (boxes[..., :2] + boxes[..., 2:] / 2 - registration.expected).astype(np.float32)
    filled = fill_gaps(boxes.astype(np.float32), SHORT_GAP).astype(np.float64)
    guess = _expected_boxes(filled, registration, width)
    whole = np.where(np.isnan(filled), guess, filled).astype(np.float32)
    added = int((~np.isnan(whole[..., 0]) & ~detected).sum())
    return Completed(dataclasses.replace(view, boxes=whole, detected=detected, residual=residual), swapped, added, error)


def undo_swaps(boxes: np.ndarray, registration: Registration, width: float) -> np.ndarray:
    """[F, P] whose name the right box of each player bears: mostly his own.

    Two names are exchanged where that brings both boxes nearer to where they should be, by SWAP_GAIN box widths on the average of SWAP_FRAMES.
    """
    frames, players = boxes.shape[:2]
    centre = boxes[..., :2] + boxes[..., 2:] / 2
    away = np.linalg.norm(centre[:, :, None] - registration.expected[:, None], axis=-1) / width  # [F, box, player]
    own = np.einsum("fpp->fp", away)
    gain = own[:, :, None] + own[:, None] - away - away.transpose(0, 2, 1)
    known = np.isfinite(gain)
    total = uniform_filter1d(np.where(known, gain, 0.0), SWAP_FRAMES, axis=0, mode="constant")
    share = uniform_filter1d(known.astype(np.float64), SWAP_FRAMES, axis=0, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        pays = known & (gain > 0) & (share > 0.3) & (total / share > SWAP_GAIN)
    owner = np.tile(np.arange(players), (frames, 1))
    for frame in np.flatnonzero(pays.any((1, 2))).tolist():
        free = np.ones(players, dtype=bool)
        pairs = np.argwhere(np.triu(pays[frame]))
        for one, other in pairs[np.argsort(-gain[frame][tuple(pairs.T)], kind="stable")].tolist():
            if free[one] and free[other]:
                owner[frame, [one, other]] = other, one
                free[[one, other]] = False
    return owner


def _expected_boxes(boxes: np.ndarray, registration: Registration, width: float) -> np.ndarray:
    """[F, P, 4] where each player's box should be, drawn towards where he was seen against it shortly before and after; NaN where nobody can tell."""
    frames = np.arange(len(boxes))
    centre = boxes[..., :2] + boxes[..., 2:] / 2
    residual = np.clip(centre - registration.expected, -2 * width, 2 * width)
    known = ~np.isnan(residual[..., 0])
    weight = np.exp(-np.abs(frames[:, None] - frames) / MEMORY)
    near = np.einsum("ab,bpk->apk", weight, np.where(known[..., None], residual, 0)) / ((weight @ known)[..., None] + 0.3)
    middle = registration.expected + near
    scale = nan_median(boxes[..., 2:].mean(-1) / registration.nearness)
    shape = np.nanmedian(boxes[..., 2:].reshape(-1, 2), axis=0) / np.nanmedian(boxes[..., 2:])
    seen = np.isfinite(scale)
    if not seen.any():
        return np.full(boxes.shape, np.nan)
    size = np.interp(frames, frames[seen], scale[seen])[:, None, None] * registration.nearness[..., None] * shape
    size = np.clip(size, 0.5 * width, 2 * width)
    inside = (middle >= 0).all(-1) & (middle <= [FRAME_WIDTH - 1, FRAME_HEIGHT - 1]).all(-1) & (registration.error <= POOR * width)[:, None]
    return np.where(inside[..., None], np.concatenate([middle - size / 2, size], axis=-1), np.nan)
