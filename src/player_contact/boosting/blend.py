"""What the last model looks at: what screen and vision say together, at the row and around it along the pair's own track."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from player_contact.features.gather import Values, nan_reduce, window
from player_contact.odds import log_odds
from player_contact.play import Play, Rows

WINDOWS = (1, 3, 5, 10, 20, 40)  # steps before and after


def blend_table(play: Play, rows: Rows, screen: np.ndarray, vision: np.ndarray, reach: int) -> pd.DataFrame:
    """[N, K] float32 columns of a play's candidate rows from their [N] screen and vision probabilities (vision NaN: not looked at).

    `vision` is its log odds, and the screen's where it did not look; `vision_known` tells the two cases apart. Vision has heard the screen, so means
    are of it alone: over windows of up to `reach` steps to each side they follow the pair's own track; steps at which the pair is no candidate do not
    enter them. Windows of the screen too, or the rows of neighbours, scored no better on other plays.
    """
    players = len(play.players)
    second = np.where(rows.is_ground, rows.first, rows.second)  # the ground of a player lies on the diagonal
    known = ~np.isnan(vision)
    latest = np.where(known, log_odds(vision), log_odds(screen))
    dense = np.full((len(play.steps), players, players), np.nan, dtype=np.float32)
    dense[rows.step, rows.first, second] = latest
    columns: Values = {"vision_known": known, "screen": log_odds(screen), "vision": latest}
    for half in (half for half in WINDOWS if half <= reach):
        columns[f"vision_mean_{half}"] = nan_reduce(np.nanmean, window(dense, half, half)[rows.step, rows.first, second])
    return pd.DataFrame(columns).astype(np.float32)


def rising_columns(columns: Sequence[str]) -> list[str]:
    """Columns in which more can only mean more contact."""
    return [name for name in columns if name != "vision_known"]
