"""What of damaged tables can be used, for where going on is worth more than being right: hidden data, of which nobody can mend a row."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import tables
from player_contact.competition.links import leads_out
from player_contact.errors import InputError

log = logging.getLogger(__name__)


def read_mended(path: Path, table: tables.Table) -> pd.DataFrame:
    """The table without the rows that have a fault; a measurement that is none is not known, and a table that is missing or can't be read at all is
    empty. What was lost is logged."""
    try:
        return tables.read_table(path, table)
    except InputError as error:
        fault = str(error)
    try:
        if leads_out(path, path.parent):
            raise OSError
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # values under their neighbours' names are worth nothing
            frame = pd.read_csv(path, dtype="str", on_bad_lines="skip", encoding_errors="replace", **tables.READING)
    except (OSError, ValueError, pd.errors.ParserWarning):  # pandas' own errors are ValueErrors
        frame = pd.DataFrame()
    rows = len(frame)
    frame = frame.reindex(columns=list(table.fields)).astype("str")
    for name, field in table.fields.items():
        if field.dtype in ("category", "str"):
            good = frame[name].isin(list(field.allowed)) if field.allowed else frame[name].str.fullmatch(field.pattern or ".*", na=False)
        else:
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
            good = frame[name].between(field.low, field.high)
            if field.dtype.startswith("int"):
                good &= frame[name] % 1 == 0
        if field.optional_value:
            frame.loc[~good, name] = np.nan
        else:
            frame = frame[good]
    frame = frame.drop_duplicates(list(table.key)).reset_index(drop=True)
    log.warning("%s Going on without %d of %d rows", fault, rows - len(frame), rows)
    return frame.astype({name: field.dtype for name, field in table.fields.items()})


def with_times(frame: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """The rows in which all `columns` are times; how many others there were is logged."""
    known = frame[list(columns)].apply(lambda text: pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").notna()).all(axis=1)
    if not known.all():
        log.warning("%s: %d rows have no true time. Going on without them", path.name, int((~known).sum()))
    return frame[known].reset_index(drop=True)
