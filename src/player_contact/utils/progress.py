"""Progress of long work: a bar on a terminal or in a notebook, otherwise a log line at times."""

import io
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 60
STAGE_LINE = re.compile(r"(\w+) +\d+:\d\d  ")  # as `stage_line` begins
RECENT = 8  # items of each worker whose time stands for that of those to come


def stage_line(name: str, seconds: float, text: str) -> str:
    """What is printed of a stage that has ended: its name, minutes and seconds, and the text."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{name:<11}{minutes:>3}:{rest:02}  {text}"


class _LogLines(io.StringIO):
    """A file whose lines are logged."""

    def write(self, text: str) -> int:
        if line := text.strip():
            log.info("%s", line)
        return len(text)


def progress_bar(items: Iterable | None, total: int, description: str, workers: int = 1) -> "tqdm":
    """A bar to iterate over, or to `update()` after each of `total` items.

    The time left takes it that `workers` do one item each at a time.
    """
    bar = _bar_class()
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        return bar(items, description, total, workers=workers, leave=False, dynamic_ncols=True)
    bar.monitor_interval = 0  # no thread that would write between two items
    return bar(
        items,
        description,
        total,
        workers=workers,
        leave=False,
        file=_LogLines(),
        delay=SECONDS_BETWEEN_LINES,
        mininterval=SECONDS_BETWEEN_LINES,
        miniters=1,
        bar_format="{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left",
    )


def seconds_left(times: Sequence[float], workers: int, total: int, now: float) -> float:
    """Until the last of `total` items ends; exact where all take equally long.

    `times` holds the start of the work once for each worker, and then the end of each item, when
    its worker begins another one. The first item of each worker, which had to start, counts only
    until the later ones have taken as long.
    """
    done = len(times) - workers
    first = max(0, done - RECENT * workers)
    if done > workers:
        warm = times[2 * workers - 1]
        if times[-1] - warm >= warm - times[0]:
            first = max(first, workers)
    each = (sum(times[workers + first :]) - sum(times[first:done])) / (done - first)
    rounds, item = divmod(total - done - 1, workers)
    return max(0.0, times[done + item] + (rounds + 1) * each - now)


@cache
def _bar_class() -> "type[tqdm]":
    with warnings.catch_warnings(action="ignore"):  # in notebooks without ipywidgets: a text bar
        from tqdm.auto import tqdm

    class Bar(tqdm):
        """With the time left of `seconds_left`: tqdm's takes items for one after another."""

        def __init__(self, *args: Any, workers: int, **options: Any) -> None:
            self.workers, self.times = workers, list[float]()
            super().__init__(*args, **options)

        def __iter__(self) -> Iterator:
            with self:
                for item in self.iterable:
                    yield item
                    self.update()

        def update(self, n: float | None = 1) -> bool | None:
            self.times = self.times or [self.start_t] * self.workers
            self.times += [self._time()] * int(n or 0)
            return super().update(n)

        @property
        def format_dict(self) -> dict[str, Any]:
            values = super().format_dict
            if len(self.times) > self.workers and self.n < self.total:
                left = seconds_left(self.times, self.workers, self.total, self._time())
                values["rate"] = (self.total - self.n) / max(left, 1e-3)
            return values

    return Bar
