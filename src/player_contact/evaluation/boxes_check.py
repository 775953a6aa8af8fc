"""How good completed helmet boxes are: boxes are hidden and names exchanged on purpose, and what becomes of them is compared with what was there.

Where the folder is a simulated season its truth is compared too: the true boxes, and how far the sensors' clock really lies behind the picture's.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.competition.names import VIEWS
from player_contact.competition.season import PlayTables
from player_contact.helmets import fill_gaps, step_boxes
from player_contact.play import Play, Rows, View, build_play
from player_contact.video.completion import POOR, Completed, complete_view
from player_contact.video.registration import register

HIDDEN_SHARE = 0.2  # of the boxes
HIDDEN_FRAMES, HIDDEN_EVERY = round(1.5 * FRAMES_PER_SECOND), round(4.5 * FRAMES_PER_SECOND)  # each player is hidden so long, once in so long
SWAPPED_SHARE, SWAP_FRAMES, SWAP_NEAREST = 0.05, (15, 60), 5  # of the frames; how long a planted swap lasts; with whom of the nearest
WRONG_NAME = 1.5  # box widths from where the player truly is
CLOCK_AIM = 0.02  # s
EITHER = "in either"
COLUMNS = (*VIEWS, EITHER)
DIGITS = {"px": 1, "widths": 2, "s": 3, "%": 1}  # behind the point, by the unit at the end of a line's name
Measure = tuple[str, str, Callable[[np.ndarray], float]]  # what stands in the table, what is pooled, and what is made of that
Pool = dict[tuple[str, str], np.ndarray]  # by measure and column, what was measured


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of the table: its value in each column that it has, or nothing, where it is a title."""

    name: str
    values: dict[str, float] = dataclasses.field(default_factory=dict)


def _percent(values: np.ndarray) -> float:
    """The share of the values that hold."""
    return 100 * float(np.mean(values)) if len(values) else np.nan


def _unknown(values: np.ndarray) -> float:
    """The share, in percent, of the values that are NaN."""
    return _percent(np.isnan(values))


def _median(values: np.ndarray) -> float:
    """Of those that are known."""
    return float(np.median(values[~np.isnan(values)])) if (~np.isnan(values)).any() else np.nan


def _ninetieth(values: np.ndarray) -> float:
    """The 90th percentile of those that are known."""
    return float(np.percentile(values[~np.isnan(values)], 90)) if (~np.isnan(values)).any() else np.nan


def _of_hidden(name: str) -> tuple[Measure, ...]:
    return (
        ("  completed, median px", f"{name} px", _median),
        ("  completed, median box widths", name, _median),
        ("  completed, 90th percentile box widths", name, _ninetieth),
        ("  not completed, %", name, _unknown),
        ("  straight line, median box widths", f"{name} line", _median),
        ("  straight line, 90th percentile box widths", f"{name} line", _ninetieth),
        ("  no straight line, %", f"{name} line", _unknown),
    )


TABLE: tuple[tuple[str, tuple[Measure, ...]], ...] = (
    ("The boxes as they are", (
        ("  views", "registered", len),
        ("  registered, %", "registered", _percent),
        ("  error of registration, median box widths", "error", _median),
        ("  players with a box as detected, %", "seen", _percent),
        ("  players with a box completed, %", "completed", _percent),
    )),
    ("A random fifth of the boxes hidden", _of_hidden("fifth")),
    ("Every player hidden for 1.5 s in 4.5 s", _of_hidden("stretch")),
    ("Names exchanged in 5 % of the frames", (
        ("  given back, %", "given back", _percent),
        ("  other boxes that change their name, %", "renamed", _percent),
    )),
    ("Contact rows with a box for each of their players", (
        ("  as detected, %", "contact seen", _percent),
        ("  completed, %", "contact completed", _percent),
    )),
    ("Beside the simulation's truth", (
        ("  boxes with a wrong name as detected, %", "wrong", _percent),
        ("  boxes with a wrong name completed, %", "wrong completed", _percent),
        ("  right names that were taken, %", "taken", _percent),
        ("  completed boxes, median box widths", "added", _median),
        ("  completed boxes, 90th percentile box widths", "added", _ninetieth),
        ("  sensors behind the picture, true median s", "lag", _median),
        ("  sensors behind the picture, found median s", "shift", _median),
        ("  found less true, median s", "clock", _median),
        (f"  found within {CLOCK_AIM} s of the truth, %", "clock near", _percent),
        (f"  found within {CLOCK_AIM} s of the usual difference, %", "clock alike", _percent),
    )),
)  # fmt: skip


def boxes_table(pools: Iterable[Pool]) -> list[Line]:
    """The table of what `boxes_of_play` measured in each play."""
    parts: dict[tuple[str, str], list[np.ndarray]] = {}
    for of_play in pools:
        for key, values in of_play.items():
            parts.setdefault(key, []).append(np.atleast_1d(values))
    pool = {key: np.concatenate(values) for key, values in parts.items()}
    for view in VIEWS:
        if (clock := pool.get(("clock", view))) is not None:
            pool["clock near", view] = np.abs(clock) <= CLOCK_AIM
            pool["clock alike", view] = np.abs(clock - _median(clock)) <= CLOCK_AIM
    lines = []
    for title, measures in TABLE:
        found = [Line(text, {column: made(pool[key, column]) for column in COLUMNS if (key, column) in pool}) for text, key, made in measures]
        if any(line.values for line in found):
            lines += [Line(title), *(line for line in found if line.values)]
    return lines


def boxes_text(lines: list[Line]) -> str:
    """The table as text."""
    out = [f"{'':52}" + "".join(f"{column:>12}" for column in COLUMNS)]
    for line in lines:
        digits = DIGITS.get(line.name.split()[-1], 0)
        values = (f"{line.values[column]:12.{digits}f}" if column in line.values else f"{'':12}" for column in COLUMNS)
        out.append(f"{line.name:52}{''.join(values)}".rstrip())
    return "\n".join(out)


def boxes_of_play(tables: PlayTables, truth: Path) -> Pool:
    """What a play adds to each measure. What is hidden and exchanged depends on the play alone."""
    play, rows = build_play(tables)
    known = truth / f"{tables.game_play}.npz"
    true = dict(np.load(known, allow_pickle=False)) if known.is_file() else None
    contact = rows[tables.rows["contact"].to_numpy(dtype=bool)] if "contact" in tables.rows else None
    pool: Pool = {}
    either = {name: np.zeros(len(contact), dtype=bool) for name in ("contact seen", "contact completed")} if contact is not None else {}
    for number, (name, view) in enumerate(play.views.items()):
        random = np.random.default_rng([*map(int, tables.game_play.split("_")), number])
        registration = register(play, view)
        done = complete_view(view, registration)
        measured = _as_they_are(view, done)
        measured |= _hidden(play, view, random) | _swapped(play, view, random)
        if contact is not None and len(contact):
            for key, shown in (("contact seen", view), ("contact completed", done.view)):
                measured[key] = _all_boxed(play, shown, contact)
                either[key] |= measured[key]
        if true is not None and f"boxes_{name}" in true:
            order = pd.Index(true["players"]).get_indexer(play.players)
            measured |= _beside_truth(view, done, true[f"boxes_{name}"][:, order])
            if "sensor_lag" in true:
                shift = np.array(registration.clock.shift)
                measured |= {"lag": true["sensor_lag"], "shift": shift, "clock": shift - true["sensor_lag"]}
        pool |= {(key, name): values for key, values in measured.items()}
    return pool | {(key, EITHER): values for key, values in either.items()}


def _as_they_are(view: View, done: Completed) -> dict[str, np.ndarray]:
    seen, completed = (~np.isnan(boxes[..., 0]) for boxes in (view.boxes, done.view.boxes))
    looked_at = seen.any(1)
    return {
        "registered": np.array(done.error <= POOR),
        "error": np.array(done.error),
        "seen": seen[looked_at].ravel(),
        "completed": completed[looked_at].ravel(),
    }


def _hidden(play: Play, view: View, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Distances of what was hidden from what takes its place, by completion and by a straight line over gaps of any length; NaN: nothing does."""
    frames, players = view.boxes.shape[:2]
    there = ~np.isnan(view.boxes[..., 0])
    width = _usual_width(view.boxes)
    since = (np.arange(frames)[:, None] + random.integers(0, HIDDEN_EVERY, players)) % HIDDEN_EVERY
    out: dict[str, np.ndarray] = {}
    for name, hidden in (("fifth", random.random((frames, players)) < HIDDEN_SHARE), ("stretch", since < HIDDEN_FRAMES)):
        boxes = np.where((hidden & there)[..., None], np.float32(np.nan), view.boxes)
        without = dataclasses.replace(view, boxes=boxes)
        done = complete_view(without, register(play, without))
        away = _distance(done.view.boxes, view.boxes)[hidden & there]
        line = _distance(fill_gaps(boxes, frames), view.boxes)[hidden & there]
        out |= {f"{name} px": away, name: away / width, f"{name} line": line / width}
    return out


def _swapped(play: Play, view: View, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Which boxes of players whose names were exchanged got theirs back, and which of the others changed it."""
    boxes, planted = plant_swaps(view.boxes, random)
    mixed = dataclasses.replace(view, boxes=boxes)
    done = complete_view(mixed, register(play, mixed)).view
    there = ~np.isnan(boxes[..., 0])
    assert done.detected is not None
    back = done.detected & (done.boxes == view.boxes).all(-1)
    same = done.detected & (done.boxes == boxes).all(-1)
    return {"given back": back[planted & ~np.isnan(view.boxes[..., 0])], "renamed": ~same[there & ~planted]}


def plant_swaps(boxes: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A copy of [F, P, 4] `boxes` in which two near players have each other's, in SWAPPED_SHARE of the frames; and [F, P] bool, whose and when."""
    mixed, planted = boxes.copy(), np.zeros(boxes.shape[:2], dtype=bool)
    centre, there = boxes[..., :2] + boxes[..., 2:] / 2, ~np.isnan(boxes[..., 0])
    starts = np.flatnonzero(there.sum(1) > 1)
    for start in random.permutation(starts).tolist():
        if planted.any(1).sum() >= SWAPPED_SHARE * len(starts):
            break
        stop = start + int(random.integers(*SWAP_FRAMES))
        shown = np.flatnonzero(there[start])
        one = random.choice(shown)
        nearest = shown[np.argsort(np.linalg.norm(centre[start, shown] - centre[start, one], axis=-1), kind="stable")]
        pair = [one, random.choice(nearest[1 : 1 + SWAP_NEAREST])]
        if not planted[start:stop].any():
            mixed[start:stop, pair] = boxes[start:stop, pair[::-1]]
            planted[start:stop, pair] = True
    return mixed, planted


def _all_boxed(play: Play, view: View, rows: Rows) -> np.ndarray:
    """[N] bool: every player of the row has a box at its step."""
    seen = ~np.isnan(step_boxes(play, view, longest_gap=0).centre[..., 0])
    return seen[rows.step, rows.first] & seen[rows.step, np.where(rows.is_ground, rows.first, rows.second)]


def _beside_truth(view: View, done: Completed, true: np.ndarray) -> dict[str, np.ndarray]:
    """Which boxes lie where their player is not, before and after, and how far completed ones lie from his helmet, where it is in the picture."""
    frames = min(len(true), len(view.boxes))
    width = _usual_width(true)
    assert done.view.detected is not None
    before, after = (_distance(boxes[:frames], true[:frames]) / width for boxes in (view.boxes, done.view.boxes))
    detected = done.view.detected[:frames]
    was, kept = ~np.isnan(before), ~np.isnan(after) & detected
    same = (done.view.boxes[:frames] == view.boxes[:frames]).all(-1)
    return {
        "wrong": before[was] > WRONG_NAME,
        "wrong completed": after[kept] > WRONG_NAME,
        "taken": ~same[was & (before <= WRONG_NAME)],
        "added": after[~np.isnan(after) & ~detected],
    }


def _usual_width(boxes: np.ndarray) -> float:
    """px, the median width of [F, P, 4] boxes; NaN where there is none."""
    return _median(boxes[..., 2].ravel())


def _distance(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[F, P] px between the middles of boxes; NaN where one of them is not there."""
    return np.linalg.norm(boxes[..., :2] + boxes[..., 2:] / 2 - others[..., :2] - others[..., 2:] / 2, axis=-1)
