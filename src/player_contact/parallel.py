"""One function over many plays or folds: in parallel, with progress, and with nothing that was logged lost.

`run_all` gives results in order, and a fault ends it. `run_surviving` gives them as they come, and a fault is the result of its own item alone.
"""

import functools
import itertools
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import joblib

from player_contact.errors import WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)
PACKAGE = logging.getLogger("player_contact")
SECONDS_BETWEEN_LINES = 15
SECONDS_OF_AN_ORPHAN = 0.2


class Elsewhere(Protocol):
    """Workers that are not processes of this one, such as a cluster's."""

    @property
    def here(self) -> int:
        """Processes of this machine, for what no other one can do."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function(item)` for every item, in order; items are taken only a few ahead."""

    def with_gpus(self, count: int) -> "Elsewhere":
        """Those of them that have so many GPUs; all where none has."""


Record = tuple[str, int, str]  # logger, level, message
Workers = int | Elsewhere  # so many processes of this machine, or those


def run_all(function: Callable[[Item], Result], items: Iterable[Item], total: int, what: str, workers: Workers) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order. Items are taken only a few ahead of the workers, so memory stays bounded.

    What workers log is logged here, in the order of the items. A progress bar is shown on a terminal, a line now and then elsewhere. Raises
    WorkerError where a worker's process was ended from outside.
    """
    if workers == 1:
        yield from show_progress((function(item) for item in items), total, what)
        return
    if isinstance(workers, int):
        calls = (joblib.delayed(_recorded_in_own_process)(function, item, os.getpid()) for item in items)
        outcomes = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)(calls)
    else:
        outcomes = workers.map(functools.partial(recorded, function), items)
    try:
        for result, records in show_progress(outcomes, total, what):
            log_records(records)
            yield result
    except BrokenExecutor:
        raise WorkerError(
            f"A process was ended from outside during '{what}', mostly because memory ran out. What was finished is kept: "
            f"run again with fewer WORKERS (there were {workers})"
        ) from None


@dataclass(frozen=True)
class Failure:
    """What became of an item without a result: a sentence's end, such as "IndexError: ..." or "its process died twice"."""

    reason: str


def run_surviving(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, deadline: float = math.inf
) -> Iterator[tuple[Item, Result | Failure]]:
    """Yields every item with `function(item)`, as they finish, or with a Failure where that raised or its process was ended.

    An item is taken when a worker is free for it, so `items` may decide late what comes next. Where a process dies, the items that were under way
    are tried again, one at a time, for nobody knows which of them it was; one whose own process dies twice fails. At the `deadline` (of
    `time.monotonic`) workers are stopped, what was under way fails, and nothing more is taken. With `workers` 0 all happens in this process: nothing
    is stopped, and an end of it ends all.
    """
    queue = iter(items)
    if not workers:
        while time.monotonic() < deadline and (one := list(itertools.islice(queue, 1))):
            yield one[0], _tried(function, one[0])
        return
    whole = False
    try:
        yield from _surviving(function, queue, workers, deadline)
        whole = True
    finally:  # joblib would take these processes for its own, and fail: they are not made the way it makes them
        _executor(workers).shutdown(wait=True, kill_workers=not whole)


def _surviving(function: Callable[[Item], Result], queue: Iterator[Item], workers: int, deadline: float) -> Iterator[tuple[Item, Result | Failure]]:
    running: dict[Future, Item] = {}
    while True:
        while len(running) < workers and time.monotonic() < deadline and (one := list(itertools.islice(queue, 1))):
            running[_submit(function, one[0], workers)] = one[0]
        if not running:
            return
        done, _ = wait(running, timeout=_left(deadline), return_when=FIRST_COMPLETED)
        if not done:
            _executor(workers).shutdown(wait=True, kill_workers=True)
            yield from ((item, Failure("there was no time left")) for item in running.values())
            return
        if any(isinstance(future.exception(), BrokenExecutor) for future in done):
            done = set(running)  # all that was under way is lost with one process; a result that was there already is kept
        ended = [(running.pop(future), _outcome(future)) for future in done]
        lost = sum(outcome is None for _, outcome in ended)
        for item, outcome in ended:  # a death that others shared was perhaps not its own, so it does not count
            yield item, _alone(function, item, deadline, tries=1 if lost == 1 else 2) if outcome is None else outcome


def end_workers() -> None:
    """Ends the processes of this machine that `run_all` keeps for its next call, and what they hold: a network takes a gigabyte of each. The next
    call starts new ones."""
    from joblib.externals.loky import reusable_executor

    if reusable_executor._executor is not None:  # asking for it would make one
        reusable_executor._executor.shutdown(wait=True)


def _tried(function: Callable[[Item], Result], item: Item) -> Result | Failure:
    try:
        return function(item)
    except Exception as error:  # whatever it is, it is the end of one item
        return Failure(f"{type(error).__name__}: {error}")


def _executor(workers: int) -> Any:
    from joblib.externals.loky import get_reusable_executor

    threads = str(max(1, worker_count(0) // workers))
    return get_reusable_executor(workers, timeout=60, env=dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads))


def _submit(function: Callable[[Item], Result], item: Item, workers: int) -> Future:
    try:
        return _executor(workers).submit(_recorded_in_own_process, function, item, os.getpid())
    except BrokenExecutor:  # it broke between two calls; the next one is whole
        return _executor(workers).submit(_recorded_in_own_process, function, item, os.getpid())


def _left(deadline: float) -> float | None:
    return None if math.isinf(deadline) else max(0.0, deadline - time.monotonic())


def _outcome(future: Future) -> Any:
    """The result of a future, or a Failure; None where its process died."""
    try:
        result, records = future.result()
    except BrokenExecutor:
        return None
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}")
    log_records(records)
    return result


def _alone(function: Callable[[Item], Result], item: Item, deadline: float, tries: int) -> Result | Failure:
    """Up to so many tries in a process that no other item shares."""
    for _ in range(tries):
        future = _submit(function, item, 1)
        done, _ = wait([future], timeout=_left(deadline))
        if not done:
            _executor(1).shutdown(wait=True, kill_workers=True)
            return Failure("its process died, and there was no time left for another try")
        outcome = _outcome(future)
        if outcome is not None:
            return outcome
    return Failure("its process died twice; did memory run out?")


def log_records(records: list[Record]) -> None:
    """Logs here what was logged in another process."""
    for name, level, message in records:
        logging.getLogger(name).log(level, "%s", message)


def worker_count(asked: int, threads: int = 1) -> int:
    """`asked` processes; 0 asks for as many as the cores can feed with `threads` each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return asked if asked > 0 else max(1, cores // threads)


def of_this_machine(workers: Workers) -> int:
    """How many processes of this machine do what no other one can."""
    return workers if isinstance(workers, int) else workers.here


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[Record] = []

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


@functools.cache
def end_with_parent(parent: int | None = None) -> None:
    """Ends this worker process soon after the process that it works for, and leaves Ctrl-C to that one.

    When that one is killed, a worker would otherwise finish its item, and write it while the next run is at work in the same folder. It may be gone
    before the worker gets here: whoever knows its number gives it as `parent`.
    """
    parent = parent or os.getppid()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_OF_AN_ORPHAN)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _recorded_in_own_process(function: Callable[[Item], Result], item: Item, parent: int) -> tuple[Result, list[Record]]:
    _may_grow()
    end_with_parent(parent)
    return recorded(function, item)


def recorded(function: Callable[[Item], Result], item: Item) -> tuple[Result, list[Record]]:
    """`function(item)`, and what the package logged meanwhile, for `log_records` in another process."""
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
