"""What decides a play: screen, vision and blend; screen and blend; or the players' distance.

Rows of players who are not tracked are decided by the distance of their helmet boxes.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import parent_process
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend_features import START, blend_table
from player_contact.boosting.booster import predict_booster
from player_contact.competition.constants import GROUND, VIEWS
from player_contact.competition.season import PlayTables
from player_contact.features.helmet_boxes import box_distance
from player_contact.features.table import feature_table, is_candidate, is_tracked
from player_contact.inference.bundle import DETECTOR, Bundle, load_bundle
from player_contact.inference.time_budget import Stopwatch
from player_contact.play import Play, Rows, build_play
from player_contact.utils.logits import sigmoid
from player_contact.video.completion import complete_play
from player_contact.video.crops import cut_crops
from player_contact.vision.clips import NO_CROP
from player_contact.vision.play_rows import PlayRows
from player_contact.vision.token_rows import player_geometry, rows_with_images

log = logging.getLogger(__name__)

SOURCES = VISION, SCREEN, BOXES, DISTANCE, NOTHING = (  # the best first
    *("vision", "screen", "boxes", "distance", "nothing"),
)
NOT_SEARCHED = "plays whose helmets could not be searched"
UNTRACKED, NO_BOXES = "rows without tracking", "pairs without tracking and boxes"
# Helmets between two boxes as `box_distance` measures it; on simulated plays as many pairs lie so
# near as touch. It is .70 yd between helmets of .29 yd.
MAX_BOX_DISTANCE = 2.4


@dataclass(frozen=True)
class PlayPrediction:
    """[N] bool `contact` of the season's rows `row` [N], and what decided them.

    num_open         rows that the screen leaves open
    expected_errors  how many of them the screen alone is expected to get wrong
    seconds          of each part of the work
    model_seconds    of `seconds`, those of each vision model, by its file
    probabilities    [N] float32 of each model that was asked; NaN: not of this row
    decided_by       [N] int8, position in SOURCES of what decided the row; None: all by `source`
    """

    row: np.ndarray
    contact: np.ndarray
    source: str
    num_open: int = 0
    expected_errors: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)
    model_seconds: dict[str, float] = field(default_factory=dict)
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)
    decided_by: np.ndarray | None = None


def predict_by_distance(tables: PlayTables, max_distance: float) -> PlayPrediction:
    """Pairs within so many yards are in contact; nobody with the ground, or who is not tracked."""
    rows = tables.rows
    position = tables.tracking.set_index(["step", "nfl_player_id"])[["x_position", "y_position"]]
    first, second = (
        position.reindex(pd.MultiIndex.from_frame(rows[["step", name]])).to_numpy()
        for name in ("nfl_player_id_1", "nfl_player_id_2")
    )
    with np.errstate(invalid="ignore"):
        near = np.linalg.norm(first - second, axis=1) <= max_distance
    is_pair = (rows["nfl_player_id_2"] != GROUND).to_numpy()
    return PlayPrediction(rows["row"].to_numpy(dtype=np.int64), near & is_pair, DISTANCE)


def predict_by_boxes(play: Play, rows: Rows) -> tuple[np.ndarray, np.ndarray, Counter]:
    """Among the rows of players who are not tracked: [N] bool contacts, and [N] bool what boxes
    decide; how many rows and pairs those are.

    Pairs whose helmet boxes are near each other; nobody with the ground, or without a box.
    """
    untracked = ~is_tracked(play, rows)
    pairs = np.flatnonzero(untracked & ~rows.is_ground)
    distance = box_distance(play, rows[pairs])
    contact, boxed = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    contact[pairs], boxed[pairs] = distance <= MAX_BOX_DISTANCE, ~np.isnan(distance)
    counts = {UNTRACKED: int(untracked.sum()), NO_BOXES: int(np.isnan(distance).sum())}
    return contact, boxed, Counter(counts)


def predict_play(
    tables: PlayTables,
    folder: Path,
    complete: bool,
    with_video: bool,
    small_batches: bool = False,
    models: Sequence[str] | None = None,
) -> PlayPrediction:
    """A play by the bundle in `folder`: with boxes completed or as detected, vision or without.

    `small_batches` of images take less memory, fewer vision `models` (files of them) less time.
    """
    stopwatch = Stopwatch()
    bundle = load_bundle(folder)
    config, threads = bundle.config, bundle.config.num_threads
    if with_video:
        _ = bundle.vision_models, bundle.image_embedders  # once in a process
    stopwatch.split("start")
    play, rows = build_play(tables)
    counts = Counter[str]()
    if with_video and not small_batches:  # the second try of a play does without
        play, counts = _with_helmets(play, bundle)
        if counts:
            stopwatch.split("helmets")
    if complete:
        play, completed = complete_play(play)
        counts.update(completed)
    contact, by_boxes, box_counts = predict_by_boxes(play, rows)
    counts.update(box_counts)
    stopwatch.split("boxes")
    candidate = np.flatnonzero(is_candidate(play, rows, config.screen.max_distance))
    candidates = rows[candidate]
    features = feature_table(play, candidates)
    stopwatch.split("features")
    boxed = any(np.isfinite(view.boxes).any() for view in play.views.values())
    screen = mean_probability(bundle.screen if boxed else bundle.sensors, features, threads)
    is_open = screen >= bundle.open_threshold
    stopwatch.split("screen")
    vision, model_seconds = np.full(len(screen), np.nan, dtype=np.float32), dict[str, float]()
    if with_video:
        has_crop = rows_with_images(candidates, is_open, config.vision.families)
        crops = cut_crops(play, candidates[has_crop], config.crops)
        stopwatch.split("videos")
        crop_index = np.where(has_crop, np.cumsum(has_crop) - 1, NO_CROP)
        geometry = None
        if "tokens" in config.vision.families:
            geometry = player_geometry(play, candidates[has_crop], config.crops.max_gap)
        of_play = candidates, features, screen, is_open
        seen = PlayRows(*of_play, crop_index, crops, geometry)
        vision, model_seconds = _vision(bundle, seen, small_batches, models)
        stopwatch.split("vision")
        for view, visible in zip(VIEWS, crops.visible.sum(axis=0).tolist(), strict=True):
            counts[f"visible in {view}"] = visible
    num_open, num_vision = int(is_open.sum()), int((~np.isnan(vision)).sum())
    counts.update({"candidates": len(screen), "open": num_open, "with vision": num_vision})
    table = blend_table(play, candidates, screen, vision, config.blend.max_lag)
    blend = mean_probability(bundle.blend, table, threads, START)
    contact[candidate] = bundle.thresholds.decide(blend, candidates.is_ground)
    stopwatch.split("blend")
    if num_vision:
        source = VISION
    elif counts[UNTRACKED] < len(rows):
        source = SCREEN
    else:
        source = BOXES if counts[NO_BOXES] < (~rows.is_ground).sum() else NOTHING
    open_screen = screen[is_open].astype(np.float64)
    error = float(np.minimum(open_screen, 1 - open_screen).sum())
    asked = {"screen": screen, "vision": vision, "blend": blend}
    probabilities = {name: np.full(len(rows), np.nan, np.float32) for name in asked}
    for name, values in asked.items():
        probabilities[name][candidate] = values
    decided_by = np.full(len(rows), SOURCES.index(NOTHING), dtype=np.int8)
    decided_by[is_tracked(play, rows)] = SOURCES.index(DISTANCE)
    decided_by[by_boxes] = SOURCES.index(BOXES)
    decided_by[candidate] = np.where(np.isnan(vision), SOURCES.index(SCREEN), SOURCES.index(VISION))
    return PlayPrediction(
        rows.row,
        contact,
        source,
        num_open,
        error,
        stopwatch.seconds,
        counts,
        model_seconds,
        probabilities,
        decided_by,
    )


def _with_helmets(play: Play, bundle: Bundle) -> tuple[Play, Counter]:
    """The play with boxes of helmets found in its videos, as `boxes.detect` asks.

    Where that fails the play keeps the boxes that it has, which is logged and counted.
    """
    detect, path = bundle.config.boxes.detect, bundle.folder / DETECTOR
    lacks = any(np.isnan(view.boxes).all() for view in play.views.values())
    if detect == "never" or not (lacks or detect == "fill"):
        return play, Counter()
    if not path.is_file():
        log.warning("%s: the bundle has no detector of helmets: none are searched", play.game_play)
        return play, Counter()
    try:
        import torch

        from player_contact.detection.detect import load_detector
        from player_contact.detection.play_helmets import detect_play

        torch.set_num_threads(bundle.config.num_threads)
        with _whole_gpu():
            return detect_play(play, load_detector(path), fill=detect == "fill")
    except Exception as error:  # a play with a table of helmets does without
        text = "%s: helmets could not be searched (%s: %s)"
        log.warning(text, play.game_play, type(error).__name__, error)
        return play, Counter({NOT_SEARCHED: 1})


@contextmanager
def _whole_gpu() -> Iterator[None]:
    """A GPU alone, if there is one; where it breaks, a process that is not the first ends."""
    from player_contact.vision.device import is_gpu_broken, own_gpu

    try:
        with own_gpu():
            yield
    except RuntimeError as error:
        if is_gpu_broken(error) and parent_process():
            text = "the GPU failed (%s): this process ends"
            log.error(text, error, extra={"live": True})
            os._exit(1)  # its other plays would fail as well; this one gets a second try
        raise


def mean_probability(
    boosters: list[str], table: pd.DataFrame, num_threads: int, start: str | None = None
) -> np.ndarray:
    """[N] float32 mean of the boosters' probabilities; `start` as in `train_booster`."""
    each = [predict_booster(text, table, num_threads, start) for text in boosters]
    probabilities = np.stack(each)
    return probabilities.mean(axis=0, dtype=np.float64).astype(np.float32)


def _vision(
    bundle: Bundle, rows: PlayRows, small_batches: bool, models: Sequence[str] | None
) -> tuple[np.ndarray, dict[str, float]]:
    """[N] float32 mean of vision models, by default all; NaN where a row is closed, or no view
    shows it. And the seconds of each."""
    probability = np.full(len(rows.rows), np.nan, dtype=np.float32)
    if not (len(rows.index) and bundle.vision_models):
        return probability, {}
    from player_contact.vision import scoring

    batch = scoring.FEW_IMAGES if small_batches else scoring.IMAGES_PER_BATCH
    threads, logits, embedders = bundle.config.num_threads, [], bundle.image_embedders
    stopwatch = Stopwatch()
    with _whole_gpu():
        stopwatch.split("wait")  # until others have done with it
        for name, (vision, model) in bundle.vision_models.items():
            if models is None or name in models:  # in one order: a mean depends on it
                one, embed = rows.of(vision), embedders[name]
                logits.append(scoring.predict_logits(model, one, vision, threads, embed, batch))
                stopwatch.split(name)
    # The wait is shared out: with fewer models others are done with the GPU sooner, too.
    waited, seconds = stopwatch.seconds.pop("wait"), stopwatch.seconds
    share = 1 + waited / max(sum(seconds.values()), 1e-9)
    probability[rows.index] = sigmoid(np.mean(logits, axis=0))
    return probability, {name: share * value for name, value in seconds.items()}
