"""What boosters and vision models cost, with all workers busy."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from player_contact.boosting.booster import staged_probabilities, train_booster
from player_contact.config import BoosterConfig, Config, VisionConfig
from player_contact.features.table import feature_names
from player_contact.utils.parallel import parallel_map
from player_contact.utils.resources import track_resources
from player_contact.vision.clips import OpenRows, tabular_values
from run_checks.measured_play import MEGABYTE, SAMPLE_SECONDS, MeasuredPlay

if TYPE_CHECKING:
    from player_contact.vision.train import TrainingJob

MAX_ROWS, BOOSTING_ROUNDS = 120_000, 50  # of a timed booster
MIN_STEPS, MAX_STEPS = 3, 16  # of timed training; the first one belongs to its start
WARM_UP_ROWS = 64
ROW_ARRAYS = ("track", "step", "tabular", "play_index", "crop_index")  # of OpenRows
SECONDS = 5.0  # of timed training, and of scoring


@dataclass(frozen=True)
class BoosterCost:
    """Seconds a row: to read it, to train on it in a round, and to score it by all rounds."""

    reading: float
    round: float
    scoring: float


def measure_booster(
    values: np.ndarray,
    label: np.ndarray,
    config: BoosterConfig,
    rows: int,
    threads: int,
    processes: int,
) -> BoosterCost:
    """Measured on `rows` rows, MAX_ROWS at most: those of a play, repeated."""
    count = min(rows, MAX_ROWS)
    repeated = np.resize(np.arange(len(values)), count)
    short = config.model_copy(update={"num_boost_round": BOOSTING_ROUNDS})
    x, y = values[repeated], label[repeated]
    work = partial(_time_booster, values=x, label=y, config=short, threads=threads)
    times = list(parallel_map(work, range(processes), processes, "measuring", processes))
    reading, one_round, scoring = (np.mean(times, axis=0) / count).tolist()
    return BoosterCost(reading, one_round, scoring * config.num_boost_round / BOOSTING_ROUNDS)


def _time_booster(
    _: int, values: np.ndarray, label: np.ndarray, config: BoosterConfig, threads: int
) -> tuple[float, float, float]:
    """Seconds until the first round, of a round, and of scoring."""
    import lightgbm  # noqa: F401  not timed

    columns = {str(index): index for index in range(values.shape[1])}
    ends = [time.perf_counter()]

    def after_round() -> None:
        ends.append(time.perf_counter())

    text = train_booster([values], columns, label, config, 1, threads, after_round=after_round)
    trained, one_round = time.perf_counter(), float(np.median(np.diff(ends[1:])))
    staged_probabilities(text, [values], columns, [config.num_boost_round], threads)
    scored = time.perf_counter()
    return max(0.0, ends[1] - ends[0] - one_round), one_round, scored - trained


@dataclass(frozen=True)
class VisionCost:
    """Seconds: until the first training step has ended, of another one on clips or on single
    images, of preparing to score, and of scoring a row. MB: of the weights, and of all processes.
    """

    start: float
    clip_step: float
    image_step: float
    ready: float
    scoring: float
    weights_mb: float
    memory_mb: float


def measure_vision(
    play: MeasuredPlay, vision: VisionConfig, config: Config, processes: int
) -> VisionCost:
    """Measured by a few training steps on a play's crops."""
    assert play.open_rows is not None
    features = pd.DataFrame(play.open_rows.tabular, columns=feature_names())
    screen = np.full(len(features), 0.5, dtype=np.float32)
    tabular = tabular_values(features, screen, vision.tabular)
    rows = dataclasses.replace(play.open_rows, tabular=tabular)
    work = partial(_time_vision, rows=rows, label=play.open_label, vision=vision, config=config)
    with track_resources(SAMPLE_SECONDS) as usage:
        times = list(parallel_map(work, range(processes), processes, "measuring", processes))
    values: list[float] = np.mean(times, axis=0).tolist()
    return VisionCost(*[*values, usage.peak_mb])


def _time_vision(
    _: int, rows: OpenRows, label: np.ndarray, vision: VisionConfig, config: Config
) -> tuple[float, ...]:
    """A VisionCost without its memory."""
    started = time.perf_counter()
    import torch

    from player_contact.vision.device import keep_freed_memory, reserve_gpus
    from player_contact.vision.model import ContactModel
    from player_contact.vision.scoring import make_image_embedder, predict_logits
    from player_contact.vision.train import TrainingJob

    num_frames, threads = len(config.crops.frame_offsets), config.num_threads
    torch.set_num_threads(threads)
    keep_freed_memory()
    # Initial weights change no time and may have to be downloaded. Workers of loaders would start
    # again in each epoch, which is a single step here.
    plain = {"weights": "none", "num_workers": 0, "devices": 1, "clip_epochs": MAX_STEPS}
    vision = vision.model_copy(update=plain)

    def step_ends(image_epochs: int, items: int) -> list[float]:
        epochs = {"image_epochs": image_epochs, "clips_per_epoch": items}
        one_step = vision.model_copy(update=epochs)
        return _time_training(TrainingJob(rows, label, one_step, num_frames, (1,), threads))

    clip_ends, image_step = step_ends(0, vision.batch_size), 0.0
    if vision.image_epochs:
        image_step = _median_step(step_ends(MAX_STEPS, vision.image_batch_samples))
    trained = time.perf_counter()
    model = ContactModel(vision, num_frames)
    embed = make_image_embedder(model, vision, num_frames, threads)
    ready = time.perf_counter() - trained

    def score(count: int) -> float:
        first = {name: getattr(rows, name)[:count] for name in ROW_ARRAYS}
        before = time.perf_counter()
        with reserve_gpus():
            predict_logits(model, dataclasses.replace(rows, **first), vision, threads, embed)
        return time.perf_counter() - before

    warm_up = min(WARM_UP_ROWS, len(rows))
    count = min(len(rows), max(warm_up, round(warm_up * SECONDS / score(warm_up))))
    weights = sum(value.nbytes for value in model.state_dict().values()) / MEGABYTE
    clip_step = _median_step(clip_ends)
    return clip_ends[0] - started, clip_step, image_step, ready, score(count) / count, weights


def _time_training(job: "TrainingJob") -> list[float]:
    """When the epochs ended, each of a single step."""
    from player_contact.vision.device import make_fabric, reserve_gpus
    from player_contact.vision.train import Trainer

    ends: list[float] = []
    with reserve_gpus() as gpus:
        trainer = Trainer(job, make_fabric(job.config, gpus), None)
        while len(ends) < MAX_STEPS:
            trainer.train_one_epoch(len(ends))
            ends.append(time.perf_counter())
            if len(ends) > MIN_STEPS and ends[-1] - ends[0] > SECONDS:
                break
    return ends


def _median_step(ends: list[float]) -> float:
    return float(np.median(np.diff(ends)))


def seconds_to_import(modules: Sequence[str], processes: int) -> float:
    """Until new processes, all at a time, have imported the modules."""
    command = [sys.executable, "-c", f"import {', '.join(modules)}"]
    started = time.perf_counter()
    running = [subprocess.Popen(command) for _ in range(processes)]
    for process in running:
        process.wait()
    return time.perf_counter() - started
