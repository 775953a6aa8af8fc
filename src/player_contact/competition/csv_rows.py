"""Lines of a CSV file with more or fewer values than the header has names.

pandas would put each value under its neighbour's name, or call what a line lacks empty, without a
word: so ends a file whose download broke off.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path


def first_uneven_line(path: Path, header: Sequence[str]) -> tuple[int, int] | None:
    """The first line with more or fewer values than the header, and how many it has, or None.

    Empty values and names at the end of a line do not count, nor do empty lines.
    """
    import pyarrow as pa
    from pyarrow import csv

    uneven: list[tuple[int, int]] = []
    needed = max((number for number, name in enumerate(header, 1) if name), default=0)

    def check_row(row: csv.InvalidRow) -> str:
        values = row.actual_columns - (len(row.text) - len(row.text.rstrip(",")))
        if row.text.strip() and (values > len(header) or row.actual_columns < needed):
            uneven.append((row.number, values))
        return "skip"

    first_column = csv.ConvertOptions(include_columns=["f0"], column_types={"f0": pa.binary()})
    parse = csv.ParseOptions(
        newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=check_row
    )
    # Latin-1 has a letter for every byte: text in other encodings is refused by what reads it.
    read = csv.ReadOptions(autogenerate_column_names=True, use_threads=False, encoding="latin-1")
    with (
        contextlib.suppress(pa.ArrowInvalid, StopIteration),
        csv.open_csv(path, read, parse, first_column) as batches,
    ):
        while not uneven:
            batches.read_next_batch()
    return uneven[0] if uneven else None
