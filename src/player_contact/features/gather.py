"""How dense arrays of a play become columns with one value a row.

Three kinds of features, told apart by their shape, so that player order can't matter and the ground needs no special case:

    of the play     [S]      one value a step                      -> one column
    of a player     [S, P]   one value a step and player           -> two columns, the lower and the higher of the two players' values; for the
                                                                      ground both are the player's own
    of a pair       [N]      symmetric in the two players          -> one column, NaN for the ground
"""

import warnings

import numpy as np

from player_contact.play import Play, Rows

Values = dict[str, np.ndarray]  # feature -> array of one of the three shapes, NaN: not known


def spread(values: Values, of_step: np.ndarray) -> Values:
    """[N] columns of [S] features at the rows' steps."""
    return {name: array[of_step] for name, array in values.items()}


def low_high(values: Values, rows: Rows) -> Values:
    """Two columns, `{name}_low` and `{name}_high`, of each [S, P] feature."""
    players = next(iter(values.values())).shape[1] if values else 0
    first = rows.step * players + rows.first
    second = np.where(rows.is_ground, first, rows.step * players + rows.second)
    columns: Values = {}
    for name, array in values.items():
        one, other = array.ravel()[first], array.ravel()[second]
        columns[f"{name}_low"], columns[f"{name}_high"] = np.fmin(one, other), np.fmax(one, other)
    return columns


def at_pairs(values: Values, rows: Rows) -> Values:
    """[N] columns of features that are known for the M rows that are pairs; NaN for the ground."""
    pair = np.flatnonzero(~rows.is_ground)
    columns = {}
    for name, array in values.items():
        columns[name] = np.full(len(rows), np.nan, dtype=np.float32)
        columns[name][pair] = array
    return columns


def later(values: np.ndarray, steps: int) -> np.ndarray:
    """The [S, ...] array that holds at each step what `values` hold `steps` later (negative: earlier); NaN outside the play."""
    moved = np.full(values.shape, np.nan, dtype=np.float32)
    if steps >= 0:
        moved[: max(len(values) - steps, 0)] = values[steps:]
    else:
        moved[-steps:] = values[:steps]
    return moved


def window(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, ..., before + after + 1] view of `values` from `before` steps earlier to `after` steps later; NaN outside the play."""
    pad = [(before, after)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=0)


def least(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] the least known value of a window around each step."""
    return np.fmin.reduce(window(values, before, after), axis=-1)


def most(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] the greatest known value of a window around each step."""
    return np.fmax.reduce(window(values, before, after), axis=-1)


def mean(values: np.ndarray, before: int, after: int) -> np.ndarray:
    """[S, P] the mean of the known values of a window around each step."""
    around = window(values, before, after)
    known = ~np.isnan(around)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(known, around, 0).sum(-1, dtype=np.float32) / known.sum(-1)).astype(np.float32)


def steps_since(happens: np.ndarray, most_steps: int) -> np.ndarray:
    """[S, P] float32 steps since [S, P] `happens` was last true, at most `most_steps`; 0 where it is.

    Where it never was before, it is as long ago as anybody knows: the steps since the play began, and one.
    """
    step = np.arange(len(happens), dtype=np.float32)[:, None]
    last = np.maximum.accumulate(np.where(happens, step, -1), axis=0)
    return np.minimum(step - last, most_steps).astype(np.float32)


def steps_until(happens: np.ndarray, most_steps: int) -> np.ndarray:
    """[S, P] float32 steps until [S, P] `happens` is next true, as `steps_since` the other way round."""
    return steps_since(happens[::-1], most_steps)[::-1]


def nan_reduce(function, values: np.ndarray, axis: int = -1) -> np.ndarray:
    """`function` (such as np.nanmedian) over an axis; NaN, without a warning, where all values are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return function(values, axis=axis).astype(np.float32)


def pair_distance(play: Play) -> np.ndarray:
    """[S, P, P] float32 yards between every two players; 0 on the diagonal, NaN where one is not tracked."""
    x, y = play.position[..., 0], play.position[..., 1]
    return np.sqrt((x[:, :, None] - x[:, None]) ** 2 + (y[:, :, None] - y[:, None]) ** 2)


def unit_vectors(degrees: np.ndarray) -> np.ndarray:
    """[..., 2] float32 (x, y) unit vectors of angles in degrees clockwise from +y, the competition's convention."""
    radians = np.deg2rad(degrees)
    return np.stack([np.sin(radians), np.cos(radians)], axis=-1).astype(np.float32)


def angle_between(degrees: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The angle between two directions, 0..180 degrees."""
    return np.abs((degrees - other + 180) % 360 - 180).astype(np.float32)


def around_rows(values: np.ndarray, step: np.ndarray, player: np.ndarray, reach: int) -> np.ndarray:
    """[2 * reach + 1, N] of [S, P] `values`: each row's player from `reach` steps earlier to `reach` later; NaN outside the play."""
    players = values.shape[1]
    flat = np.pad(values, ((reach, reach), (0, 0)), constant_values=np.nan).ravel()
    place = step * players + player
    return np.stack([flat[place + lag * players] for lag in range(2 * reach + 1)])
