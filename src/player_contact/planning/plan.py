"""A line a stage: rows, time, disk and memory of a run of any size, from what one play takes."""

import math
import shutil
import time
from dataclasses import dataclass

import numpy as np

from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, Season
from player_contact.config import BoosterConfig, VisionConfig
from player_contact.errors import InputError
from player_contact.evaluation.viewer import has_video
from player_contact.features.table import feature_names, helmet_columns, is_candidate
from player_contact.parallel import of_this_machine
from player_contact.planning.measured import MEGABYTE, OPEN_SHARE, MeasuredPlay, Piece, booster_pace, measured_play, seconds_to_start, vision_pace
from player_contact.play import build_play
from player_contact.stages.run import Run
from player_contact.vision.tracks import cut_stretches

SAMPLED_PLAYS = 16  # of which candidates are counted
MODELS = 5  # rungs of the ladder, whose thresholds are chosen for each fold
BYTES_A_LABEL = 12  # of the out-of-fold table on disk
BYTES_A_VALUE = 1.2  # of a table that a booster learns from, in memory: what runs of 30 to 120 plays took
A_PROCESS_MB = 500  # with the libraries of a booster, before it has read anything
WEIGHTS_KEPT = 2  # on disk: beside the scores, and in the bundle
WEIGHTS_OF_A_CHECKPOINT = 4  # while a fold trains: the weights, their average, and two moments of the optimizer
SCREEN_MODULES = ("player_contact.cascade", "lightgbm")  # that a process imports before it predicts its first play; and before it looks at one
VISION_MODULES = (*SCREEN_MODULES, "player_contact.vision.score")
TABLES_IN_MEMORY = 330  # bytes of the season's tables for each label row


@dataclass(frozen=True)
class Size:
    """How large a run is: plays and label rows of training, how many of those plays have videos, and plays to predict."""

    plays: int
    rows: int
    filmed: int
    test_plays: int


@dataclass(frozen=True)
class StagePlan:
    """What a stage will take. `memory_mb` is the peak of all processes together."""

    stage: str
    rows: int
    seconds: float
    disk_mb: float = 0.0
    memory_mb: float = 0.0


def size_of(season: Season, test_plays: int) -> Size:
    """The size of a run on a season's tables."""
    return Size(len(season.game_plays), len(season.rows), sum(map(has_video, season.plays())), test_plays)


def seconds_to_read(run: Run) -> float:
    """For a label row of the run's season and all that belongs to it, which is read here."""
    started = time.perf_counter()
    rows = len(run.season.rows)
    return (time.perf_counter() - started) / rows


def make_plan(run: Run, size: Size, reading: float) -> list[StagePlan]:
    """What a run of that size will take on this machine, measured on a play of `run`'s season that is about an average one; `reading` as
    `seconds_to_read` found it."""
    from player_contact.vision.device import vision_processes

    processes, config, folds = of_this_machine(run.workers), run.config, run.config.folds
    average, tables_of_play = _average_play(run)
    with measured_play(tables_of_play, config, processes) as play:
        share = average / len(play.candidates)  # an average play, of the measured one
        every, filmed, asked = share * size.plays, share * size.filmed, share * size.test_plays
        candidates, opened = round(len(play.candidates) * every), round(len(play.opened or ()) * filmed)
        label, helmets = play.candidates["contact"].to_numpy(dtype=bool), set(helmet_columns())
        sensors = [place for place, name in enumerate(feature_names()) if name not in helmets]
        screen = _boosters(play.values, label, config.screen.booster, candidates, run, processes)
        without = _boosters(play.values[:, sensors], label, config.screen.booster, candidates, run, processes)
        blend = _boosters(play.blend_values, label, config.blend.booster, candidates, run, processes)
        at_a_time = _folds_at_a_time(config.vision.ensemble, folds, processes)
        members = [_vision(play, member, run, opened, filmed, at_a_time) for member in config.vision.ensemble] if play.opened else []
    predicting = play.features.seconds + play.crops.seconds + play.blend.seconds + sum(one.a_play for one in members)
    predicting += (screen.scoring + blend.scoring) * folds * len(play.candidates) / processes
    start = seconds_to_start(SCREEN_MODULES, processes)
    begin = start * (processes > 1)  # of a stage whose processes are new
    if members:
        start += seconds_to_start(VISION_MODULES, processes) + sum(one.ready for one in members)
    tables = size.rows * TABLES_IN_MEMORY / MEGABYTE
    pages = min(size.filmed, config.report.plays)
    training = max((one.memory_mb for one in members), default=0.0)
    scoring = training * vision_processes(processes) / at_a_time
    return [
        StagePlan("folds", size.rows, reading * size.rows, memory_mb=A_PROCESS_MB + tables),
        _of_plays("features", candidates, play.features, every, tables, begin),
        StagePlan("screen", candidates, screen.seconds + without.seconds, memory_mb=max(screen.memory_mb, without.memory_mb) + tables),
        _of_plays("crops", opened, play.crops, filmed, tables),
        StagePlan(
            "vision",
            opened,
            sum(one.seconds for one in members),
            sum(one.disk_mb for one in members),
            training + tables,
        ),
        StagePlan("blend", candidates, play.blend.seconds * every + blend.seconds + begin * bool(members), memory_mb=blend.memory_mb + tables),
        StagePlan("ladder", size.rows, _ladder_seconds(size.rows, candidates, folds), size.rows * BYTES_A_LABEL / MEGABYTE, A_PROCESS_MB + tables),
        StagePlan(
            "submission",
            round(size.rows / size.plays * size.test_plays),
            (start + predicting * asked) * bool(asked),
            memory_mb=max(play.features.memory_mb, play.crops.memory_mb, scoring) * bool(asked),
        ),
        _of_plays("report", size.rows, play.page, share * pages, tables, begin * bool(pages)),
    ]


def plan_text(plans: list[StagePlan], size: Size, run: Run) -> str:
    """A table that fits 100 columns, and a line for everything that would not fit."""
    import psutil

    place = next(path for path in (run.folder, *run.folder.resolve().parents) if path.exists())
    free, whole = shutil.disk_usage(place).free / MEGABYTE, psutil.virtual_memory().total / MEGABYTE
    total = StagePlan("all", size.rows, sum(one.seconds for one in plans), sum(one.disk_mb for one in plans), max(one.memory_mb for one in plans))
    lines = [
        f"{size.plays} plays, {size.filmed} with videos, {size.test_plays} to predict; {run.config.folds} folds; "
        f"{of_this_machine(run.workers)} at a time",
        f"{'':12}{'rows':>12}{'time':>10}{'disk MB':>10}{'memory MB':>11}",
    ]
    lines += [f"{one.stage:12}{one.rows:12,}{span(one.seconds):>10}{one.disk_mb:10,.0f}{one.memory_mb:11,.0f}" for one in (*plans, total)]
    if total.disk_mb > free:
        lines.append(f"Would not fit: {total.disk_mb:,.0f} MB of outputs, of which {free:,.0f} MB are free")
    if total.memory_mb > whole:
        lines.append(f"Would not fit: {total.memory_mb:,.0f} MB of memory, and the machine has {whole:,.0f}. Try fewer WORKERS")
    if run.config.vision.loaders:
        lines.append("Vision is counted as if nothing were prepared ahead: with 'vision.loaders' on cores of their own it takes less.")
    lines.append(f"Assumed, since only a trained screen can tell: {100 * OPEN_SHARE:.0f} % of the rows that it looks at stay open.")
    return "\n".join(lines)


def span(seconds: float) -> str:
    """A time as people say it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _average_play(run: Run) -> tuple[float, PlayTables]:
    """How many candidates a play has, the mean of some; and the one of them that comes nearest, of those with a video if there are any."""
    filmed = [tables for tables in run.season.plays() if has_video(tables)] or list(run.season.plays())
    sample = filmed[:: max(1, len(filmed) // SAMPLED_PLAYS)]
    counts = [int(is_candidate(*build_play(tables), run.config.screen.max_distance).sum()) for tables in sample]
    mean = float(np.mean(counts))
    if not any(counts):
        raise InputError("No play has two players near each other: there is nothing that a plan could be measured on")
    return mean, sample[int(np.argmin(np.abs(np.array(counts) - mean)))]


def _of_plays(stage: str, rows: int, piece: Piece, plays: float, beside_mb: float, begin: float = 0.0) -> StagePlan:
    return StagePlan(stage, rows, begin + piece.seconds * plays, piece.disk_mb * plays, piece.memory_mb + beside_mb)


@dataclass(frozen=True)
class _Boosters:
    seconds: float
    scoring: float  # seconds a row by one booster
    memory_mb: float


def _boosters(values: np.ndarray, label: np.ndarray, settings: BoosterConfig, rows: int, run: Run, processes: int) -> _Boosters:
    """A booster a fold, as many at a time as there are processes."""
    pace = booster_pace(values, label, settings, rows, run.config.threads, min(processes, run.config.folds))
    turns, learnt = math.ceil(run.config.folds / processes), rows * (run.config.folds - 1) / run.config.folds
    one = (pace.reading + settings.rounds * pace.round) * learnt + pace.scoring * rows / run.config.folds
    memory = A_PROCESS_MB + min(processes, run.config.folds) * (A_PROCESS_MB + learnt * values.shape[1] * BYTES_A_VALUE / MEGABYTE)
    return _Boosters(turns * one, pace.scoring, memory)


def _folds_at_a_time(members: tuple[VisionConfig, ...], folds: int, processes: int) -> int:
    """As many as there are processes, or GPUs, for."""
    from player_contact.vision.device import vision_processes

    return min(vision_processes(processes, max(member.devices for member in members)), folds)


@dataclass(frozen=True)
class _Vision:
    seconds: float
    ready: float  # seconds of a process before it scores its first play
    a_play: float  # seconds to score a play like the measured one with the models of all folds
    disk_mb: float
    memory_mb: float


def _vision(play: MeasuredPlay, vision: VisionConfig, run: Run, opened: int, filmed: float, at_a_time: int) -> _Vision:
    """A model a fold, so many at a time."""
    assert play.opened is not None, "there is nothing to see"
    folds = run.config.folds
    pace = vision_pace(play, vision, run.config, at_a_time)
    learnt = filmed * (folds - 1) / folds
    stretches = len(cut_stretches(play.opened.track, play.opened.step, vision.steps, 0)) * learnt
    pictures = len(play.opened) * learnt / vision.steps
    training = vision.epochs * math.ceil(min(vision.stretches, stretches) / vision.batch) * pace.step
    training += vision.picture_epochs * math.ceil(min(vision.stretches, pictures) / vision.picture_batch) * pace.picture_step
    scored = opened / folds + vision.epochs * min(vision.watched, opened / folds)
    one = pace.start + training / vision.devices + pace.ready + scored * pace.scoring
    return _Vision(
        math.ceil(folds / at_a_time) * one,
        folds * pace.ready,
        pace.scoring * len(play.opened) * folds / at_a_time,
        (WEIGHTS_KEPT * folds + WEIGHTS_OF_A_CHECKPOINT * at_a_time) * pace.weights_mb,
        pace.memory_mb,
    )


def _ladder_seconds(rows: int, candidates: int, folds: int) -> float:
    """Thresholds of each model and fold, over every row."""
    random = np.random.default_rng(0)
    probability = np.zeros(rows, dtype=np.float32)
    probability[:candidates] = random.random(min(candidates, rows))  # an estimate may exceed them
    label, ground = probability > random.random(rows), np.arange(rows) % 12 == 0
    started = time.perf_counter()
    best_thresholds(label, probability, ground)
    return (time.perf_counter() - started) * MODELS * (folds + 1)
