"""What was and what comes: values some steps earlier and later, and over windows. Labels are known a play at a time, so the future counts."""

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.features.gather import Values, angle_between, around_rows, later, least, mean, most
from player_contact.play import Play, Rows

LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25)  # steps of 0.1 s, both ways
CLOSING_LAGS = (2, 4, 6, 10, 15, 20)
SPEED_LAGS = (1, 2, 3, 5, 8, 10, 15, 20, 25)
SA_LAGS = (2, 5, 10)
WINDOWS = ((3, 3), (8, 8), (20, 20), (10, 0), (0, 10), (25, 0), (0, 25))  # steps before and after
REACH = (0.6, 0.8, 1.0, 1.3)  # yards: bodies touch, arms touch, arms may touch
STEADY = 10  # steps to each side over which closeness is counted
FAR = 25


def pair_history(play: Play, pairs: Rows) -> Values:
    """Of a pair: distance (yd) and closing speed (yd/s) at lags, distance over windows, and how long the two have been and stay within reach."""
    x, y = (
        around_rows(play.position[..., axis], pairs.step, pairs.second, FAR) - around_rows(play.position[..., axis], pairs.step, pairs.first, FAR)
        for axis in (0, 1)
    )
    distance = np.sqrt(x * x + y * y)  # [2 * FAR + 1, M]
    closing = (distance[:-2] - distance[2:]) * (STEPS_PER_SECOND / 2)  # at lags -FAR + 1 .. FAR - 1
    columns = {f"distance_{lag:+d}": distance[FAR + lag] for size in LAGS for lag in (-size, size)}
    columns |= {f"closing_speed_{lag:+d}": closing[FAR + lag - 1] for size in CLOSING_LAGS for lag in (-size, size)}
    columns |= {f"moved_apart_{size}": distance[FAR + size] - distance[FAR - size] for size in (3, 8, 15, 25)}
    known = ~np.isnan(distance)
    filled = np.where(known, distance, 0)
    for before, after in WINDOWS:
        span = slice(FAR - before, FAR + after + 1)
        count = known[span].sum(0)
        average = filled[span].sum(0) / count
        name = str(before) if before == after else f"before_{before}" if before else f"after_{after}"
        columns[f"distance_least_{name}"] = np.fmin.reduce(distance[span], axis=0)
        columns[f"distance_most_{name}"] = np.fmax.reduce(distance[span], axis=0)
        columns[f"distance_mean_{name}"] = average
        columns[f"distance_spread_{name}"] = np.sqrt((np.where(known[span], distance[span] - average, 0) ** 2).sum(0) / count)
    columns["distance_trend"] = columns["distance_mean_after_10"] - columns["distance_mean_before_10"]
    near = slice(FAR - STEADY, FAR + STEADY + 1)
    for reach in REACH:
        within = distance < reach
        name = f"{reach:g}".replace(".", "_")
        columns[f"share_within_{name}"] = within[near].sum(0) / known[near].sum(0)
        columns[f"run_within_{name}"] = _run(within)
    step = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0))[FAR - 5 : FAR + 5]
    known_steps = np.isfinite(step)
    columns["relative_way_10"] = 10 * np.where(known_steps, step, 0).sum(0) / known_steps.sum(0)
    columns["held_still"] = np.hypot(x[FAR + 5] - x[FAR - 5], y[FAR + 5] - y[FAR - 5])
    return columns


def _run(within: np.ndarray) -> np.ndarray:
    """[M] float32 steps of the unbroken run of [2 * FAR + 1, M] `within` that holds the middle; 0 where the middle is not within."""
    after = np.logical_and.accumulate(within[FAR:], axis=0).sum(0)
    before = np.logical_and.accumulate(within[FAR::-1], axis=0).sum(0)
    return np.maximum(before + after - 1, 0).astype(np.float32)


def player_history(play: Play) -> Values:
    """Of a player: speed (yd/s) and signed acceleration (yd/s2) at lags and over windows, how far he gets (yd) and turns (degrees) in some steps."""
    columns = {f"speed_{lag:+d}": later(play.speed, lag) for size in SPEED_LAGS for lag in (-size, size)}
    columns |= {f"sa_{lag:+d}": later(play.sa, lag) for size in SA_LAGS for lag in (-size, size)}
    for before, after in ((3, 3), (8, 8), (20, 0), (0, 20)):
        name = str(before) if before == after else f"before_{before}" if before else f"after_{after}"
        columns[f"speed_least_{name}"] = least(play.speed, before, after)
        columns[f"speed_most_{name}"] = most(play.speed, before, after)
        columns[f"speed_mean_{name}"] = mean(play.speed, before, after)
    columns["speed_trend"] = mean(play.speed, 0, 10) - mean(play.speed, 10, 0)
    columns["braking_10"] = least(play.sa, 10, 0)
    columns["braking_after_10"] = least(play.sa, 0, 10)
    columns["pushing_10"] = most(play.sa, 10, 0)
    columns["pushing_after_10"] = most(play.sa, 0, 10)
    columns["acceleration_most_5"] = most(play.acceleration, 5, 5)
    for size in (5, 10, 20):
        columns[f"way_{size}"] = _apart(later(play.position, size), later(play.position, -size))
    for size in (10, 20):
        columns[f"way_before_{size}"] = _apart(play.position, later(play.position, -size))
        columns[f"way_after_{size}"] = _apart(play.position, later(play.position, size))
    for size in (5, 10):
        columns[f"turned_{size}"] = angle_between(later(play.orientation, size), later(play.orientation, -size))
        columns[f"veered_{size}"] = angle_between(later(play.direction, size), later(play.direction, -size))
    turn = angle_between(later(play.orientation, 1), play.orientation)
    columns["turning_mean_8"] = mean(turn, 8, 8)
    return columns


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[S, P] yards between two [S, P, 2] positions."""
    return np.hypot(one[..., 0] - other[..., 0], one[..., 1] - other[..., 1])
