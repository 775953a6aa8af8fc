"""How a CSV file is written, and lines with more or fewer values than the header has names.

pandas would put each value of such a line under its neighbour's name, or call what it lacks empty,
without a word: so ends a file whose download broke off.
"""

import contextlib
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

MAX_HEADER = 10_000  # bytes


class Dialect(NamedTuple):
    """Encoding, the sign between values, and how many lines stand before the header."""

    encoding: str
    sep: str
    skiprows: int


def dialect_of(path: Path) -> Dialect:
    """As the first bytes and the header tell.

    Spreadsheets write UTF-16, other signs than commas, and a first line `sep=;` too.
    """
    with path.open("rb") as file:
        start = file.read(MAX_HEADER)
    encoding = "utf-8"
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    elif start[:4:2] == b"\0\0":
        encoding = "utf-16-be"
    elif start[1:4:2] == b"\0\0":
        encoding = "utf-16-le"
    lines = re.split(r"\r\n?|\n", start.decode(encoding, errors="replace"))
    first = next((i for i, line in enumerate(lines) if line.strip("\ufeff \t")), 0)
    if told := re.fullmatch(r"\ufeff?\"?sep=([,;\t|])\"?", lines[first].rstrip(" ")):
        return Dialect(encoding, told[1], first + 1)
    return Dialect(encoding, max(",;\t|", key=lines[first].count), first)


def first_uneven_line(path: Path, header: Sequence[str]) -> tuple[int, int] | None:
    """The first line with more or fewer values than the header, and how many it has, or None.

    Empty values and names at the end of a line do not count, nor do empty lines.
    """
    return next(uneven_lines(path, header), None)


def uneven_lines(
    path: Path, header: Sequence[str], quotes: bool = True
) -> Iterator[tuple[int, int]]:
    """All such lines; without `quotes` these are letters like any other."""
    import pyarrow as pa
    from pyarrow import csv

    uneven: list[tuple[int, int]] = []
    encoding, sep, skiprows = dialect_of(path)
    needed = max((number for number, name in enumerate(header, 1) if name), default=0)

    def check_row(row: csv.InvalidRow) -> str:
        values = row.actual_columns - (len(row.text) - len(row.text.rstrip(sep)))
        if row.text.strip() and (values > len(header) or row.actual_columns < needed):
            uneven.append((row.number, values))
        return "skip"

    first_column = csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    parse = csv.ParseOptions(
        delimiter=sep,
        quote_char='"' if quotes else False,
        newlines_in_values=quotes,
        ignore_empty_lines=False,
        invalid_row_handler=check_row,
    )
    # Latin-1 has a letter for every byte: text in other encodings is refused by what reads it.
    encoding = encoding.replace("utf-8", "latin-1")
    read = csv.ReadOptions(
        autogenerate_column_names=True, use_threads=False, encoding=encoding, skip_rows=skiprows
    )
    with (
        contextlib.suppress(ValueError, StopIteration),  # the end, or no text of this encoding
        csv.open_csv(path, read, parse, first_column) as batches,
    ):
        while True:
            yield from uneven
            uneven.clear()
            batches.read_next_batch()
    yield from uneven
