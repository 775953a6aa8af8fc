"""How a CSV file is written, and lines with more or fewer values than the header has names.

pandas would put each value of such a line under its neighbour's name, or call what it lacks empty,
without a word: so ends a file whose download broke off.
"""

import contextlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MAX_HEADER = 10_000  # bytes


class Dialect(NamedTuple):
    """Encoding, and the sign between values."""

    encoding: str
    sep: str


def dialect_of(path: Path) -> Dialect:
    """As the first bytes and the header tell: spreadsheets write UTF-16, semicolons or tabs too."""
    with path.open("rb") as file:
        start = file.read(MAX_HEADER)
    encoding = "utf-16" if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
    header = start.decode(encoding, errors="replace").partition("\n")[0]
    return Dialect(encoding, max(",;\t", key=header.count))


def first_uneven_line(path: Path, header: Sequence[str]) -> tuple[int, int] | None:
    """The first line with more or fewer values than the header, and how many it has, or None.

    Empty values and names at the end of a line do not count, nor do empty lines.
    """
    import pyarrow as pa
    from pyarrow import csv

    uneven: list[tuple[int, int]] = []
    encoding, sep = dialect_of(path)
    needed = max((number for number, name in enumerate(header, 1) if name), default=0)

    def check_row(row: csv.InvalidRow) -> str:
        values = row.actual_columns - (len(row.text) - len(row.text.rstrip(sep)))
        if row.text.strip() and (values > len(header) or row.actual_columns < needed):
            uneven.append((row.number, values))
        return "skip"

    first_column = csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    parse = csv.ParseOptions(
        delimiter=sep,
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=check_row,
    )
    # Latin-1 has a letter for every byte: text in other encodings is refused by what reads it.
    encoding = encoding.replace("utf-8", "latin-1")
    read = csv.ReadOptions(autogenerate_column_names=True, use_threads=False, encoding=encoding)
    with (
        contextlib.suppress(pa.ArrowInvalid, StopIteration),
        csv.open_csv(path, read, parse, first_column) as batches,
    ):
        while not uneven:
            batches.read_next_batch()
    return uneven[0] if uneven else None
