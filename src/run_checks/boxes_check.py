"""How good completed helmet boxes are: boxes are hidden and ids swapped, then compared again.

In a simulated season they are also compared with its true boxes, and the measured clock offset
between tracking and video with the true one.
"""

import dataclasses
from collections.abc import Callable, Iterable
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

HIDDEN_SHARE = 0.2  # of the boxes, at random
HIDDEN_FRAMES = round(1.5 * FRAMES_PER_SECOND)  # of each player,
HIDDEN_PERIOD = round(4.5 * FRAMES_PER_SECOND)  # in so many
SWAPPED_SHARE = 0.05  # of the frames
SWAP_FRAMES = (15, 60)  # length of a swap
SWAP_NEIGHBOURS = 5
WRONG_ID = 1.5  # box widths from the player's true position
CLOCK_TOLERANCE = 0.02  # s
EITHER = "in either"
COLUMNS = (*VIEWS, EITHER)
CONTACT_POOLS = ("contact detected", "contact completed")
DIGITS = {"px": 1, "widths": 2, "s": 3, "%": 1}  # by the unit at the end of a measure's name
Measure = tuple[str, str, Callable[[np.ndarray], float]]  # name, pool, statistic
Pool = dict[tuple[str, str], np.ndarray]  # (name, column) -> values


def _percent(values: np.ndarray) -> float:
    return 100 * float(pd.Series(values).mean())


def _percent_missing(values: np.ndarray) -> float:
    return _percent(np.isnan(values))


def _median(values: np.ndarray) -> float:
    return float(pd.Series(values).median())


def _90th_percentile(values: np.ndarray) -> float:
    return float(pd.Series(values).quantile(0.9))


def _hidden_measures(pool: str) -> tuple[Measure, ...]:
    return (
        ("completed, median px", f"{pool} px", _median),
        ("completed, median box widths", pool, _median),
        ("completed, 90th percentile box widths", pool, _90th_percentile),
        ("not completed, %", pool, _percent_missing),
        ("linear interpolation, median box widths", f"{pool} linear", _median),
        ("linear interpolation, 90th percentile box widths", f"{pool} linear", _90th_percentile),
        ("not interpolated, %", f"{pool} linear", _percent_missing),
    )


MEASURES: dict[str, tuple[Measure, ...]] = {
    "The boxes as they are": (
        ("views", "registered", len),
        ("registered, %", "registered", _percent),
        ("error of registration, median box widths", "error", _median),
        ("players with a box as detected, %", "detected", _percent),
        ("players with a box completed, %", "completed", _percent),
    ),
    "A random fifth of the boxes hidden": _hidden_measures("random"),
    "Every player hidden for 1.5 s in 4.5 s": _hidden_measures("periodic"),
    "Ids swapped in 5 % of the frames": (
        ("swapped back, %", "swapped back", _percent),
        ("other boxes that change their id, %", "other changed", _percent),
    ),
    "Contact rows with a box for each of their players": (
        ("as detected, %", "contact detected", _percent),
        ("completed, %", "contact completed", _percent),
    ),
    "Beside the simulation's truth": (
        ("boxes with a wrong id as detected, %", "wrong", _percent),
        ("boxes with a wrong id completed, %", "wrong completed", _percent),
        ("right ids that were changed, %", "right changed", _percent),
        ("completed boxes, median box widths", "added", _median),
        ("completed boxes, 90th percentile box widths", "added", _90th_percentile),
        ("tracking behind the video, true median s", "true offset", _median),
        ("tracking behind the video, measured median s", "offset", _median),
        ("measured less true, median s", "difference", _median),
        (f"measured within {CLOCK_TOLERANCE} s of the truth, %", "near", _percent),
        (f"measured within {CLOCK_TOLERANCE} s of the usual difference, %", "usual", _percent),
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
    parts: dict[tuple[str, str], list[np.ndarray]] = {}
    for play_pool in pools:
        for key, values in play_pool.items():
            parts.setdefault(key, []).append(np.atleast_1d(values))
    pool = {key: np.concatenate(values) for key, values in parts.items()}
    for view in VIEWS:
        if (difference := pool.get(("difference", view))) is not None:
            pool["near", view] = np.abs(difference) <= CLOCK_TOLERANCE
            pool["usual", view] = np.abs(difference - _median(difference)) <= CLOCK_TOLERANCE
    rows = {
        (title, name): {
            column: float(statistic(pool[key, column]))
            for column in COLUMNS
            if (key, column) in pool
        }
        for title, measures in MEASURES.items()
        for name, key, statistic in measures
    }
    measured = {key: values for key, values in rows.items() if values}
    return pd.DataFrame.from_dict(measured, orient="index", columns=list(COLUMNS))


def boxes_text(table: pd.DataFrame) -> str:
    """The table, its titles on lines of their own."""
    lines = [f"{'':54}" + "".join(f"{column:>12}" for column in table)]
    for title, rows in table.groupby(level=0, sort=False):
        lines.append(str(title))
        for name, values in rows.droplevel(0).iterrows():
            digits = DIGITS.get(str(name).split()[-1], 0)
            cells = ("" if np.isnan(value) else f"{value:.{digits}f}" for value in values)
            lines.append(f"  {name:52}{''.join(f'{cell:>12}' for cell in cells)}".rstrip())
    return "\n".join(lines)


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
    return _median(boxes[..., 2].ravel())


def _distance(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[F, P] px between centres; NaN where a box is missing."""
    centres = [array[..., :2] + array[..., 2:] / 2 for array in (boxes, others)]
    return np.linalg.norm(centres[0] - centres[1], axis=-1)
