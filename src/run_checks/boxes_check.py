"""How good completed helmet boxes are: boxes are hidden and ids swapped, then compared again.

In a simulated season they are also compared with its true boxes, and the measured clock offset
between tracking and video with the true one.
"""

import dataclasses
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.constants import VIEWS
from player_contact.competition.season import PlayTables, read_season
from player_contact.play import Play, Rows, View, build_play
from player_contact.utils.parallel import parallel_map
from player_contact.video.completion import MAX_ERROR, CompletedView, complete_view
from player_contact.video.registration import register
from player_contact.video.step_boxes import fill_gaps, step_boxes
from run_checks.measures import (
    EITHER,
    Measure,
    Pool,
    measure_table,
    median,
    percent,
    percent_missing,
    percentile_90,
    pool_plays,
)

HIDDEN_SHARE = 0.2  # of the boxes, at random
HIDDEN_FRAMES = round(1.5 * FRAMES_PER_SECOND)  # of each player,
HIDDEN_PERIOD = round(4.5 * FRAMES_PER_SECOND)  # in so many
SWAPPED_SHARE = 0.05  # of the frames
SWAP_FRAMES = (15, 60)  # length of a swap
SWAP_NEIGHBOURS = 5
WRONG_ID = 1.5  # box widths from the player's true position
CLOCK_TOLERANCE = 0.02  # s
CONTACT_POOLS = ("contact detected", "contact completed")


def _hidden_measures(pool: str) -> tuple[Measure, ...]:
    return (
        ("completed, median px", f"{pool} px", median),
        ("completed, median box widths", pool, median),
        ("completed, 90th percentile box widths", pool, percentile_90),
        ("not completed, %", pool, percent_missing),
        ("linear interpolation, median box widths", f"{pool} linear", median),
        ("linear interpolation, 90th percentile box widths", f"{pool} linear", percentile_90),
        ("not interpolated, %", f"{pool} linear", percent_missing),
    )


MEASURES: dict[str, tuple[Measure, ...]] = {
    "The boxes as they are": (
        ("views", "registered", len),
        ("registered, %", "registered", percent),
        ("error of registration, median box widths", "error", median),
        ("players with a box as detected, %", "detected", percent),
        ("players with a box completed, %", "completed", percent),
    ),
    "A random fifth of the boxes hidden": _hidden_measures("random"),
    "Every player hidden for 1.5 s in 4.5 s": _hidden_measures("periodic"),
    "Ids swapped in 5 % of the frames": (
        ("swapped back, %", "swapped back", percent),
        ("other boxes that change their id, %", "other changed", percent),
    ),
    "Contact rows with a box for each of their players": (
        ("as detected, %", "contact detected", percent),
        ("completed, %", "contact completed", percent),
    ),
    "Beside the simulation's truth": (
        ("boxes with a wrong id as detected, %", "wrong", percent),
        ("boxes with a wrong id completed, %", "wrong completed", percent),
        ("right ids that were changed, %", "right changed", percent),
        ("completed boxes, median box widths", "added", median),
        ("completed boxes, 90th percentile box widths", "added", percentile_90),
        ("tracking behind the video, true median s", "true offset", median),
        ("tracking behind the video, measured median s", "offset", median),
        ("measured less true, median s", "difference", median),
        (f"measured within {CLOCK_TOLERANCE} s of the truth, %", "near", percent),
        (f"measured within {CLOCK_TOLERANCE} s of the usual difference, %", "usual", percent),
    ),
}


def check_boxes(folder: Path, workers: int = 1) -> pd.DataFrame:
    """The measures of a season's training plays, or of its test plays where it has no labels.

    By title and name, with COLUMNS. Raises InputError as `read_season` does.
    """
    season = read_season(folder, "train" if (folder / "train_labels.csv").is_file() else "test")
    work = partial(measure_play, truth=folder / "truth")
    count = len(season.game_plays)
    return boxes_table(parallel_map(work, season.plays(), count, "checking boxes", workers))


def boxes_table(pools: Iterable[Pool]) -> pd.DataFrame:
    """The statistics of the plays' measures, without those that were not measured."""
    pool = pool_plays(pools)
    for view in VIEWS:
        if (difference := pool.get(("difference", view))) is not None:
            pool["near", view] = np.abs(difference) <= CLOCK_TOLERANCE
            pool["usual", view] = np.abs(difference - median(difference)) <= CLOCK_TOLERANCE
    return measure_table(pool, MEASURES)


def measure_play(tables: PlayTables, truth: Path) -> Pool:
    """A play's values of each pool; what is hidden and swapped depends on the play alone."""
    play, rows = build_play(tables)
    path = truth / f"{tables.game_play}.npz"
    true = dict(np.load(path, allow_pickle=False)) if path.is_file() else {}
    contact, pool = None, Pool()
    if "contact" in tables.rows:
        contact = rows[tables.rows["contact"].to_numpy(dtype=bool)]
        pool = {(key, EITHER): np.zeros(len(contact), dtype=bool) for key in CONTACT_POOLS}
    for number, (name, view) in enumerate(play.views.items()):
        random = np.random.default_rng([*map(int, tables.game_play.split("_")), number])
        registration = register(play, view)
        completed = complete_view(view, registration)
        values = _measure_completion(view, completed)
        values |= _measure_hidden(play, view, random) | _measure_swapped(play, view, random)
        if contact is not None and len(contact):
            for key, boxed in zip(CONTACT_POOLS, (view, completed.view), strict=True):
                values[key] = _all_boxed(play, boxed, contact)
                pool[key, EITHER] |= values[key]
        if f"boxes_{name}" in true:
            order = pd.Index(true["players"]).get_indexer(play.players)
            values |= _measure_truth(view, completed, true[f"boxes_{name}"][:, order])
            if "sensor_lag" in true:
                offset, lag = np.array(registration.clock_offset.shift), true["sensor_lag"]
                values |= {"true offset": lag, "offset": offset, "difference": offset - lag}
        pool |= {(key, name): array for key, array in values.items()}
    return pool


def _measure_completion(view: View, completed: CompletedView) -> dict[str, np.ndarray]:
    detected, after = _has_box(view.boxes), _has_box(completed.view.boxes)
    frames = detected.any(axis=1)
    return {
        "registered": np.array(completed.error <= MAX_ERROR),
        "error": np.array(completed.error),
        "detected": detected[frames].ravel(),
        "completed": after[frames].ravel(),
    }


def _measure_hidden(play: Play, view: View, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Distances of hidden boxes from completed ones, and from linear interpolation over gaps of
    any length; NaN: there is none."""
    frames, players = view.boxes.shape[:2]
    width = _median_width(view.boxes)
    phase = random.integers(0, HIDDEN_PERIOD, players)
    periodic = (np.arange(frames)[:, None] + phase) % HIDDEN_PERIOD < HIDDEN_FRAMES
    values: dict[str, np.ndarray] = {}
    for name, mask in (
        ("random", random.random((frames, players)) < HIDDEN_SHARE),
        ("periodic", periodic),
    ):
        hidden = mask & _has_box(view.boxes)
        boxes = np.where(hidden[..., None], np.float32(np.nan), view.boxes)
        without = dataclasses.replace(view, boxes=boxes)
        completed = complete_view(without, register(play, without)).view.boxes
        distance = _distance(completed, view.boxes)[hidden]
        linear = _distance(fill_gaps(boxes, frames), view.boxes)[hidden]
        values |= {f"{name} px": distance, name: distance / width, f"{name} linear": linear / width}
    return values


def _measure_swapped(play: Play, view: View, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Which swapped boxes were swapped back, and which others changed their id."""
    boxes, swapped = swap_ids(view.boxes, random)
    mixed = dataclasses.replace(view, boxes=boxes)
    completed = complete_view(mixed, register(play, mixed)).view
    assert completed.detected is not None
    back = completed.detected & (completed.boxes == view.boxes).all(axis=-1)
    same = completed.detected & (completed.boxes == boxes).all(axis=-1)
    return {
        "swapped back": back[swapped & _has_box(view.boxes)],
        "other changed": ~same[_has_box(boxes) & ~swapped],
    }


def swap_ids(boxes: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A copy of [F, P, 4] `boxes` in which pairs of neighbours have each other's boxes, in
    SWAPPED_SHARE of the frames; and [F, P] bool, whose boxes were swapped."""
    mixed, swapped = boxes.copy(), np.zeros(boxes.shape[:2], dtype=bool)
    centre, has_box = boxes[..., :2] + boxes[..., 2:] / 2, _has_box(boxes)
    starts = np.flatnonzero(has_box.sum(axis=1) > 1)
    for start in random.permutation(starts).tolist():
        if swapped.any(axis=1).sum() >= SWAPPED_SHARE * len(starts):
            break
        stop = start + int(random.integers(*SWAP_FRAMES))
        players = np.flatnonzero(has_box[start])
        player = random.choice(players)
        distance = np.linalg.norm(centre[start, players] - centre[start, player], axis=-1)
        nearest = players[np.argsort(distance, kind="stable")]
        pair = [player, random.choice(nearest[1 : 1 + SWAP_NEIGHBOURS])]
        if not swapped[start:stop].any():
            mixed[start:stop, pair] = boxes[start:stop, pair[::-1]]
            swapped[start:stop, pair] = True
    return mixed, swapped


def _all_boxed(play: Play, view: View, rows: Rows) -> np.ndarray:
    """[N] bool: every player of the row has a box at its step."""
    has_box = ~np.isnan(step_boxes(play, view, max_gap=0).centre[..., 0])
    second = np.where(rows.is_ground, rows.first, rows.second)
    return has_box[rows.step, rows.first] & has_box[rows.step, second]


def _measure_truth(view: View, completed: CompletedView, true: np.ndarray) -> dict[str, np.ndarray]:
    """Which boxes are not at their player, before and after, and how far completed ones are from
    the true [F, P, 4] ones in the image."""
    frames = min(len(true), len(view.boxes))
    width = _median_width(true)
    assert completed.view.detected is not None
    before, after = (
        _distance(boxes[:frames], true[:frames]) / width
        for boxes in (view.boxes, completed.view.boxes)
    )
    detected = completed.view.detected[:frames]
    same = (completed.view.boxes[:frames] == view.boxes[:frames]).all(axis=-1)
    return {
        "wrong": before[~np.isnan(before)] > WRONG_ID,
        "wrong completed": after[~np.isnan(after) & detected] > WRONG_ID,
        "right changed": ~same[before <= WRONG_ID],
        "added": after[~np.isnan(after) & ~detected],
    }


def _has_box(boxes: np.ndarray) -> np.ndarray:
    """[F, P] bool."""
    return ~np.isnan(boxes[..., 0])


def _median_width(boxes: np.ndarray) -> float:
    """px, of [F, P, 4] boxes; NaN where there is none."""
    return median(boxes[..., 2].ravel())


def _distance(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[F, P] px between centres; NaN where a box is missing."""
    centres = [array[..., :2] + array[..., 2:] / 2 for array in (boxes, others)]
    return np.linalg.norm(centres[0] - centres[1], axis=-1)
