"""Helmet boxes per view, in helmet sizes so that zoom does not matter."""

import numpy as np

from player_contact.competition.constants import VIEWS
from player_contact.features import gather
from player_contact.features.gather import Columns, both_ways, lead, nan_reduce, pair_windows
from player_contact.play import Play, Rows
from player_contact.video.step_boxes import StepBoxes, no_boxes, step_boxes

MAX_GAP = 30  # frames that are interpolated: half a second
SANK_STEPS = -20, -10, -5, 5, 10, 20
GAP_STEPS = both_ways(2, 5, 10)
REACH = 10  # steps
MEAN_REACH = 5  # steps to each side over which `box_distance` is averaged


def player_helmets(play: Play) -> Columns:
    """Of a player, per view: age (s), height and shape of his box; how far it is below all boxes,
    sank and moved against them, and is from where registration expects it (helmets)."""
    columns: Columns = {}
    for name in VIEWS:
        boxes, size = _boxes(play, name)
        # Panning moves all boxes alike: one that sinks against their median belongs to a faller.
        centre = boxes.centre - nan_reduce(np.nanmedian, boxes.centre, axis=1)[:, None]
        centre = centre / size[..., None]
        low, known = centre[..., 1], ~np.isnan(boxes.size[..., 0])
        shape = boxes.size[..., 1] / boxes.size[..., 0]
        below = boxes.residual[..., 1] / size  # a player who stands: he stoops or lies
        view = {
            "box_age": boxes.age,
            "box_height": boxes.size[..., 1] / size,
            "box_shape": shape,
            "box_shape_mean_8": gather.rolling_mean(shape, 8, 8),
            "box_share_8": gather.rolling_mean(known.astype(np.float32), 8, 8),
            "below_others": low,
            **{f"sank_{steps:+d}": low - lead(low, steps) for steps in SANK_STEPS},
            "below": below,
            "below_mean_5": gather.rolling_mean(below, 5, 5),
            "below_max_10": gather.rolling_max(below, 10, 10),
            "off_expected": np.linalg.norm(boxes.residual, axis=-1) / size,
            "above_lowest_10": gather.rolling_max(low, 10, 10) - low,
            "below_highest_10": low - gather.rolling_min(low, 10, 10),
            "moved_10": np.linalg.norm(lead(centre, 5) - lead(centre, -5), axis=-1),
        }
        columns |= {f"{name.lower()}_{key}": values for key, values in view.items()}
    return columns


def pair_helmets(play: Play, pairs: Rows) -> Columns:
    """Of a pair, per view: distance of the two boxes now, at lags and over windows, how it changes,
    and how they overlap."""
    columns: Columns = {}
    first, second = (pairs.step, pairs.first), (pairs.step, pairs.second)
    for name in VIEWS:
        boxes, size = _boxes(play, name)
        a, b = boxes.size[first], boxes.size[second]
        x, y = pair_windows(boxes.centre / size[..., None], pairs, REACH)
        gap = np.sqrt(x * x + y * y)  # [2 * REACH + 1, M]
        distance = np.abs(boxes.centre[first] - boxes.centre[second])
        common = np.maximum((a + b) / 2 - distance, 0).prod(-1)
        view = {
            "gap": gap[REACH],
            "gap_across": np.abs(x[REACH]),
            "gap_up": np.abs(y[REACH]),
            "overlap": common / np.maximum(np.minimum(a.prod(-1), b.prod(-1)), 1),
            "gap_min_10": np.fmin.reduce(gap, axis=0),
            "gap_max_5": np.fmax.reduce(gap[REACH - 5 : REACH + 6], axis=0),
            "gap_speed": np.hypot(x[REACH + 2] - x[REACH - 2], y[REACH + 2] - y[REACH - 2]),
            "size_ratio": np.minimum(a[:, 1], b[:, 1]) / np.maximum(a[:, 1], b[:, 1]),
            **{f"gap_{steps:+d}": gap[REACH + steps] for steps in GAP_STEPS},
        }
        columns |= {f"{name.lower()}_{key}": values for key, values in view.items()}
    gaps = [columns[f"{name.lower()}_gap"] for name in VIEWS]
    columns["sideline_endzone_gap_min"] = np.fmin(*gaps)
    columns["sideline_endzone_gap_max"] = np.fmax(*gaps)
    return columns


def box_distance(play: Play, pairs: Rows) -> np.ndarray:
    """[M] distance of the two boxes in helmets: root mean square of the views that show both, mean
    over a second. NaN: no view shows both at the row's step."""
    squares = []
    for name in VIEWS:
        boxes, size = _boxes(play, name)
        x, y = pair_windows(boxes.centre / size[..., None], pairs, MEAN_REACH)
        squares.append(x * x + y * y)
    distance = np.sqrt(nan_reduce(np.nanmean, np.stack(squares), axis=0))
    mean = nan_reduce(np.nanmean, distance, axis=0)
    return np.where(np.isnan(distance[MEAN_REACH]), np.float32(np.nan), mean)


def _boxes(play: Play, name: str) -> tuple[StepBoxes, np.ndarray]:
    """The boxes of a view at the steps, none without metadata, and [S, 1] their median size."""
    if name in play.views:
        boxes = step_boxes(play, play.views[name], MAX_GAP)
    else:
        boxes = no_boxes(len(play.steps), len(play.players))
    size = boxes.size.reshape(len(boxes.size), -1)
    return boxes, nan_reduce(np.nanmedian, size, axis=1)[:, None]
