"""One function over many plays or folds, in parallel, with progress and every log line.

`parallel_map` gives results in order, and an error ends it. `fault_tolerant_map` gives results as
they come, and an error, or the death of a process, is the result of its own item alone.
"""

import functools
import itertools
import logging
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from player_contact.utils.errors import WorkerError
from player_contact.utils.log_capture import captured
from player_contact.utils.process_pools import (
    ProcessPoolExecutor,
    cpu_count,
    end_workers,
    kill_pool,
    shared_pool,
    start_processes,
)
from player_contact.utils.progress import progress_bar

if TYPE_CHECKING:
    from player_contact.utils.dask_cluster import Cluster

Item = TypeVar("Item")
Result = TypeVar("Result")
Record = tuple[str, int, str]  # logger, level, message

QUEUED, AHEAD = 2, 8  # items a process: not done yet, and with the results that nobody took yet
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

    Items are taken only a few ahead of the workers, so memory stays bounded. Where no process can
    be started, this one does the work. Raises WorkerError where one was ended from outside.
    """
    if not isinstance(workers, int):
        outcomes = workers.map(functools.partial(capture_logs, function), items)
    elif pool := shared_pool(workers):
        outcomes = _map_in_order(pool, function, items)
    else:
        yield from progress_bar(map(function, items), total, description)
        return
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


def _map_in_order(
    pool: ProcessPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Result, list[Record]]]:
    """Yields results with what was logged; the processes are killed where it ends too early."""
    queue, pending, size = iter(items), deque[Future](), pool._max_workers
    try:
        while True:
            running = [future for future in pending if not future.done()]
            has_room = len(running) < QUEUED * size and len(pending) < AHEAD * size
            if has_room and (taken := list(itertools.islice(queue, 1))):
                pending.append(_submit(pool, function, taken[0]))
            elif not pending:
                return
            elif pending[0].done():
                yield pending.popleft().result()
            else:
                wait(running, return_when=FIRST_COMPLETED)
    except BaseException:
        kill_pool(pool)
        raise


@dataclass(frozen=True)
class Failure:
    """Why an item has no result, such as "IndexError: ..." or "its process died twice"."""

    reason: str


class ProcessTeam:
    """Up to `count` processes for one `fault_tolerant_map` after another: what they imported and
    loaded stays.

    Started when first needed, and killed with the block. With a `count` of 0 there are none. Where
    not all can be started, the next map does not wait for the others again.
    """

    def __init__(self, count: int) -> None:
        self.count, self._stack = count, ExitStack()
        self._free: list[ProcessPoolExecutor] = []
        self._startable = count

    def __enter__(self) -> "ProcessTeam":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def free(self) -> list[ProcessPoolExecutor]:
        """The processes, those that died started anew; who takes one from the list puts it back."""
        self._free += self.start(self._startable - len(self._free))
        self._startable = len(self._free)
        return self._free

    def start(self, count: int = 1) -> list[ProcessPoolExecutor]:
        """Up to so many more, each a pool of its own: where one dies, its item is known."""
        return start_processes(self._stack, count, self.count) if count > 0 else []


def fault_tolerant_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | ProcessTeam,
    deadline: float = math.inf,
    patience: Callable[[], float] = lambda: math.inf,
    second_try: Callable[[Item], Result] | None = None,
) -> Iterator[tuple[Item, Result | Failure]]:
    """Yields every item with `function(item)` or a Failure, as they finish.

    An item is taken when a worker is free for it, so `items` may decide late what comes next. An
    item whose process dies gets a second try, of `second_try` if given; one that is not done after
    `patience()` seconds fails, and its process is killed. At the `deadline` (of `time.monotonic`)
    all processes are killed, what they worked on fails, and nothing more is taken. With `workers`
    0, or where no process can be started, all happens in this one, where nothing can be stopped.
    """
    if isinstance(workers, int):
        with ProcessTeam(workers) as team:
            yield from fault_tolerant_map(function, items, team, deadline, patience, second_try)
        return
    team, queue = workers, iter(items)
    again = second_try or function

    def next_items() -> list[Item]:
        """The next item, if there is one and time is left."""
        return list(itertools.islice(queue, 1)) if time.monotonic() < deadline else []

    if team.count:
        end_workers()  # of `parallel_map`, which would hold their memory beside these
    running: dict[Future, tuple[ProcessPoolExecutor, Item, int]] = {}
    began: dict[Future, float] = {}
    untried: list[Item] = []

    def begin(
        pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item, tries: int
    ) -> Future:
        now = time.monotonic()  # taken first: the process may be far before this one goes on
        future = _submit_or_fail(pool, function, item)
        running[future], began[future] = (pool, item, tries), now
        return future

    free = team.free() if time.monotonic() < deadline else []
    try:
        while True:
            while free and (taken := next_items()):
                future = begin(pool := free.pop(), function, taken[0], 1)
                if future.done() and isinstance(future.exception(), BrokenExecutor):
                    running[future] = pool, taken[0], 0  # the process died between two items
            stop_at = min([deadline, *(began[future] + patience() for future in running)])
            seconds = None if math.isinf(stop_at) else max(0.0, stop_at - time.monotonic())
            done, _ = wait(running, seconds, FIRST_COMPLETED)
            for future in done:
                pool, item, tries = running.pop(future)
                del began[future]
                if isinstance(future.exception(), BrokenExecutor):
                    started = team.start()
                    if started and tries < MAX_TRIES:
                        begin(started[0], again if tries else function, item, tries + 1)
                        continue
                    if not tries:
                        untried.append(item)
                        continue
                    free += started
                    twice = "twice" if started else "and no other could be started"
                    yield item, Failure(f"its process died {twice}; did memory run out?")
                else:
                    free.append(pool)
                    yield item, _attempt(_result, future)
            if time.monotonic() >= deadline and not done:
                break
            now = time.monotonic()
            hung = [f for f in running if not f.done() and now >= began[f] + patience()]
            for future in hung:
                pool, item, _ = running.pop(future)
                del began[future]
                kill_pool(pool)
                free += team.start()
                yield item, Failure(f"nothing came of it for {patience():.0f} s")
            if not (done or hung or running):
                break
    finally:
        for pool, *_ in running.values():
            kill_pool(pool)
    for _, item, tries in running.values():
        died = "its process died, and " if tries > 1 else ""
        yield item, Failure(f"{died}there was no time left")
    for item in untried:
        in_time = time.monotonic() < deadline
        yield item, _attempt(function, item) if in_time else Failure("there was no time left")
    while taken := next_items():  # what no process was there for
        yield taken[0], _attempt(function, taken[0])


def _submit_or_fail(
    pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item
) -> Future:
    """The future of the item, one that failed where the pool's process has died already."""
    try:
        return _submit(pool, function, item)
    except BrokenExecutor as error:
        future: Future = Future()
        future.set_exception(error)
        return future


def _submit(pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item) -> Future:
    return pool.submit(capture_logs, function, item)


def _attempt(function: Callable[[Item], Result], item: Item) -> Result | Failure:
    try:
        return function(item)
    except Exception as error:  # whatever it is, it concerns one item
        return Failure(f"{type(error).__name__}: {error}")


def _result(future: Future) -> Any:
    result, records = future.result()
    replay_logs(records)
    return result


def worker_count(count: int, threads: int = 1) -> int:
    """`count` processes; for 0 as many as the cores can feed with `threads` each."""
    return count if count > 0 else max(1, cpu_count() // threads)


def local_workers(workers: Workers) -> int:
    """How many processes of this machine do what no other one can."""
    return workers if isinstance(workers, int) else workers.local_processes


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
