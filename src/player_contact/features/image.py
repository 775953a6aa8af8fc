"""What the helmet boxes say, per view, in units of the helmets' size so that zoom does not matter."""

import numpy as np

from player_contact.competition.names import VIEWS
from player_contact.features.gather import Values, around_rows, later, least, mean, most, nan_reduce
from player_contact.helmets import StepBoxes, no_boxes, step_boxes
from player_contact.play import Play, Rows

LONGEST_GAP = 30  # frames filled on a straight line: half a second
HEIGHT_LAGS = (-20, -10, -5, 5, 10, 20)  # steps
GAP_LAGS = (2, 5, 10)
REACH = 10


def player_helmets(play: Play) -> Values:
    """Of a player, per view: the age of his box (s), its height and shape, how far it is below all boxes, how it
    sank and moved against them, and how far it is from where registration expects it (helmets)."""
    columns: Values = {}
    for name in VIEWS:
        boxes, prefix = _boxes(play, name), name.lower()
        unit = _unit(boxes)[:, None]
        # The camera moves everybody alike: a helmet that sinks against the median of all helmets belongs to somebody who goes down.
        among = (boxes.centre - nan_reduce(np.nanmedian, boxes.centre, axis=1)[:, None]) / unit[..., None]
        height, seen = among[..., 1], ~np.isnan(boxes.size[..., 0])
        shape = boxes.size[..., 1] / boxes.size[..., 0]
        of_view = {
            "box_age": boxes.age,
            "box_height": boxes.size[..., 1] / unit,
            "box_shape": shape,
            "box_shape_mean_8": mean(shape, 8, 8),
            "box_share_8": mean(seen.astype(np.float32), 8, 8),
            "below_others": height,
        }
        of_view |= {f"sank_{lag:+d}": height - later(height, lag) for lag in HEIGHT_LAGS}
        below = boxes.off[..., 1] / unit  # than registration expects a standing player's helmet: he stoops or lies
        of_view |= {"below": below, "below_mean_5": mean(below, 5, 5), "below_most_10": most(below, 10, 10)}
        of_view["off_expected"] = np.linalg.norm(boxes.off, axis=-1) / unit
        of_view["above_lowest_10"], of_view["below_highest_10"] = most(height, 10, 10) - height, height - least(height, 10, 10)
        of_view["moved_10"] = np.linalg.norm(later(among, 5) - later(among, -5), axis=-1)
        columns |= {f"{prefix}_{key}": values for key, values in of_view.items()}
    return columns


def pair_helmets(play: Play, pairs: Rows) -> Values:
    """Of a pair, per view: distance of the two boxes, now, at lags and over windows, how it changes, and how they overlap."""
    columns: Values = {}
    for name in VIEWS:
        boxes, prefix = _boxes(play, name), name.lower()
        unit = _unit(boxes)[:, None]
        x, y = (
            around_rows(boxes.centre[..., axis] / unit, pairs.step, pairs.second, REACH)
            - around_rows(boxes.centre[..., axis] / unit, pairs.step, pairs.first, REACH)
            for axis in (0, 1)
        )
        gap = np.sqrt(x * x + y * y)  # [2 * REACH + 1, M]
        one, other = boxes.size[pairs.step, pairs.first], boxes.size[pairs.step, pairs.second]
        apart = np.abs(boxes.centre[pairs.step, pairs.first] - boxes.centre[pairs.step, pairs.second])
        common = np.maximum((one + other) / 2 - apart, 0).prod(-1)
        of_view = {
            "gap": gap[REACH],
            "gap_across": np.abs(x[REACH]),
            "gap_up": np.abs(y[REACH]),
            "overlap": common / np.maximum(np.minimum(one.prod(-1), other.prod(-1)), 1),
            "gap_least_10": np.fmin.reduce(gap, axis=0),
            "gap_most_5": np.fmax.reduce(gap[REACH - 5 : REACH + 6], axis=0),
            "gap_speed": np.hypot(x[REACH + 2] - x[REACH - 2], y[REACH + 2] - y[REACH - 2]),
            "size_ratio": np.minimum(one[:, 1], other[:, 1]) / np.maximum(one[:, 1], other[:, 1]),
        }
        of_view |= {f"gap_{lag:+d}": gap[REACH + lag] for size in GAP_LAGS for lag in (-size, size)}
        columns |= {f"{prefix}_{key}": values for key, values in of_view.items()}
    gaps = [columns[f"{name.lower()}_gap"] for name in VIEWS]
    return columns | {"sideline_endzone_gap_least": np.fmin(*gaps), "sideline_endzone_gap_most": np.fmax(*gaps)}


def _boxes(play: Play, view: str) -> StepBoxes:
    """The boxes of a view at the steps; of one without metadata, none."""
    return step_boxes(play, play.views[view], LONGEST_GAP) if view in play.views else no_boxes(len(play.steps), len(play.players))


def _unit(boxes: StepBoxes) -> np.ndarray:
    """[S] the usual helmet of each moment, pixels."""
    return nan_reduce(np.nanmedian, boxes.size.reshape(len(boxes.size), -1), axis=1)
