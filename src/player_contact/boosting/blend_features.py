"""Features of the blend: what screen and vision say of the row, along its steps, and of the play.

The blend starts from START, the log odds of vision or, where there is none, of the screen, and its
trees correct them: on few plays they would not learn to repeat them.

Odds are logits. All but the screen's are of `latest`: vision's or, where there is none, the
screen's, since vision has the screen as a feature. Left out because they scored lower on other
plays: odds at single steps before and after, of the players' other pairs, and sensors themselves.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from player_contact.features.gather import (
    Columns,
    nan_reduce,
    rolling_window,
    steps_since,
    steps_until,
)
from player_contact.features.table import tiny_play
from player_contact.play import Play, Rows
from player_contact.utils.logits import logit, sigmoid

WINDOWS = (1, 3, 5, 10, 20, 40)  # steps before and after, of means
SPREAD_WINDOWS = (2, 5, 10)  # of least, most and standard deviation
START = "vision"  # the column of `latest`
LIMIT = 40  # steps, of how long ago and how far ahead


def blend_table(
    play: Play,
    rows: Rows,
    screen: np.ndarray,
    vision: np.ndarray,
    max_lag: int,
) -> pd.DataFrame:
    """[N, K] float32 columns of a play's candidate rows.

    `screen` and `vision` hold [N] probabilities (vision NaN: not an open row, or not visible). No
    step farther than `max_lag` is read, but for where the play's rows end.
    """
    columns: Columns = {}
    for family in blend_families(play, rows, screen, vision, max_lag).values():
        columns |= family
    return pd.DataFrame(columns).astype(np.float32)


def blend_families(
    play: Play,
    rows: Rows,
    screen: np.ndarray,
    vision: np.ndarray,
    max_lag: int,
) -> dict[str, Columns]:
    """Family -> its [N] columns; arguments as of `blend_table`."""
    known = ~np.isnan(vision)
    latest = np.where(known, logit(vision), logit(screen))
    dense = _dense(play, rows, latest)
    return {
        "odds": {
            "screen": logit(screen),
            "vision": latest,
            "vision_known": known,
            "is_ground": rows.is_ground,
        },
        "windows": _windows(dense, rows, max_lag),
        "time": _time(dense, play, rows, min(max_lag, LIMIT)),
        "play": _play(dense, rows),
    }


def blend_feature_families(max_lag: int) -> dict[str, list[str]]:
    """Family -> the names of its columns: all columns of the table, in their order."""
    play, rows = tiny_play()
    half = np.full(len(rows), 0.5)
    families = blend_families(play, rows, half, half, max_lag)
    return {family: list(columns) for family, columns in families.items()}


def increasing_columns(columns: Sequence[str]) -> list[str]:
    """The columns with which the probability of contact may only rise."""
    return [name for name in columns if name in ("screen", "vision") or "vision_mean" in name]


def _dense(play: Play, rows: Rows, values: np.ndarray) -> np.ndarray:
    """[S, P, P] of [N] values of rows, symmetric, the ground on the diagonal; NaN: no row."""
    players = len(play.players)
    dense = np.full((len(play.steps), players, players), np.nan, dtype=np.float32)
    second = np.where(rows.is_ground, rows.first, rows.second)
    dense[rows.step, rows.first, second] = dense[rows.step, second, rows.first] = values
    return dense


def _at(dense: np.ndarray, rows: Rows) -> np.ndarray:
    """[N] of [S, P, P]."""
    return dense[rows.step, rows.first, np.where(rows.is_ground, rows.first, rows.second)]


def _windows(dense: np.ndarray, rows: Rows, max_lag: int) -> Columns:
    """Mean, least, most and spread of the odds around the step."""
    columns: Columns = {}
    for half in (half for half in WINDOWS if half <= max_lag):
        near = _at(rolling_window(dense, half, half), rows)
        columns[f"vision_mean_{half}"] = nan_reduce(np.nanmean, near)
    for half in (half for half in SPREAD_WINDOWS if half <= max_lag):
        near = _at(rolling_window(dense, half, half), rows)
        for name, function in (("least", np.nanmin), ("most", np.nanmax), ("spread", np.nanstd)):
            columns[f"vision_{name}_{half}"] = nan_reduce(function, near)
    return columns


def _time(dense: np.ndarray, play: Play, rows: Rows, limit: int) -> Columns:
    """Steps since the snap and to the last row's; how long the pair has been in contact, or not,
    and how long it will be, up to `limit`."""
    flat, last = dense.reshape(len(dense), -1), rows.step.max(initial=0)
    columns: Columns = {"step": play.steps[rows.step], "steps_left": last - rows.step}
    for name, happens in (("contact", flat > 0), ("no_contact", ~(flat > 0))):
        for when, function in (("since", steps_since), ("until", steps_until)):
            columns[f"{when}_{name}"] = _at(function(happens, limit).reshape(dense.shape), rows)
    return columns


def _play(dense: np.ndarray, rows: Rows) -> Columns:
    """How many contacts are expected at the step, with the ground and of pairs."""
    players = np.arange(dense.shape[1])
    expected = sigmoid(np.where(np.isnan(dense), -np.inf, dense))
    ground = expected[:, players, players].sum(-1)
    pairs = (expected.sum((1, 2)) - ground) / 2
    return {"expected_ground": ground[rows.step], "expected_pairs": pairs[rows.step]}
