"""What the stages of a run of any size will take on this machine, measured on a few plays."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, Season
from player_contact.config import BoosterConfig, VisionConfig
from player_contact.evaluation.viewer import has_video
from player_contact.features.table import feature_names, helmet_columns, is_candidate
from player_contact.pipeline.run import Run
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from player_contact.utils.parallel import local_workers
from player_contact.vision.clips import split_into_clips
from player_contact.vision.token_rows import TokenRows, split_into_windows
from run_checks.gpu_estimate import GpuWork
from run_checks.measured_models import (
    BOOSTING_ROUNDS,
    MAX_ROWS,
    measure_booster,
    seconds_to_import,
)
from run_checks.measured_play import MEGABYTE, Cost, MeasuredPlay, measure_play
from run_checks.measured_vision import FEW_IMAGES, MORE_IMAGES, SCORED_IMAGES, measure_vision
from run_checks.plan_table import Plan, Size, StagePlan
from run_checks.quick_screen import QUICK_PLAYS, QuickScreen, run_quick_screen
from run_checks.season_sample import evenly_spread

COUNTED_PLAYS = 16  # whose candidates are counted
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
class ModelPlan:
    """What training a model for each fold will take.

    play_seconds  to predict a play like the measured one by all of them
    ready         seconds of a process before it predicts its first play
    scoring_mb    memory of all processes that predict by it
    gpu_work      of vision, what of it a GPU would compute
    """

    training: Cost
    play_seconds: float
    ready: float = 0.0
    scoring_mb: float = 0.0
    gpu_work: GpuWork | None = None


def size_of(season: Season, test_plays: int) -> Size:
    """The size of a run on a season's tables."""
    filmed = sum(map(has_video, season.plays()))
    return Size(len(season.game_plays), len(season.rows), filmed, test_plays)


def seconds_to_read(run: Run) -> float:
    """A label row with its share of the other tables of the season, which is read here."""
    started = time.perf_counter()
    rows = len(run.season.rows)
    return (time.perf_counter() - started) / rows


def make_plan(run: Run, size: Size, reading: float) -> Plan:
    """The plan of a run of that size, measured on plays of `run`'s season.

    `reading` is what `seconds_to_read` returned.
    """
    processes, config = local_workers(run.workers), run.config
    average, tables, few = _choose_plays(run)
    quick = run_quick_screen(few, config, processes)
    with measure_play(tables, quick, config, processes) as play:
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
    more_mb = tables_mb - len(run.season.rows) * TABLE_BYTES / MEGABYTE  # than are read already
    thresholds = _thresholds_seconds(size.rows, rows) * SCORED_MODELS * (config.folds + 1)
    blend_rows = replace(costs["blend"].times(plays), disk_mb=0.0)  # the stage writes none of them
    blending = blend_rows + blend.training + (begin if vision else none)
    trained, rounds = f"{min(rows, MAX_ROWS):,} rows", f"{BOOSTING_ROUNDS} rounds"
    images = max((one.image_batch_size for one in config.vision.ensemble), default=0)
    batches = f"batches of {FEW_IMAGES} and {MORE_IMAGES} images; to {images} rows"
    one, on_rows = "one play; by candidates", f"{trained}, {rounds}; by both"
    stages = [
        ("folds", size.rows, Cost(reading * size.rows, 0, PROCESS_MB + tables_mb), "all; by rows"),
        ("features", rows, costs["features"].times(plays, more_mb) + begin, one),
        ("screen", rows, (screen.training + tracking.training).times(1, tables_mb), on_rows),
        ("crops", opened, costs["crops"].times(filmed, more_mb), "one play; by open rows"),
        ("vision", opened, sum((m.training for m in vision), none).times(1, tables_mb), batches),
        ("blend", rows, blending.times(1, tables_mb), on_rows),
        (
            "scores",
            size.rows,
            Cost(thresholds, oof_mb, PROCESS_MB + tables_mb),
            "a threshold; by models and folds",
        ),
        ("submission", round(size.rows / size.plays * size.test_plays), submission, one),
        ("report", size.rows, report.times(1, more_mb), "a page; by plays"),
    ]
    gpu_work = tuple(m.gpu_work for m in vision if m.gpu_work is not None)
    return Plan([StagePlan(*stage) for stage in stages], _open_text(quick, len(few)), gpu_work)


def _open_text(quick: QuickScreen, plays: int) -> str:
    if not quick.contacts:
        return (
            f"Assumed: {quick.share:.0%} of the candidates stay open. {plays} plays have too few "
            "contacts, or games, to tell."
        )
    return (
        f"Open rows: {quick.share:.0%} of the candidates, measured on {plays} plays "
        f"({quick.contacts:,} contacts) with a quick\nscreen of few rounds. The whole screen may "
        "leave more or fewer open (docs/scale.md)."
    )


def _choose_plays(run: Run) -> tuple[float, PlayTables, list[PlayTables]]:
    """The mean number of candidates of some plays; the play that comes nearest to it, of those with
    a video if there are any; and a few plays, spread over the season, with that one."""
    plays = list(run.season.plays())
    counted = evenly_spread(plays, COUNTED_PLAYS)
    filmed = [tables for tables in plays if has_video(tables)]
    measurable = evenly_spread(filmed or plays, COUNTED_PLAYS)
    max_distance = run.config.screen.max_distance

    def count(tables: PlayTables) -> int:
        return int(is_candidate(*build_play(tables), max_distance).sum())

    counts = {tables.game_play: count(tables) for tables in counted}
    own = {t.game_play: counts.get(t.game_play) or count(t) for t in measurable}
    if not any(own.values()):
        raise InputError(
            "No play has two players near each other: there is nothing that a plan could be "
            "measured on"
        )
    average = float(np.mean([*counts.values()]))
    nearest = min(measurable, key=lambda tables: abs(own[tables.game_play] - average))
    few = [tables for tables in evenly_spread(plays, QUICK_PLAYS) if tables is not nearest]
    return average, nearest, [nearest, *few[: QUICK_PLAYS - 1]]


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
    from player_contact.vision.scoring import IMAGES_PER_BATCH
    from player_contact.vision.transfer import as_trained

    folds, concurrent = run.config.folds, _concurrent_folds(run, vision.devices)
    vision = as_trained(vision, len(run.config.crops.frame_offsets))
    of_play, length = play.rows_for(vision), vision.clip_length
    if isinstance(of_play, TokenRows):
        clips = len(split_into_windows(of_play, length, 0))
    else:
        clips = len(split_into_clips(of_play.track, of_play.step, length, 0))
    rows = of_play.image_rows  # what has images: open rows or, of tokens, their players
    opened = round(opened * len(rows) / len(of_play))
    cost = measure_vision(play, vision, run.config, concurrent)
    trained_on = filmed * (folds - 1) / folds  # plays
    per_clip = len(rows) / clips  # rows: the others are padding
    image_rows, clip_rows = vision.image_batch_samples * vision.clip_length, vision.batch_size
    training, images = 0.0, 0.0
    frozen = min(max(vision.transfer.freeze_epochs - vision.image_epochs, 0), vision.clip_epochs)
    of_clips = clips, vision.batch_size, per_clip, True
    of_images = len(rows) / length, vision.image_batch_samples, length, False
    for epochs, (items, batch, of_item, in_clips), is_frozen in (
        (vision.clip_epochs - frozen, of_clips, False),
        (frozen, of_clips, True),
        (vision.image_epochs, of_images, False),
    ):
        drawn = min(vision.clips_per_epoch, items * trained_on)
        steps = math.ceil(drawn / batch)
        rows_a_step = drawn / max(1, steps) * of_item
        training += epochs * steps * cost.step(rows_a_step, in_clips, is_frozen)
        passes = 1 / 3 if is_frozen else 1  # the backward one takes twice as long
        images += epochs * drawn * of_item * cost.images * passes
    scored = opened / folds + vision.clip_epochs * min(vision.val_rows, opened / folds)
    seconds = cost.start + training / vision.devices + cost.ready + scored * cost.scoring
    largest = max(image_rows * (vision.image_epochs > 0), clip_rows * per_clip)
    scored_images = min(IMAGES_PER_BATCH, len(rows) * len(vision.views)) - SCORED_IMAGES
    scoring_mb = cost.scoring_mb + max(0, scored_images) * max(0.0, cost.scored_mb)
    work = GpuWork(
        vision.encoder,
        vision.image_size,
        cost.gmacs,
        folds * images,
        folds * scored * cost.images,
        cost.load,
        vision.num_workers,
    )
    worker_mb = max(scoring_mb, cost.training_mb(largest / vision.devices)) * vision.devices
    return ModelPlan(
        Cost(
            math.ceil(folds / concurrent) * seconds,
            (WEIGHT_COPIES * folds + CHECKPOINT_COPIES * concurrent) * cost.weights_mb,
            PROCESS_MB + concurrent * worker_mb,
        ),
        cost.scoring * len(rows) * folds / concurrent,
        folds * cost.ready,
        scoring_mb,
        work,
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
    model_mb = max((model.scoring_mb for model in vision), default=0.0)
    vision_mb = PROCESS_MB + model_mb * concurrent_models(processes)
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
