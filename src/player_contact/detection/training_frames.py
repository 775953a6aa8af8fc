"""Frames to train the detector on: of videos whose helmets are known."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.competition.season import PlayTables
from player_contact.config import DetectorConfig
from player_contact.detection.play_helmets import frames_of_steps
from player_contact.play import View, build_play
from player_contact.utils.parallel import parallel_map
from player_contact.video.decode import VideoError, gray_frames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frames:
    """N gray frames and the helmets in them."""

    images: tuple[np.ndarray, ...]  # N of [H, W] uint8
    boxes: tuple[np.ndarray, ...]  # N of [K, 4] float32 left, top, right, bottom in pixels


def read_frames(
    plays: Iterable[PlayTables], count: int, truth: Path, config: DetectorConfig, workers: int
) -> Frames:
    """Frames of both videos of `count` plays, of steps spread evenly from the snap on.

    Helmets are those of `truth/{game_play}.npz`, which a simulated season has, as far as they are
    visible; elsewhere those of the table, which lacks some. Views without a video are left out.
    """
    work = partial(read_play_frames, truth=truth, config=config)
    parts = list(parallel_map(work, plays, count, "reading frames", workers))
    return Frames(
        tuple(image for part in parts for image in part.images),
        tuple(boxes for part in parts for boxes in part.boxes),
    )


def read_play_frames(tables: PlayTables, truth: Path, config: DetectorConfig) -> Frames:
    """The frames of a play, as `read_frames`."""
    import cv2

    play, _ = build_play(tables)
    path = truth / f"{tables.game_play}.npz"
    true = dict(np.load(path, allow_pickle=False)) if path.is_file() else {}
    images, found = list[np.ndarray](), list[np.ndarray]()
    for name, view in play.views.items():
        boxes, visible = known_helmets(view, name, true)
        try:
            frames = frames_of_steps(play, view)
            frames = frames[frames < len(boxes)]
            frames = frames[visible[frames].any(1)]  # a table begins just before the snap
            chosen = np.linspace(0, len(frames) - 1, min(len(frames), config.frames_per_view))
            frames = frames[chosen.round().astype(int)]
            for frame, image in gray_frames(view.video, frames):
                shown = boxes[frame][visible[frame] >= config.min_visible]
                size = (FRAME_WIDTH, FRAME_HEIGHT)  # that of the boxes
                resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                images.append(np.array(resized, dtype=np.uint8))
                found.append(np.concatenate([shown[:, :2], shown[:, :2] + shown[:, 2:]], axis=1))
        except VideoError as error:
            log.warning("%s: no frames of it are trained on", error)
    return Frames(
        tuple(images),
        tuple(boxes.astype(np.float32) for boxes in found),
    )


def known_helmets(
    view: View, name: str, true: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """[F, P, 4] left, top, width, height of a view's helmets, and [F, P] which share is visible.

    Of the simulation's truth, where there is one; else the table's, all of them visible.
    """
    if f"boxes_{name}" in true:
        boxes, visible = true[f"boxes_{name}"], true[f"visibility_{name}"]
        return boxes, np.where(np.isnan(boxes[..., 0]), 0.0, visible)
    return view.boxes, (~np.isnan(view.boxes[..., 0])).astype(np.float64)
