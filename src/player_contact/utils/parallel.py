"""One function over many plays or folds, in parallel, with progress and every log line.

`parallel_map` gives results in order, and an error ends it. `fault_tolerant_map` gives results as
they come, and an error, or the death of a process, is the result of its own item alone.
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
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import joblib
from joblib.externals.loky import ProcessPoolExecutor, process_executor, reusable_executor

from player_contact.utils.errors import WorkerError
from player_contact.utils.log_capture import captured
from player_contact.utils.progress import progress_bar

if TYPE_CHECKING:
    from player_contact.utils.dask_cluster import Cluster

Item = TypeVar("Item")
Result = TypeVar("Result")
Record = tuple[str, int, str]  # logger, level, message

ORPHAN_CHECK_SECONDS = 0.2
MAX_TRIES = 2  # of an item whose process dies
Workers: TypeAlias = "int | Cluster"  # processes of this machine, or the workers of a cluster


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    total: int,
    description: str,
    workers: Workers,
) -> Iterator[Result]:
    """Yields `function(item)` for every item, in order, and logs here what workers log.

    Items are taken only a few ahead of the workers, so memory stays bounded. Raises WorkerError
    where a process was ended from outside.
    """
    if workers == 1:
        yield from progress_bar(map(function, items), total, description)
        return
    if isinstance(workers, int):
        calls = (joblib.delayed(_run_in_worker)(function, item, os.getpid()) for item in items)
        pool = joblib.Parallel(
            workers, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1
        )
        outcomes = pool(calls)
    else:
        outcomes = workers.map(functools.partial(capture_logs, function), items)
    try:
        processes = workers if isinstance(workers, int) else workers.size
        for result, records in progress_bar(outcomes, total, description, processes):
            replay_logs(records)
            yield result
    except BrokenExecutor:
        raise WorkerError(
            f"A process was ended from outside during '{description}', mostly because memory ran "
            "out. What was finished is kept: run again with fewer WORKERS "
            f"(there were {workers})"
        ) from None


def end_workers() -> None:
    """Ends the processes that `parallel_map` keeps for its next call, and frees their memory."""
    if reusable_executor._executor is not None:  # the public function would start them
        reusable_executor._executor.shutdown(wait=True)


@dataclass(frozen=True)
class Failure:
    """Why an item has no result, such as "IndexError: ..." or "its process died twice"."""

    reason: str


def fault_tolerant_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    deadline: float = math.inf,
) -> Iterator[tuple[Item, Result | Failure]]:
    """Yields every item with `function(item)` or a Failure, as they finish.

    An item is taken when a worker is free for it, so `items` may decide late what comes next. An
    item whose process dies gets a second try. At the `deadline` (of `time.monotonic`) processes
    are killed, what they worked on fails, and nothing more is taken. With `workers` 0 all happens
    in this process, where nothing can be stopped.
    """
    queue = iter(items)

    def next_items() -> list[Item]:
        """The next item, if there is one and time is left."""
        return list(itertools.islice(queue, 1)) if time.monotonic() < deadline else []

    while not workers and (taken := next_items()):
        yield taken[0], _attempt(function, taken[0])
    if workers:
        end_workers()  # of `parallel_map`, which would hold their memory beside these
    # A pool for each process: where one dies, its item is known.
    running: dict[Future, tuple[ProcessPoolExecutor, Item, int]] = {}
    with ExitStack() as stack:
        free = [_start_process(stack, workers) for _ in range(workers)]
        while True:
            while free and (taken := next_items()):
                pool = free.pop()
                try:
                    future = _submit(pool, function, taken[0])
                except BrokenExecutor:  # the process died between two items
                    pool = _start_process(stack, workers)
                    future = _submit(pool, function, taken[0])
                running[future] = (pool, taken[0], 1)
            seconds = None if math.isinf(deadline) else max(0.0, deadline - time.monotonic())
            done, _ = wait(running, seconds, FIRST_COMPLETED)
            for future in done:
                pool, item, tries = running.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    pool = _start_process(stack, workers)
                    if tries < MAX_TRIES:
                        running[_submit(pool, function, item)] = (pool, item, tries + 1)
                        continue
                free.append(pool)
                yield item, _attempt(_result, future)
            if not done:
                break
    for _, item, tries in running.values():
        died = "its process died, and " if tries > 1 else ""
        yield item, Failure(f"{died}there was no time left")


def _start_process(stack: ExitStack, workers: int) -> ProcessPoolExecutor:
    """A pool of one process with its share of the cores, killed when the stack is closed."""
    threads = str(max(1, worker_count(0) // workers))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    pool = ProcessPoolExecutor(1, env=dict.fromkeys(names, threads))
    stack.callback(pool.shutdown, kill_workers=True)
    return pool


def _submit(pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item) -> Future:
    return pool.submit(_run_in_worker, function, item, os.getpid())


def _attempt(function: Callable[[Item], Result], item: Item) -> Result | Failure:
    try:
        return function(item)
    except BrokenExecutor:
        return Failure("its process died twice; did memory run out?")
    except Exception as error:  # whatever it is, it concerns one item
        return Failure(f"{type(error).__name__}: {error}")


def _result(future: Future) -> Any:
    result, records = future.result()
    replay_logs(records)
    return result


def worker_count(count: int, threads: int = 1) -> int:
    """`count` processes; for 0 as many as the cores can feed with `threads` each."""
    return count if count > 0 else max(1, joblib.cpu_count() // threads)


def local_workers(workers: Workers) -> int:
    """How many processes of this machine do what no other one can."""
    return workers if isinstance(workers, int) else workers.local_processes


def _run_in_worker(
    function: Callable[[Item], Result], item: Item, parent: int
) -> tuple[Result, list[Record]]:
    # loky stops a worker that grew by 300 MB, with its next item already taken, and the run may
    # hang (joblib issue 869). What a worker holds is bounded by one play or one fold.
    process_executor._USE_PSUTIL = False
    exit_with_parent(parent)
    return capture_logs(function, item)


@functools.cache
def exit_with_parent(parent: int | None = None) -> None:
    """Ends this worker process soon after its parent, and leaves Ctrl-C to that one.

    A worker would otherwise finish its item after its parent was killed, and write it while the
    next run works in the same folder. `parent` is for where it may be gone already.
    """
    parent = parent or os.getppid()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def capture_logs(function: Callable[[Item], Result], item: Item) -> tuple[Result, list[Record]]:
    """`function(item)`, and what the package logged, for `replay_logs` in another process."""
    records: list[Record] = []

    def keep(record: logging.LogRecord) -> None:
        if getattr(record, "live", False):  # printed at once, such as an epoch of a long training
            print(record.getMessage(), file=sys.stderr, flush=True)
        else:
            records.append((record.name, record.levelno, record.getMessage()))

    with captured(keep, propagate=False):
        return function(item), records


def replay_logs(records: list[Record]) -> None:
    """Logs here what was logged in another process."""
    for name, level, message in records:
        logging.getLogger(name).log(level, "%s", message)
