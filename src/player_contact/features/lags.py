"""What was and what comes: values some steps earlier and later, and over windows. Labels are known a play at a time, so the future counts."""

import numpy as np

from player_contact.features.gather import Columns, low_high, nan_reduce, of_pair, pair_distance, window
from player_contact.play import Play, Rows

LAGS = (-20, -10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 20)  # steps of 0.1 s
SPEED_LAGS = (-10, -5, -2, 2, 5, 10)
WINDOWS = (3, 8)


def pair_history(play: Play, rows: Rows) -> Columns:
    """Distance (yd) of the pair at each lag, and its least and mean over windows around the step."""
    distance = pair_distance(play)
    columns = {f"distance_{lag:+d}": of_pair(distance, rows, lag) for lag in LAGS}
    for half in WINDOWS:
        around = window(distance, half, half)
        columns[f"distance_least_{half}"] = of_pair(nan_reduce(np.nanmin, around), rows)
        columns[f"distance_mean_{half}"] = of_pair(nan_reduce(np.nanmean, around), rows)
    return columns


def player_history(play: Play, rows: Rows) -> Columns:
    """Speed (yd/s) at each lag, its least and mean over windows, the hardest braking (yd/s2), and the way made in a second (yd)."""
    columns: Columns = {}
    for lag in SPEED_LAGS:
        columns |= low_high(f"speed_{lag:+d}", play.speed, rows, lag)
    for half in WINDOWS:
        around = window(play.speed, half, half)
        columns |= low_high(f"speed_least_{half}", nan_reduce(np.nanmin, around), rows)
        columns |= low_high(f"speed_mean_{half}", nan_reduce(np.nanmean, around), rows)
    columns |= low_high("braking_10", nan_reduce(np.nanmin, window(play.sa, 10, 0)), rows)
    around = window(play.position, 5, 5)
    columns |= low_high("way_in_a_second", np.linalg.norm(around[..., -1] - around[..., 0], axis=-1).astype(np.float32), rows)
    return columns
