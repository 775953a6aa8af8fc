"""The list of what goes in, and the table that comes out."""

import numpy as np
import pandas as pd

from player_contact.competition.names import VIEWS
from player_contact.features import context, image, kinematics, lags, neighbours
from player_contact.features.gather import merge
from player_contact.play import CHANNELS, Play, Rows

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


NEAR_HELMETS = 6.0  # helmet sizes between two helmets, in either view, that may touch where the sensors can't tell


def is_candidate(play: Play, rows: Rows, max_distance: float) -> np.ndarray:
    """[N] bool: rows worth a model; all others count as no contact.

    Every ground row, and the pairs within `max_distance` yards. Where a player of the pair is not tracked, near helmet boxes stand in.
    """
    gap = np.linalg.norm(play.position[rows.step, rows.first] - play.position[rows.step, rows.second], axis=-1)
    chosen = rows.is_ground | (gap <= max_distance)
    if (unknown := np.flatnonzero(np.isnan(gap) & ~rows.is_ground)).size:
        boxes = image.helmets(play, rows[unknown])
        with np.errstate(invalid="ignore"):
            chosen[unknown] = np.any([boxes[f"{view.lower()}_gap"] <= NEAR_HELMETS for view in VIEWS], axis=0)
    return chosen


def feature_names() -> list[str]:
    """The names of all features, in the order of the table."""
    shape = (3, 2)
    nothing = {name: np.zeros(shape, dtype=np.float32) for name in CHANNELS}
    play = Play(
        game_play="",
        steps=np.arange(3, dtype=np.int32),
        times=np.arange(3).astype("datetime64[ms]"),
        players=np.array([1, 2]),
        home=np.array([True, False]),
        role=np.array(["", ""]),
        position=np.zeros((*shape, 2), dtype=np.float32),
        **nothing,  # type: ignore[arg-type]
    )
    row = np.zeros(1, dtype=np.int64)
    return list(feature_table(play, Rows(row, row, row, row + 1)).columns)


def feature_table(play: Play, rows: Rows) -> pd.DataFrame:
    """[N, K] float32 features of the rows; NaN where something was not measured."""
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = merge([family(play, rows) for family in SENSOR_FEATURES + HELMET_FEATURES])
    return pd.DataFrame({name: np.asarray(values, dtype=np.float32) for name, values in columns.items()})


def helmet_columns(names: list[str]) -> list[str]:
    """Those of the feature names that need helmet boxes."""
    return [name for name in names if name.startswith(("sideline_", "endzone_"))]
