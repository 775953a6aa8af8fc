"""The list of what goes in, and the table that comes out."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from player_contact.competition.names import VIEWS
from player_contact.features import context, ground, image, kinematics, lags, neighbours
from player_contact.features.gather import Values, at_pairs, low_high, spread
from player_contact.play import CHANNELS, Play, Rows

# The one place to add a feature: a line with its family, which `make ablation` leaves out as a whole, and a function that returns named arrays, of
# the play [S], of a player [S, P], or of a pair [M]; see `gather`.
OfPlay = Callable[[Play], Values]
OfPair = Callable[[Play, Rows], Values]
PLAY_FEATURES: list[tuple[str, OfPlay]] = [("context", context.play_state)]
PLAYER_FEATURES: list[tuple[str, OfPlay]] = [
    ("kinematics", kinematics.motion),
    ("history", lags.player_history),
    ("neighbours", neighbours.crowd),
    ("ground", ground.falling),
    ("context", context.player_place),
    ("helmets", image.player_helmets),
]
PAIR_FEATURES: list[tuple[str, OfPair]] = [
    ("kinematics", kinematics.approach),
    ("history", lags.pair_history),
    ("neighbours", neighbours.company),
    ("context", context.pair_roles),
    ("helmets", image.pair_helmets),
]
HELMETS = "helmets"  # the family that needs boxes; all others need sensors alone

NEAR_HELMETS = 6.0  # helmet sizes between two helmets, in either view, that may touch where the sensors can't tell


def is_candidate(play: Play, rows: Rows, max_distance: float) -> np.ndarray:
    """[N] bool: rows worth a model; all others count as no contact.

    Every ground row, and the pairs within `max_distance` yards. Where a player of the pair is not tracked, near helmet boxes stand in.
    """
    gap = np.linalg.norm(play.position[rows.step, rows.first] - play.position[rows.step, rows.second], axis=-1)
    chosen = rows.is_ground | (gap <= max_distance)
    if (unknown := np.flatnonzero(np.isnan(gap) & ~rows.is_ground)).size:
        boxes = image.pair_helmets(play, rows[unknown])
        with np.errstate(invalid="ignore"):
            chosen[unknown] = np.any([boxes[f"{view.lower()}_gap"] <= NEAR_HELMETS for view in VIEWS], axis=0)
    return chosen


def feature_table(play: Play, rows: Rows) -> pd.DataFrame:
    """[N, K] float32 features of the rows; NaN where something was not measured."""
    columns = {name: values for part in _families(play, rows).values() for name, values in part.items()}
    table = np.empty((len(columns), len(rows)), dtype=np.float32)  # one feature after the other, as it is computed and stored
    for place, values in enumerate(columns.values()):
        table[place] = values
    return pd.DataFrame(table.T, columns=list(columns), copy=False)


def feature_families() -> dict[str, list[str]]:
    """Family -> the names of its features; all together are the columns of the table, in another order."""
    play, rows = _smallest_play()
    return {family: list(columns) for family, columns in _families(play, rows).items()}


def feature_names() -> list[str]:
    """The names of all features, in the order of the table."""
    return list(feature_table(*_smallest_play()).columns)


def helmet_columns() -> list[str]:
    """The names of the features that need helmet boxes."""
    return feature_families()[HELMETS]


def _families(play: Play, rows: Rows) -> dict[str, Values]:
    """Family -> its columns. Raises ValueError where two features have one name."""
    pairs = rows[~rows.is_ground]
    tracked = ~np.isnan(play.position[..., 0])
    both = tracked[pairs.step, pairs.first] & tracked[pairs.step, pairs.second]
    families: dict[str, Values] = {}

    def add(family: str, columns: Values) -> None:
        if twice := {name for part in families.values() for name in part} & columns.keys():
            raise ValueError(f"two features are named {sorted(twice)[0]!r}")
        families.setdefault(family, {}).update(columns)

    with np.errstate(invalid="ignore", divide="ignore"):
        for family, of_play in PLAY_FEATURES:
            add(family, spread(of_play(play), rows.step))
        for family, of_player in PLAYER_FEATURES:
            add(family, low_high(_where(of_player(play), tracked, family), rows))
        for family, of_pair in PAIR_FEATURES:
            add(family, at_pairs(_where(of_pair(play, pairs), both, family), rows))
    return families


def _where(values: Values, tracked: np.ndarray, family: str) -> Values:
    """The features where the sensors know the players, else NaN: one who is nowhere must not look like one who lies still. Boxes need no sensors."""
    if family == HELMETS or tracked.all():
        return values
    return {name: np.where(tracked, array, np.float32(np.nan)) for name, array in values.items()}


def _smallest_play() -> tuple[Play, Rows]:
    """Two players, three steps, and one row."""
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
    return play, Rows(row, row, row, row + 1)
