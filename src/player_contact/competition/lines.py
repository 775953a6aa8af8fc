"""Lines of a CSV file that hold more values than its header has names: pandas would put each value under its neighbour's name, in silence."""

import csv
from pathlib import Path

import numpy as np

BLOCK = 1 << 20  # bytes read at a time
COMMA, LINE_END, QUOTE = b',\n"'


def first_long_line(path: Path, columns: int) -> tuple[int, int] | None:
    """The first line with more than so many values, and how many it has; empty values at its end do not count. None where there is no such line.

    A block that has as many commas as it should is taken for good: a line too long beside one too short, which lacks its last values, is not found.
    """
    before, rest = 0, b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            cut = block.rfind(b"\n") + 1
            if QUOTE in block or (b"\r" in block and b"\r" in block.replace(b"\r\n", b"").removesuffix(b"\r")):
                return _first_long_row(path, columns)
            whole, rest = (rest + block[:cut], block[cut:]) if cut else (b"", rest + block)
            values = np.frombuffer(whole, dtype=np.uint8)
            lines = int(np.count_nonzero(values == LINE_END))
            if np.count_nonzero(values == COMMA) != (columns - 1) * lines and (found := _first_long(whole, columns)):
                return before + found[0], found[1]
            before += lines
    found = _first_long(rest + b"\n", columns)
    return (before + found[0], found[1]) if found else None


def _first_long(lines: bytes, columns: int) -> tuple[int, int] | None:
    values = np.frombuffer(lines, dtype=np.uint8)
    ends = np.flatnonzero(values == LINE_END)
    commas = np.diff(np.searchsorted(np.flatnonzero(values == COMMA), ends), prepend=0)
    for number in np.flatnonzero(commas >= columns).tolist():
        row = lines[ends[number - 1] + 1 if number else 0 : ends[number]].rstrip(b"\r").rstrip(b",").split(b",")
        if len(row) > columns:
            return number + 1, len(row)
    return None


def _first_long_row(path: Path, columns: int) -> tuple[int, int] | None:
    """The same for files with quotes, in which a comma or a line's end may be part of a value."""
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                while len(row) > columns and not row[-1]:
                    row.pop()
                if len(row) > columns:
                    return rows.line_num, len(row)
        except csv.Error:  # what is no CSV is refused by what reads it
            return None
    return None
