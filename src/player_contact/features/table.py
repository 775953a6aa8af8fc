"""The list of features, and the table of their values."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from player_contact.features import context, falls, helmet_boxes, history, kinematics, neighbours
from player_contact.features.gather import Columns, at_pairs, low_high
from player_contact.play import Play, Rows

# To add a feature: a line with its family, which `make ablation` leaves out, and a
# function that returns named arrays, of the play [S], of a player [S, P] or of a pair [M].
PLAY_FEATURES: list[tuple[str, Callable[[Play], Columns]]] = [("context", context.play_context)]
PLAYER_FEATURES: list[tuple[str, Callable[[Play], Columns]]] = [
    ("kinematics", kinematics.player_kinematics),
    ("history", history.player_history),
    ("neighbours", neighbours.player_neighbours),
    ("ground", falls.player_falls),
    ("context", context.player_context),
    ("helmets", helmet_boxes.player_helmets),
]
PAIR_FEATURES: list[tuple[str, Callable[[Play, Rows], Columns]]] = [
    ("kinematics", kinematics.pair_kinematics),
    ("history", history.pair_history),
    ("neighbours", neighbours.pair_neighbours),
    ("context", context.pair_context),
    ("helmets", helmet_boxes.pair_helmets),
]
HELMETS = "helmets"  # the family that needs boxes; all others need tracking alone


def is_candidate(play: Play, rows: Rows, max_distance: float) -> np.ndarray:
    """[N] bool: rows worth a model: tracked players with the ground, pairs within so many yards.

    A row of a player who is not tracked is none: to a model almost all of its features are missing.
    """
    distance = np.linalg.norm(
        play.position[rows.step, rows.first] - play.position[rows.step, rows.second], axis=-1
    )
    return is_tracked(play, rows) & (rows.is_ground | (distance <= max_distance))


def is_tracked(play: Play, rows: Rows) -> np.ndarray:
    """[N] bool: all players of the row are tracked at its step."""
    tracked = ~np.isnan(play.position[..., 0])
    return tracked[rows.step, rows.first] & (tracked[rows.step, rows.second] | rows.is_ground)


def feature_table(play: Play, rows: Rows) -> pd.DataFrame:
    """[N, K] float32 features of the rows; NaN: unknown."""
    columns: Columns = {}
    for family in _families(play, rows).values():
        columns |= family
    table = np.empty((len(columns), len(rows)), dtype=np.float32)  # column by column
    for index, values in enumerate(columns.values()):
        table[index] = values
    return pd.DataFrame(table.T, columns=list(columns), copy=False)


def feature_families() -> dict[str, list[str]]:
    """Family -> the names of its features: all columns of the table, in another order."""
    return {family: list(columns) for family, columns in _families(*tiny_play()).items()}


def feature_names() -> list[str]:
    """The names of all features, in the order of the table."""
    return list(feature_table(*tiny_play()).columns)


def helmet_columns() -> list[str]:
    """The names of the features that need helmet boxes."""
    return feature_families()[HELMETS]


def _families(play: Play, rows: Rows) -> dict[str, Columns]:
    """Family -> its columns. Raises ValueError where two features have the same name."""
    pairs = rows[~rows.is_ground]
    tracked = ~np.isnan(play.position[..., 0])
    pair_tracked = is_tracked(play, pairs)
    families: dict[str, Columns] = {}

    def add(family: str, columns: Columns) -> None:
        if twice := {name for part in families.values() for name in part} & columns.keys():
            raise ValueError(f"two features are named {sorted(twice)[0]!r}")
        families.setdefault(family, {}).update(columns)

    with np.errstate(invalid="ignore", divide="ignore"):
        for family, play_feature in PLAY_FEATURES:
            columns = play_feature(play)
            add(family, {name: values[rows.step] for name, values in columns.items()})
        for family, player_feature in PLAYER_FEATURES:
            add(family, low_high(_mask(player_feature(play), tracked, family), rows))
        for family, pair_feature in PAIR_FEATURES:
            add(family, at_pairs(_mask(pair_feature(play, pairs), pair_tracked, family), rows))
    return families


def _mask(columns: Columns, tracked: np.ndarray, family: str) -> Columns:
    """NaN where a player is not tracked: he must not look like one who lies still."""
    if family == HELMETS or tracked.all():
        return columns
    return {name: np.where(tracked, values, np.float32(np.nan)) for name, values in columns.items()}


def tiny_play() -> tuple[Play, Rows]:
    """Two players, three steps, and one row."""
    steps, players, row = np.arange(3, dtype=np.int32), np.arange(2), np.zeros(1, dtype=np.int64)
    times, role = steps.astype("datetime64[ms]"), np.array(["", ""])
    position = np.zeros((3, 2, 2), dtype=np.float32)
    x = position[..., 0]  # for every channel
    play = Play("", steps, times, players, players == 0, role, position, x, x, x, x, x, x)
    return play, Rows(row, row, row, row + 1)
