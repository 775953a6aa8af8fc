"""What the competition's tables must hold: columns, values and keys.

A column's `description` is what errors say was expected, its `metadata` the dtype it gets once it
is checked and what brings other spellings of its values into the usual one; `unique` is the key of
a table's rows. Other columns of a file are ignored.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from player_contact.competition import clock
from player_contact.competition.constants import GROUND_TEXT, VIEW_ALIASES, VIEWS

PLAY = r"[0-9]{5}_[0-9]{6}"  # the only text of the tables that becomes part of a path
PLAYER = r"[1-9][0-9]{0,8}"
CONTACT_ID = rf"{PLAY}_(?:0|[1-9][0-9]{{0,3}})_{PLAYER}_(?:{PLAYER}|{GROUND_TEXT})"
MAX_NUMBER = 1e38  # float32 holds it


def _column(
    expected: str,
    dtype: str,
    check: pa.Check,
    nullable: bool = False,
    spell: Callable[[pd.Series], pd.Series] | None = None,
) -> pa.Column:
    metadata = {"dtype": dtype, "spell": spell}
    return pa.Column(None, [check], nullable=nullable, description=expected, metadata=metadata)


def _text(expected: str, pattern: str, dtype: str = "str", **options: Any) -> pa.Column:
    check = pa.Check(lambda values: values.str.fullmatch(f"(?:{pattern})", na=True))
    return _column(expected, dtype, check, **options)


def _choice(expected: str, *values: str) -> pa.Column:
    """Upper and lower case are the same."""
    spelling = {value.lower(): value for value in values}

    def spell(texts: pd.Series) -> pd.Series:
        # No `fillna`: older pandas warns where a column of nothing but gaps changes its type.
        return texts.map(lambda text: spelling.get(text.lower(), text), na_action="ignore")

    return _column(expected, "category", pa.Check.isin(values), spell=spell)


def _number(expected: str, low: float, high: float, dtype: str = "float32") -> pa.Column:
    return _column(expected, dtype, pa.Check.in_range(low, high))


def _measured(unit: str, low: float, high: float) -> pa.Column:
    """An empty cell is a missing measurement, not an error."""
    expected = f"a number ({unit}, {low:g} to {high:g})"
    return _column(expected, "float32", pa.Check.in_range(low, high), nullable=True)


def _time(nullable: bool = False) -> pa.Column:
    check = pa.Check(lambda texts: pd.Series(~np.isnat(clock.to_datetime(texts)), texts.index))
    expected = "a time such as 2020-09-11T03:01:48.100Z"
    return _column(expected, "datetime64[ms]", check, nullable)


def _spell_players(texts: pd.Series) -> pd.Series:
    """`g` is the ground; a column without it is saved as numbers, such as `43854.0`."""
    return texts.str.upper().str.replace(r"\.0+$", "", regex=True)


_PLAY = _text("a play such as 58168_003392", PLAY, "category")
_PLAYER = _number("a player's number", 1, 999_999_999, "int32")
_STEP = _number("a whole number of 0.1 s steps from the snap", -10_000, 10_000, "int32")
_SPELLINGS = (*VIEWS, *VIEW_ALIASES)
_VIEW = _choice(f"one of {', '.join(_SPELLINGS)}", *_SPELLINGS)
_POSITION = _text(
    "a position such as QB", "[A-Z/]{1,5}", "category", spell=lambda texts: texts.str.upper()
)
_ID_EXAMPLES = "58168_003392_0_38590_43854 or 58168_003392_0_38590_G"
_CONTACT_ID = _text(f"an id such as {_ID_EXAMPLES}", CONTACT_ID, spell=_spell_players)

TRACKING = pa.DataFrameSchema(
    {
        "game_play": _PLAY,
        "nfl_player_id": _PLAYER,
        "datetime": _time(nullable=True),  # other rows of the play, or its snap, tell it
        "step": _STEP,
        "team": _choice("home or away", "home", "away"),
        "position": _POSITION,
        "x_position": _measured("yards", -60, 180),
        "y_position": _measured("yards", -60, 120),
        "speed": _measured("yards per second", 0, 60),
        "distance": _measured("yards since the last step", 0, 60),
        "direction": _measured("degrees", -360, 720),
        "orientation": _measured("degrees", -360, 720),
        "acceleration": _measured("yards per second squared", -200, 200),
        "sa": _measured("yards per second squared", -200, 200),
    },
    name="tracking",
    unique=["game_play", "step", "nfl_player_id"],
)
HELMETS = pa.DataFrameSchema(
    {
        "game_play": _PLAY,
        "view": _VIEW,
        "frame": _number("a frame number, from 1", 1, 100_000, "int32"),
        "nfl_player_id": _PLAYER,
        # A box outside of the image is no fault of the table: `build_play` leaves it out.
        "left": _number("a number (pixels)", -MAX_NUMBER, MAX_NUMBER),
        "width": _number("a number (pixels, above 0)", 1e-6, 20_000),
        "top": _number("a number (pixels)", -MAX_NUMBER, MAX_NUMBER),
        "height": _number("a number (pixels, above 0)", 1e-6, 20_000),
    },
    name="helmets",
    unique=["game_play", "view", "frame", "nfl_player_id"],
)
VIDEOS = pa.DataFrameSchema(
    {
        "game_play": _PLAY,
        "view": _VIEW,
        "start_time": _time(),
        "end_time": _time(),
        "snap_time": _time(),
    },
    name="video metadata",
    unique=["game_play", "view"],
)
LABELS = pa.DataFrameSchema(
    {
        "contact_id": _CONTACT_ID,
        "game_play": _PLAY,
        "step": _STEP,
        "nfl_player_id_1": _PLAYER,
        "nfl_player_id_2": _text(
            "a player's number or G", f"{PLAYER}|{GROUND_TEXT}", spell=_spell_players
        ),
        "contact": _number("0 or 1", 0, 1, "int8"),
    },
    name="labels",
    unique=["contact_id"],
)
SUBMISSION = pa.DataFrameSchema(
    {"contact_id": _CONTACT_ID}, name="sample submission", unique=["contact_id"]
)
