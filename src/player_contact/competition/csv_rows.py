"""Lines of a CSV file with more values than the header has names.

pandas would put each value under its neighbour's name without a word.
"""

import contextlib
from pathlib import Path


def first_long_line(path: Path, columns: int) -> tuple[int, int] | None:
    """The first line with more than `columns` values, and how many it has, or None.

    Empty values at the end of a line do not count.
    """
    import pyarrow as pa
    from pyarrow import csv

    long: list[tuple[int, int]] = []

    def check_row(row: csv.InvalidRow) -> str:
        values = row.actual_columns - (len(row.text) - len(row.text.rstrip(",")))
        if values > columns:
            long.append((row.number, values))
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
        while not long:
            batches.read_next_batch()
    return long[0] if long else None
