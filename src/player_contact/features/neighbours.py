"""Who else is near: the five nearest of each side, how crowded it is, whether they stand, and who is between or nearer than the two of a pair."""

import numpy as np

from player_contact.features.gather import Values, later, least, pair_distance
from player_contact.play import Play, Rows

NEAREST = 5
CROWD = (1.0, 1.5, 2.0, 3.0, 4.0)  # yards
SLOW = 1.0  # yd/s: standing, lying, held
LANE = 0.8  # yards to the side of the line between two players within which a third is in between


def crowd(play: Play) -> Values:
    """Of a player: distances (yd) to his nearest opponents and team mates, now and at lags, and how many players, slow ones too, are near him."""
    distance = _others(play)
    mates = play.home[:, None] == play.home
    columns: Values = {}
    for side, allowed in (("opponent", ~mates), ("mate", mates)):
        ordered = np.sort(np.where(allowed, distance, np.inf), axis=-1)
        for place in range(NEAREST):
            values = ordered[..., place] if place < ordered.shape[-1] else np.full(ordered.shape[:2], np.inf)
            columns[f"nearest_{side}" if not place else f"nearest_{side}_{place + 1}"] = _finite(values)
    opponent = columns["nearest_opponent"]
    columns |= {f"nearest_opponent_{lag:+d}": later(opponent, lag) for lag in (-10, -5, 5, 10)}
    columns["nearest_opponent_least_5"] = least(opponent, 5, 5)
    columns["nearest_opponent_least_before_15"] = least(opponent, 15, 0)
    slow = (play.speed < SLOW)[:, None]
    for radius in CROWD:
        columns[f"players_within_{radius:g}".replace(".", "_")] = (distance < radius).sum(-1).astype(np.float32)
        if radius >= 2:
            columns[f"slow_within_{radius:g}"] = ((distance < radius) & slow).sum(-1).astype(np.float32)
            columns[f"opponents_within_{radius:g}"] = ((distance < radius) & ~mates).sum(-1).astype(np.float32)
    weight = np.exp(-(distance**2) / 8) * ~np.isnan(play.speed)[:, None]  # within two yards or so
    total = weight.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns["speed_around"] = np.where(total > 1e-3, (weight * np.nan_to_num(play.speed)[:, None]).sum(-1) / total, np.nan)
    columns["density"] = total
    return columns


def nearest_opponent(play: Play) -> np.ndarray:
    """[S, P] float32 yards from each player to his nearest opponent; NaN where he or all of them are not tracked."""
    mates = play.home[:, None] == play.home
    return _finite(np.where(mates, np.float32(np.inf), _others(play)).min(-1))


def company(play: Play, pairs: Rows) -> Values:
    """Of a pair: distances (yd) to the nearest third players, how many are between the two or near both, and how the two rank for each other."""
    at, one, other = pairs.step, pairs.first, pairs.second
    distance = _others(play)
    here = np.arange(len(pairs))
    own, theirs = distance[at, one], distance[at, other]  # [M, P]
    apart = own[here, other]
    own[here, other] = theirs[here, one] = np.inf
    mates_of_one, mates_of_other = play.home[one][:, None] == play.home, play.home[other][:, None] == play.home
    nearest_own = np.where(mates_of_one, np.inf, own).min(-1), np.where(mates_of_other, np.inf, theirs).min(-1)
    mate_own = np.where(mates_of_one, own, np.inf).min(-1), np.where(mates_of_other, theirs, np.inf).min(-1)
    third = own + theirs
    ranks = (own < apart[:, None]).sum(-1), (theirs < apart[:, None]).sum(-1)
    between = (own < apart[:, None] + 0.3) & (theirs < apart[:, None] + 0.3) & (third < np.hypot(apart, 2 * LANE)[:, None])
    return {
        "other_opponent_low": _finite(np.minimum(*nearest_own)),
        "other_opponent_high": _finite(np.maximum(*nearest_own)),
        "other_mate_low": _finite(np.minimum(*mate_own)),
        "other_mate_high": _finite(np.maximum(*mate_own)),
        "nearest_third": _finite(third.min(-1)),
        "second_third": _finite(np.sort(third, axis=-1)[:, min(1, third.shape[1] - 1)]),
        "between": between.sum(-1),
        "near_both": ((own < 1.5) & (theirs < 1.5)).sum(-1),
        "rank_low": np.minimum(*ranks),
        "rank_high": np.maximum(*ranks),
    }


def _others(play: Play) -> np.ndarray:
    """[S, P, P] yards; infinite to oneself and where one of the two is not tracked."""
    distance = pair_distance(play)
    players = np.arange(len(play.players))
    distance[:, players, players] = np.inf
    return np.where(np.isnan(distance), np.float32(np.inf), distance)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(values), np.nan, values)
