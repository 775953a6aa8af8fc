"""Registration and crops of the plays that have videos, beside decoding alone and OpenCV."""

import multiprocessing
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_features import build_candidates
from benchmarks.bench_table import BenchResult
from player_contact.competition.season import read_season
from player_contact.config import Config
from player_contact.play import Play, Rows, View
from player_contact.utils.resources import track_resources
from player_contact.video.completion import complete_play
from player_contact.video.crop_store import write_crops
from player_contact.video.crops import cut_crops
from player_contact.video.decode import gray_frames, video_info
from player_contact.video.step_boxes import step_boxes

FILMED_PLAYS, PLAYS = 4, 3  # of the season, and timed
MAX_MB = 700  # of a process that cuts the crops of a play
MAX_DISTANCE = 1.6  # yards: such pairs, and a third of the ground rows, are taken as open rows


def bench_video(folder: Path, config: Config) -> list[BenchResult]:
    """Results of one process on the first filmed plays of the training split; none without any."""
    plays = []
    for tables in read_season(folder, "train").plays():
        play, rows = build_candidates(tables, MAX_DISTANCE)
        if play.views and all(view.video.is_file() for view in play.views.values()):
            plays.append((play, rows[~rows.is_ground | (rows.row % 3 == 0)]))
        if len(plays) == PLAYS:
            break
    if not plays:
        return []
    with track_resources() as usage:
        completed = [(complete_play(play)[0], rows) for play, rows in plays]
    frames = sum(len(view.boxes) for play, _ in plays for view in play.views.values())
    registration = BenchResult(
        "registration and completed boxes",
        frames,
        frames / usage.seconds,
        usage.peak_mb,
        more={"ms a play": 1000 * usage.seconds / len(plays)},
    )
    largest = max(plays, key=lambda play_and_rows: len(play_and_rows[1]))
    with multiprocessing.get_context("spawn").Pool(1) as new_process:
        peak_mb = new_process.apply(_crops_memory, (*largest, config))
    return [registration, _crops(completed, config, peak_mb)]


def _crops(plays: list[tuple[Play, Rows]], config: Config, peak_mb: float) -> BenchResult:
    with tempfile.TemporaryDirectory() as name:
        seconds = np.zeros(2)  # of the clock and of the processor; memory is not sampled meanwhile
        for play, rows in plays:
            seconds += _timed(_write_crops, play, rows, config, Path(name) / play.game_play)
        size = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    decoding, opencv = np.zeros(2), np.zeros(2)
    for play, rows in plays:
        for view in play.views.values():
            needed = _needed_frames(play, rows, view, config)
            decoding += _timed(lambda frames: deque(frames, 0), gray_frames(view.video, needed))
            opencv += _timed(_read_by_opencv, view.video)
    count = sum(len(rows) for _, rows in plays)
    return BenchResult(
        "decoding, cutting and storing crops",
        count,
        count / seconds[0],
        peak_mb,
        "decoding the same frames",
        seconds[0] / decoding[0],
        "OpenCV reading all frames to gray",
        opencv[0] / seconds[0],
        {
            # OpenCV decodes on all cores; we on one, for other plays are cut on the others.
            "% of OpenCV's processor time": 100 * seconds[1] / opencv[1],
            "crops/s": count * len(config.crops.frame_offsets) * 2 / seconds[0],
            "ms a play": 1000 * seconds[0] / len(plays),
            "KB on disk a row": size / count / 1e3,
            f"% of {MAX_MB} MB": 100 * peak_mb / MAX_MB,
        },
    )


def _timed(function: Callable[..., Any], *args: Any) -> tuple[float, float]:
    """Seconds of the clock and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    function(*args)
    return time.perf_counter() - started, time.process_time() - worked


def _write_crops(play: Play, rows: Rows, config: Config, folder: Path) -> None:
    write_crops(cut_crops(play, rows, config.crops), rows.row, rows.row.astype(str), folder)


def _crops_memory(play: Play, rows: Rows, config: Config) -> float:
    """Peak MB of this process, which completes the boxes of a play and cuts its crops."""
    with tempfile.TemporaryDirectory() as name, track_resources() as usage:
        _write_crops(complete_play(play)[0], rows, config, Path(name) / "crops")
    return usage.peak_mb


def _needed_frames(play: Play, rows: Rows, view: View, config: Config) -> np.ndarray:
    """The frames that `cut_crops` decodes."""
    frame = step_boxes(play, view, config.crops.max_gap).frame[np.unique(rows.step)]
    frames = frame[:, None] + np.array(config.crops.frame_offsets)
    return np.unique(np.clip(frames, 0, video_info(view.video).frames - 1))


def _read_by_opencv(path: Path) -> None:
    import cv2

    reader = cv2.VideoCapture(str(path))
    while (frame := reader.read())[0]:
        cv2.cvtColor(frame[1], cv2.COLOR_BGR2GRAY)
    reader.release()
