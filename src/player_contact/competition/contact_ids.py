"""The `contact_id`: game_play, step and both players of a row in one text."""

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND, GROUND_TEXT

ID_COLUMNS = ["game_play", "step", "nfl_player_id_1", "nfl_player_id_2"]


def split_ids(contact_id: pd.Series) -> pd.DataFrame:
    """contact_id, game_play (category), step and both players (int32, GROUND for `G`)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = pc.split_pattern(pa.array(contact_id.str.slice(13), type=pa.large_string()), "_")
    step, first, second = (pc.list_element(parts, index) for index in range(3))
    values = (
        contact_id.str.slice(0, 12).astype("category"),
        step.cast(pa.int32()).to_numpy(zero_copy_only=False),
        first.cast(pa.int32()).to_numpy(zero_copy_only=False),
        player_or_ground(second.to_pandas()),
    )
    columns = dict(zip(ID_COLUMNS, values, strict=True))
    return pd.DataFrame({"contact_id": contact_id, **columns}, index=contact_id.index)


def join_ids(rows: pd.DataFrame) -> pd.Series:
    """[N] the ids of rows, the inverse of `split_ids`."""
    play, step, first, second = (rows[name].astype("str") for name in ID_COLUMNS)
    second = second.where(~is_ground(rows), GROUND_TEXT)
    return play + "_" + step + "_" + first + "_" + second


def player_or_ground(text: pd.Series) -> np.ndarray:
    """[N] int32 player ids of texts, GROUND for `G`."""
    unique = text.astype("category")
    ids = [GROUND if value == GROUND_TEXT else int(value) for value in unique.cat.categories]
    return np.array(ids, dtype=np.int32)[unique.cat.codes.to_numpy()]


def is_ground(rows: pd.DataFrame) -> np.ndarray:
    """[N] bool: the row is about a player and the ground."""
    return (rows["nfl_player_id_2"] == GROUND).to_numpy()
