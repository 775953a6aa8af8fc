"""What the competition's tables must hold: columns, values and keys.

A column's `description` is what errors say was expected, its `metadata` the dtype it gets once it
is checked, `unique` the key of a table's rows. Other columns of a file are ignored.
"""

import pandera.pandas as pa

from player_contact.competition import clock
from player_contact.competition.constants import GROUND_TEXT, VIEW_ALIASES, VIEWS

PLAY = r"[0-9]{5}_[0-9]{6}"  # the only text of the tables that becomes part of a path
PLAYER = r"[1-9][0-9]{0,8}"
CONTACT_ID = rf"{PLAY}_(?:0|[1-9][0-9]{{0,3}})_{PLAYER}_(?:{PLAYER}|{GROUND_TEXT})"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z?"


def _column(expected: str, dtype: str, *checks: pa.Check, nullable: bool = False) -> pa.Column:
    metadata = {"dtype": dtype}
    return pa.Column(None, [*checks], nullable=nullable, description=expected, metadata=metadata)


def _text(expected: str, pattern: str, dtype: str = "str", *checks: pa.Check) -> pa.Column:
    return _column(expected, dtype, pa.Check.str_matches(f"^(?:{pattern})$"), *checks)


def _choice(expected: str, *values: object, dtype: str = "category") -> pa.Column:
    return _column(expected, dtype, pa.Check.isin(values))


def _number(expected: str, low: float, high: float, dtype: str = "float32") -> pa.Column:
    return _column(expected, dtype, pa.Check.in_range(low, high))


def _measured(unit: str, low: float, high: float) -> pa.Column:
    """An empty cell is a missing measurement, not an error."""
    expected = f"a number ({unit}, {low:g} to {high:g})"
    return _column(expected, "float32", pa.Check.in_range(low, high), nullable=True)


_PLAY = _text("a play such as 58168_003392", PLAY, "category")
_PLAYER = _number("a player's number", 1, 999_999_999, "int32")
_STEP = _number("a whole number of 0.1 s steps from the snap", -10_000, 10_000, "int32")
_IS_TIME = pa.Check(clock.is_datetime)
_TIME = _text("a time such as 2020-09-11T03:01:48.100Z", TIME, "datetime64[ms]", _IS_TIME)
_SPELLINGS = (*VIEWS, *VIEW_ALIASES)
_VIEW = _choice(f"one of {', '.join(_SPELLINGS)}", *_SPELLINGS)
_ID_EXAMPLES = "58168_003392_0_38590_43854 or 58168_003392_0_38590_G"
_CONTACT_ID = _text(f"an id such as {_ID_EXAMPLES}", CONTACT_ID)

TRACKING = pa.DataFrameSchema(
    {
        "game_play": _PLAY,
        "nfl_player_id": _PLAYER,
        "datetime": _TIME,
        "step": _STEP,
        "team": _choice("home or away", "home", "away"),
        "position": _text("a position such as QB", "[A-Za-z/]{1,5}", "category"),
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
        "left": _number("a number (pixels)", -20_000, 20_000),
        "width": _number("a number (pixels, above 0)", 1e-6, 20_000),
        "top": _number("a number (pixels)", -20_000, 20_000),
        "height": _number("a number (pixels, above 0)", 1e-6, 20_000),
    },
    name="helmets",
    unique=["game_play", "view", "frame", "nfl_player_id"],
)
VIDEOS = pa.DataFrameSchema(
    {"game_play": _PLAY, "view": _VIEW, "start_time": _TIME, "end_time": _TIME, "snap_time": _TIME},
    name="video metadata",
    unique=["game_play", "view"],
)
LABELS = pa.DataFrameSchema(
    {
        "contact_id": _CONTACT_ID,
        "game_play": _PLAY,
        "step": _STEP,
        "nfl_player_id_1": _PLAYER,
        "nfl_player_id_2": _text("a player's number or G", f"{PLAYER}|{GROUND_TEXT}"),
        "contact": _choice("0 or 1", 0, 1, dtype="int8"),
    },
    name="labels",
    unique=["contact_id"],
)
SUBMISSION = pa.DataFrameSchema(
    {"contact_id": _CONTACT_ID}, name="sample submission", unique=["contact_id"]
)
