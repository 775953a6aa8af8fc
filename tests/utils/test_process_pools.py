import errno
import os
import signal
import time
from contextlib import ExitStack
from functools import partial

import psutil
import pytest
from joblib.externals.loky.backend.process import LokyProcess
from joblib.externals.loky.backend.queues import Queue

from player_contact.utils import process_pools
from player_contact.utils.parallel import (
    Failure,
    ProcessTeam,
    end_workers,
    fault_tolerant_map,
    parallel_map,
)

ERRORS = [
    OSError(errno.ENOSPC, "No space left on device"),  # of the shared memory
    OSError(errno.EROFS, "Read-only file system"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    OSError(errno.ENOSYS, "Function not implemented"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    PermissionError(errno.EPERM, "Operation not permitted"),
    RuntimeError("can't start new thread"),
    ImportError("This platform lacks a functioning sem_open implementation"),
]


@pytest.fixture(autouse=True)
def _new_processes():
    """None are left of other tests, and what was said once is said again."""
    end_workers()
    process_pools._warn_once.cache_clear()
    yield
    end_workers()


@pytest.fixture
def allow(monkeypatch):
    """Lets only so many processes live at a time; what would be one more raises."""

    def limit(count: int, error: BaseException = ERRORS[0]) -> None:
        start, started = LokyProcess.start, list[LokyProcess]()

        def start_or_raise(process: LokyProcess) -> None:
            if sum(one.is_alive() for one in started) >= count:
                raise error
            started.append(process)
            start(process)

        monkeypatch.setattr(LokyProcess, "start", start_or_raise)

    return limit


def process_id(_: int) -> int:
    return os.getpid()


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_zero(number: int) -> int:
    return number or die()


def ordered(workers: int) -> list[int]:
    return list(parallel_map(process_id, range(6), 6, "numbers", workers))


def tolerant(workers: int) -> list[int]:
    return [result for _, result in fault_tolerant_map(process_id, range(6), workers)]


def children() -> list[psutil.Process]:
    """The worker processes that live."""
    processes = psutil.Process().children()
    return [one for one in processes if any("popen_loky" in word for word in one.cmdline())]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error).split("]")[-1].strip())
@pytest.mark.parametrize("map_", [ordered, tolerant])
def test_where_no_process_starts_this_one_does_the_work(allow, caplog, map_, error):
    allow(0, error)
    for _ in range(2):
        assert map_(3) == [os.getpid()] * 6
    (message,) = (line for line in caplog.messages if "could be started" in line)
    assert message.startswith(f"0 of 3 processes could be started ({type(error).__name__}: {error}")
    assert "going on with this one" in message


@pytest.mark.parametrize("map_", [ordered, tolerant])
def test_where_shared_memory_fails_this_one_does_the_work(monkeypatch, caplog, map_):
    def fail(*_: object, **__: object) -> None:
        raise ERRORS[0]

    monkeypatch.setattr("joblib.externals.loky.backend.synchronize._SemLock", fail)
    assert map_(2) == [os.getpid()] * 6
    assert "Mostly the shared memory, /dev/shm, is missing, full" in caplog.text


def test_as_many_processes_work_as_can_be_started(allow, caplog):
    allow(2)
    processes = set(tolerant(4))
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    assert "2 of 4 processes could be started" in caplog.text


def test_processes_that_can_not_be_started_are_not_asked_for_again(allow, caplog):
    allow(2)
    with ProcessTeam(4) as team:
        for _ in range(2):
            assert len(list(fault_tolerant_map(process_id, range(6), team))) == 6
        assert len(children()) == 2
    (message,) = (line for line in caplog.messages if "could be started" in line)
    assert message.startswith("2 of 4 processes could be started")


def test_where_a_dead_process_is_not_replaced_the_others_are_counted(allow, caplog):
    def items():
        allow(0)  # two have been started
        yield from range(3)

    assert len(list(fault_tolerant_map(die_at_zero, items(), 2))) == 3
    assert "1 of 2 processes could be started" in caplog.text


def test_after_the_deadline_no_process_is_started():
    with ProcessTeam(1) as team:
        assert not list(fault_tolerant_map(process_id, [1], team, deadline=0.0))
        assert not children()


def test_where_not_all_can_be_started_half_as_many_work(allow, caplog):
    allow(3)
    assert os.getpid() not in ordered(4)
    assert len(children()) == 2
    assert "2 of 4 processes could be started" in caplog.text
    assert "going on with those" in caplog.text


def test_processes_that_started_before_one_failed_are_ended(allow):
    allow(1)
    ordered(2)
    assert children() == []


@pytest.mark.parametrize("map_", [ordered, tolerant])
def test_where_every_new_process_dies_this_one_does_the_work(monkeypatch, caplog, map_):
    monkeypatch.setattr(process_pools, "_options", lambda _: {"initializer": die})
    assert map_(2) == [os.getpid()] * 6
    assert "0 of 2 processes could be started (TerminatedWorkerError" in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("map_", [ordered, tolerant])
def test_a_pool_that_gets_no_thread_is_not_waited_for(monkeypatch, map_):
    def fail(_: Queue) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Queue, "_start_thread", fail)
    assert map_(2) == [os.getpid()] * 6


def test_where_no_dead_process_is_replaced_this_one_goes_on(allow):
    def items():
        allow(0)  # the one process has been started
        yield from range(3)

    died = "its process died and no other could be started; did memory run out?"
    outcomes = dict(fault_tolerant_map(die_at_zero, items(), 1))
    assert outcomes == {0: Failure(died), 1: 1, 2: 2}


@pytest.mark.slow
def test_a_process_that_does_not_answer_is_not_waited_for_for_ever(monkeypatch, caplog):
    """Nor each of several after the other: the first work of these takes an hour."""
    monkeypatch.setattr(process_pools, "START_SECONDS", 3)
    monkeypatch.setattr(process_pools, "_answer", partial(time.sleep, 3600))
    started = time.monotonic()
    with ExitStack() as stack:
        assert not process_pools.start_processes(stack, 3, 3)
    assert 3 < time.monotonic() - started < 9
    assert "TimeoutError: nothing came of a new process for 3 s" in caplog.text
    assert no_worker_is_left()


def no_worker_is_left() -> bool:
    return not [c for c in psutil.Process().children() if "LokyProcess" in " ".join(c.cmdline())]
