"""What the stages of a run of any size will take on this machine, measured on one play."""

import math
import shutil
import time
from dataclasses import dataclass, replace

import numpy as np

from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, Season
from player_contact.config import BoosterConfig, VisionConfig
from player_contact.evaluation.viewer import has_video
from player_contact.features.table import feature_names, helmet_columns, is_candidate
from player_contact.inference.time_budget import duration_text
from player_contact.pipeline.run import Run
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from player_contact.utils.parallel import local_workers
from player_contact.vision.clips import split_into_clips
from run_checks.measured_models import measure_booster, measure_vision, seconds_to_import
from run_checks.measured_play import MEGABYTE, OPEN_SHARE, Cost, MeasuredPlay, measure_play

SAMPLED_PLAYS = 16  # whose candidates are counted
SCORED_MODELS = 5  # whose thresholds are chosen for each fold
OOF_BYTES = 12  # a label row on disk
TABLE_BYTES = 330  # a label row of the season's tables in memory
BOOSTER_BYTES = 1.2  # a value that a booster is trained on in memory, of runs of 30 to 120 plays
PROCESS_MB = 500  # with LightGBM, before it has read anything
WEIGHT_COPIES = 2  # on disk: beside the scores, and in the bundle
CHECKPOINT_COPIES = 4  # while a fold trains: weights, their average, two moments of AdamW
SCREEN_MODULES = ("player_contact.inference.cascade", "lightgbm")  # imported to predict
VISION_MODULES = (*SCREEN_MODULES, "player_contact.vision.scoring")


@dataclass(frozen=True)
class Size:
    """Of a run: plays and label rows of training, plays with videos, and plays to predict."""

    plays: int
    rows: int
    filmed: int
    test_plays: int


@dataclass(frozen=True)
class StagePlan:
    """What a stage will take."""

    stage: str
    rows: int
    cost: Cost


@dataclass(frozen=True)
class ModelPlan:
    """What training a model for each fold will take.

    play_seconds  to predict a play like the measured one by all of them
    ready         seconds of a process before it predicts its first play
    """

    training: Cost
    play_seconds: float
    ready: float = 0.0


def size_of(season: Season, test_plays: int) -> Size:
    """The size of a run on a season's tables."""
    filmed = sum(map(has_video, season.plays()))
    return Size(len(season.game_plays), len(season.rows), filmed, test_plays)


def seconds_to_read(run: Run) -> float:
    """A label row with its share of the other tables of the season, which is read here."""
    started = time.perf_counter()
    rows = len(run.season.rows)
    return (time.perf_counter() - started) / rows


def make_plan(run: Run, size: Size, reading: float) -> list[StagePlan]:
    """The plan of a run of that size, measured on an average play of `run`'s season.

    `reading` is what `seconds_to_read` returned.
    """
    processes, config = local_workers(run.workers), run.config
    average, tables = _average_play(run)
    with measure_play(tables, config, processes) as play:
        share = average / len(play.label)  # of an average play, in measured ones
        plays, filmed, test = (share * n for n in (size.plays, size.filmed, size.test_plays))
        rows = round(len(play.label) * plays)
        opened = round(len(play.open_rows or ()) * filmed)
        screen, tracking, blend = _plan_boosters(play, run, rows)
        members = config.vision.ensemble if play.open_rows else ()
        vision = [_plan_vision(play, member, run, opened, filmed) for member in members]
    costs, none, models = play.costs, Cost(), [screen, blend, *vision]
    imports = seconds_to_import(SCREEN_MODULES, processes)
    begin = Cost(imports * (processes > 1))  # of a stage whose processes are new
    submission = _plan_submission(play, models, run, imports, test) if test else none
    pages = share * min(size.filmed, config.report.viewer_plays)
    report = costs["report"].times(pages) + (begin if pages else none)
    oof_mb, tables_mb = (size.rows * n / MEGABYTE for n in (OOF_BYTES, TABLE_BYTES))
    thresholds = _thresholds_seconds(size.rows, rows) * SCORED_MODELS * (config.folds + 1)
    blend_rows = replace(costs["blend"].times(plays), disk_mb=0.0)  # the stage writes none of them
    blending = blend_rows + blend.training + (begin if vision else none)
    return [
        StagePlan("folds", size.rows, Cost(reading * size.rows, 0, PROCESS_MB + tables_mb)),
        StagePlan("features", rows, costs["features"].times(plays, tables_mb) + begin),
        StagePlan("screen", rows, (screen.training + tracking.training).times(1, tables_mb)),
        StagePlan("crops", opened, costs["crops"].times(filmed, tables_mb)),
        StagePlan("vision", opened, sum((m.training for m in vision), none).times(1, tables_mb)),
        StagePlan("blend", rows, blending.times(1, tables_mb)),
        StagePlan("scores", size.rows, Cost(thresholds, oof_mb, PROCESS_MB + tables_mb)),
        StagePlan("submission", round(size.rows / size.plays * size.test_plays), submission),
        StagePlan("report", size.rows, report.times(1, tables_mb)),
    ]


def plan_text(plans: list[StagePlan], size: Size, run: Run) -> str:
    """The table, and a line for whatever would not fit."""
    import psutil

    folder = next(path for path in (run.folder, *run.folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(folder).free / MEGABYTE
    memory = psutil.virtual_memory().total / MEGABYTE
    total = StagePlan("all", size.rows, sum((plan.cost for plan in plans), Cost()))
    lines = [
        f"{size.plays} plays, {size.filmed} with videos, {size.test_plays} to predict; "
        f"{run.config.folds} folds; {local_workers(run.workers)} at a time",
        f"{'':12}{'rows':>12}{'time':>12}{'disk MB':>10}{'memory MB':>11}",
    ]
    lines += [
        f"{plan.stage:12}{plan.rows:12,}{duration_text(plan.cost.seconds):>12}"
        f"{plan.cost.disk_mb:10,.0f}{plan.cost.memory_mb:11,.0f}"
        for plan in (*plans, total)
    ]
    if total.cost.disk_mb > free:
        lines.append(
            f"Would not fit: {total.cost.disk_mb:,.0f} MB of outputs, of which {free:,.0f} MB are "
            "free"
        )
    if total.cost.memory_mb > memory:
        fewer = ". Try fewer WORKERS" if local_workers(run.workers) > 1 else ""
        lines.append(
            f"Would not fit: {total.cost.memory_mb:,.0f} MB of memory, and the machine has "
            f"{memory:,.0f}{fewer}"
        )
    if run.config.vision.num_workers:
        lines.append(
            "Vision is counted without vision.num_workers: on cores of their own they save time."
        )
    lines.append(
        f"Assumed, since only a trained screen can tell: {OPEN_SHARE:.0%} of its rows stay open."
    )
    return "\n".join(lines)


def _average_play(run: Run) -> tuple[float, PlayTables]:
    """The mean number of candidates of some plays, and the play that comes nearest to it; of the
    plays with a video, if there are any."""
    plays = list(run.season.plays())
    plays = [tables for tables in plays if has_video(tables)] or plays
    plays = plays[:: max(1, len(plays) // SAMPLED_PLAYS)]
    max_distance = run.config.screen.max_distance
    counts = np.array([is_candidate(*build_play(tables), max_distance).sum() for tables in plays])
    if not counts.any():
        raise InputError(
            "No play has two players near each other: there is nothing that a plan could be "
            "measured on"
        )
    return float(counts.mean()), plays[int(np.abs(counts - counts.mean()).argmin())]


def _plan_boosters(play: MeasuredPlay, run: Run, rows: int) -> list[ModelPlan]:
    """Of the screen, the screen without helmet features, and the blend."""
    helmets, config = set(helmet_columns()), run.config
    tracking = [i for i, name in enumerate(feature_names()) if name not in helmets]
    screen, blend = config.screen.booster, config.blend.booster
    return [
        _plan_booster(play, play.features, screen, run, rows),
        _plan_booster(play, play.features[:, tracking], screen, run, rows),
        _plan_booster(play, play.blend_features, blend, run, rows),
    ]


def _plan_booster(
    play: MeasuredPlay, values: np.ndarray, settings: BoosterConfig, run: Run, rows: int
) -> ModelPlan:
    folds, processes = run.config.folds, local_workers(run.workers)
    concurrent = min(processes, folds)
    cost = measure_booster(values, play.label, settings, rows, run.config.num_threads, concurrent)
    trained_on = rows * (folds - 1) / folds
    seconds = (cost.reading + settings.num_boost_round * cost.round) * trained_on
    seconds += cost.scoring * rows / folds
    table_mb = trained_on * values.shape[1] * BOOSTER_BYTES / MEGABYTE
    memory_mb = PROCESS_MB + concurrent * (PROCESS_MB + table_mb)
    training = Cost(math.ceil(folds / processes) * seconds, 0, memory_mb)
    return ModelPlan(training, cost.scoring * len(values) * folds / processes)


def _plan_vision(
    play: MeasuredPlay, vision: VisionConfig, run: Run, opened: int, filmed: float
) -> ModelPlan:
    rows, folds, concurrent = (
        play.open_rows,
        run.config.folds,
        _concurrent_folds(run, vision.devices),
    )
    assert rows is not None
    cost = measure_vision(play, vision, run.config, concurrent)
    trained_on = filmed * (folds - 1) / folds  # plays
    clips = len(split_into_clips(rows.track, rows.step, vision.clip_length, 0)) * trained_on
    images = len(rows) / vision.clip_length * trained_on
    training = 0.0
    for epochs, items, batch, step in (
        (vision.clip_epochs, clips, vision.batch_size, cost.clip_step),
        (vision.image_epochs, images, vision.image_batch_samples, cost.image_step),
    ):
        training += epochs * math.ceil(min(vision.clips_per_epoch, items) / batch) * step
    scored = opened / folds + vision.clip_epochs * min(vision.val_rows, opened / folds)
    seconds = cost.start + training / vision.devices + cost.ready + scored * cost.scoring
    return ModelPlan(
        Cost(
            math.ceil(folds / concurrent) * seconds,
            (WEIGHT_COPIES * folds + CHECKPOINT_COPIES * concurrent) * cost.weights_mb,
            cost.memory_mb,
        ),
        cost.scoring * len(rows) * folds / concurrent,
        folds * cost.ready,
    )


def _concurrent_folds(run: Run, devices: int) -> int:
    """Vision models of so many devices that are trained at a time."""
    from player_contact.vision.device import concurrent_models

    return min(concurrent_models(local_workers(run.workers), devices), run.config.folds)


def _plan_submission(
    play: MeasuredPlay, models: list[ModelPlan], run: Run, imports: float, test_plays: float
) -> Cost:
    """By screen and blend, the first two models, and vision."""
    from player_contact.vision.device import concurrent_models

    processes, costs = local_workers(run.workers), play.costs
    if vision := models[2:]:
        imports += seconds_to_import(VISION_MODULES, processes)
    start = imports + sum(model.ready for model in vision)
    seconds = sum(costs[stage].seconds for stage in ("features", "crops", "blend"))
    seconds += sum(model.play_seconds for model in models)
    members = zip(vision, run.config.vision.ensemble, strict=False)  # none without open rows
    model_mb = (m.training.memory_mb / _concurrent_folds(run, one.devices) for m, one in members)
    vision_mb = max(model_mb, default=0.0) * concurrent_models(processes)
    memory_mb = max(costs["features"].memory_mb, costs["crops"].memory_mb, vision_mb)
    return Cost(start + seconds * test_plays, 0, memory_mb)


def _thresholds_seconds(rows: int, candidates: int) -> float:
    """To choose the thresholds of a model on all rows."""
    random = np.random.default_rng(0)
    probability = np.zeros(rows, dtype=np.float32)
    probability[:candidates] = random.random(min(candidates, rows))  # an estimate may exceed them
    label, ground = probability > random.random(rows), np.arange(rows) % 12 == 0
    started = time.perf_counter()
    best_thresholds(label, probability, ground)
    return time.perf_counter() - started
