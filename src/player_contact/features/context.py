"""The play around the row: when, where on the field, which roles and snap positions."""

import numpy as np

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from player_contact.features.gather import Columns, lead, nan_reduce, rolling_mean
from player_contact.features.neighbours import SLOW
from player_contact.play import Play, Rows

# Similar roles lie side by side, so that a tree can split them: from the line outwards, offence
# then defence.
OFFENCE = ("C", "G", "T", "TE", "FB", "RB", "QB", "WR")
DEFENCE = ("NT", "DT", "DE", "OLB", "ILB", "MLB", "LB", "SS", "FS", "DB", "CB")
ROLE_ORDER = (*OFFENCE, *DEFENCE, "K", "P", "LS")
ROLE_ALIASES = {"OG": "G", "OT": "T", "HB": "RB", "S": "SS", "DL": "DT"}


def play_context(play: Play) -> Columns:
    """Of the play: steps since the snap, mean speed of all players (yd/s) and its trend, share of
    slow players, mean distance of the players from their centroid (yd)."""
    speed = nan_reduce(np.nanmean, play.speed, axis=1)
    centroid = nan_reduce(np.nanmean, play.position, axis=1)[:, None]
    distance = np.linalg.norm(play.position - centroid, axis=-1)
    trend = rolling_mean(speed[:, None], 0, 15) - rolling_mean(speed[:, None], 15, 0)
    slow_share = (play.speed < SLOW).sum(1) / np.isfinite(play.speed).sum(1)
    return {
        "step": play.steps.astype(np.float32),
        "mean_speed": speed,
        "slow_share": slow_share.astype(np.float32),
        "spread": nan_reduce(np.nanmean, distance, axis=1),
        **{f"mean_speed_{steps:+d}": lead(speed, steps) for steps in (-20, -10, 10, 20)},
        "mean_speed_trend": trend[:, 0],
    }


def player_context(play: Play) -> Columns:
    """Of a player: position relative to the field, the centroid, the passer, the ball at the snap
    and his own snap position (yd), downfield positive; role and team."""
    position, snap, offence = play.position, snap_position(play), is_offence(play)
    centroid = nan_reduce(np.nanmean, position, axis=1)[:, None]
    ball = _mean(snap[offence & (_roles(play) == "C")])
    ball = np.where(np.isnan(ball), _mean(snap), ball)
    downfield = np.sign(_mean(snap[~offence])[0] - _mean(snap[offence])[0])
    passers = position[:, None, play.role == "QB"]
    to_passers = np.linalg.norm(position[:, :, None] - passers, axis=-1)
    shape = play.speed.shape
    return {
        "off_centre_along": np.abs(position[..., 0] - FIELD_LENGTH / 2),
        "off_centre_across": np.abs(position[..., 1] - FIELD_WIDTH / 2),
        "from_centroid": np.linalg.norm(position - centroid, axis=-1),
        "to_passer": np.fmin.reduce(to_passers, axis=-1, initial=np.nan),
        "downfield": (position[..., 0] - ball[0]) * downfield,
        "off_ball_line": np.abs(position[..., 1] - ball[1]),
        "from_snap_position": np.linalg.norm(position - snap, axis=-1),
        "snap_downfield": np.broadcast_to((snap[:, 0] - ball[0]) * downfield, shape),
        "snap_off_ball_line": np.broadcast_to(np.abs(snap[:, 1] - ball[1]), shape),
        "role": np.broadcast_to(_role_codes(play), shape),
        "offence": np.broadcast_to(offence.astype(np.float32), shape),
    }


def pair_context(play: Play, pairs: Rows) -> Columns:
    """Of a pair: same team, a code of the two roles, and their distance at the snap (yd)."""
    first, second, snap = pairs.first, pairs.second, snap_position(play)
    a, b = _role_codes(play)[first], _role_codes(play)[second]
    return {
        "same_team": play.home[first] == play.home[second],
        "roles": np.minimum(a, b) * len(ROLE_ORDER) + np.maximum(a, b),
        "distance_at_snap": np.linalg.norm(snap[first] - snap[second], axis=-1),
    }


def snap_position(play: Play) -> np.ndarray:
    """[P, 2] yards: last tracked position up to the snap, or first after it; NaN: never tracked."""
    known = ~np.isnan(play.position[..., 0])
    before = (play.steps <= 0)[:, None] & known
    last = len(known) - 1 - before[::-1].argmax(0)
    step = np.where(before.any(0), last, known.argmax(0))
    return play.position[step, np.arange(known.shape[1])]


def is_offence(play: Play) -> np.ndarray:
    """[P] bool: the team with more players in offensive roles; of equal ones, the visitors."""
    offensive = np.isin(_roles(play), OFFENCE)
    home = offensive[play.home].sum() > offensive[~play.home].sum()
    return play.home == home


def role_code(role: str) -> float:
    """Index of a role or its alias in ROLE_ORDER; NaN: unknown."""
    role = ROLE_ALIASES.get(role, role)
    return float(ROLE_ORDER.index(role)) if role in ROLE_ORDER else np.nan


def _role_codes(play: Play) -> np.ndarray:
    return np.array([role_code(role) for role in play.role], dtype=np.float32)


def _roles(play: Play) -> np.ndarray:
    return np.array([ROLE_ALIASES.get(role, role) for role in play.role])


def _mean(points: np.ndarray) -> np.ndarray:
    """[2] mean of [P, 2] points; NaN where there are none."""
    return nan_reduce(np.nanmean, points, axis=0)
