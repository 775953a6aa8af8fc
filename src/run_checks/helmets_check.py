"""How well helmets are found in the videos of simulated plays, and named by the tracking."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.season import PlayTables, Season
from player_contact.detection.helmets import Helmets, Matches, average_precision, match_helmets
from player_contact.detection.naming import NOBODY, name_helmets
from player_contact.detection.play_helmets import Detector, frames_of_steps
from player_contact.play import Play, View, build_play
from player_contact.utils.errors import InputError
from player_contact.utils.parallel import parallel_map
from player_contact.video.clock_offset import UNKNOWN, helmets_at
from player_contact.video.decode import gray_frames
from run_checks.measures import Measure, Pool, measure_table, median, percent, pool_plays

LOW_SCORE = 0.05  # of helmets that count for average precision
IOU, LOOSE_IOU = 0.5, 0.35
VISIBLE = 0.5  # share of a helmet from which it should be found
SMALL, LARGE = 14, 20  # px, mean of a box's width and height
FAST = 2.0  # px a frame, from which a helmet is blurred
FOUND, FALSE, MISSED = 1, 0, -1


def _average_precision(values: np.ndarray) -> float:
    """100 times that of [N, 2] scores, and FOUND, FALSE or MISSED."""
    score, kind = values.T
    kept, there = kind != MISSED, int((kind != FALSE).sum())
    return 100 * average_precision(score[kept], kind[kept] == FOUND, there)


MEASURES: dict[str, tuple[Measure, ...]] = {
    "Helmets found in the videos": (
        ("frames", "frames", len),
        ("average precision at IoU .5, %", "precision .5", _average_precision),
        ("average precision at IoU .35, %", "precision .35", _average_precision),
        ("of those counted as found, true at IoU .35, %", "true", percent),
        ("visible helmets found at IoU .35, %", "recall", percent),
        (f"  of those below {SMALL} px, %", "recall small", percent),
        (f"  of those from {LARGE} px, %", "recall large", percent),
        (f"  of those faster than {FAST:g} px a frame, %", "recall fast", percent),
        ("  that the table has, %", "recall of the table", percent),
        ("centre off the true one, median helmets", "offset", median),
    ),
    "Helmets named by the tracking": (
        ("found ones named rightly, %", "named rightly", percent),
        ("found ones named wrongly, %", "named wrongly", percent),
        ("boxes of the table named wrongly, %", "table wrong", percent),
    ),
}


def check_helmets(
    season: Season, truth: Path, plays: int, detector: Path, workers: int
) -> pd.DataFrame:
    """The measures of the first plays of a simulated season, by title and name."""
    names = season.game_plays[:plays]
    if missing := [name for name in names if not (truth / f"{name}.npz").is_file()]:
        raise InputError(
            f"{truth} has no {missing[0]}.npz: where helmets truly are is known of simulated plays"
        )
    work = partial(measure_helmets, truth=truth, detector=detector)
    pools = parallel_map(work, season.plays(names), len(names), "finding helmets", workers)
    return measure_table(pool_plays(pools), MEASURES)


def measure_helmets(tables: PlayTables, truth: Path, detector: Path) -> Pool:
    """A play's values of each pool."""
    import torch

    from player_contact.detection.detect import load_detector

    torch.set_num_threads(1)  # a play is the work of one core
    loaded = load_detector(detector)
    play, _ = build_play(tables)
    true = dict(np.load(truth / f"{play.game_play}.npz", allow_pickle=False))
    order = pd.Index(true["players"]).get_indexer(play.players)
    pool = Pool()
    for name, view in play.views.items():
        boxes, visible = true[f"boxes_{name}"][:, order], true[f"visibility_{name}"][:, order]
        values = _measure_view(
            play,
            name,
            view,
            boxes,
            visible,
            partial(loaded, min_score=LOW_SCORE),
            loaded.config.score_threshold,
        )
        pool |= {(key, name): array for key, array in values.items()}
    return pool


def _measure_view(
    play: Play,
    name: str,
    view: View,
    boxes: np.ndarray,
    visible: np.ndarray,
    detector: Detector,
    threshold: float,
) -> dict[str, np.ndarray]:
    """The values of a view with true boxes [F, P, 4] of which [F, P] is visible."""
    frames = frames_of_steps(play, view)
    frames = frames[frames < len(boxes)]
    found = {frame: detector(image) for frame, image in gray_frames(view.video, frames)}
    frames = np.array(sorted(found), dtype=np.int64)
    sure = [_at_least(found[frame], threshold) for frame in frames.tolist()]
    named = name_helmets(name, helmets_at(play, view, frames, UNKNOWN), sure)
    motion = np.linalg.norm(np.gradient(boxes[..., :2], axis=0), axis=-1)  # px a frame
    parts = []
    for frame, helmets, player in zip(frames.tolist(), sure, named.player, strict=True):
        owner = np.flatnonzero(~np.isnan(boxes[frame, :, 0]))
        there = _There(
            boxes[frame, owner].astype(np.float64),
            owner,
            visible[frame, owner] >= VISIBLE,
            motion[frame, owner],
        )
        values = _measure_found(found[frame], helmets, there)
        values |= _measure_names(helmets, player, there)
        if frame < len(view.boxes):
            values |= _measure_table(view.boxes[frame], there)
        parts.append(values)
    keys = parts[0] if parts else {}
    return {key: np.concatenate([part[key] for part in parts if key in part]) for key in keys}


@dataclass(frozen=True)
class _There:
    """The M helmets that a frame has."""

    boxes: np.ndarray  # [M, 4]
    owner: np.ndarray  # [M] index of the player
    visible: np.ndarray  # [M] bool: it should be found
    motion: np.ndarray  # [M] px a frame


def _measure_found(every: Helmets, sure: Helmets, there: _There) -> dict[str, np.ndarray]:
    """Of a frame's helmets of any score, and of those that count as found."""
    values = {"frames": np.ones(1)}
    for iou, key in ((IOU, "precision .5"), (LOOSE_IOU, "precision .35")):
        values[key] = _scored(match_helmets(every, there.boxes, there.visible, iou))
    matches = match_helmets(sure, there.boxes, there.visible, LOOSE_IOU)
    size = there.boxes[there.visible, 2:].mean(1)
    return values | {
        "true": matches.is_true,
        "recall": matches.found,
        "recall small": matches.found[size < SMALL],
        "recall large": matches.found[size >= LARGE],
        "recall fast": matches.found[there.motion[there.visible] >= FAST],
        "offset": matches.offset / size,
    }


def _measure_names(helmets: Helmets, player: np.ndarray, there: _There) -> dict[str, np.ndarray]:
    """Of a frame's helmets that are some player's: whether their names [K] are his."""
    matches = match_helmets(helmets, there.boxes, np.ones(len(there.boxes), bool), LOOSE_IOU)
    is_real = matches.owner >= 0
    right = player[is_real] == there.owner[matches.owner[is_real]]
    return {"named rightly": right, "named wrongly": ~right & (player[is_real] != NOBODY)}


def _measure_table(boxes: np.ndarray, there: _There) -> dict[str, np.ndarray]:
    """The same of the table's boxes [P, 4], whose rows are the players that it names."""
    named = np.flatnonzero(~np.isnan(boxes[:, 0]))
    table = Helmets(boxes[named], np.ones(len(named), dtype=np.float32))
    wrong = _measure_names(table, named, there)["named wrongly"]
    found = match_helmets(table, there.boxes, there.visible, LOOSE_IOU).found
    return {"table wrong": wrong, "recall of the table": found}


def _at_least(helmets: Helmets, score: float) -> Helmets:
    kept = helmets.score >= score
    return Helmets(helmets.boxes[kept], helmets.score[kept])


def _scored(matches: Matches) -> np.ndarray:
    """[N, 2] as `_average_precision` takes them."""
    found = np.column_stack([matches.score, np.where(matches.is_true, FOUND, FALSE)])
    return np.concatenate([found, np.full((int((~matches.found).sum()), 2), MISSED)])
