"""The competition's tables, read and checked: one clear sentence where a file is not as it must be.

A file in the usual notation is read with its dtypes and checked once. Only where that fails is it
read again as text: blanks around values, other spellings and numbers such as `12.0` are then read
too, and what is still wrong is named, or, with `mend`, its row left out.
"""

import contextlib
import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from player_contact.competition import clock
from player_contact.competition.csv_rows import dialect_of, first_uneven_line, uneven_lines
from player_contact.utils.errors import InputError
from player_contact.utils.files import is_outside, outside_text

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

log = logging.getLogger(__name__)

TIME_DTYPE = "datetime64[ms]"
# Only an empty cell is missing: "n/a" in a number column is a fault. A comma at the end of a line
# makes no index of the first column.
READ_OPTIONS: dict[str, Any] = {
    "keep_default_na": False,
    "na_values": [""],
    "index_col": False,
    "skipinitialspace": True,
}


def read_table(path: Path, schema: "DataFrameSchema", mend: bool = False) -> pd.DataFrame:
    """The schema's columns of a CSV file, checked, in the file's order of rows.

    Raises InputError: the file is missing or no CSV, lacks a column or has it twice, has a line
    with more or fewer values than names, a value of the wrong kind, or two rows with one key. With
    `mend` such rows are left out instead, a faulty measurement is missing, and so is a value that
    differs between two columns of one name; a file that can't be read has no rows. What was lost
    is logged.
    """
    try:
        frame = _read_valid(path, schema)
    except InputError as error:
        if not mend:
            raise
        frame, rows = _read_mended(path, schema)
        if len(frame) < rows or not rows:  # perhaps a stray quote has swallowed lines
            unquoted = _read_mended(path, schema, csv.QUOTE_NONE)
            frame, rows = max((frame, rows), unquoted, key=lambda read: (len(read[0]), read[1]))
        lost = f"{rows - len(frame)} of {rows} rows" if rows else "this table"
        log.warning("%s Going on without %s", error, lost)
    dtypes = {name: column.metadata["dtype"] for name, column in schema.columns.items()}
    times = [name for name, dtype in dtypes.items() if dtype == TIME_DTYPE]
    frame = frame.assign(**{name: clock.to_datetime(frame[name]) for name in times}).astype(dtypes)
    for name, column in schema.columns.items():
        if column.nullable and (missing := frame[name].isna()).any():
            key = _key_text(frame.loc[missing, schema.unique].iloc[0])
            text = "%s: %d rows have no %r: not measured; the first: %s"
            log.warning(text, path.name, missing.sum(), name, key)
    return frame


def empty_table(schema: "DataFrameSchema") -> pd.DataFrame:
    """The schema's columns, with no rows."""
    dtypes = {name: column.metadata["dtype"] for name, column in schema.columns.items()}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def rows_error(path: Path, bad: np.ndarray, text: str) -> InputError:
    """The error of [N] `bad` rows of a file; `text` says what is wrong with the first of them."""
    others = int(bad.sum()) - 1
    more = f" {others} more {'row' if others == 1 else 'rows'} like it." if others else ""
    line = f"{path.name}, line {_line_of(path, bad)}: {text}."
    return InputError(f"{line}{more} Mend or download again: {path}")


def _key_text(key: pd.Series) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items())


def _line_of(path: Path, found: np.ndarray) -> int:
    """The line of the first of the [N] rows of a file that is found."""
    return int(np.argmax(found)) + 2 + dialect_of(path).skiprows


def _read_valid(path: Path, schema: "DataFrameSchema") -> pd.DataFrame:
    from pandera.errors import SchemaError

    header = _read_header(path, schema)
    if missing := [name for name in schema.columns if name not in header]:
        names = ", ".join([*map(repr, header[:8]), *["..."] * (len(header) > 8)])
        raise InputError(
            f"{path.name} has no column {missing[0]!r}; it has {names}. "
            f"Is this the {schema.name} table? ({path})"
        )
    if twice := [name for name in schema.columns if header.count(name) > 1]:
        raise InputError(
            f"{path.name} has {header.count(twice[0])} columns {twice[0]!r}; which is meant? "
            f"Rename or remove the other: {path}"
        )
    if uneven := first_uneven_line(path, header):
        raise InputError(
            f"{path.name}, line {uneven[0]}: it holds {uneven[1]} values, but the header has "
            f"{len(header)} names. Mend or download again: {path}"
        )
    dtypes = {name: _read_dtype(column) for name, column in schema.columns.items()}
    # A value that does not fit raises one of these, or is too large and found by the schema.
    with (
        contextlib.suppress(ValueError, TypeError, OverflowError, SchemaError),
        np.errstate(invalid="ignore", over="ignore"),
    ):
        frame = _read_csv(path, header, usecols=[*dtypes], dtype=dtypes)[[*dtypes]]
        return schema.validate(frame, inplace=True)
    text = _read_csv(path, header, usecols=[*dtypes], dtype="str")[[*dtypes]]
    frame, faults = _parse(text, schema)
    if faults:
        name, bad = next(iter(faults.items()))
        value = text[name].iloc[np.argmax(bad)]
        shown = "empty" if pd.isna(value) else repr(value)[:60]
        expected = schema.columns[name].description
        raise rows_error(path, bad, f"{name!r} is {shown}, expected {expected}")
    keys = frame[schema.unique]
    copies = keys.duplicated().to_numpy()
    if copies.any():
        copy = keys.iloc[np.argmax(copies)]
        key = _key_text(text[schema.unique].iloc[np.argmax(copies)])
        first = _line_of(path, (keys == copy).all(axis=1).to_numpy())
        raise rows_error(path, copies, f"a copy of line {first}, expected one row for {key}")
    return frame


def _read_mended(
    path: Path, schema: "DataFrameSchema", quoting: int = csv.QUOTE_MINIMAL
) -> tuple[pd.DataFrame, int]:
    """The rows without a fault, and how many there were."""
    text, uneven = pd.DataFrame(), []
    options: dict[str, Any] = {"quoting": quoting, "encoding_errors": "replace", "dtype": "str"}
    with contextlib.suppress(InputError):
        header = _read_header(path, schema, **options)
        uneven = [line - 1 for line, _ in uneven_lines(path, header, quoting != csv.QUOTE_NONE)]
        text = _read_csv(path, header, skiprows=uneven, **options)
        if len(uneven) > len(text):  # the header is wrong, and what fits it by chance too
            uneven += [0] * len(text)
            text = text.iloc[:0]
        for name, twin in zip(header, text, strict=True):
            if name in schema.columns and twin != name:
                text[name] = text[name].where(text[name] == text[twin])
    frame, faults = _parse(text.reindex(columns=[*schema.columns]).astype("object"), schema)
    bad_row = np.zeros(len(frame), dtype=bool)
    for name, bad in faults.items():
        if schema.columns[name].nullable:
            frame.loc[bad, name] = np.nan
        else:
            bad_row |= bad
    frame = frame[~bad_row].drop_duplicates(schema.unique).reset_index(drop=True)
    return frame, len(text) + len(uneven)


def _read_header(path: Path, schema: "DataFrameSchema", **options: Any) -> list[str]:
    if not path.is_file():
        raise InputError(f"{path.name} is missing: expected the {schema.name} table at {path}")
    if is_outside(path, path.parent):
        raise InputError(outside_text(path, path.parent))
    first_row = _read_csv(path, nrows=1, header=None, **{"dtype": "str", **options})
    return first_row.iloc[0].fillna("").str.strip().str.lower().tolist()


def _read_csv(
    path: Path, names: list[str] | None = None, skiprows: Sequence[int] = (), **options: Any
) -> pd.DataFrame:
    """A CSV file, with other `names` than its header has; those of a second column are numbered."""
    if names:
        unique = [
            f"{name} {i}" if name in names[:i] or not name else name for i, name in enumerate(names)
        ]
        options = {"header": 0, "names": unique, "usecols": unique, **options}
    encoding, sep, before = dialect_of(path)
    options |= {"encoding": encoding, "sep": sep, "skiprows": {*range(before), *skiprows}}
    try:
        frame = pd.read_csv(path, **READ_OPTIONS, **options)
    except ValueError as error:
        raise InputError(
            f"{path.name} is not a CSV table ({error}). Download it again: {path}"
        ) from None
    if options.get("quoting") == csv.QUOTE_NONE:
        frame = frame.apply(lambda values: values.str.strip('" \t'))
    if sep != "," and options["dtype"] == "str":  # 1,5 is a number then
        frame = frame.apply(lambda values: values.str.replace(",", "."))
    return frame


def _read_dtype(column: Any) -> str:
    """Integers are read wide: pandas 2 lets 257 wrap to 1 in a narrow column."""
    dtype = column.metadata["dtype"]
    return "int64" if dtype.startswith("int") else dtype.replace(TIME_DTYPE, "str")


def _parse(
    text: pd.DataFrame, schema: "DataFrameSchema"
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """A table of text with its numbers parsed, and the columns with faults -> [N] bool bad rows.

    Values lose the blanks around them and get the schema's spelling.
    What is no number, or no integer, becomes infinite, which is out of every range. The checks are
    called one by one: a lazy `validate` of 4 million rows, all bad, takes 5 GB for its report.
    """
    frame, faults = text.copy(), {}
    for name, column in schema.columns.items():
        dtype, spell = _read_dtype(column), column.metadata["spell"]
        values = text[name].str.strip()
        values = frame[name] = values.mask(values == "") if spell is None else spell(values)
        if dtype not in ("category", "str"):
            number = pd.to_numeric(values, errors="coerce").astype("float64")
            bad = number.isna() & values.notna() | (dtype == "int64") & (number % 1 != 0)
            values = frame[name] = number.mask(bad, np.inf)
        bad = values.isna() & (not column.nullable)
        for check in column.checks:
            bad |= ~check(values).check_output
        if bad.any():
            faults[name] = bad.to_numpy()
    return frame, faults
