"""Helmets found in the videos of a play and named, beside the network alone."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_table import BenchResult
from player_contact.competition.season import read_season
from player_contact.config import SHIPPED_DETECTOR
from player_contact.detection.play_helmets import FOUND, detect_play, frames_of_steps
from player_contact.play import build_play
from player_contact.utils.resources import track_resources
from player_contact.video.decode import gray_frames


def bench_helmets(folder: Path) -> list[BenchResult]:
    """The result of one process on the first play of the training split that has videos, if any
    has; a row is a frame of one view."""
    import torch

    from player_contact.detection.detect import load_detector
    from player_contact.vision.device import autocast, inference_device

    for tables in read_season(folder, "train").plays():
        play, _ = build_play(tables)
        if play.views and all(view.video.is_file() for view in play.views.values()):
            break
    else:
        return []
    torch.set_num_threads(1)
    detector = load_detector(SHIPPED_DETECTOR)
    views = {
        name: dataclasses.replace(view, boxes=np.full_like(view.boxes, np.nan))
        for name, view in play.views.items()
    }
    play = dataclasses.replace(play, views=views)
    with track_resources() as usage:
        _, counts = detect_play(play, detector, fill=False)
    backbone: Any = detector.model.backbone
    network, frames = 0.0, 0
    for view in views.values():
        for _, image in gray_frames(view.video, frames_of_steps(play, view)):
            pixels = torch.from_numpy(image.copy()).to(inference_device()).float()[None, None] / 255
            started = time.perf_counter()
            with torch.inference_mode(), autocast("auto"):
                backbone(pixels)
            network, frames = network + time.perf_counter() - started, frames + 1
    return [
        BenchResult(
            "helmets found and named",
            frames,
            frames / usage.seconds,
            usage.peak_mb,
            "the network's feature map alone",
            usage.seconds / network,
            more={"s a play": usage.seconds, "helmets a frame": counts[FOUND] / frames},
        )
    ]
