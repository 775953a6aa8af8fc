"""What the stages take on one play, with all workers busy: cores that share memory slow each other down."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table
from player_contact.boosting.booster import staged_probability, train_booster
from player_contact.competition.metric import Thresholds
from player_contact.competition.season import PlayTables
from player_contact.config import BoosterConfig, Config, VisionConfig
from player_contact.evaluation.viewer import has_video, write_play_page
from player_contact.features.store import open_values, read_places
from player_contact.features.table import feature_names
from player_contact.measuring import measuring
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.stages.crops import write_play_crops
from player_contact.stages.screen import write_play_features
from player_contact.video.store import open_crops
from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers

OPEN_SHARE = 0.16  # of the candidates that a screen leaves open; known only once it is trained. This much on simulated seasons
MOST_ROWS = 120_000  # a booster is timed on so many rows, and on these two numbers of rounds
ROUNDS = (2, 12)
STEPS = (3, 15)  # training steps of a vision model that are timed
MEGABYTE = 1e6
SECONDS_BETWEEN_LOOKS = 0.5  # at memory: looking often slows those that are looked at


@dataclass(frozen=True)
class Piece:
    """What one piece of work takes: seconds an item with all workers busy, MB that it leaves on disk, MB of memory of all processes together."""

    seconds: float = 0.0
    disk_mb: float = 0.0
    memory_mb: float = 0.0


@dataclass(frozen=True)
class MeasuredPlay:
    """The stages of a play, and what later stages are measured on. M candidate rows, K features."""

    tables: PlayTables
    candidates: pd.DataFrame  # row, step_place, first, second, contact
    values: np.ndarray  # [M, K]
    opened: OpenRows | None  # of some candidates; None: the play has no video
    opened_label: np.ndarray
    features: Piece
    crops: Piece
    page: Piece


@contextmanager
def measured_play(tables: PlayTables, config: Config, processes: int) -> Iterator[MeasuredPlay]:
    """Features, crops and viewer page of a play; its crops lie on disk while the block lasts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = _side_by_side(partial(_write_features, tables=tables, config=config), folder / "features", processes)
        made = folder / "features" / "0"
        candidates, values = read_places(made, tables.game_play), np.array(open_values(made, tables.game_play))
        if not has_video(tables):
            yield MeasuredPlay(tables, candidates, values, None, np.zeros(0, dtype=bool), features, Piece(), Piece())
            return
        nearest = np.argsort(values[:, feature_names().index("distance")], kind="stable")
        chosen = np.sort(nearest[: max(1, round(len(values) * OPEN_SHARE))])
        item = (tables, candidates["row"].to_numpy()[chosen])
        crops = _side_by_side(partial(_write_crops, item=item, config=config), folder / "crops", processes)
        page = _side_by_side(partial(_write_page, tables=tables, config=config), folder / "pages", processes)
        opened = candidates.iloc[chosen]
        rows = OpenRows(
            track=track_numbers(opened["first"].to_numpy(), opened["second"].to_numpy()),
            step=opened["step_place"].to_numpy(),
            sensors=values[chosen],
            crops=[open_crops(folder / "crops" / "0" / tables.game_play)],
            play=np.zeros(len(chosen), dtype=np.int64),
            place=np.arange(len(chosen)),
        )
        yield MeasuredPlay(tables, candidates, values, rows, opened["contact"].to_numpy(dtype=bool), features, crops, page)


@dataclass(frozen=True)
class BoosterPace:
    """Seconds a row that a booster takes, with all workers busy: to read it, to learn from it in a round, and to score it by all rounds."""

    reading: float
    round: float
    scoring: float


def booster_pace(values: np.ndarray, label: np.ndarray, config: BoosterConfig, rows: int, threads: int, processes: int) -> BoosterPace:
    """Measured on up to MOST_ROWS of `rows` rows: those of a play, over and over."""
    count = min(rows, MOST_ROWS)
    again = np.resize(np.arange(len(values)), count)
    work = partial(_boost, values=values[again], label=label[again], config=config, threads=threads)
    first, second = (_seconds(partial(work, rounds=rounds), processes, turns=1) for rounds in ROUNDS)
    a_round = max(0.0, float(second[0] - first[0])) / (ROUNDS[1] - ROUNDS[0])
    scoring = second[1] / ROUNDS[1] * config.rounds
    return BoosterPace(max(0.0, float(first[0]) - ROUNDS[0] * a_round) / count, a_round / count, scoring / count)


@dataclass(frozen=True)
class VisionPace:
    """Seconds that a vision model takes with all workers busy: before the first step, for a training step, to score a row; and MB of memory of all
    processes."""

    start: float
    step: float
    scoring: float
    memory_mb: float


def vision_pace(play: MeasuredPlay, vision: VisionConfig, config: Config, processes: int) -> VisionPace:
    """Measured on a play's crops, by training a few steps."""
    assert play.opened is not None, "there is nothing to see"
    named = pd.DataFrame(play.opened.sensors, columns=feature_names())
    sensors = sensor_values(named, np.full(len(named), 0.5, dtype=np.float32), vision.tabular)
    rows = OpenRows(play.opened.track, play.opened.step, sensors, play.opened.crops, play.opened.play, play.opened.place)
    work = partial(_see, rows=rows, label=play.opened_label, vision=vision, config=config)
    with measuring(SECONDS_BETWEEN_LOOKS) as cost:
        few, many = (_seconds(partial(work, steps=steps), processes, turns=2) for steps in STEPS)  # the first turn imports
    step = max(0.0, many[0] - few[0]) / (STEPS[1] - STEPS[0])
    return VisionPace(max(0.0, few[0] - STEPS[0] * step), step, many[1] / len(rows), cost.peak_mb)


def blend_values(play: MeasuredPlay, config: Config) -> np.ndarray:
    """[M, K] what the blend sees of a play's candidates, as wide as it will be."""
    built, _ = build_play(play.tables)
    rows = Rows(*(play.candidates[name].to_numpy() for name in ("row", "step_place", "first", "second")))
    half = np.random.default_rng(0).random(len(rows), dtype=np.float32)
    return blend_table(built, rows, half, half, config.blend.reach).to_numpy()


def _side_by_side(function: Callable[[Path], Any], folder: Path, processes: int) -> Piece:
    """What an item takes with so many at a time, each in a folder of its own, once all processes are warm."""
    for folders in ([folder / f"warm-{number}" for number in range(processes)], [folder / str(number) for number in range(processes)]):
        for one in folders:
            one.mkdir(parents=True)
        with measuring(SECONDS_BETWEEN_LOOKS) as cost:
            seconds = np.mean(list(run_all(partial(_timed, function=function), folders, processes, "measuring", processes)))
    made = sum(path.stat().st_size for path in (folder / "0").rglob("*") if path.is_file() and path.suffix != ".mp4")
    return Piece(float(seconds) / processes, made / MEGABYTE, cost.peak_mb)


def _timed(folder: Path, function: Callable[[Path], Any]) -> float:
    started = time.perf_counter()
    function(folder)
    return time.perf_counter() - started


def _seconds(function: Callable[[int], np.ndarray], processes: int, turns: int) -> np.ndarray:
    """The mean of the seconds that `function` returns in the last of so many turns, with so many processes at a time."""
    for _ in range(turns):
        times = list(run_all(function, range(processes), processes, "measuring", processes))
    return np.mean(times, axis=0)


def _write_features(folder: Path, tables: PlayTables, config: Config) -> None:
    write_play_features(tables, folder, config)


def _write_crops(folder: Path, item: tuple[PlayTables, np.ndarray], config: Config) -> None:
    write_play_crops(item, folder, config)


def _write_page(folder: Path, tables: PlayTables, config: Config) -> None:
    rows = tables.rows
    oof = rows.assign(fold=0, screen=0.0, vision=np.nan, blend=0.0, final=0)
    write_play_page((tables, oof, Thresholds(0.5, 0.5)), folder, config.boxes.complete)


def _boost(_: int, values: np.ndarray, label: np.ndarray, config: BoosterConfig, threads: int, rounds: int) -> np.ndarray:
    """Seconds of training, seconds of scoring."""
    columns = {str(place): place for place in range(values.shape[1])}
    started = time.perf_counter()
    text = train_booster([values], columns, label, config.model_copy(update={"rounds": rounds}), 1, threads)
    trained = time.perf_counter()
    staged_probability(text, [values], columns, [rounds], threads)
    return np.array([trained - started, time.perf_counter() - trained])


def _see(number: int, rows: OpenRows, label: np.ndarray, vision: VisionConfig, config: Config, steps: int) -> np.ndarray:
    """Seconds of training so many steps, seconds of scoring all rows."""
    from player_contact.vision.device import take_gpu
    from player_contact.vision.score import make_see, score_rows
    from player_contact.vision.train import train_model

    take_gpu(number)
    # A step an epoch, for a play holds no more; what weights it starts from changes no time, and they may have to be downloaded.
    short = vision.model_copy(update={"epochs": steps, "stretches": vision.batch, "weights": "none"})
    started = time.perf_counter()
    model, _ = train_model(rows, label, short, len(config.crops.frames), (1,), config.threads)
    trained = time.perf_counter()
    see = make_see(model, vision, len(config.crops.frames), config.threads)
    made = time.perf_counter()
    score_rows(model, rows, vision, config.threads, see)
    return np.array([trained - started, time.perf_counter() - made])
