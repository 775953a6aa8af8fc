"""Helmet boxes corrected by registration: swapped names exchanged, missed helmets added."""

import dataclasses
from collections import Counter

import numpy as np
from scipy.ndimage import uniform_filter1d

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.play import Play, View
from player_contact.video.homography import nan_median
from player_contact.video.registration import Registration, register
from player_contact.video.step_boxes import fill_gaps

SHORT_GAP = 12  # frames that linear interpolation fills better than registration
DECAY_FRAMES = 10.0  # of a player's residual
MAX_ERROR = 1.2  # box widths: frames and views of a larger error are not completed
SWAP_FRAMES = 15  # window over which a swap must pay
SWAP_GAIN = 2.5  # box widths, its least mean gain
MIN_KNOWN = 0.3  # share of the window in which the gain is known
COUNTS = "boxes added", "boxes swapped back", "views not registered"


@dataclasses.dataclass(frozen=True)
class CompletedView:
    """A view with its completed boxes."""

    view: View
    swapped: int  # boxes given to another player
    added: int  # boxes
    error: float  # box widths, median residual of the registration; NaN: not registered


def complete_play(play: Play) -> tuple[Play, Counter]:
    """The play with completed views, and counts of what was done; see `CompletedView`."""
    views, counts = {}, Counter(dict.fromkeys(COUNTS, 0))
    for name, view in play.views.items():
        done = complete_view(view, register(play, view))
        unregistered = int(not done.error <= MAX_ERROR)
        views[name] = done.view
        counts.update(dict(zip(COUNTS, (done.added, done.swapped, unregistered), strict=True)))
    return dataclasses.replace(play, views=views), counts


def complete_view(view: View, registration: Registration) -> CompletedView:
    """Undoes swaps, interpolates short gaps, and fills longer ones by registration.

    Filled are frames whose error is at most MAX_ERROR box widths, inside the image, with the size
    of the other boxes.
    """
    boxes = view.boxes.astype(np.float64)
    detected = ~np.isnan(boxes[..., 0])
    width = float(np.median(boxes[detected][:, 2])) if detected.any() else np.nan
    known = np.isfinite(registration.error).any()
    error = float(np.nanmedian(registration.error)) / width if known else np.nan
    if not error <= MAX_ERROR:
        return CompletedView(dataclasses.replace(view, detected=detected), 0, 0, error)
    owner = undo_swaps(boxes, registration, width)
    swapped = int((detected & (owner != np.arange(owner.shape[1]))).sum())
    boxes = np.take_along_axis(boxes, owner[..., None], axis=1)
    detected = ~np.isnan(boxes[..., 0])
    residual = (boxes[..., :2] + boxes[..., 2:] / 2 - registration.expected).astype(np.float32)
    boxes = fill_gaps(boxes.astype(np.float32), SHORT_GAP).astype(np.float64)
    expected = _expected_boxes(boxes, registration, width)
    boxes = np.where(np.isnan(boxes), expected, boxes).astype(np.float32)
    added = int((~np.isnan(boxes[..., 0]) & ~detected).sum())
    view = dataclasses.replace(view, boxes=boxes, detected=detected, residual=residual)
    return CompletedView(view, swapped, added, error)


def undo_swaps(boxes: np.ndarray, registration: Registration, width: float) -> np.ndarray:
    """[F, P] index of the player whose box is truly this player's: mostly himself.

    Two boxes are exchanged where that brings both nearer to where they are expected, by SWAP_GAIN
    box widths on average over SWAP_FRAMES.
    """
    frames, players = boxes.shape[:2]
    centre = boxes[..., :2] + boxes[..., 2:] / 2
    offset = centre[:, :, None] - registration.expected[:, None]
    distance = np.linalg.norm(offset, axis=-1) / width  # [F, box, player]
    own = np.einsum("fpp->fp", distance)
    gain = own[:, :, None] + own[:, None] - distance - distance.transpose(0, 2, 1)
    known = np.isfinite(gain)
    total = uniform_filter1d(np.where(known, gain, 0.0), SWAP_FRAMES, axis=0, mode="constant")
    share = uniform_filter1d(known.astype(np.float64), SWAP_FRAMES, axis=0, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        pays = known & (gain > 0) & (share > MIN_KNOWN) & (total / share > SWAP_GAIN)
    owner = np.tile(np.arange(players), (frames, 1))
    for frame in np.flatnonzero(pays.any((1, 2))).tolist():
        free = np.ones(players, dtype=bool)
        pairs = np.argwhere(np.triu(pays[frame]))
        for a, b in pairs[np.argsort(-gain[frame][tuple(pairs.T)], kind="stable")].tolist():
            if free[a] and free[b]:
                owner[frame, [a, b]] = b, a
                free[[a, b]] = False
    return owner


def _expected_boxes(boxes: np.ndarray, registration: Registration, width: float) -> np.ndarray:
    """[F, P, 4] where registration expects each player's box, corrected by his nearby residuals.

    NaN: frame not registered, or outside the image.
    """
    frame = np.arange(len(boxes))
    centre = boxes[..., :2] + boxes[..., 2:] / 2
    residual = np.clip(centre - registration.expected, -2 * width, 2 * width)
    known = ~np.isnan(residual[..., 0])
    weight = np.exp(-np.abs(frame[:, None] - frame) / DECAY_FRAMES)
    total = np.einsum("ab,bpk->apk", weight, np.where(known[..., None], residual, 0))
    centre = registration.expected + total / ((weight @ known)[..., None] + 0.3)
    scale = nan_median(boxes[..., 2:].mean(-1) / registration.nearness)
    shape = np.nanmedian(boxes[..., 2:].reshape(-1, 2), axis=0) / np.nanmedian(boxes[..., 2:])
    measured = np.isfinite(scale)
    if not measured.any():
        return np.full(boxes.shape, np.nan)
    scale = np.interp(frame, frame[measured], scale[measured])
    size = scale[:, None, None] * registration.nearness[..., None] * shape
    size = np.clip(size, 0.5 * width, 2 * width)
    inside = (centre >= 0).all(-1) & (centre <= [FRAME_WIDTH - 1, FRAME_HEIGHT - 1]).all(-1)
    inside &= (registration.error <= MAX_ERROR * width)[:, None]
    return np.where(inside[..., None], np.concatenate([centre - size / 2, size], axis=-1), np.nan)
