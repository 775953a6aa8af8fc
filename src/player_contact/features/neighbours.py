"""Who else is near: the nearest of each team, crowds, and third players near a pair."""

import numpy as np

from player_contact.features.gather import Columns, lead, pair_distance, rolling_min, symmetric
from player_contact.play import Play, Rows

NEAREST = 5
RADII = {"1": 1.0, "1_5": 1.5, "2": 2.0, "3": 3.0, "4": 4.0}  # yards
SLOW = 1.0  # yd/s: standing, lying, held
LANE = 0.8  # yards to the side of the line between two players within which a third is between


def player_neighbours(play: Play) -> Columns:
    """Of a player: distances (yd) to his nearest opponents and team mates, now and at lags, and how
    many players, slow ones too, are within some radii."""
    distance = _distance_to_others(play)
    mates = play.home[:, None] == play.home
    columns: Columns = {}
    for team, allowed in (("opponent", ~mates), ("mate", mates)):
        ordered = np.sort(np.where(allowed, distance, np.inf), axis=-1)
        ordered = np.pad(ordered, [(0, 0), (0, 0), (0, NEAREST)], constant_values=np.inf)
        for rank in range(NEAREST):
            name = f"nearest_{team}_{rank + 1}" if rank else f"nearest_{team}"
            columns[name] = _finite(ordered[..., rank])
    opponent = columns["nearest_opponent"]
    columns |= {f"nearest_opponent_{steps:+d}": lead(opponent, steps) for steps in (-10, -5, 5, 10)}
    columns["nearest_opponent_min_5"] = rolling_min(opponent, 5, 5)
    columns["nearest_opponent_min_before_15"] = rolling_min(opponent, 15, 0)
    slow = (play.speed < SLOW)[:, None]
    for name, radius in RADII.items():
        within = distance < radius
        columns[f"players_within_{name}"] = within.sum(-1).astype(np.float32)
        if radius >= 2:
            columns[f"slow_within_{name}"] = (within & slow).sum(-1).astype(np.float32)
            columns[f"opponents_within_{name}"] = (within & ~mates).sum(-1).astype(np.float32)
    weight = np.exp(-(distance**2) / 8) * ~np.isnan(play.speed)[:, None]  # within two yards or so
    total = weight.sum(-1)
    speed = (weight * np.nan_to_num(play.speed)[:, None]).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns["speed_around"] = np.where(total > 1e-3, speed / total, np.nan)
    columns["density"] = total
    return columns


def nearest_opponent(play: Play) -> np.ndarray:
    """[S, P] float32 yards to each player's nearest opponent; NaN: he or all are not tracked."""
    mates = play.home[:, None] == play.home
    return _finite(np.where(mates, np.float32(np.inf), _distance_to_others(play)).min(-1))


def pair_neighbours(play: Play, pairs: Rows) -> Columns:
    """Of a pair: distances (yd) to the nearest third players, how many are between the two or near
    both, and how the two rank for each other."""
    distance, row = _distance_to_others(play), np.arange(len(pairs))
    a, b = distance[pairs.step, pairs.first], distance[pairs.step, pairs.second]  # [M, P]
    gap = a[row, pairs.second][:, None]
    a[row, pairs.second] = b[row, pairs.first] = np.inf
    mates_a, mates_b = (play.home[p][:, None] == play.home for p in (pairs.first, pairs.second))

    def nearest(distance: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        return np.where(allowed, distance, np.inf).min(-1)

    detour = a + b
    between = (a < gap + 0.3) & (b < gap + 0.3) & (detour < np.hypot(gap, 2 * LANE))
    columns = {
        **symmetric("other_opponent", nearest(a, ~mates_a), nearest(b, ~mates_b)),
        **symmetric("other_mate", nearest(a, mates_a), nearest(b, mates_b)),
        "nearest_third": detour.min(-1),
        "second_third": np.sort(detour, axis=-1)[:, min(1, detour.shape[1] - 1)],
        "between": between.sum(-1),
        "near_both": ((a < 1.5) & (b < 1.5)).sum(-1),
        **symmetric("rank", (a < gap).sum(-1), (b < gap).sum(-1)),
    }
    return {name: _finite(values) for name, values in columns.items()}


def _distance_to_others(play: Play) -> np.ndarray:
    """[S, P, P] yards; infinite to oneself and where one of the two is not tracked."""
    distance = pair_distance(play)
    players = np.arange(len(play.players))
    distance[:, players, players] = np.inf
    return np.where(np.isnan(distance), np.float32(np.inf), distance)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(values), np.nan, values)
