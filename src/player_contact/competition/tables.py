"""The competition's tables, read and checked: what a file must hold, in one place, and one clear sentence where it doesn't."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import clock
from player_contact.competition.lines import first_long_line
from player_contact.competition.links import leads_out, link_sentence
from player_contact.competition.names import GROUND, GROUND_TEXT, VIEW_ALIASES, VIEWS
from player_contact.errors import InputError

log = logging.getLogger(__name__)

PLAY_PATTERN = r"\d{5}_\d{6}"  # the only text of the tables that becomes part of a path
PLAYER_PATTERN = r"[1-9]\d{0,8}"
CONTACT_PATTERN = rf"{PLAY_PATTERN}_(?:0|[1-9]\d{{0,3}})_{PLAYER_PATTERN}_(?:{PLAYER_PATTERN}|{GROUND_TEXT})"
# Only an empty cell is a missing value: "n/a" in a number column is a fault. A comma at the end of a line makes no index of the first column.
READING: dict = {"keep_default_na": False, "na_values": [""], "index_col": False}
TIME_PATTERN = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?"


@dataclass(frozen=True)
class Field:
    """One column: what pandas reads it as, what its values must be, and how that is said to a person."""

    dtype: str
    expected: str
    pattern: str | None = None  # a text must match it from end to end
    low: float | None = None
    high: float | None = None
    allowed: tuple | None = None
    optional_value: bool = False  # an empty cell is missing evidence, not an error


_PLAY = Field("category", "a play such as 58168_003392", pattern=PLAY_PATTERN)
_PLAYER = Field("int32", "a player's number", low=1, high=999_999_999)
_STEP = Field("int32", "a whole number of 0.1 s steps from the snap", low=-10_000, high=10_000)
_TIME = Field("str", "a time such as 2020-09-11T03:01:48.100Z", pattern=TIME_PATTERN)
_VIEW = Field("category", "one of " + ", ".join((*VIEWS, *VIEW_ALIASES)), allowed=(*VIEWS, *VIEW_ALIASES))
_CONTACT = Field("int8", "0 or 1", allowed=(0, 1))
_CONTACT_ID = Field("str", "an id such as 58168_003392_0_38590_43854 or 58168_003392_0_38590_G", pattern=CONTACT_PATTERN)


def _number(what: str, low: float, high: float) -> Field:
    return Field("float32", f"a number ({what}, {low:g} to {high:g})", low=low, high=high, optional_value=True)


@dataclass(frozen=True)
class Table:
    """The columns that a file must have (others are fine and ignored) and those that tell its rows apart."""

    name: str
    fields: dict[str, Field]
    key: tuple[str, ...]
    refuse_empty: bool = False


TRACKING = Table(
    "tracking",
    {
        "game_play": _PLAY,
        "nfl_player_id": _PLAYER,
        "datetime": _TIME,
        "step": _STEP,
        "team": Field("category", "home or away", allowed=("home", "away")),
        "position": Field("category", "a position such as QB", pattern=r"[A-Za-z/]{1,5}"),
        "x_position": _number("yards", -60, 180),
        "y_position": _number("yards", -60, 120),
        "speed": _number("yards per second", 0, 60),
        "distance": _number("yards since the last step", 0, 60),
        "direction": _number("degrees", -360, 720),
        "orientation": _number("degrees", -360, 720),
        "acceleration": _number("yards per second squared", -200, 200),
        "sa": _number("yards per second squared", -200, 200),
    },
    key=("game_play", "step", "nfl_player_id"),
)
HELMETS = Table(
    "helmets",
    {
        "game_play": _PLAY,
        "view": _VIEW,
        "frame": Field("int32", "a frame number, from 1", low=1, high=100_000),
        "nfl_player_id": _PLAYER,
        "left": Field("float32", "a number (pixels)", low=-20_000, high=20_000),
        "width": Field("float32", "a number (pixels, above 0)", low=1e-6, high=20_000),
        "top": Field("float32", "a number (pixels)", low=-20_000, high=20_000),
        "height": Field("float32", "a number (pixels, above 0)", low=1e-6, high=20_000),
    },
    key=("game_play", "view", "frame", "nfl_player_id"),
)
VIDEOS = Table(
    "video metadata",
    {"game_play": _PLAY, "view": _VIEW, "start_time": _TIME, "end_time": _TIME, "snap_time": _TIME},
    key=("game_play", "view"),
)
LABELS = Table(
    "labels",
    {
        "contact_id": _CONTACT_ID,
        "game_play": _PLAY,
        "step": _STEP,
        "nfl_player_id_1": _PLAYER,
        "nfl_player_id_2": Field("str", "a player's number or G", pattern=rf"{PLAYER_PATTERN}|{GROUND_TEXT}"),
        "contact": _CONTACT,
    },
    key=("contact_id",),
    refuse_empty=True,
)
SUBMISSION = Table("sample submission", {"contact_id": _CONTACT_ID}, key=("contact_id",), refuse_empty=True)


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """The table's columns of a CSV file, checked, in the file's order of rows.

    Raises InputError: the file is missing or is no CSV, lacks a column, has a value of the wrong kind, or has two rows with one key.
    """
    header = _read_header(path, table)
    columns = [name for name in table.fields if name in header]
    missing = [name for name in table.fields if name not in header]
    if missing:
        raise InputError(
            f"{path.name} has no column {missing[0]!r}; it has {', '.join(header[:8])}{', ...' if len(header) > 8 else ''}. "
            f"Is this the {table.name} table? ({path})"
        )
    if long := first_long_line(path, len(header)):
        raise InputError(
            f"{path.name}, line {long[0]}: it holds {long[1]} values, but the header has {len(header)} names. Mend or download again: {path}"
        )
    # Whole numbers are read wide and made narrow once their range is checked: pandas 2 lets 257 wrap to 1 in a narrow column.
    types = {name: "int64" if field.dtype.startswith("int") else field.dtype for name, field in table.fields.items() if name in columns}
    try:
        with np.errstate(invalid="ignore", over="ignore"):  # a number that is too large is found out below
            frame = pd.read_csv(path, usecols=columns, dtype=types, **READING)[columns]
    except (ValueError, TypeError, OverflowError):
        # A value does not fit its column: read everything as text and name the row.
        frame = _numbers_of_text(_read_as_text(path, columns), path, table)
    if table.refuse_empty and frame.empty:
        raise InputError(f"{path.name} has no rows. Download it again: {path}")
    _check(frame, path, table)
    frame = frame.astype({name: field.dtype for name, field in table.fields.items() if field.dtype.startswith("int")})
    for name, field in table.fields.items():
        if field.optional_value and (empty := int(frame[name].isna().sum())):
            log.warning("%s: %d rows have no %r; they count as not measured", path.name, empty, name)
    return frame


def _read_header(path: Path, table: Table) -> list[str]:
    if not path.is_file():
        raise InputError(f"{path.name} is missing: expected the {table.name} table at {path}")
    if leads_out(path, path.parent):
        raise InputError(link_sentence(path, path.parent))
    try:
        return list(pd.read_csv(path, nrows=0).columns)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not a CSV table ({error}). Download it again: {path}") from None


def _read_as_text(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, usecols=list(columns), dtype="str", **READING)[list(columns)]
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path.name} can't be read as a CSV table: {error}. Download it again: {path}") from None


def _numbers_of_text(frame: pd.DataFrame, path: Path, table: Table) -> pd.DataFrame:
    """The table with its number columns made numbers. Raises InputError with the first value that is none."""
    frame = frame.copy()
    for name, field in table.fields.items():
        if field.dtype in ("category", "str"):
            continue
        number = pd.to_numeric(frame[name], errors="coerce")
        bad = number.isna() & ~(frame[name].isna() & field.optional_value)
        if field.dtype.startswith("int"):
            bad |= (number % 1) != 0
        limits = (min(field.allowed), max(field.allowed)) if field.allowed else (field.low, field.high)
        bad |= number.notna() & ~number.between(*(limit if limit is not None else edge for limit, edge in zip(limits, (-2e9, 2e9), strict=True)))
        if bad.any():
            raise InputError(_sentence(frame, name, bad.to_numpy(), path, field))
        frame[name] = number.astype("int64" if field.dtype.startswith("int") else field.dtype)
    return frame


def _check(frame: pd.DataFrame, path: Path, table: Table) -> None:
    import pandera.pandas as pa

    try:
        _schema(table).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failures = errors.failure_cases
        name = next(column for column in table.fields if column in set(failures["column"].dropna()))
        bad = np.zeros(len(frame), dtype=bool)
        bad[failures.loc[(failures["column"] == name) & failures["index"].notna(), "index"].astype(int)] = True
        raise InputError(_sentence(frame, name, bad, path, table.fields[name])) from None
    repeated = frame.duplicated(list(table.key), keep=False).to_numpy()
    if repeated.any():
        first = int(np.argmax(repeated))
        same = (frame[list(table.key)] == frame[list(table.key)].iloc[first]).all(axis=1).to_numpy()
        second = int(np.flatnonzero(same)[1])
        key = ", ".join(f"{name} {frame[name].iloc[first]}" for name in table.key)
        raise InputError(
            f"{path.name}, lines {first + 2} and {second + 2}: two rows for {key}; expected one. "
            f"{int(repeated.sum())} rows share a key. Remove the copies in {path}"
        )


def _schema(table: Table):
    import pandera.pandas as pa

    def column(field: Field) -> "pa.Column":
        checks = []
        if field.pattern is not None:
            checks.append(pa.Check.str_matches(rf"^(?:{field.pattern})$"))
        if field.low is not None:
            checks.append(pa.Check.ge(field.low))
        if field.high is not None:
            checks.append(pa.Check.le(field.high))
        if field.allowed is not None:
            checks.append(pa.Check.isin(list(field.allowed)))
        return pa.Column(None if not field.dtype.startswith("float") else field.dtype, checks, nullable=field.optional_value)

    return pa.DataFrameSchema({name: column(field) for name, field in table.fields.items()})


def _sentence(frame: pd.DataFrame, name: str, bad: np.ndarray, path: Path, field: Field) -> str:
    """One sentence about the first bad value of a column, and how many more there are."""
    first = int(np.argmax(bad))
    value = frame[name].iloc[first]
    shown = "empty" if pd.isna(value) else repr(value if isinstance(value, str) else value.item())[:60]
    more = int(bad.sum()) - 1
    others = "" if more <= 0 else f" {more} more {'row' if more == 1 else 'rows'} like it."
    return f"{path.name}, line {first + 2}: {name!r} is {shown}, expected {field.expected}.{others} Mend or download again: {path}"


def contact_rows(contact_id: pd.Series) -> pd.DataFrame:
    """The columns that `contact_id`s say: game_play (category), step, nfl_player_id_1, nfl_player_id_2 (int32, GROUND for `G`); order kept."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = pc.split_pattern(pa.array(contact_id.str.slice(13), type=pa.large_string()), "_")
    step, one, two = (pc.list_element(parts, place) for place in range(3))
    return pd.DataFrame(
        {
            "contact_id": contact_id,
            "game_play": contact_id.str.slice(0, 12).astype("category"),
            "step": step.cast(pa.int32()).to_numpy(zero_copy_only=False),
            "nfl_player_id_1": one.cast(pa.int32()).to_numpy(zero_copy_only=False),
            "nfl_player_id_2": player_or_ground(two.to_pandas()),
        },
        index=contact_id.index,
    )


def contact_ids(rows: pd.DataFrame) -> pd.Series:
    """[N] the `contact_id`s that game_play, step and both players say: the other way round of `contact_rows`."""
    two = rows["nfl_player_id_2"]
    named = two.astype("str").where(two != GROUND, GROUND_TEXT)
    return rows["game_play"].astype("str") + "_" + rows["step"].astype("str") + "_" + rows["nfl_player_id_1"].astype("str") + "_" + named


def player_or_ground(text: pd.Series) -> np.ndarray:
    """[N] int32 player ids of texts, GROUND for `G`."""
    unique = text.astype("category")
    numbers = np.array([GROUND if value == GROUND_TEXT else int(value) for value in unique.cat.categories], dtype=np.int32)
    return numbers[unique.cat.codes.to_numpy()]


def times_of(frame: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    """[N] datetime64[ms] of a text column; raises InputError with the first row that is no datetime."""
    try:
        return clock.to_datetime(frame[column])
    except ValueError:
        bad = pd.to_datetime(frame[column], format="ISO8601", utc=True, errors="coerce").isna().to_numpy()
        first = int(np.argmax(bad))
        raise InputError(
            f"{path.name}, line {first + 2}: {column!r} is {frame[column].iloc[first]!r}, expected {_TIME.expected}. Mend or download again: {path}"
        ) from None
