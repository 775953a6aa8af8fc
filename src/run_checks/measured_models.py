"""What boosters cost, with all workers busy; and what imports do."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from player_contact.boosting.booster import staged_probabilities, train_booster
from player_contact.config import BoosterConfig
from player_contact.utils.parallel import parallel_map

MAX_ROWS, BOOSTING_ROUNDS = 60_000, 20  # of a timed booster


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


def seconds_to_import(modules: Sequence[str], processes: int) -> float:
    """Until new processes, all at a time, have imported the modules."""
    command = [sys.executable, "-c", f"import {', '.join(modules)}"]
    started = time.perf_counter()
    running = [subprocess.Popen(command) for _ in range(processes)]
    for process in running:
        process.wait()
    return time.perf_counter() - started
