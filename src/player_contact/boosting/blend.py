"""What the last model looks at: the probabilities of screen and vision around a row, in time and among the neighbours."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from player_contact.features.gather import Columns, low_high, nan_reduce, pair_distance, shifted, window
from player_contact.odds import log_odds
from player_contact.play import Play, Rows

BESIDE = ("ground", "touches", "touches_two")  # endings of the columns about other rows of the same players


def blend_table(play: Play, rows: Rows, screen: np.ndarray, vision: np.ndarray, reach: int) -> pd.DataFrame:
    """[N, K] float32 columns of a play's candidate rows from their [N] screen and vision probabilities (vision NaN: not looked at).

    Along the pair's own track: log odds at each step within `reach`, and means, most and least over windows. Beside it: the most that each player
    touches anybody (this pair included), and the ground. Steps at which the pair is no candidate are NaN and do not enter the windows.
    """
    players = len(play.players)
    second = np.where(rows.is_ground, rows.first, rows.second)  # the ground of a player lies on the diagonal
    columns: Columns = {}
    for name, values in (("screen", log_odds(screen)), ("vision", log_odds(vision))):
        dense = np.full((len(play.steps), players, players), np.nan, dtype=np.float32)
        dense[rows.step, rows.first, second] = values
        dense[rows.step, second, rows.first] = values
        columns |= _along_track(name, dense, rows, second, reach)
        columns |= _beside(name, dense, rows)
    distance = pair_distance(play)
    columns["distance"] = np.where(rows.is_ground, np.float32(np.nan), shifted(distance, rows.step, rows.first, second))
    columns["step"] = play.steps[rows.step].astype(np.float32)
    columns["speed_low"], columns["speed_high"] = low_high("speed", play.speed, rows).values()
    return pd.DataFrame(columns).astype(np.float32)


def rising_columns(columns: Sequence[str]) -> list[str]:
    """Columns in which more can only mean more contact: what screen and vision say along the pair's own track. With few plays, a blend without
    this rule learns single plays by heart."""
    return [name for name in columns if name.startswith(("screen", "vision")) and not any(word in name for word in BESIDE)]


def _along_track(name: str, dense: np.ndarray, rows: Rows, second: np.ndarray, reach: int) -> Columns:
    columns: Columns = {name: shifted(dense, rows.step, rows.first, second)}
    for lag in [step for step in (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60) if step <= reach]:
        for signed in (-lag, lag):
            columns[f"{name}_{signed:+d}"] = shifted(dense, rows.step + signed, rows.first, second)
    for half in [step for step in (1, 3, 5, 10, 20, 40) if step <= reach]:
        around = window(dense, half, half)[rows.step, rows.first, second]
        columns[f"{name}_mean_{half}"] = nan_reduce(np.nanmean, around)
        columns[f"{name}_most_{half}"] = nan_reduce(np.nanmax, around)
        columns[f"{name}_least_{half}"] = nan_reduce(np.nanmin, around)
    return columns


def _beside(name: str, dense: np.ndarray, rows: Rows) -> Columns:
    """Each player's ground log odds and his highest log odds with anybody; of a pair's players the lower and the higher."""
    ground = np.diagonal(dense, axis1=1, axis2=2)
    others = dense.copy()
    places = np.arange(dense.shape[1])
    others[:, places, places] = np.nan
    ranked = np.sort(np.where(np.isnan(others), -np.inf, others), axis=-1)
    most, next_most = ranked[..., -1], ranked[..., max(-2, -ranked.shape[-1])]
    columns: Columns = {}
    for key, values in zip(BESIDE, (ground, most, next_most), strict=True):
        columns |= low_high(f"{name}_{key}", np.where(np.isinf(values), np.float32(np.nan), values), rows)
    return columns
