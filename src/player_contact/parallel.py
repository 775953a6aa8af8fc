"""One function over many plays or folds: in parallel, in order, with progress, and with nothing that was logged lost."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)
PACKAGE = logging.getLogger("player_contact")
SECONDS_BETWEEN_LINES = 15


def run_all(function: Callable[[Item], Result], items: Iterable[Item], total: int, what: str, workers: int) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order. Items are taken only a few ahead of the workers, so memory stays bounded.

    What workers log is logged here, in the order of the items. A progress bar is shown on a terminal, a line now and then elsewhere.
    """
    if workers == 1:
        yield from show_progress((function(item) for item in items), total, what)
        return
    calls = (joblib.delayed(_recorded)(function, item) for item in items)
    outcomes = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)(calls)
    for result, records in show_progress(outcomes, total, what):
        for name, level, message in records:
            logging.getLogger(name).log(level, "%s", message)
        yield result


def worker_count(asked: int, threads: int = 1) -> int:
    """`asked` processes; 0 asks for as many as the cores can feed with `threads` each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return asked if asked > 0 else max(1, cores // threads)


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "live", False):  # said while it happens, such as an epoch of an hour's training
            print(record.getMessage(), file=sys.stderr, flush=True)
            return
        self.records.append((record.name, record.levelno, record.getMessage()))


def _may_grow() -> None:
    """Tells the worker's pool not to stop it for growing by 300 MB, as it does where psutil is installed: a worker that holds a network is stopped
    with the next item already taken, and the run may hang (joblib issue 869). What a worker holds is bounded by one play or one fold."""
    from joblib.externals.loky import process_executor

    if hasattr(process_executor, "_USE_PSUTIL"):
        process_executor._USE_PSUTIL = False


def _recorded(function: Callable[[Item], Result], item: Item) -> tuple[Result, list[tuple[str, int, str]]]:
    _may_grow()
    recorder = _Recorder()
    PACKAGE.addHandler(recorder)
    PACKAGE.setLevel(logging.INFO)
    propagate, PACKAGE.propagate = PACKAGE.propagate, False
    try:
        return function(item), recorder.records
    finally:
        PACKAGE.removeHandler(recorder)
        PACKAGE.propagate = propagate


def show_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yields the items and shows progress as `progress` does."""
    with progress(total, what) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each of `total` steps: a bar with a rate and the time left on a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("  {task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
        return
    start = shown = time.monotonic()
    done = 0

    def advance() -> None:
        nonlocal shown, done
        done += 1
        now = time.monotonic()
        if now - shown > SECONDS_BETWEEN_LINES and done < total:
            shown = now
            rate = done / (now - start)
            log.info("%s: %d of %d, %.2g a second, %.0f s left", what, done, total, rate, (total - done) / rate)

    yield advance
