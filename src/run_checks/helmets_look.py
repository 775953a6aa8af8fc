"""What a detector finds in an image and in a clip of one's own, counted and drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.detection.helmets import Helmets, match_helmets
from player_contact.detection.matching import Points, match
from player_contact.detection.play_helmets import Detector
from player_contact.utils.errors import InputError
from player_contact.utils.files import atomic_write
from player_contact.video.decode import LIMITED, color_frames, gray_frames, video_info

COLUMNS = ["left", "top", "width", "height"]
LOOSE_IOU = 0.35
FOUND_COLOUR, KNOWN_COLOUR = (0, 255, 255), (255, 80, 255)  # BGR
SAME = 1.5  # helmets that one moves between two frames at most
PARTS = 2  # of a clip's frames that are drawn


@dataclass(frozen=True)
class ClipMeasures:
    """Of a clip: frames, helmets found a frame (median), how many of them are found in the next
    frame too, and how a helmet trembles: px from the middle of where it was before and after."""

    frames: int
    helmets: float
    again: float
    jitter: float


def check_image(path: Path, detector: Detector, output: Path) -> str:
    """How many of the helmets of an image are found, and how many others; writes both, drawn.

    The helmets are those of `{stem}_boxes.csv` beside it, in pixels of the image. Raises InputError
    where one of the two can't be read.
    """
    import cv2

    table = path.with_name(f"{path.stem}_boxes.csv")
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None or not table.is_file():
        missing = path if image is None else table
        raise InputError(f"{missing} can't be read: name an image and put its boxes beside it")
    known = pd.read_csv(table)
    if lacking := [name for name in COLUMNS if name not in known]:
        raise InputError(f"{table} has no column {lacking[0]!r}: it needs {', '.join(COLUMNS)}")
    boxes = known[COLUMNS].to_numpy(dtype=np.float64)
    helmets = _detect(detector, LIMITED[cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)])
    matches = match_helmets(helmets, boxes, np.ones(len(boxes), dtype=bool), LOOSE_IOU)
    _draw(image, boxes, KNOWN_COLOUR)
    _draw(image, helmets.boxes, FOUND_COLOUR)
    _write(image, output)
    return (
        f"{path.name}: {matches.found.sum()} of {len(boxes)} helmets found at IoU {LOOSE_IOU}, "
        f"{(~matches.is_true).sum()} others; drawn in {output}"
    )


def check_clip(path: Path, detector: Detector, output: Path) -> str:
    """What is found in each frame of a clip, and how steadily; writes some frames, drawn."""
    frames = np.unique(np.rint(video_info(path).times).astype(np.int64))  # an image each
    found = {frame: _detect(detector, image) for frame, image in gray_frames(path, frames)}
    measured = measure_clip(list(found.values()))
    drawn = np.linspace(0, len(found) - 1, PARTS).round().astype(int)
    images = []
    for frame, image in color_frames(path, np.array(sorted(found))[drawn]):
        shown = np.ascontiguousarray(image)
        _draw(shown, found[frame].boxes, FOUND_COLOUR)
        images.append(shown)
    _write(np.concatenate(images), output)
    return (
        f"{path.name}: {measured.helmets:.0f} helmets in a frame (median of {measured.frames}), "
        f"{measured.again:.0%} of them again in the next, trembling by {measured.jitter:.1f} px; "
        f"drawn in {output}"
    )


def _detect(detector: Detector, image: np.ndarray) -> Helmets:
    """The helmets of an image [H, W] in its own pixels."""
    found = detector(image)
    scale = np.divide(image.shape[::-1], (FRAME_WIDTH, FRAME_HEIGHT))
    return Helmets((found.boxes * np.tile(scale, 2)).astype(np.float32), found.score)


def measure_clip(frames: list[Helmets]) -> ClipMeasures:
    """Of the helmets of consecutive frames, each followed to the nearest in the next."""
    seen = [Points.of(helmets) for helmets in frames]
    again, jitter, before = list[float](), list[float](), dict[int, np.ndarray]()
    for first, second in pairwise(seen):
        here, there = match(first.centre, second.centre, SAME * first.size)
        again.append(len(here) / max(first.count, 1))
        middle = {
            k: (before[k] + second.centre[n]) / 2
            for k, n in zip(here.tolist(), there.tolist(), strict=True)
            if k in before
        }
        jitter += [float(np.linalg.norm(first.centre[k] - xy)) for k, xy in middle.items()]
        before = {n: first.centre[k] for k, n in zip(here.tolist(), there.tolist(), strict=True)}
    counts = [points.count for points in seen]
    steady = float(np.median(jitter)) if jitter else float("nan")
    share = float(np.mean(again)) if again else float("nan")
    return ClipMeasures(len(frames), float(np.median(counts)), share, steady)


def _draw(image: np.ndarray, boxes: Iterable[np.ndarray], colour: tuple[int, int, int]) -> None:
    import cv2

    for left, top, width, height in boxes:
        low, high = (round(left), round(top)), (round(left + width), round(top + height))
        cv2.rectangle(image, low, high, colour, 1)


def _write(image: np.ndarray, output: Path) -> None:
    import cv2

    with atomic_write(output) as draft:
        draft.write_bytes(cv2.imencode(output.suffix, image)[1].tobytes())
