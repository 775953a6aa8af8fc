"""Where the model looks: a square window around the pair's helmets, in every frame near the step, with the boxes that will be drawn."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.helmets import StepBoxes, step_boxes
from player_contact.play import Play, Rows
from player_contact.stored import StoredArray
from player_contact.video.decode import VideoError, grey_frames, video_facts

log = logging.getLogger(__name__)

RATE_TOLERANCE = 0.005
LATE_FRAMES = 6  # a step this far outside the video is shown by its first or last frame: videos end shortly before the last labelled step
NOBODY = -1
BODY_BELOW_HELMET = 1.5  # helmet sizes from the helmets' middle down to the middle of the window: contact happens below the helmets


@dataclass(frozen=True)
class Crops:
    """What the model sees of N rows. V views in the order of VIEWS, C frames around the step, K boxes, H = W pixels.

    pictures  [N, V, C, H, W] uint8 grey; 0 where the view did not see the row. On disk they are read one by one: whole numbers name them
    boxes     [N, V, K, 4] float32 left, top, right, bottom in pixels of the picture: first the pair's (the second NaN for the ground), then others'
    detected  [N, V, K] bool: the detector found the box at the step; the others were completed or filled in
    seen      [N, V] bool: the video has the frames and at least one player of the row has a box
    """

    pictures: np.ndarray | StoredArray
    boxes: np.ndarray
    detected: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class Windows:
    """Square windows of N rows in one view: `centre` [N, 2] and `side` [N] in pixels of the video; NaN: nobody of the row has a box."""

    centre: np.ndarray
    side: np.ndarray


def windows(boxes: StepBoxes, rows: Rows, helmets_wide: float) -> Windows:
    """A window follows the middle of the row's helmets, as wide as `helmets_wide` usual helmets of the moment and of the row."""
    second = np.where(rows.is_ground, rows.first, rows.second)
    pair = np.stack([boxes.centre[rows.step, rows.first], boxes.centre[rows.step, second]])  # [2, N, 2]
    sizes = np.stack([boxes.size[rows.step, rows.first], boxes.size[rows.step, second]])
    seen = ~np.isnan(pair[..., 0])
    weight = (seen / np.maximum(seen.sum(0), 1))[..., None]
    middle = (np.nan_to_num(pair) * weight).sum(0)
    own = (np.nan_to_num(sizes).mean(-1) * weight[..., 0]).sum(0)
    usual = _usual_size(boxes)[rows.step]
    # A helmet's box changes its shape when the player turns or falls; the camera's zoom does not: lean on the whole view.
    unit = np.where(np.isnan(usual), own, 0.3 * own + 0.7 * usual)
    centre = middle + np.stack([np.zeros_like(unit), BODY_BELOW_HELMET * unit], axis=-1)
    nobody = ~seen.any(0)
    centre[nobody] = np.nan
    return Windows(centre.astype(np.float32), np.where(nobody, np.nan, helmets_wide * unit).astype(np.float32))


def _usual_size(boxes: StepBoxes) -> np.ndarray:
    """[S] median helmet size of the view at each step, smoothed over 2 s; NaN where nobody is seen near."""
    half = 10
    size = boxes.size.mean(-1)
    usual = np.full(len(size), np.nan)
    for step in range(len(size)):
        around = size[max(0, step - half) : step + half + 1]
        if (known := around[~np.isnan(around)]).size:
            usual[step] = np.median(known)
    return usual


def cut_crops(play: Play, rows: Rows, config: CropsConfig) -> Crops:
    """The crops of N rows of a play. Each video is decoded once.

    A view without video, or a frame that the video lacks, leaves the rows unseen in that view; it is logged, not raised.
    """
    n, size = len(rows), config.size
    pictures = np.zeros((n, len(VIEWS), len(config.frames), size, size), dtype=np.uint8)
    boxes = np.full((n, len(VIEWS), 2 + config.others, 4), np.nan, dtype=np.float32)
    detected = np.zeros(boxes.shape[:3], dtype=bool)
    seen = np.zeros((n, len(VIEWS)), dtype=bool)
    for place, name in enumerate(VIEWS):
        if name not in play.views or not n:
            continue
        view = play.views[name]
        at_step = step_boxes(play, view, config.longest_gap)
        window = windows(at_step, rows, config.helmets_wide)
        try:
            seen[:, place] = _cut_view(name, view.video, at_step.frame[rows.step], window, config.frames, pictures[:, place])
        except VideoError as error:
            log.warning("%s. %d rows are scored without the %s view", error, n, name)
            pictures[:, place] = 0
            continue
        boxes[:, place], detected[:, place] = _boxes_in_windows(at_step, rows, window, size, config.others)
    return Crops(pictures, boxes, detected, seen)


def _cut_view(view: str, video: Path, step_frame: np.ndarray, window: Windows, offsets: tuple[int, ...], out: np.ndarray) -> np.ndarray:
    """Fills `out` [N, C, H, W] from one video; returns [N] bool: all C frames were there. A broken end leaves the rows before it good."""
    import cv2

    facts = video_facts(video)
    size, last = out.shape[-1], facts.frames - 1
    stretch = np.array([facts.width / FRAME_WIDTH, facts.height / FRAME_HEIGHT])  # boxes are in pixels of the competition's size
    remarks = [f"has {facts.width}x{facts.height} pixels: boxes are moved to fit"] if (stretch != 1).any() else []
    if abs(facts.rate / FRAMES_PER_SECOND - 1) > RATE_TOLERANCE:
        remarks.append(f"has {facts.rate:.2f} frames a second: those nearest in time are taken")
    wanted = ~np.isnan(window.side) & (step_frame >= -LATE_FRAMES) & (step_frame <= last + LATE_FRAMES)
    by_frame: dict[int, list[tuple[int, int]]] = {}
    for channel, offset in enumerate(offsets):
        for row in np.flatnonzero(wanted).tolist():
            frame = min(max(int(step_frame[row]) + offset, 0), last)
            by_frame.setdefault(frame, []).append((row, channel))
    got = np.zeros((len(out), len(offsets)), dtype=bool)
    broken = False
    try:
        for frame, picture in grey_frames(video, np.array(sorted(by_frame), dtype=np.int64)):
            # Shrink once, then sample: a window much larger than the crop would alias, and area sampling of every crop costs more.
            half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            for row, channel in by_frame[frame]:
                source, factor = (half, 0.5 * stretch) if window.side[row] * stretch[0] > 1.8 * size else (picture, stretch)
                scale = size / (window.side[row] * factor)
                shift = (size - 1) / 2 - scale * (window.centre[row] * factor - 0.5)
                move = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], dtype=np.float32)
                # Beyond the frame the edge goes on: a black bar would tell the model where the frame ends.
                cv2.warpAffine(source, move, (size, size), dst=out[row, channel], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                got[row, channel] = True
    except VideoError:
        if not got.any():
            raise
        broken = True
    complete = np.asarray(got.all(axis=1))
    out[~complete] = 0
    missing = ~complete & ~np.isnan(window.side)
    if missing.any():
        fault = "breaks off" if broken else "ends before the play" if (step_frame[missing] > last).all() else "lacks pictures"
        remarks.append(f"{fault}: {missing.sum()} rows have no {view} view")
    if remarks:
        log.warning("%s %s", video.name, "; it ".join(remarks))
    return complete


def _boxes_in_windows(boxes: StepBoxes, rows: Rows, window: Windows, size: int, others: int) -> tuple[np.ndarray, np.ndarray]:
    """[N, 2 + others, 4] left, top, right, bottom in crop pixels: the row's players, then those nearest to its middle; and which were detected."""
    who = _drawn_players(boxes, rows, window, others)
    step = rows.step[:, None]
    scale = (size / window.side)[:, None, None]
    corner = (window.centre - window.side[:, None] / 2)[:, None, :]
    extent = boxes.size[step, who]
    left_top = (boxes.centre[step, who] - extent / 2 - corner) * scale
    found = np.concatenate([left_top, left_top + extent * scale], axis=-1)
    found[who == NOBODY] = np.nan
    return found, (who != NOBODY) & (boxes.age[step, who] == 0)


def _drawn_players(boxes: StepBoxes, rows: Rows, window: Windows, others: int) -> np.ndarray:
    """[N, 2 + others] the row's players, then the others whose helmets are nearest to the window's middle, places on the P axis; NOBODY: no more."""
    row, pair = np.arange(len(rows)), ~rows.is_ground
    who = np.full((len(rows), 2 + others), NOBODY)
    who[:, 0] = rows.first
    who[pair, 1] = rows.second[pair]
    far = np.abs(boxes.centre[rows.step] - window.centre[:, None, :]).max(-1) / window.side[:, None]  # [N, P]
    far[row, rows.first] = np.inf
    far[row[pair], rows.second[pair]] = np.inf
    far = np.where(np.isnan(far) | (far > 0.6), np.inf, far)
    nearest = np.argsort(far, axis=1, kind="stable")[:, :others]
    who[:, 2 : 2 + nearest.shape[1]] = np.where(np.isinf(np.take_along_axis(far, nearest, axis=1)), NOBODY, nearest)
    return who
