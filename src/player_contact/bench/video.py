"""The video part: registration, and decoding with and without cutting crops, of the plays of a season that have videos."""

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np

from player_contact.bench.measure import Line
from player_contact.competition.season import read_season
from player_contact.config import Config
from player_contact.features.table import is_candidate
from player_contact.helmets import step_boxes
from player_contact.measuring import measuring
from player_contact.play import Play, Rows, build_play
from player_contact.video.completion import complete_play
from player_contact.video.crops import cut_crops
from player_contact.video.decode import grey_frames, video_facts
from player_contact.video.store import write_crops

FILMED_PLAYS, PLAYS = 4, 3  # how many plays a season for this needs, and how many are timed
MOST_MB = 700  # for a play from its tables to its stored crops, in a process of its own
NEAR = 1.6  # yards: pairs as near as this, and a third of the ground rows, stand for what a screen leaves open


def bench_video(folder: Path, config: Config) -> list[Line]:
    """The lines of the video part, on one process and the first plays of the training split that have videos; none where there are none."""
    plays = []
    for tables in read_season(folder, "train").plays():
        play, rows = build_play(tables)
        if all(view.video.is_file() for view in play.views.values()) and play.views:
            plays.append((play, _open(play, rows)))
        if len(plays) == PLAYS:
            break
    if not plays:
        return []
    with measuring() as registering:
        completed = [(complete_play(play)[0], rows) for play, rows in plays]
    frames = sum(len(view.boxes) for play, _ in plays for view in play.views.values())
    each = {"ms a play": 1000 * registering.seconds / len(plays)}
    lines = [Line("registration and completed boxes", frames, frames / registering.seconds, registering.peak_mb, more=each)]
    decode = opencv = opencv_work = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        # Nothing looks at the memory meanwhile: that would cost as much as cutting.
        started, worked = time.perf_counter(), time.process_time()
        for number, (play, rows) in enumerate(completed):
            write_crops(cut_crops(play, rows, config.crops), rows.row, rows.row.astype(str), Path(scratch) / str(number))
        cutting, work = time.perf_counter() - started, time.process_time() - worked
        size = sum(path.stat().st_size for path in Path(scratch).rglob("*") if path.is_file())
        for play, rows in completed:
            for view in play.views.values():
                wanted = _wanted(play, rows, view, config)
                started = time.perf_counter()
                for _ in grey_frames(view.video, wanted):
                    pass
                middle, worked = time.perf_counter(), time.process_time()
                _read_all(view.video)
                decode, opencv = decode + middle - started, opencv + time.perf_counter() - middle
                opencv_work += time.process_time() - worked
    largest = _memory_alone(*max(plays, key=lambda play: len(play[1])), config)
    n = sum(len(rows) for _, rows in plays)
    crops = n * len(config.crops.frames) * 2
    more = {
        # OpenCV decodes on all cores, we on one, for plays are cut side by side: processor time says what a season takes.
        "% of OpenCV's processor time": 100 * work / opencv_work,
        "crops/s": crops / cutting,
        "ms a play": 1000 * cutting / len(plays),
        "KB on disk a row": size / n / 1e3,
        f"% of {MOST_MB} MB": 100 * largest / MOST_MB,
    }
    lines.append(
        Line(
            "decoding, cutting and storing crops", n, n / cutting, largest, "decoding the same frames", cutting / decode,
            "OpenCV reading all frames to grey", opencv / cutting, more,
        )
    )  # fmt: skip
    return lines


def _memory_alone(play: Play, rows: Rows, config: Config) -> float:
    """MB at most of a fresh process that completes the boxes of a play, cuts its crops and stores them."""
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        return fresh.apply(_crops_of_one, (play, rows, config))


def _crops_of_one(play: Play, rows: Rows, config: Config) -> float:
    with tempfile.TemporaryDirectory() as scratch, measuring() as cost:
        write_crops(cut_crops(complete_play(play)[0], rows, config.crops), rows.row, rows.row.astype(str), Path(scratch) / "crops")
    return cost.peak_mb


def _open(play: Play, rows: Rows) -> Rows:
    near = is_candidate(play, rows, NEAR)
    return rows[near & (~rows.is_ground | (rows.row % 3 == 0))]


def _wanted(play: Play, rows: Rows, view, config: Config) -> np.ndarray:
    """The frames that the crops of the rows need, as `cut_crops` asks for them."""
    step = step_boxes(play, view, config.crops.longest_gap).frame[np.unique(rows.step)]
    last = video_facts(view.video).frames - 1
    return np.unique(np.clip(step[:, None] + np.array(config.crops.frames), 0, last))


def _read_all(path: Path) -> None:
    import cv2

    reader = cv2.VideoCapture(str(path))
    while True:
        there, picture = reader.read()
        if not there:
            break
        cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    reader.release()
