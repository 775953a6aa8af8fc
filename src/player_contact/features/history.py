"""Past and future: lags, leads and windows; all of a play is known when it is predicted."""

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.features import gather
from player_contact.features.gather import Columns, angle_between, both_ways, lead
from player_contact.play import Play, Rows

DISTANCE_STEPS = both_ways(1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25)  # of 0.1 s
CLOSING_STEPS = both_ways(2, 4, 6, 10, 15, 20)
SPEED_STEPS = both_ways(1, 2, 3, 5, 8, 10, 15, 20, 25)
SA_STEPS = both_ways(2, 5, 10)
WINDOWS = ((3, 3), (8, 8), (20, 20), (10, 0), (0, 10), (25, 0), (0, 25))  # steps before and after
SPEED_WINDOWS = ((3, 3), (8, 8), (20, 0), (0, 20))
RADII = {"0_6": 0.6, "0_8": 0.8, "1": 1.0, "1_3": 1.3}  # yd: bodies touch .. arms may touch
NEAR = 10  # steps to each side over which time within a radius is counted
FAR = 25


def pair_history(play: Play, pairs: Rows) -> Columns:
    """Of a pair: distance (yd) and closing speed (yd/s) at lags, distance over windows, and how
    long the two have been and stay within some radii."""
    x, y = gather.pair_windows(play.position, pairs, FAR)
    distance = np.sqrt(x * x + y * y)  # [2 * FAR + 1, M]
    closing = (distance[:-2] - distance[2:]) * (STEPS_PER_SECOND / 2)  # of -FAR + 1 .. FAR - 1
    columns = {f"distance_{steps:+d}": distance[FAR + steps] for steps in DISTANCE_STEPS}
    columns |= {f"closing_speed_{steps:+d}": closing[FAR + steps - 1] for steps in CLOSING_STEPS}
    for steps in (3, 8, 15, 25):
        columns[f"moved_apart_{steps}"] = distance[FAR + steps] - distance[FAR - steps]
    known = ~np.isnan(distance)
    filled = np.where(known, distance, 0)
    for before, after in WINDOWS:
        window, name = slice(FAR - before, FAR + after + 1), gather.window_name(before, after)
        count = known[window].sum(0)
        mean = filled[window].sum(0) / count
        squares = np.where(known[window], distance[window] - mean, 0) ** 2
        columns[f"distance_min_{name}"] = np.fmin.reduce(distance[window], axis=0)
        columns[f"distance_max_{name}"] = np.fmax.reduce(distance[window], axis=0)
        columns[f"distance_mean_{name}"] = mean
        columns[f"distance_std_{name}"] = np.sqrt(squares.sum(0) / count)
    trend = columns["distance_mean_after_10"] - columns["distance_mean_before_10"]
    columns["distance_trend"] = trend
    near = slice(FAR - NEAR, FAR + NEAR + 1)
    for name, radius in RADII.items():
        within = distance < radius
        columns[f"share_within_{name}"] = within[near].sum(0) / known[near].sum(0)
        columns[f"run_within_{name}"] = _run_length(within)
    path = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0))[FAR - 5 : FAR + 5]
    known = np.isfinite(path)
    columns["relative_path_10"] = 10 * np.where(known, path, 0).sum(0) / known.sum(0)
    displacement = np.hypot(x[FAR + 5] - x[FAR - 5], y[FAR + 5] - y[FAR - 5])
    columns["relative_displacement_10"] = displacement
    return columns


def _run_length(within: np.ndarray) -> np.ndarray:
    """[M] float32 length of the run of true around the middle of [2 * FAR + 1, M] `within`."""
    after = np.logical_and.accumulate(within[FAR:], axis=0).sum(0)
    before = np.logical_and.accumulate(within[FAR::-1], axis=0).sum(0)
    return np.maximum(before + after - 1, 0).astype(np.float32)


def player_history(play: Play) -> Columns:
    """Of a player: speed (yd/s) and signed acceleration (yd/s2) at lags and over windows, his
    displacement (yd) and turn (degrees) in some steps."""
    speed, sa, position = play.speed, play.sa, play.position
    columns = {f"speed_{steps:+d}": lead(speed, steps) for steps in SPEED_STEPS}
    columns |= {f"sa_{steps:+d}": lead(sa, steps) for steps in SA_STEPS}
    for before, after in SPEED_WINDOWS:
        name = gather.window_name(before, after)
        columns[f"speed_min_{name}"] = gather.rolling_min(speed, before, after)
        columns[f"speed_max_{name}"] = gather.rolling_max(speed, before, after)
        columns[f"speed_mean_{name}"] = gather.rolling_mean(speed, before, after)
    columns["speed_trend"] = gather.rolling_mean(speed, 0, 10) - gather.rolling_mean(speed, 10, 0)
    columns["braking_10"] = gather.rolling_min(sa, 10, 0)
    columns["braking_after_10"] = gather.rolling_min(sa, 0, 10)
    columns["pushing_10"] = gather.rolling_max(sa, 10, 0)
    columns["pushing_after_10"] = gather.rolling_max(sa, 0, 10)
    columns["acceleration_max_5"] = gather.rolling_max(play.acceleration, 5, 5)
    for steps in (5, 10, 20):
        columns[f"displacement_{steps}"] = _length(lead(position, steps) - lead(position, -steps))
    for steps in (10, 20):
        columns[f"displacement_before_{steps}"] = _length(position - lead(position, -steps))
        columns[f"displacement_after_{steps}"] = _length(position - lead(position, steps))
    for steps in (5, 10):
        for name, degrees in (("turned", play.orientation), ("veered", play.direction)):
            columns[f"{name}_{steps}"] = angle_between(lead(degrees, steps), lead(degrees, -steps))
    turn = angle_between(lead(play.orientation, 1), play.orientation)
    columns["turning_mean_8"] = gather.rolling_mean(turn, 8, 8)
    return columns


def _length(offset: np.ndarray) -> np.ndarray:
    return np.hypot(offset[..., 0], offset[..., 1])
