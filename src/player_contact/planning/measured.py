"""What the stages take on one play, with all workers busy: cores that share memory slow each other down."""

import contextlib
import subprocess
import sys
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

from player_contact.boosting.booster import staged_probability, train_booster
from player_contact.competition.metric import Thresholds
from player_contact.competition.season import PlayTables
from player_contact.config import BoosterConfig, Config, VisionConfig
from player_contact.evaluation.viewer import Shown, has_video, write_play_page
from player_contact.features.store import open_values, read_places
from player_contact.features.table import feature_names
from player_contact.measuring import measuring
from player_contact.parallel import run_all
from player_contact.stages.blend import play_blend_table
from player_contact.stages.crops import write_play_crops
from player_contact.stages.screen import write_play_features
from player_contact.video.store import open_crops
from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers

OPEN_SHARE = 0.16  # of the candidates that a screen leaves open; known only once it is trained. This much on simulated seasons
MOST_ROWS = 120_000  # that a booster is timed on,
ROUNDS = 50  # and its rounds
TURNS = 3  # times that what a play takes is measured by each process
FEWEST_STEPS, MOST_STEPS = 3, 16  # training steps of a vision model that are timed, the first of which counts as its start
FEWEST_ROWS = 64  # that a vision model scores to get ready; then as many as it scores in
SECONDS = 5.0  # of training, and of scoring
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
    blend: Piece  # what the blend reads of the play
    blend_values: np.ndarray  # [M, K]


@contextmanager
def measured_play(tables: PlayTables, config: Config, processes: int) -> Iterator[MeasuredPlay]:
    """Features, crops and viewer page of a play; its crops lie on disk while the block lasts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = _side_by_side(partial(_write_features, tables=tables, config=config), folder / "features", processes)
        made = folder / "features" / "warm-0"
        candidates, values = read_places(made, tables.game_play), np.array(open_values(made, tables.game_play))
        blend = _side_by_side(partial(_write_blend, tables=tables, candidates=candidates, config=config), folder / "blend", processes)
        of_blend = _blend_values(tables, candidates, config)
        if not has_video(tables):
            yield MeasuredPlay(tables, candidates, values, None, np.zeros(0, dtype=bool), features, Piece(), Piece(), blend, of_blend)
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
            crops=[open_crops(folder / "crops" / "warm-0" / tables.game_play)],
            play=np.zeros(len(chosen), dtype=np.int64),
            place=np.arange(len(chosen)),
        )
        yield MeasuredPlay(tables, candidates, values, rows, opened["contact"].to_numpy(dtype=bool), features, crops, page, blend, of_blend)


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
    reading, a_round, scoring = _seconds(work, processes).tolist()
    return BoosterPace(reading / count, a_round / count, scoring / ROUNDS * config.rounds / count)


@dataclass(frozen=True)
class VisionPace:
    """Seconds that a vision model takes with all workers busy: until the first training step is done, for each other one that learns from stretches
    or from single pictures, to get ready for scoring, to score a row; MB of the weights, and of memory of all processes."""

    start: float
    step: float
    picture_step: float
    ready: float
    scoring: float
    weights_mb: float
    memory_mb: float


def vision_pace(play: MeasuredPlay, vision: VisionConfig, config: Config, processes: int) -> VisionPace:
    """Measured on a play's crops, by training a few steps."""
    assert play.opened is not None, "there is nothing to see"
    named = pd.DataFrame(play.opened.sensors, columns=feature_names())
    sensors = sensor_values(named, np.full(len(named), 0.5, dtype=np.float32), vision.tabular)
    rows = OpenRows(play.opened.track, play.opened.step, sensors, play.opened.crops, play.opened.play, play.opened.place)
    work = partial(_see, rows=rows, label=play.opened_label, vision=vision, config=config)
    with measuring(SECONDS_BETWEEN_LOOKS) as cost:
        paces = list(run_all(work, range(processes), processes, "measuring", processes))
    start, step, picture_step, ready, scoring, weights = np.mean(paces, axis=0).tolist()
    return VisionPace(start, step, picture_step, ready, scoring, weights, cost.peak_mb)


def seconds_to_start(modules: tuple[str, ...], processes: int) -> float:
    """What new processes take until they have imported the modules, so many side by side."""
    started = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", f"import {', '.join(modules)}"]) for _ in range(processes)]  # noqa: S603  names of our own
    for process in running:
        process.wait()
    return time.perf_counter() - started


def _side_by_side(function: Callable[[Path], Any], folder: Path, processes: int) -> Piece:
    """What an item takes with so many at a time, each in a folder of its own, once all processes are warm."""
    warm, timed = ([folder / f"{turn}-{number}" for number in range(count)] for turn, count in (("warm", processes), ("timed", TURNS * processes)))
    for folders in (warm, timed):
        for one in folders:
            one.mkdir(parents=True)
        with measuring(SECONDS_BETWEEN_LOOKS) as cost:
            seconds = np.mean(list(run_all(partial(_timed, function=function), folders, len(folders), "measuring", processes)))
    made = sum(path.stat().st_size for path in warm[0].rglob("*") if path.is_file() and path.suffix != ".mp4")
    return Piece(float(seconds) / processes, made / MEGABYTE, cost.peak_mb)


def _timed(folder: Path, function: Callable[[Path], Any]) -> float:
    started = time.perf_counter()
    function(folder)
    return time.perf_counter() - started


def _seconds(function: Callable[[int], np.ndarray], processes: int) -> np.ndarray:
    """The mean of the seconds that `function` returns, with so many processes at a time."""
    return np.mean(list(run_all(function, range(processes), processes, "measuring", processes)), axis=0)


def _write_features(folder: Path, tables: PlayTables, config: Config) -> None:
    write_play_features(tables, folder, config)


def _write_crops(folder: Path, item: tuple[PlayTables, np.ndarray], config: Config) -> None:
    write_play_crops(item, folder, config)


def _blend_values(tables: PlayTables, candidates: pd.DataFrame, config: Config) -> np.ndarray:
    """[M, K] what the blend sees of a play's candidates, as wide as it will be."""
    half = np.random.default_rng(0).random(len(candidates), dtype=np.float32)
    return play_blend_table((tables, candidates, half, half), config.blend.reach).to_numpy()


def _write_blend(folder: Path, tables: PlayTables, candidates: pd.DataFrame, config: Config) -> None:
    np.save(folder / "values.npy", _blend_values(tables, candidates, config), allow_pickle=False)  # as it goes from one process to another


def _write_page(folder: Path, tables: PlayTables, config: Config) -> None:
    rows = tables.rows
    oof = rows.assign(fold=0, screen=0.0, vision=np.nan, blend=0.0, final=0)
    write_play_page(Shown(tables, oof, Thresholds(0.5, 0.5), {}), folder, config.boxes.complete)


def _boost(_: int, values: np.ndarray, label: np.ndarray, config: BoosterConfig, threads: int) -> np.ndarray:
    """Seconds until the first round begins, of a round, and of scoring by all."""
    import lightgbm  # noqa: F401  imported before the clock starts: that it takes once, not for every row

    columns, done = {str(place): place for place in range(values.shape[1])}, [time.perf_counter()]
    settings = config.model_copy(update={"rounds": ROUNDS})
    text = train_booster([values], columns, label, settings, 1, threads, after_round=lambda: done.append(time.perf_counter()))
    a_round, trained = float(np.median(np.diff(done[1:]))), time.perf_counter()
    staged_probability(text, [values], columns, [ROUNDS], threads)
    return np.array([max(0.0, done[1] - done[0] - a_round), a_round, time.perf_counter() - trained])


class _EnoughError(Exception):
    """Ends a training that has been timed."""


def _see(_: int, rows: OpenRows, label: np.ndarray, vision: VisionConfig, config: Config) -> tuple[float, ...]:
    """A VisionPace without the memory, in its order."""
    started = time.perf_counter()
    from player_contact.vision.device import taking_gpus
    from player_contact.vision.model import ContactModel
    from player_contact.vision.score import make_see, score_rows
    from player_contact.vision.train import Epoch, train_model

    # A step an epoch, for a play holds no more, so loaders would start again for each; what weights it starts from changes no time, and they may have
    # to be downloaded.
    settings = {"picture_epochs": 0, "epochs": MOST_STEPS, "weights": "none", "loaders": 0, "devices": 1}
    short, frames = vision.model_copy(update=settings), len(config.crops.frames)

    def train(picture_epochs: int, items: int) -> tuple[float, float]:
        """Seconds until the first step is done, and of each other one, of so many items."""
        done: list[float] = []

        def look(epoch: Epoch) -> None:
            done.append(time.perf_counter())
            if epoch.epoch + 1 == picture_epochs or (len(done) > FEWEST_STEPS and done[-1] - done[0] > SECONDS):
                raise _EnoughError

        with taking_gpus(), contextlib.suppress(_EnoughError):
            train_model(
                rows,
                label,
                short.model_copy(update={"picture_epochs": picture_epochs, "stretches": items}),
                frames,
                (1,),
                config.threads,
                on_epoch=look,
            )
        return done[0] - started, float(np.median(np.diff(done)))

    start, step = train(0, vision.batch)
    picture_step = train(MOST_STEPS, vision.picture_batch)[1] if vision.picture_epochs else 0.0
    made = time.perf_counter()
    model = ContactModel(short, frames)
    see = make_see(model, vision, frames, config.threads)

    def score(count: int) -> float:
        before = time.perf_counter()
        with taking_gpus():
            score_rows(model, _first(rows, count), short, config.threads, see)
        return time.perf_counter() - before

    ready = time.perf_counter() - made
    count = min(FEWEST_ROWS, len(rows))
    again = min(len(rows), max(count, round(count * SECONDS / score(count))))
    weights = sum(value.nbytes for value in model.state_dict().values()) / MEGABYTE
    return start, step, picture_step, ready, score(again) / again, weights


def _first(rows: OpenRows, count: int) -> OpenRows:
    return OpenRows(rows.track[:count], rows.step[:count], rows.sensors[:count], rows.crops, rows.play[:count], rows.place[:count])
