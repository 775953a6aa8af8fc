"""How arrays of a play become columns with one value a row.

Three kinds of features, distinguished by shape, so that the order of players can't matter and the
ground needs no special case:

    of the play   [S]     one column, the value at the row's step
    of a player   [S, P]  two columns, the lower and the higher of the two players' values; for the
                          ground both are the player's own
    of a pair     [M]     symmetric in the two players: one column, NaN for the ground
"""

import warnings

import numpy as np

from player_contact.play import Play, Rows

Columns = dict[str, np.ndarray]  # feature -> array of one of the three shapes; NaN: unknown


def low_high(columns: Columns, rows: Rows) -> Columns:
    """Two [N] columns, `{name}_low` and `{name}_high`, of each [S, P] feature."""
    out: Columns = {}
    second = np.where(rows.is_ground, rows.first, rows.second)
    for name, values in columns.items():
        flat, players = values.ravel(), values.shape[1]
        a, b = flat[rows.step * players + rows.first], flat[rows.step * players + second]
        out[f"{name}_low"], out[f"{name}_high"] = np.fmin(a, b), np.fmax(a, b)
    return out


def at_pairs(columns: Columns, rows: Rows) -> Columns:
    """[N] columns of features of the M rows that are pairs; NaN for the ground."""
    pair = np.flatnonzero(~rows.is_ground)
    out = {name: np.full(len(rows), np.nan, dtype=np.float32) for name in columns}
    for name, values in columns.items():
        out[name][pair] = values
    return out


def symmetric(name: str, a: np.ndarray, b: np.ndarray) -> Columns:
    """The lower and the higher of [M] values of the two players of a pair."""
    return {f"{name}_low": np.minimum(a, b), f"{name}_high": np.maximum(a, b)}


def both_ways(*steps: int) -> list[int]:
    """Each number of steps, as a lag and as a lead: [-1, 1, -2, 2] of 1 and 2."""
    return [lead for size in steps for lead in (-size, size)]


def lead(values: np.ndarray, steps: int) -> np.ndarray:
    """[S, ...] `values` of `steps` steps later (negative: earlier); NaN outside the play."""
    moved = np.full(values.shape, np.nan, dtype=np.float32)
    if steps >= 0:
        moved[: max(len(values) - steps, 0)] = values[steps:]
    else:
        moved[-steps:] = values[:steps]
    return moved


def rolling_window(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, ..., before + after + 1] view of [S, ...] `values` around each step; NaN outside."""
    pad = [(before, after)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=0)


def window_name(before: int, after: int) -> str:
    """Of a window: "8" to both sides, "before_8" or "after_8"."""
    return str(before) if before == after else f"before_{before}" if before else f"after_{after}"


def rolling_min(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] minimum over a window around each step, NaN ignored."""
    return np.fmin.reduce(rolling_window(values, before, after), axis=-1)


def rolling_max(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] maximum over a window around each step, NaN ignored."""
    return np.fmax.reduce(rolling_window(values, before, after), axis=-1)


def rolling_mean(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] mean over a window around each step, NaN ignored."""
    near = rolling_window(values, before, after)
    known = ~np.isnan(near)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.where(known, near, 0).sum(-1, dtype=np.float32)
        return (total / known.sum(-1)).astype(np.float32)


def steps_since(happens: np.ndarray, limit: int) -> np.ndarray:
    """[S, P] float32 steps since [S, P] `happens` was last true, at most `limit`.

    Where it never was: the steps since the play began, and one.
    """
    step = np.arange(len(happens), dtype=np.float32)[:, None]
    last = np.maximum.accumulate(np.where(happens, step, -1), axis=0)
    return np.minimum(step - last, limit).astype(np.float32)


def steps_until(happens: np.ndarray, limit: int) -> np.ndarray:
    """[S, P] float32 steps until `happens` is next true, like `steps_since`."""
    return steps_since(happens[::-1], limit)[::-1]


def nan_reduce(function, values: np.ndarray, axis: int = -1) -> np.ndarray:
    """`function` (such as np.nanmedian) over an axis; NaN, without a warning, where all are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return function(values, axis=axis).astype(np.float32)


def pair_distance(play: Play) -> np.ndarray:
    """[S, P, P] float32 yards between every two players; NaN: not tracked."""
    x, y = play.position[..., 0], play.position[..., 1]
    return np.sqrt((x[:, :, None] - x[:, None]) ** 2 + (y[:, :, None] - y[:, None]) ** 2)


def unit_vectors(degrees: np.ndarray) -> np.ndarray:
    """[..., 2] float32 (x, y) of angles clockwise from +y, the competition's convention."""
    radians = np.deg2rad(degrees)
    return np.stack([np.sin(radians), np.cos(radians)], axis=-1).astype(np.float32)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The angle between two directions in degrees, 0..180."""
    return np.abs((a - b + 180) % 360 - 180).astype(np.float32)


def row_windows(values: np.ndarray, step: np.ndarray, player: np.ndarray, reach: int) -> np.ndarray:
    """[2 * reach + 1, N] of [S, P] `values`: each row's player around its step; NaN outside."""
    players = values.shape[1]
    flat = np.pad(values, ((reach, reach), (0, 0)), constant_values=np.nan).ravel()
    index = step * players + player
    return np.stack([flat[index + offset * players] for offset in range(2 * reach + 1)])


def pair_windows(values: np.ndarray, pairs: Rows, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of [S, P, 2] `values`, second player less first, as `row_windows`."""
    x, y = (
        row_windows(values[..., axis], pairs.step, pairs.second, reach)
        - row_windows(values[..., axis], pairs.step, pairs.first, reach)
        for axis in (0, 1)
    )
    return x, y
