"""Who else is near: nearest opponents and team mates, and how crowded it is."""

import numpy as np

from player_contact.features.gather import Columns, low_high, pair_distance
from player_contact.play import Play, Rows

CROWD = (1.0, 2.0, 4.0)  # yards


def crowd(play: Play, rows: Rows) -> Columns:
    """Distances (yd) to the two nearest opponents and the nearest team mate of each player, and how many players are near him."""
    distance = pair_distance(play)
    itself = np.eye(len(play.players), dtype=bool)
    distance = np.where(itself | np.isnan(distance), np.float32(np.inf), distance)
    mates = play.home[:, None] == play.home[None, :]
    opponents = np.sort(np.where(mates, np.inf, distance), axis=-1)
    own = np.sort(np.where(mates, distance, np.inf), axis=-1)
    columns: Columns = {}
    for name, values in (
        ("opponent", opponents[..., 0]),
        ("second_opponent", opponents[..., min(1, opponents.shape[-1] - 1)]),
        ("mate", own[..., 0]),
    ):
        columns |= low_high(f"nearest_{name}", np.where(np.isinf(values), np.nan, values).astype(np.float32), rows)
    for radius in CROWD:
        columns |= low_high(f"players_within_{radius:g}", (distance < radius).sum(-1).astype(np.float32), rows)
    return columns
