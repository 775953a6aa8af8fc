"""How dense arrays of a play become columns with one value a row. Every feature is built from these few moves.

Player order never matters: what belongs to one player of a pair enters as the lower and the higher of the two values. For the ground both are
the player's own value, and what needs two players is NaN.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from player_contact.play import Play, Rows

Columns = dict[str, np.ndarray]  # name -> [N] float32, NaN: not known


def low_high(name: str, values: np.ndarray, rows: Rows, offset: int = 0) -> Columns:
    """Two columns of [S, P] `values` at the rows' steps + `offset`: the lower and the higher of the two players'."""
    first = shifted(values, rows.step + offset, rows.first)
    second = np.where(rows.is_ground, first, shifted(values, rows.step + offset, rows.second))
    return {f"{name}_low": np.fmin(first, second), f"{name}_high": np.fmax(first, second)}


def of_pair(values: np.ndarray, rows: Rows, offset: int = 0) -> np.ndarray:
    """[N] of [S, P, P] `values` at the rows' steps + `offset`; NaN for the ground and outside the play."""
    picked = shifted(values, rows.step + offset, rows.first, rows.second)
    return np.where(rows.is_ground, np.float32(np.nan), picked)


def shifted(values: np.ndarray, step: np.ndarray, *places: np.ndarray) -> np.ndarray:
    """[N] of `values[step, places...]`; NaN where the step lies outside the play."""
    inside = (step >= 0) & (step < len(values))
    picked = values[(step.clip(0, len(values) - 1), *places)]
    return np.where(inside, picked, np.float32(np.nan))


def window(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, ..., before + after + 1] view of `values` from `before` steps earlier to `after` steps later; NaN outside the play."""
    pad = [(before, after)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=0)


def nan_reduce(function, values: np.ndarray, axis: int = -1) -> np.ndarray:
    """`function` (such as np.nanmin) over an axis; NaN, without a warning, where all values are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return function(values, axis=axis).astype(np.float32)


def pair_offsets(play: Play) -> np.ndarray:
    """[S, P, P, 2] float32 yards from the first player to the second."""
    return play.position[:, None, :, :] - play.position[:, :, None, :]


def pair_distance(play: Play) -> np.ndarray:
    """[S, P, P] float32 yards between every two players; 0 on the diagonal, NaN where one is not tracked."""
    return np.linalg.norm(pair_offsets(play), axis=-1).astype(np.float32)


def unit_vectors(degrees: np.ndarray) -> np.ndarray:
    """[..., 2] float32 (x, y) unit vectors of angles in degrees clockwise from +y, the competition's convention."""
    radians = np.deg2rad(degrees)
    return np.stack([np.sin(radians), np.cos(radians)], axis=-1).astype(np.float32)


def angle_between(degrees: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The angle between two directions, 0..180 degrees."""
    return np.abs((degrees - other + 180) % 360 - 180).astype(np.float32)


def merge(parts: Sequence[Columns]) -> Columns:
    """One dictionary of several; raises ValueError on a name given twice."""
    merged: Columns = {}
    for part in parts:
        if twice := merged.keys() & part.keys():
            raise ValueError(f"two features are named {sorted(twice)[0]!r}")
        merged |= part
    return merged
