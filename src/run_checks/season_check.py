"""How realistic a season is: its statistics beside those of real data.

Labels, boxes and distances: as publicly known of the competition's training set (240 plays); of how
many of its plays end early, the images that are missing were counted.
Motion: 100 plays of other seasons, 60 passes and 40 runs, steps 0 to 74. Registration error: four
views of two plays, measured before helmets were taken to be ahead of the tracking, which lowered it
by 3 and 12 %. Clock offset: two views of one play.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.competition.metric import best_thresholds, count, matthews
from player_contact.competition.season import PlayTables, read_season
from player_contact.features.context import snap_position
from player_contact.features.gather import pair_distance
from player_contact.play import Play, Rows, build_play
from player_contact.utils.errors import InputError
from player_contact.video.clock_offset import measure_clock_offset
from player_contact.video.step_boxes import step_boxes

BINS = ((0, 0.5), (0.5, 1), (1, 1.5), (1.5, 2), (2, 3))  # yards
SNAPSHOT_STEPS = (0, 20, 40)
MOTION_STEPS = 75
REGISTERED_PLAYS = 20
BEFORE_NOISE = "truth before label noise, all rows"
LOWEST = "threshold on the height of the lowest joint but hands and feet, ground"

Pool = dict[str, np.ndarray | float]
mean, median = pd.Series.mean, pd.Series.median
p90, p99 = partial(pd.Series.quantile, q=0.9), partial(pd.Series.quantile, q=0.99)


def _percent(values: pd.Series) -> float:
    return 100 * float(values.mean())


# name: (real value, pool, statistic)
STATISTICS: dict[str, tuple[float, str, Callable[[pd.Series], float]]] = {
    "labelled steps of a play, median": (74, "steps", median),
    "ground rows in contact, %": (4.09, "ground contact", _percent),
    "pair rows in contact, %": (1.11, "pair contact", _percent),
    "all rows in contact, %": (1.367, "contact", _percent),
    "contact rows of a play, median": (235, "contacts", median),
    "ground runs a play": (676 / 240, "ground run count", mean),
    "ground run length, mean s": (2.49, "ground runs", mean),
    "ground run length, median s": (2.4, "ground runs", median),
    "pair runs a play": (3505 / 240, "pair run count", mean),
    "pair run length, mean s": (1.36, "pair runs", mean),
    "pair run length, median s": (1.0, "pair runs", median),
    "contact rate 0-0.5 yd, %": (76, "contact 0-0.5", _percent),
    "contact rate 0.5-1 yd, %": (52, "contact 0.5-1", _percent),
    "contact rate 1-1.5 yd, %": (14, "contact 1-1.5", _percent),
    "contact rate 1.5-2 yd, %": (0.91, "contact 1.5-2", _percent),
    "contact rate 2-3 yd, %": (0.084, "contact 2-3", _percent),
    "rows within 2 yd or ground, %": (14.0, "near", _percent),
    "speed in ground contact, yd/s": (0.92, "speed on ground", mean),
    "speed off the ground, yd/s": (2.73, "speed off ground", mean),
    "speed against displacement, yd/s": (0.09, "speed less displacement", mean),
    "boxes a frame, Sideline": (18.87, "boxes Sideline", median),
    "boxes a frame, Endzone": (14.75, "boxes Endzone", median),
    "box width, median px": (16, "box width", median),
    "box height, median px": (17, "box height", median),
    "pair contacts with boxes in a view, %": (86.5, "pair boxed", _percent),
    "ground contacts with a box in a view, %": (74.4, "ground boxed", _percent),
    "plays whose boxes end before the labels, %": (100 * 98 / 240, "cut short", _percent),
    "pixels between touching helmets": (25.5, "pixels in contact", mean),
    "pixels between other helmets": (286.5, "pixels apart", mean),
    "registration error, median px": (6.8, "registration error", median),
    "tracking behind the video, s": (0.082, "clock offset", mean),
    "speed, mean yd/s": (3.38, "speed", mean),
    "speed, median yd/s": (2.90, "speed", median),
    "speed, 90th percentile yd/s": (6.95, "speed", p90),
    "speed, 99th percentile yd/s": (9.48, "speed", p99),
    "change of speed, median yd/s2": (1.10, "acceleration", median),
    "change of speed, 90th percentile yd/s2": (3.50, "acceleration", p90),
    "change of speed, 99th percentile yd/s2": (6.20, "acceleration", p99),
    "nearest opponent at step 0, yd": (2.82, "opponent 0", median),
    "nearest opponent at step 20, yd": (1.38, "opponent 20", median),
    "nearest opponent at step 40, yd": (1.98, "opponent 40", median),
    "nearest team mate at step 0, yd": (2.67, "team mate 0", median),
    "nearest team mate at step 20, yd": (2.99, "team mate 20", median),
    "nearest team mate at step 40, yd": (3.78, "team mate 40", median),
    "spread along the field at the snap, yd": (4.31, "spread along", median),
    "spread across the field at the snap, yd": (7.44, "spread across", median),
}


def check_season(folder: Path) -> pd.DataFrame:
    """`real` and `simulated` value of every statistic, of the training split.

    Raises InputError as `read_season` does.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for number, tables in enumerate(read_season(folder, "train").plays()):
        play, rows = build_play(tables)
        contact = tables.rows["contact"].to_numpy(dtype=bool)
        pool = _contact_pool(play, rows, contact) | _motion_pool(play)
        pool |= _box_pool(play, rows, contact)
        if number < REGISTERED_PLAYS:
            clocks = [measure_clock_offset(play, view) for view in play.views.values()]
            pool["clock offset"] = np.array([clock.shift for clock in clocks])
            pool["registration error"] = np.array([clock.error for clock in clocks])
        for name, values in pool.items():
            parts.setdefault(name, []).append(np.atleast_1d(np.asarray(values, dtype=np.float64)))
    pools = {name: pd.Series(np.concatenate(values)) for name, values in parts.items()}
    rows_of_table = {
        name: (real, float(statistic(pools[pool])))
        for name, (real, pool, statistic) in STATISTICS.items()
    }
    return pd.DataFrame.from_dict(rows_of_table, orient="index", columns=["real", "simulated"])


def _contact_pool(play: Play, rows: Rows, contact: np.ndarray) -> Pool:
    ground, pair = rows.is_ground, ~rows.is_ground
    distance = pair_distance(play)[rows.step, rows.first, _second(rows)]
    speed = play.speed[rows.step, rows.first]
    pool: Pool = {
        "steps": float(play.steps[rows.step.max()] + 1),
        "contacts": float(contact.sum()),
        "contact": contact,
        "ground contact": contact[ground],
        "pair contact": contact[pair],
        "near": ground | (distance <= 2),
        "speed on ground": speed[ground & contact],
        "speed off ground": speed[ground & ~contact],
    }
    for low, high in BINS:
        inside = pair & (distance > low) & (distance <= high)
        pool[f"contact {low:g}-{high:g}"] = contact[inside]
    for kind, mask in (("ground", ground), ("pair", pair)):
        runs = _run_seconds(rows[mask], contact[mask])
        pool[f"{kind} runs"], pool[f"{kind} run count"] = runs, len(runs)
    return pool


def _motion_pool(play: Play) -> Pool:
    moved = np.linalg.norm(np.diff(play.position, axis=0), axis=-1) * STEPS_PER_SECOND
    moving = (play.steps >= 0) & (play.steps < MOTION_STEPS)
    along, across = np.nanstd(snap_position(play), axis=0)
    pool: Pool = {
        "speed less displacement": np.abs(play.speed[1:] - moved).ravel(),
        "speed": play.speed[moving].ravel(),
        "acceleration": np.abs(np.diff(play.speed[moving], axis=0) * STEPS_PER_SECOND).ravel(),
        "spread along": along,
        "spread across": across,
    }
    same_team = play.home[:, None] == play.home
    itself = np.eye(len(same_team), dtype=bool)
    for step in set(SNAPSHOT_STEPS) & set(play.steps.tolist()):
        distance = pair_distance(play)[step - play.steps[0]]
        for side, mask in (("opponent", ~same_team), ("team mate", same_team & ~itself)):
            nearest = np.where(mask & ~np.isnan(distance), distance, np.inf).min(axis=1)
            pool[f"{side} {step}"] = nearest[np.isfinite(nearest)]
    return pool


def _box_pool(play: Play, rows: Rows, contact: np.ndarray) -> Pool:
    pool: Pool = {}
    boxed, last_step = np.zeros(len(rows), dtype=bool), play.times[[rows.step.max()]]
    cut_short = False
    sizes, pixels = [np.zeros((0, 2))], [np.full(len(rows), np.nan)]
    for name, view in play.views.items():
        has_box = ~np.isnan(view.boxes[..., 0])
        boxes_per_frame = has_box.sum(axis=1)[has_box.any(axis=1)]
        pool[f"boxes {name}"] = float(boxes_per_frame.mean()) if len(boxes_per_frame) else 0.0
        frames = np.flatnonzero(has_box.any(axis=1))
        cut_short |= bool(len(frames) and frames[-1] < view.frame_of(last_step)[0])
        sizes.append(view.boxes[has_box][:, 2:])
        centre = step_boxes(play, view, max_gap=0).centre
        pixels.append(
            np.linalg.norm(
                centre[rows.step, rows.first] - centre[rows.step, _second(rows)], axis=-1
            )
        )
        boxed |= ~np.isnan(pixels[-1])
    pair = np.tile(~rows.is_ground, len(pixels))
    touching = np.tile(contact, len(pixels))
    all_pixels = np.concatenate(pixels)
    pool["cut short"] = float(cut_short)
    pool["box width"], pool["box height"] = np.concatenate(sizes).T
    pool["pixels in contact"] = all_pixels[pair & touching]
    pool["pixels apart"] = all_pixels[pair & ~touching]
    pool["pair boxed"] = boxed[contact & ~rows.is_ground]
    pool["ground boxed"] = boxed[contact & rows.is_ground]
    return pool


def _second(rows: Rows) -> np.ndarray:
    """[N] player index: the second of a pair, the same one for the ground."""
    return np.where(rows.is_ground, rows.first, rows.second)


def _run_seconds(rows: Rows, contact: np.ndarray) -> np.ndarray:
    """Lengths of the uninterrupted runs of contact of each pair."""
    frame = pd.DataFrame(
        {"first": rows.first, "second": rows.second, "step": rows.step, "contact": contact}
    ).sort_values(["first", "second", "step"])
    changed = (frame[["first", "second", "contact"]].diff() != 0).any(axis=1)
    starts = changed | (frame["step"].diff() != 1)
    return (
        frame["contact"].groupby(starts.cumsum()).sum().loc[lambda runs: runs > 0].to_numpy()
        / STEPS_PER_SECOND
    )


def ceilings(folder: Path) -> dict[str, float]:
    """Matthews correlation of what a simulated season knows; empty for a season without truth.

    Of the truth before label noise; of the best thresholds on true and on tracked distance; of the
    ground's rows, of the best one on the height of the lowest joint, which images show. Raises
    InputError for a season that older code simulated.
    """
    parts = []
    for tables in read_season(folder, "train").plays():
        path = folder / "truth" / f"{tables.game_play}.npz"
        if not path.is_file():
            return {}
        parts.append(_true_contacts(tables, path))
    rows = pd.concat(parts)
    label, ground = rows["label"].to_numpy(), rows["ground"].to_numpy()
    scores = {BEFORE_NOISE: float(matthews(count(label, rows["truth"].to_numpy())))}
    for kind in ("true", "tracked"):
        proximity = np.where(ground, 0, 1 / (1 + rows[f"{kind} distance"].fillna(np.inf)))
        decided = best_thresholds(label, proximity, ground).decide(proximity, ground)
        scores[f"threshold on {kind} distance, all rows"] = float(matthews(count(label, decided)))
    label, low = label[ground], 1 / (1 + rows["lowest"].to_numpy()[ground])
    decided = best_thresholds(label, low, ground[ground]).decide(low, ground[ground])
    scores[LOWEST] = float(matthews(count(label, decided)))
    return scores


def _true_contacts(tables: PlayTables, path: Path) -> pd.DataFrame:
    """label, ground, truth, true and tracked distance, lowest joint of a play's rows."""
    play, rows = build_play(tables)
    with np.load(path, allow_pickle=False) as true:
        if "lowest" not in true:
            raise InputError(f"{path} was simulated by older code: simulate the season again")
        index = pd.Index(true["players"]).get_indexer(play.players)
        step = play.steps[rows.step] - true["steps"][0]
        first, second = index[rows.first], index[_second(rows)]
        contacts = np.where(
            rows.is_ground,
            true["ground_contact"][step, first],
            true["pair_contact"][step, first, second],
        )
        lowest = true["lowest"][step, first]
        position = true["position"]
        apart = np.linalg.norm(position[step, first] - position[step, second], axis=-1)
    return pd.DataFrame(
        {
            "label": tables.rows["contact"].to_numpy(dtype=bool),
            "ground": rows.is_ground,
            "truth": contacts.astype(bool),
            "true distance": apart,
            "lowest": lowest,
            "tracked distance": pair_distance(play)[rows.step, rows.first, _second(rows)],
        }
    )


def check_text(table: pd.DataFrame, scores: dict[str, float]) -> str:
    """The table with a remark where a value is off, a count of those, and the ceilings."""
    ratio = table["simulated"] / table["real"]
    off = np.abs(np.log(ratio.where(ratio > 0)))
    far, near = ~(off <= np.log(2)), off <= np.log(1.25)
    lines = [f"{'':42}{'real':>10}{'here':>10}{'ratio':>8}"]
    for name, real, simulated in table.itertuples():
        far_remark = "  beyond a factor of two" if far[name] else "  more than 25 % off"
        remark = "" if near[name] else far_remark
        lines.append(f"{name:42}{real:10.3g}{simulated:10.3g}{ratio[name]:8.2f}{remark}")
    lines.append(f"{near.sum()} of {len(table)} within 25 %, {far.sum()} beyond a factor of two")
    lines += [f"MCC, {name}: {score:.3f}" for name, score in scores.items()]
    return "\n".join(lines)
