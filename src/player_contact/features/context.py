"""The play around the row: when, where on the field, in which roles."""

import numpy as np

from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH
from player_contact.features.gather import Columns, low_high, nan_reduce, shifted
from player_contact.play import Play, Rows

# Roles in an order in which neighbours do similar work, so that a tree can split them: from the line outwards, offence then defence.
ROLE_ORDER = ("C", "G", "T", "TE", "FB", "RB", "QB", "WR", "NT", "DT", "DE", "OLB", "ILB", "MLB", "LB", "SS", "FS", "DB", "CB", "K", "P", "LS")
ROLE_ALIASES = {"OG": "G", "OT": "T", "HB": "RB", "S": "SS", "DL": "DT"}


def play_state(play: Play, rows: Rows) -> Columns:
    """Steps since the snap, distance from the middle of the field (yd), mean speed of all players (yd/s), same team or not, and both roles."""
    along = np.abs(play.position[..., 0] - FIELD_LENGTH / 2)
    across = np.abs(play.position[..., 1] - FIELD_WIDTH / 2)
    centre = nan_reduce(np.nanmean, play.position, axis=1)
    off_centre = np.linalg.norm(play.position - centre[:, None], axis=-1).astype(np.float32)
    mean_speed = nan_reduce(np.nanmean, play.speed, axis=1)
    role = np.array([role_number(role) for role in play.role], dtype=np.float32)
    same = (play.home[rows.first] == play.home[rows.second]).astype(np.float32)
    return (
        {
            "step": play.steps[rows.step].astype(np.float32),
            "mean_speed": shifted(mean_speed, rows.step),
            "same_team": np.where(rows.is_ground, np.float32(np.nan), same),
        }
        | low_high("off_centre_along", along, rows)
        | low_high("off_centre_across", across, rows)
        | low_high("off_crowd", off_centre, rows)
        | low_high("role", np.broadcast_to(role, play.speed.shape), rows)
    )


def role_number(role: str) -> float:
    """A role's place in ROLE_ORDER; NaN for one that is not there."""
    role = ROLE_ALIASES.get(role, role)
    return float(ROLE_ORDER.index(role)) if role in ROLE_ORDER else np.nan
