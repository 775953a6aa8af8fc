"""Starts processes, as many as the system allows: where it allows none, the caller is told so."""

import contextlib
import functools
import logging
import os
import signal
import threading
import time
import warnings
from concurrent.futures import Future, wait
from contextlib import ExitStack
from typing import Any

with warnings.catch_warnings(action="ignore"):  # where there is no shared memory
    from joblib.externals.loky import (
        ProcessPoolExecutor,
        cpu_count,
        get_reusable_executor,
        process_executor,
        reusable_executor,
    )

log = logging.getLogger(__name__)

# Where memory, shared memory or threads are short, where processes are limited or forbidden, and
# where a new one dies at once.
CANT_START = (OSError, RuntimeError, ImportError)
ORPHAN_CHECK_SECONDS = 0.2
START_SECONDS = 180  # until new processes must have answered; loaded machines take tens
IDLE_SECONDS = 300  # after which a process that waits for the next call ends


def shared_pool(workers: int) -> ProcessPoolExecutor | None:
    """The processes that live from call to call; half as many, and so on, where they can't start.

    None where that leaves this process alone.
    """
    count, give_up = workers, time.monotonic() + START_SECONDS
    while count > 1:
        pool = None
        try:
            pool = get_reusable_executor(count, timeout=IDLE_SECONDS, **_options(count))
            if error := _start_error(pool, pool.submit(_answer), give_up):
                raise error
            return pool
        except CANT_START as error:
            if pool is not None:
                kill_pool(pool)
            count //= 2
            _warn_once(workers, count if count > 1 else 0, _reason(error))
    return None


def end_workers() -> None:
    """Ends the processes of `shared_pool`, and frees their memory."""
    if reusable_executor._executor is not None:  # the public function would start them
        reusable_executor._executor.shutdown(wait=True)


def start_processes(stack: ExitStack, count: int, workers: int) -> list[ProcessPoolExecutor]:
    """Up to `count` pools of one process, killed with the stack: those that lack of `workers`, each
    of which has its share of the cores."""
    pools: dict[Future, ProcessPoolExecutor] = {}
    errors: list[BaseException] = []
    give_up = time.monotonic() + START_SECONDS
    try:
        for _ in range(count):
            pool = ProcessPoolExecutor(1, **_options(workers))
            stack.callback(kill_pool, pool)
            pools[pool.submit(_answer)] = pool
    except CANT_START as error:
        errors.append(error)
    errors += filter(None, (_start_error(pool, future, give_up) for future, pool in pools.items()))
    started = [pool for future, pool in pools.items() if future.done() and not future.exception()]
    if errors:
        _warn_once(workers, workers - count + len(started), _reason(errors[0]))
    return started


def _answer() -> None:
    """The first work of a new process."""


def _start_error(pool: ProcessPoolExecutor, future: Future, give_up: float) -> BaseException | None:
    """Waits until a new pool did its first work; what went wrong, if anything did by `give_up`."""
    while not wait([future], timeout=1).done:
        if time.monotonic() > give_up:
            return TimeoutError(f"nothing came of a new process for {START_SECONDS} s")
        if not pool._executor_manager_thread.is_alive():  # it had no thread to feed the processes
            return RuntimeError("can't start new thread")
    return future.exception()


def kill_pool(pool: ProcessPoolExecutor) -> None:
    """Kills the processes of a pool, those too that it started before something failed to start."""
    processes = list(pool._processes.values())
    with pool._work_ids.mutex:  # or loky's thread looks for items that the shutdown took away
        pool._work_ids.queue.clear()
    with contextlib.suppress(RuntimeError):  # where its own thread did not start
        pool.shutdown(kill_workers=True)
    for process in processes:
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()


def _options(workers: int) -> dict[str, Any]:
    """Of a pool: its processes end with this one, and each has its share of the cores."""
    threads = str(max(1, cpu_count() // workers))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: os.environ.get(name, threads) for name in names}
    return {"env": environment, "initializer": _begin, "initargs": (os.getpid(),)}


def _begin(parent: int) -> None:
    # loky stops a worker that grew by 300 MB, with its next item already taken, and the run may
    # hang (joblib issue 869). What a worker holds is bounded by one play or one fold.
    process_executor._USE_PSUTIL = False
    exit_with_parent(parent)


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


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@functools.cache
def _warn_once(wanted: int, started: int, reason: str) -> None:
    log.warning(
        "%d of %d processes could be started (%s); going on with %s. Mostly the shared memory, "
        "/dev/shm, is missing, full or read-only, or the number of processes is limited",
        started,
        wanted,
        reason,
        "those" if started else "this one",
    )
