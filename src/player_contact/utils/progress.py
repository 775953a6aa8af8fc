"""Progress of long work: a bar on a terminal or in a notebook, otherwise a log line at times."""

import io
import logging
import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 15


class _LogLines(io.StringIO):
    """A file whose lines are logged."""

    def write(self, text: str) -> int:
        if line := text.strip():
            log.info("%s", line)
        return len(text)


def progress_bar(items: Iterable | None, total: int, description: str) -> "tqdm":
    """A bar to iterate over, or to `update()` after each of `total` items."""
    with warnings.catch_warnings(action="ignore"):  # in notebooks without ipywidgets: a text bar
        from tqdm.auto import tqdm

    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        return tqdm(items, description, total, leave=False, dynamic_ncols=True)
    tqdm.monitor_interval = 0  # no thread that would write between two items
    return tqdm(
        items,
        description,
        total,
        leave=False,
        file=_LogLines(),
        delay=SECONDS_BETWEEN_LINES,
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format="{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left",
    )
