"""The list of what goes in, and the table that comes out."""

import numpy as np
import pandas as pd

from player_contact.features import context, image, kinematics, lags, neighbours
from player_contact.features.gather import merge
from player_contact.play import Play, Rows

# The one place to add a feature: a function of a play and its rows that returns named columns.
SENSOR_FEATURES = (
    kinematics.motion,
    kinematics.approach,
    lags.pair_history,
    lags.player_history,
    neighbours.crowd,
    context.play_state,
)
HELMET_FEATURES = (image.helmets,)


def is_candidate(play: Play, rows: Rows, max_distance: float) -> np.ndarray:
    """[N] bool: rows worth a model. Every ground row, and the pairs within `max_distance` yards; all others count as no contact."""
    gap = play.position[rows.step, rows.first] - play.position[rows.step, rows.second]
    return rows.is_ground | (np.linalg.norm(gap, axis=-1) <= max_distance)


def feature_table(play: Play, rows: Rows, families=SENSOR_FEATURES + HELMET_FEATURES) -> pd.DataFrame:
    """[N, K] float32 features of the rows; NaN where something was not measured."""
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = merge([family(play, rows) for family in families])
    return pd.DataFrame({name: np.asarray(values, dtype=np.float32) for name, values in columns.items()})


def helmet_columns(names: list[str]) -> list[str]:
    """Those of the feature names that need helmet boxes."""
    return [name for name in names if name.startswith(("sideline_", "endzone_"))]
