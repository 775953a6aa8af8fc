"""Input images of the model: square windows around a pair's helmets, in frames near the step."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND
from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.play import Play, Rows
from player_contact.utils.npy_array import NpyArray
from player_contact.video.decode import VideoError, VideoInfo, gray_frames, video_info
from player_contact.video.jpeg_images import JpegImages
from player_contact.video.step_boxes import StepBoxes, step_boxes

log = logging.getLogger(__name__)

RATE_TOLERANCE = 0.005
PAUSE = 1.5  # of the usual time between two images
LATE_FRAMES = 6  # a step this far outside the video, or in a pause of it, shows the image nearest
NOBODY = -1
# In helmet sizes. From the top of the helmet to the feet a standing player is 5 to 7 of them tall,
# to the knees about 4.
PAIR_BELOW, GROUND_BELOW = 1.75, 2.0  # from the helmets down to the centre of the window
PAIR_BESIDE = 2.25  # of a pair's window, at least, beyond the middles of both helmets
HALF_WINDOW = 10  # steps before and after, of the median helmet size
OWN_SIZE = 0.3  # weight of the row's helmets against the median of the view


@dataclass(frozen=True)
class Crops:
    """Crops of N rows. V views in the order of VIEWS, C frames around the step, H = W pixels."""

    images: np.ndarray | NpyArray | JpegImages  # [N, V, C, H, W] uint8 gray; 0: not visible
    # [N, V, K, 4] float32 left, top, right, bottom in pixels of the image: first the pair's (the
    # second NaN for the ground), then others'
    boxes: np.ndarray
    detected: np.ndarray  # [N, V, K] bool: detected at the step, not completed or interpolated
    visible: np.ndarray  # [N, V] bool: the video has the frames and a player of the row has a box
    margin: int  # pixels around the window, on each side of the images, for augmentation


@dataclass(frozen=True)
class Windows:
    """Windows of N rows in one view, in pixels; NaN: no box."""

    centre: np.ndarray  # [N, 2], or [N, C, 2] at each of C frames
    side: np.ndarray  # [N]


def windows(boxes: StepBoxes, rows: Rows, config: CropsConfig) -> Windows:
    """Windows around the bodies below each row's helmets: those of pairs grow as they part."""
    middle, known = _middle(boxes, rows)
    player = _players(rows)
    sizes, centres = boxes.size[rows.step, player], boxes.centre[rows.step, player]
    own = np.where(known, sizes.mean(-1), 0).sum(0) / np.maximum(known.sum(0), 1)
    usual = median_size(boxes)[rows.step]
    # A box changes its shape as a player turns or falls, which is no zoom: trust the whole view.
    size = np.where(np.isnan(usual), own, OWN_SIZE * own + (1 - OWN_SIZE) * usual)
    apart = np.nan_to_num(np.abs(centres[0] - centres[1]).max(-1))
    pair_side = np.maximum(config.pair_window_helmets * size, apart + 2 * PAIR_BESIDE * size)
    below = size * np.where(rows.is_ground, GROUND_BELOW, PAIR_BELOW)
    side = np.where(rows.is_ground, config.ground_window_helmets * size, pair_side)
    side[~known.any(0)] = np.nan
    centre = middle + np.stack([np.zeros_like(below), below], axis=-1)
    return Windows(centre.astype(np.float32), side.astype(np.float32))


def follow(boxes: StepBoxes, rows: Rows, offsets: tuple[int, ...]) -> np.ndarray:
    """[N, C, 2] pixels that the row's players move from the step to each of C frames near it.

    Between steps they move evenly; where another of the two has a box, nothing moves.
    """
    before, share = np.divmod(np.array(offsets) * STEPS_PER_SECOND / FRAMES_PER_SECOND, 1)
    start, known = _middle(boxes, rows)
    moved = {}
    for steps in {*before.tolist(), *(before + 1).tolist()}:
        step = np.clip(rows.step + int(steps), 0, len(boxes.frame) - 1)
        end, known_there = _middle(boxes, Rows(rows.row, step, rows.first, rows.second))
        moved[steps] = np.where((known == known_there).all(0)[:, None], end - start, 0)
    moves = [
        (1 - part) * moved[first] + part * moved[first + 1]
        for first, part in zip(before.tolist(), share.tolist(), strict=True)
    ]
    return np.nan_to_num(np.stack(moves, axis=1)).astype(np.float32)


def _players(rows: Rows) -> np.ndarray:
    """[2, N] both players of a pair; twice the one on the ground."""
    return np.stack([rows.first, np.where(rows.is_ground, rows.first, rows.second)])


def _middle(boxes: StepBoxes, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """[N, 2] the mean of the helmets that have a box, NaN: none has; and [2, N] which have one."""
    centres = boxes.centre[rows.step, _players(rows)]
    known = ~np.isnan(centres[..., 0])
    count = known.sum(0)[:, None].astype(np.float64)
    count[count == 0] = np.nan
    return np.nan_to_num(centres).sum(0) / count, known


def median_size(boxes: StepBoxes) -> np.ndarray:
    """[S] median helmet size of the view within HALF_WINDOW steps; NaN: no box."""
    size = boxes.size.mean(-1)
    median = np.full(len(size), np.nan)
    for step in range(len(size)):
        near = size[max(0, step - HALF_WINDOW) : step + HALF_WINDOW + 1]
        if (known := near[~np.isnan(near)]).size:
            median[step] = np.median(known)
    return median


def cut_crops(play: Play, rows: Rows, config: CropsConfig) -> Crops:
    """The crops of N rows of a play. Each video is decoded once.

    Rows whose frames or video are missing are not visible in that view; it is logged, not raised.
    """
    crops = empty_crops(len(rows), config)
    assert isinstance(crops.images, np.ndarray)
    for index, name in enumerate(VIEWS):
        if name not in play.views or not len(rows):
            continue
        view = play.views[name]
        at_step = step_boxes(play, view, config.max_gap)
        window = windows(at_step, rows, config)
        centres = window.centre[:, None] + follow(at_step, rows, config.frame_offsets)
        frame, out = at_step.frame[rows.step], crops.images[:, index]
        try:
            crops.visible[:, index] = _cut_view(
                name, view.video, frame, Windows(centres, window.side), config, out
            )
        except VideoError as error:
            log.warning("%s. %d rows are scored without the %s view", error, len(rows), name)
            out[:] = 0
            continue
        boxes, detected = _boxes_in_windows(at_step, rows, window, config)
        crops.boxes[:, index], crops.detected[:, index] = boxes, detected
    return crops


def empty_crops(rows: int, config: CropsConfig) -> Crops:
    """Crops of rows that no view shows."""
    frames, size = len(config.frame_offsets), config.stored_size
    boxes = np.full((rows, len(VIEWS), 2 + config.max_other_boxes, 4), np.nan, dtype=np.float32)
    return Crops(
        images=np.zeros((rows, len(VIEWS), frames, size, size), dtype=np.uint8),
        boxes=boxes,
        detected=np.zeros(boxes.shape[:3], dtype=bool),
        visible=np.zeros((rows, len(VIEWS)), dtype=bool),
        margin=config.margin,
    )


def _cut_view(
    name: str,
    video: Path,
    step_frame: np.ndarray,
    window: Windows,
    config: CropsConfig,
    out: np.ndarray,
) -> np.ndarray:
    """Fills `out` [N, C, H, W] from a video, which may break off; [N] bool: all C frames read.

    A frame takes the image nearest in time, at most a step or the usual interval away.
    """
    import cv2

    info = video_info(video)
    last, sizes = info.frames - 1, set()
    has_window = ~np.isnan(window.side)
    stored_side = window.side * (config.stored_size / config.size)
    inside = (step_frame >= -LATE_FRAMES) & (step_frame <= last + LATE_FRAMES)
    by_frame: dict[int, list[tuple[int, int]]] = {}
    for channel, offset in enumerate(config.frame_offsets):
        for row in np.flatnonzero(has_window & inside).tolist():
            frame = min(max(int(step_frame[row]) + offset, 0), last)
            by_frame.setdefault(frame, []).append((row, channel))
    frames = np.array(sorted(by_frame), dtype=np.int64)
    frames = frames[info.distance(frames) <= max(LATE_FRAMES, info.interval)]
    done = np.zeros(out.shape[:2], dtype=bool)
    broken = False
    try:
        for frame, image in gray_frames(video, frames):
            sizes.add(image.shape[::-1])
            pixel_scale = np.divide(image.shape[::-1], (FRAME_WIDTH, FRAME_HEIGHT))  # of the boxes
            # Halved once, then sampled: large windows would alias, area sampling each costs more.
            half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            for row, channel in by_frame[frame]:
                large = window.side[row] * pixel_scale[0] > 1.8 * config.size
                source, scale = (half, 0.5 * pixel_scale) if large else (image, pixel_scale)
                centre, side = window.centre[row, channel], stored_side[row]
                _warp(source, centre, side, scale, out[row, channel])
                done[row, channel] = True
    except VideoError:
        if not done.any():
            raise
        broken = True
    complete = np.asarray(done.all(axis=1))
    out[~complete] = 0
    remarks, missing = _remarks(info, sizes), ~complete & has_window
    if missing.any():
        late = (step_frame[missing] > last).all()
        fault = "breaks off" if broken else "ends before the play" if late else "lacks images"
        remarks.append(f"{fault}: {missing.sum()} rows have no {name} view")
    if remarks:
        log.warning("%s %s", video.name, "; it ".join(remarks))
    return complete


def _remarks(info: VideoInfo, sizes: set[tuple[int, ...]]) -> list[str]:
    """What is unusual about a video, and what is done about it."""
    remarks = []
    if others := sorted(sizes - {(FRAME_WIDTH, FRAME_HEIGHT)}):
        names = " and ".join(f"{width}x{height}" for width, height in others)
        remarks.append(f"has {names} pixels: boxes are scaled to fit")
    longest = np.diff(info.times, append=info.end).max()
    if longest > PAUSE * info.interval:
        seconds = longest / FRAMES_PER_SECOND
        remarks.append(f"pauses for up to {seconds:.2f} s: the images nearest in time are taken")
    elif abs(info.rate / FRAMES_PER_SECOND - 1) > RATE_TOLERANCE:
        remarks.append(f"has {info.rate:.2f} frames a second: the nearest in time are taken")
    return remarks


def _warp(
    image: np.ndarray, centre: np.ndarray, side: float, pixel_scale: np.ndarray, out: np.ndarray
) -> None:
    """Samples a window into `out` [H, H]; its border is replicated beyond the image."""
    import cv2

    scale = len(out) / (side * pixel_scale)
    shift = (len(out) - 1) / 2 - scale * (centre * pixel_scale - 0.5)
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], dtype=np.float32)
    mode = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    cv2.warpAffine(image, matrix, out.shape[::-1], dst=out, **mode)


def _boxes_in_windows(
    boxes: StepBoxes, rows: Rows, window: Windows, config: CropsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """[N, K, 4] left, top, right, bottom in pixels of the crop, and [N, K] which are detected."""
    player = _drawn_players(boxes, rows, window, config.max_other_boxes)
    step = rows.step[:, None]
    scale = (config.size / window.side)[:, None, None]
    corner = (window.centre - window.side[:, None] / 2)[:, None, :]
    size = boxes.size[step, player]
    left_top = (boxes.centre[step, player] - size / 2 - corner) * scale + config.margin
    edges = np.concatenate([left_top, left_top + size * scale], axis=-1)
    edges[player == NOBODY] = np.nan
    return edges, (player != NOBODY) & (boxes.age[step, player] == 0)


def _drawn_players(boxes: StepBoxes, rows: Rows, window: Windows, others: int) -> np.ndarray:
    """[N, 2 + others] index of the row's players, then of the nearest others; or NOBODY."""
    row, pair = np.arange(len(rows)), ~rows.is_ground
    player = np.full((len(rows), 2 + others), NOBODY)
    player[:, 0] = rows.first
    player[pair, 1] = rows.second[pair]
    offset = boxes.centre[rows.step] - window.centre[:, None, :]
    distance = np.abs(offset).max(-1) / window.side[:, None]  # [N, P]
    distance[row, rows.first] = np.inf
    distance[row[pair], rows.second[pair]] = np.inf
    distance = np.where(np.isnan(distance) | (distance > 0.6), np.inf, distance)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :others]
    outside = np.isinf(np.take_along_axis(distance, nearest, axis=1))
    player[:, 2 : 2 + nearest.shape[1]] = np.where(outside, NOBODY, nearest)
    return player
