"""How real a season is: its statistics beside those of the competition's data and of real plays' motion.

Real values of labels, boxes and distances: what the competition's training set is publicly known to hold (240 plays). Real values of motion: 100
plays of other seasons, 60 passes and 40 runs, steps 0 to 74. Real values of registration: the error of four views of two plays, in which helmets were
not yet taken to be ahead of the sensors (in the two that the same code measures now that takes off 3 and 12 %); the shift of two views of one play,
measured by the same code.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.competition.metric import Thresholds, best_thresholds, count, matthews
from player_contact.competition.season import read_season
from player_contact.features.context import place_at_snap
from player_contact.features.gather import pair_distance
from player_contact.helmets import step_boxes
from player_contact.play import Play, Rows, build_play
from player_contact.video.lag import measure_clock

BINS = ((0, 0.5), (0.5, 1), (1, 1.5), (1.5, 2), (2, 3))  # yards
MOMENTS = (0, 20, 40)  # steps
MOTION_STEPS = 75
REGISTERED = 20  # plays that are registered to their pictures


@dataclass(frozen=True)
class Line:
    """One statistic: real and simulated. `ratio` is the simulated over the real one."""

    name: str
    real: float
    simulated: float

    @property
    def ratio(self) -> float:
        """How far off: 1 is like the real thing."""
        return self.simulated / self.real if self.real else np.nan


REAL = {
    "labelled steps of a play, median": 74,
    "ground rows in contact, %": 4.09,
    "pair rows in contact, %": 1.11,
    "all rows in contact, %": 1.367,
    "contact rows of a play, median": 235,
    "ground runs a play": 676 / 240,
    "ground run length, mean s": 2.49,
    "ground run length, median s": 2.4,
    "pair runs a play": 3505 / 240,
    "pair run length, mean s": 1.36,
    "pair run length, median s": 1.0,
    "contact rate 0-0.5 yd, %": 76,
    "contact rate 0.5-1 yd, %": 52,
    "contact rate 1-1.5 yd, %": 14,
    "contact rate 1.5-2 yd, %": 0.91,
    "contact rate 2-3 yd, %": 0.084,
    "rows within 2 yd or ground, %": 14.0,
    "speed in ground contact, yd/s": 0.92,
    "speed off the ground, yd/s": 2.73,
    "speed against displacement, yd/s": 0.09,
    "boxes a frame, Sideline": 18.87,
    "boxes a frame, Endzone": 14.75,
    "box width, median px": 16,
    "box height, median px": 17,
    "pair contacts with boxes in a view, %": 86.5,
    "ground contacts with a box in a view, %": 74.4,
    "pixels between touching helmets": 25.5,
    "pixels between other helmets": 286.5,
    "registration error, median px": 6.8,
    "sensors behind the picture, s": 0.082,
    "speed, mean yd/s": 3.38,
    "speed, median yd/s": 2.90,
    "speed, 90th percentile yd/s": 6.95,
    "speed, 99th percentile yd/s": 9.48,
    "change of speed, median yd/s2": 1.10,
    "change of speed, 90th percentile yd/s2": 3.50,
    "change of speed, 99th percentile yd/s2": 6.20,
    "nearest opponent at step 0, yd": 2.82,
    "nearest opponent at step 20, yd": 1.38,
    "nearest opponent at step 40, yd": 1.98,
    "nearest team mate at step 0, yd": 2.67,
    "nearest team mate at step 20, yd": 2.99,
    "nearest team mate at step 40, yd": 3.78,
    "spread along the field at the snap, yd": 4.31,
    "spread across the field at the snap, yd": 7.44,
}


def check_season(folder: Path) -> list[Line]:
    """Every statistic of REAL, measured on the training split of a season. Raises InputError as `read_season` does."""
    season = read_season(folder, "train")
    pools: dict[str, list[np.ndarray]] = {}
    for number, tables in enumerate(season.plays()):
        play, rows = build_play(tables)
        if number < REGISTERED:
            clocks = [measure_clock(play, view) for view in play.views.values()]
            pools.setdefault("registration", []).append(np.array([[clock.shift, clock.error] for clock in clocks]).reshape(-1, 2))
        for name, values in _of_play(play, rows, tables.rows["contact"].to_numpy(dtype=bool)).items():
            pools.setdefault(name, []).append(np.atleast_1d(np.asarray(values, dtype=np.float64)))
    joined = {name: np.concatenate(parts) for name, parts in pools.items()}
    measured = _statistics(joined)
    return [Line(name, real, measured[name]) for name, real in REAL.items()]


def _of_play(play: Play, rows: Rows, contact: np.ndarray) -> dict[str, np.ndarray | float]:
    """What a play adds to each pool."""
    ground = rows.is_ground
    distance = pair_distance(play)[rows.step, rows.first, np.where(ground, rows.first, rows.second)]
    labelled = np.unique(rows.step)
    pooled: dict[str, np.ndarray | float] = {
        "steps": float(play.steps[labelled[-1]]),
        "contacts": float(contact.sum()),
        "ground": contact[ground],
        "pair": contact[~ground],
        "distance": distance[~ground],
        "ground runs": _runs(rows[ground], contact[ground]),
        "pair runs": _runs(rows[~ground], contact[~ground]),
        "speed on ground": play.speed[rows.step, rows.first][ground & contact],
        "speed off ground": play.speed[rows.step, rows.first][ground & ~contact],
    }
    way = np.linalg.norm(np.diff(play.position, axis=0), axis=-1) * STEPS_PER_SECOND
    pooled["displacement"] = np.abs(play.speed[1:] - way).ravel()
    moving = (play.steps >= 0) & (play.steps < MOTION_STEPS)
    pooled["speed"] = play.speed[moving].ravel()
    pooled["change"] = np.abs(np.diff(play.speed[moving], axis=0) * STEPS_PER_SECOND).ravel()
    same = play.home[:, None] == play.home
    for step in MOMENTS:
        if step in play.steps:
            apart = pair_distance(play)[step - play.steps[0]] + np.where(np.eye(len(same), dtype=bool), np.inf, 0)
            apart = np.where(np.isnan(apart), np.inf, apart)
            for side, others in (("opponent", ~same), ("mate", same)):
                nearest = np.where(others, apart, np.inf).min(axis=1)
                pooled[f"{side} {step}"] = nearest[np.isfinite(nearest)]
    pooled["spread along"], pooled["spread across"] = np.nanstd(place_at_snap(play), axis=0)
    return pooled | _boxes_of_play(play, rows, contact)


def _boxes_of_play(play: Play, rows: Rows, contact: np.ndarray) -> dict[str, np.ndarray | float]:
    pooled: dict[str, np.ndarray | float] = {}
    second = np.where(rows.is_ground, rows.first, rows.second)
    shown = np.zeros(len(rows), dtype=bool)
    for name, view in play.views.items():
        seen = ~np.isnan(view.boxes[..., 0])
        pooled[f"boxes {name}"] = float(seen.sum(1)[seen.any(1)].mean()) if seen.any() else 0.0
        pooled[f"size {name}"] = view.boxes[seen][:, 2:].ravel()
        boxes = step_boxes(play, view, longest_gap=0)
        gap = np.linalg.norm(boxes.centre[rows.step, rows.first] - boxes.centre[rows.step, second], axis=-1)
        shown |= ~np.isnan(gap)
        for key, chosen in (("touching", contact), ("apart", ~contact)):
            here = gap[chosen & ~rows.is_ground]
            pooled[f"pixels {key} {name}"] = here[~np.isnan(here)]
    pooled["pair shown"], pooled["ground shown"] = shown[contact & ~rows.is_ground], shown[contact & rows.is_ground]
    return pooled


def _runs(rows: Rows, contact: np.ndarray) -> np.ndarray:
    """Lengths in seconds of the unbroken runs of contact of each pair."""
    frame = pd.DataFrame({"first": rows.first, "second": rows.second, "step": rows.step, "contact": contact}).sort_values(["first", "second", "step"])
    changes = (frame[["first", "second", "contact"]].diff() != 0).any(axis=1) | (frame["step"].diff() != 1)
    runs = frame["contact"].groupby(changes.cumsum()).agg(["first", "size"])
    return runs.loc[runs["first"], "size"].to_numpy() / STEPS_PER_SECOND


def _statistics(values: dict[str, np.ndarray]) -> dict[str, float]:
    plays = len(values["steps"])
    pair, distance, ground = values["pair"].astype(bool), values["distance"], values["ground"].astype(bool)
    sizes = np.concatenate([part for name, part in values.items() if name.startswith("size ")]).reshape(-1, 2)
    out = {
        "labelled steps of a play, median": float(np.median(values["steps"] + 1)),
        "ground rows in contact, %": 100 * ground.mean(),
        "pair rows in contact, %": 100 * pair.mean(),
        "all rows in contact, %": 100 * (ground.sum() + pair.sum()) / (len(ground) + len(pair)),
        "contact rows of a play, median": float(np.median(values["contacts"])),
        "rows within 2 yd or ground, %": 100 * ((distance <= 2).sum() + len(ground)) / (len(ground) + len(pair)),
        "speed in ground contact, yd/s": np.nanmean(values["speed on ground"]),
        "speed off the ground, yd/s": np.nanmean(values["speed off ground"]),
        "speed against displacement, yd/s": np.nanmean(values["displacement"]),
        "box width, median px": float(np.median(sizes[:, 0])),
        "box height, median px": float(np.median(sizes[:, 1])),
        "pair contacts with boxes in a view, %": 100 * values["pair shown"].mean(),
        "ground contacts with a box in a view, %": 100 * values["ground shown"].mean(),
        "registration error, median px": np.nanmedian(values["registration"][:, 1]),
        "sensors behind the picture, s": np.nanmean(values["registration"][:, 0]),
        "speed, mean yd/s": np.nanmean(values["speed"]),
        "speed, median yd/s": np.nanmedian(values["speed"]),
        "change of speed, median yd/s2": np.nanmedian(values["change"]),
        "spread along the field at the snap, yd": np.nanmedian(values["spread along"]),
        "spread across the field at the snap, yd": np.nanmedian(values["spread across"]),
    }
    for kind in ("ground", "pair"):
        runs = values[f"{kind} runs"]
        out[f"{kind} runs a play"] = len(runs) / plays
        out[f"{kind} run length, mean s"], out[f"{kind} run length, median s"] = runs.mean(), float(np.median(runs))
    for low, high in BINS:
        inside = (distance > low) & (distance <= high)
        out[f"contact rate {low:g}-{high:g} yd, %"] = 100 * pair[inside].mean() if inside.any() else np.nan
    for view in ("Sideline", "Endzone"):
        out[f"boxes a frame, {view}"] = float(np.median(values[f"boxes {view}"]))
    for key, name in (("touching", "pixels between touching helmets"), ("apart", "pixels between other helmets")):
        out[name] = np.concatenate([part for pool, part in values.items() if pool.startswith(f"pixels {key}")]).mean()
    for percent in (90, 99):
        out[f"speed, {percent}th percentile yd/s"] = np.nanpercentile(values["speed"], percent)
        out[f"change of speed, {percent}th percentile yd/s2"] = np.nanpercentile(values["change"], percent)
    for step in MOMENTS:
        out[f"nearest opponent at step {step}, yd"] = np.nanmedian(values[f"opponent {step}"])
        out[f"nearest team mate at step {step}, yd"] = np.nanmedian(values[f"mate {step}"])
    return {name: float(value) for name, value in out.items()}


def ceilings(folder: Path) -> dict[str, float]:
    """Matthews correlation over every row of what a simulated season knows: the truth before label noise, and thresholds (the best ones on these very
    rows) on true and on sensed distance, ground rows called no contact. Empty for a season without truth."""
    season = read_season(folder, "train")
    label: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    true_near: list[np.ndarray] = []
    sensed_near: list[np.ndarray] = []
    ground: list[np.ndarray] = []
    for tables in season.plays():
        path = folder / "truth" / f"{tables.game_play}.npz"
        if not path.is_file():
            return {}
        play, rows = build_play(tables)
        with np.load(path, allow_pickle=False) as known:
            place = pd.Index(known["players"]).get_indexer(play.players)
            step = play.steps[rows.step] - known["steps"][0]
            first, second = place[rows.first], place[np.where(rows.is_ground, rows.first, rows.second)]
            truth.append(np.where(rows.is_ground, known["ground_contact"][step, first], known["pair_contact"][step, first, second]))
            position = known["position"][step]
        here = np.arange(len(rows))
        apart = np.linalg.norm(position[here, first] - position[here, second], axis=-1)
        sensed = pair_distance(play)[rows.step, rows.first, np.where(rows.is_ground, rows.first, rows.second)]
        for pool, distance in ((true_near, apart), (sensed_near, sensed)):
            pool.append(np.where(rows.is_ground, 0, 1 / (1 + np.nan_to_num(distance, nan=np.inf))))
        label.append(tables.rows["contact"].to_numpy(dtype=bool))
        ground.append(rows.is_ground)
    labels, is_ground = np.concatenate(label), np.concatenate(ground)
    scores = {"truth before label noise": float(matthews(count(labels, np.concatenate(truth))))}
    for name, near in (("threshold on true distance", np.concatenate(true_near)), ("threshold on sensed distance", np.concatenate(sensed_near))):
        thresholds: Thresholds = best_thresholds(labels, near, is_ground)
        scores[name] = float(matthews(count(labels, thresholds.decide(near, is_ground))))
    return scores


def check_text(lines: list[Line], scores: dict[str, float]) -> str:
    """A table that fits 100 columns, with a word where a value is off, and how many are."""
    out = [f"{'':42}{'real':>10}{'here':>10}{'ratio':>8}"]
    for line in lines:
        off = abs(np.log(line.ratio)) if line.ratio > 0 else np.inf
        word = "  beyond a factor of two" if off > np.log(2) else "  more than 25 % off" if off > np.log(1.25) else ""
        out.append(f"{line.name:42}{line.real:10.3g}{line.simulated:10.3g}{line.ratio:8.2f}{word}")
    near = sum(abs(np.log(line.ratio)) <= np.log(1.25) for line in lines if line.ratio > 0)
    far = sum(not line.ratio > 0 or abs(np.log(line.ratio)) > np.log(2) for line in lines)
    out.append(f"{near} of {len(lines)} within 25 %, {far} beyond a factor of two")
    out += [f"MCC over every row, {name}: {score:.3f}" for name, score in scores.items()]
    return "\n".join(out)
