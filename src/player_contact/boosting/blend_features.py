"""Features of the blend: screen and vision at the row, and vision's mean along the pair's steps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from player_contact.features.gather import Columns, nan_reduce, rolling_window
from player_contact.play import Play, Rows
from player_contact.utils.logits import logit

WINDOWS = (1, 3, 5, 10, 20, 40)  # steps before and after


def blend_table(
    play: Play, rows: Rows, screen: np.ndarray, vision: np.ndarray, max_lag: int
) -> pd.DataFrame:
    """[N, K] float32 columns of a play's candidate rows.

    `screen` and `vision` hold [N] probabilities (vision NaN: not an open row). The column `vision`
    is vision's logit, or the screen's where there is none; `vision_known` tells the two apart.
    Means are of it alone, since vision has the screen as a feature, over the pair's candidate
    steps in windows of up to `max_lag` to each side. Windows of the screen, or rows of
    neighbours, scored no better on other plays.
    """
    players = len(play.players)
    second = np.where(rows.is_ground, rows.first, rows.second)  # the diagonal is the ground
    index = rows.step, rows.first, second
    known = ~np.isnan(vision)
    latest = np.where(known, logit(vision), logit(screen))
    dense = np.full((len(play.steps), players, players), np.nan, dtype=np.float32)
    dense[index] = latest
    columns: Columns = {"vision_known": known, "screen": logit(screen), "vision": latest}
    for half in (half for half in WINDOWS if half <= max_lag):
        columns[f"vision_mean_{half}"] = nan_reduce(
            np.nanmean, rolling_window(dense, half, half)[index]
        )
    return pd.DataFrame(columns).astype(np.float32)


def increasing_columns(columns: Sequence[str]) -> list[str]:
    """The columns with which the probability of contact may only rise."""
    return [name for name in columns if name != "vision_known"]
