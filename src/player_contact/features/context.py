"""The play around the row: when, where on the field, in which roles and from which places at the snap."""

import numpy as np

from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH
from player_contact.features.gather import Values, later, mean, nan_reduce
from player_contact.features.neighbours import SLOW
from player_contact.play import Play, Rows

# Roles in an order in which neighbours do similar work, so that a tree can split them: from the line outwards, offence then defence.
ROLE_ORDER = ("C", "G", "T", "TE", "FB", "RB", "QB", "WR", "NT", "DT", "DE", "OLB", "ILB", "MLB", "LB", "SS", "FS", "DB", "CB", "K", "P", "LS")
ROLE_ALIASES = {"OG": "G", "OT": "T", "HB": "RB", "S": "SS", "DL": "DT"}
ATTACKERS = ("C", "G", "T", "TE", "FB", "RB", "QB", "WR")


def play_state(play: Play) -> Values:
    """Of the play: steps since the snap, mean speed of all (yd/s) and how it changes, share of players who are slow, spread of the players (yd)."""
    speed = nan_reduce(np.nanmean, play.speed, axis=1)
    centre = nan_reduce(np.nanmean, play.position, axis=1)[:, None]
    apart = np.linalg.norm(play.position - centre, axis=-1)
    columns: Values = {
        "step": play.steps.astype(np.float32),
        "mean_speed": speed,
        "slow_share": ((play.speed < SLOW).sum(1) / np.isfinite(play.speed).sum(1)).astype(np.float32),
        "spread": nan_reduce(np.nanmean, apart, axis=1),
    }
    columns |= {f"mean_speed_{lag:+d}": later(speed, lag) for lag in (-20, -10, 10, 20)}
    columns["mean_speed_trend"] = (mean(speed[:, None], 0, 15) - mean(speed[:, None], 15, 0))[:, 0]
    return columns


def player_place(play: Play) -> Values:
    """Of a player: where he is against the field, the crowd, the passer and his place at the snap (yd), how downfield he is, his role, his side."""
    position = play.position
    centre = nan_reduce(np.nanmean, position, axis=1)[:, None]
    role = np.array([role_number(name) for name in play.role], dtype=np.float32)
    attack = attackers(play)
    snap = place_at_snap(play)
    ball = _mean_of(snap, attack & (np.array([ROLE_ALIASES.get(name, name) for name in play.role]) == "C"))
    ball = np.where(np.isnan(ball), _mean_of(snap, np.ones(len(snap), dtype=bool)), ball)
    onward = np.sign(_mean_of(snap, ~attack)[0] - _mean_of(snap, attack)[0])
    passers = np.linalg.norm(position[:, :, None] - position[:, None, play.role == "QB"], axis=-1)
    to_passer = np.fmin.reduce(passers, axis=-1, initial=np.nan)
    everywhere = np.broadcast_to
    return {
        "off_centre_along": np.abs(position[..., 0] - FIELD_LENGTH / 2),
        "off_centre_across": np.abs(position[..., 1] - FIELD_WIDTH / 2),
        "off_crowd": np.linalg.norm(position - centre, axis=-1),
        "to_passer": to_passer,
        "downfield": (position[..., 0] - ball[0]) * onward,
        "off_ball_line": np.abs(position[..., 1] - ball[1]),
        "from_own_place": np.linalg.norm(position - snap, axis=-1),
        "snap_downfield": everywhere((snap[:, 0] - ball[0]) * onward, play.speed.shape),
        "snap_off_ball_line": everywhere(np.abs(snap[:, 1] - ball[1]), play.speed.shape),
        "role": everywhere(role, play.speed.shape),
        "attacks": everywhere(attack.astype(np.float32), play.speed.shape),
    }


def pair_roles(play: Play, pairs: Rows) -> Values:
    """Of a pair: same team or not, one number for the two roles, and how far apart the two were at the snap (yd)."""
    one, other = pairs.first, pairs.second
    role = np.array([role_number(name) for name in play.role], dtype=np.float32)
    snap = place_at_snap(play)
    return {
        "same_team": play.home[one] == play.home[other],
        "roles": np.minimum(role[one], role[other]) * len(ROLE_ORDER) + np.maximum(role[one], role[other]),
        "distance_at_snap": np.linalg.norm(snap[one] - snap[other], axis=-1),
    }


def place_at_snap(play: Play) -> np.ndarray:
    """[P, 2] yards: where each player was last seen up to the snap, or first after it; NaN where never."""
    known = ~np.isnan(play.position[..., 0])
    until = (play.steps <= 0)[:, None] & known
    last = len(known) - 1 - until[::-1].argmax(0)
    step = np.where(until.any(0), last, known.argmax(0))
    return play.position[step, np.arange(known.shape[1])]


def attackers(play: Play) -> np.ndarray:
    """[P] bool: the team that has more players in the roles of the offence; the visitors where both have as many."""
    attacks = np.isin([ROLE_ALIASES.get(name, name) for name in play.role], ATTACKERS)
    home = attacks[play.home].sum() > attacks[~play.home].sum()
    return play.home == home


def role_number(role: str) -> float:
    """A role's place in ROLE_ORDER; NaN for one that is not there."""
    role = ROLE_ALIASES.get(role, role)
    return float(ROLE_ORDER.index(role)) if role in ROLE_ORDER else np.nan


def _mean_of(points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """[2] the mean of the chosen [P, 2] points; NaN where there are none."""
    return nan_reduce(np.nanmean, points[chosen], axis=0) if chosen.any() else np.full(2, np.nan, dtype=np.float32)
