import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from player_contact.errors import WorkerError
from player_contact.parallel import Failure, end_workers, progress, run_all, run_surviving, show_progress, worker_count
from tests.conftest import ROOT

log = logging.getLogger("player_contact.tests")


def square(number: int) -> int:
    """The later the item, the sooner it is done; says what it does."""
    time.sleep(0.05 * (4 - number % 5))
    log.info("squaring %d", number)
    return number**2


def wait(number: int) -> int:
    time.sleep(0.03)
    return number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too much")
    return number


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def workers(request):
    return request.param


def test_results_come_in_the_order_of_the_items(workers):
    assert list(run_all(square, range(5), 5, "squares", workers)) == [0, 1, 4, 9, 16]


def test_what_is_logged_arrives_in_the_order_of_the_items(workers, caplog):
    with caplog.at_level(logging.INFO):
        list(run_all(square, range(5), 5, "squares", workers))
    assert [record.getMessage() for record in caplog.records if record.name == log.name] == [f"squaring {number}" for number in range(5)]


def test_an_error_of_one_item_reaches_the_caller_as_it_is(workers):
    with pytest.raises(ValueError, match="three is too much"):
        list(run_all(fail_at_three, range(5), 5, "numbers", workers))


def finish(path) -> None:
    time.sleep(0.03)
    path.touch()


def test_items_are_taken_only_a_few_ahead_of_the_workers(workers, tmp_path):
    ahead = []

    def items():
        for number in range(60):
            ahead.append(number - len(list(tmp_path.iterdir())))  # whoever reads the results may be late, on a busy machine
            yield tmp_path / str(number)

    assert len(list(run_all(finish, items(), 60, "numbers", workers))) == len(ahead) == 60
    assert max(ahead) <= 12 * workers


def test_no_items_no_results(workers):
    assert list(run_all(square, [], 0, "nothing", workers)) == []


@pytest.mark.parametrize("asked", [1, 3])
def test_a_number_of_workers_that_was_asked_for_is_used(asked):
    assert worker_count(asked) == asked


def test_zero_asks_for_as_many_as_the_cores_can_feed():
    cores = worker_count(0)
    assert cores >= 1
    assert worker_count(0, threads=2) == max(1, cores // 2)
    assert worker_count(0, threads=1000) == 1


def test_what_takes_long_says_how_far_it_is(caplog, monkeypatch):
    monkeypatch.setattr("player_contact.parallel.SECONDS_BETWEEN_LINES", 0)
    with caplog.at_level(logging.INFO), progress(3, "plays") as advance:
        for _ in range(3):
            time.sleep(0.01)
            advance()
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(",")[0] for line in lines] == ["plays: 1 of 3", "plays: 2 of 3"]
    assert lines[0].endswith("s left")


def test_what_is_done_at_once_says_nothing(caplog):
    with caplog.at_level(logging.INFO):
        assert list(show_progress(range(100), 100, "numbers")) == list(range(100))
    assert not caplog.records


def grow(number: int) -> int:
    """Keeps 200 MB more, as a process does that has loaded a network, and tells which process it is."""
    vars(log).setdefault("kept", []).append(np.ones(200_000_000, dtype=np.uint8))  # a logger stays as long as its process
    time.sleep(1.1)
    return os.getpid()


def test_a_worker_that_grows_is_not_stopped():
    processes = list(run_all(grow, range(9), 9, "growing", 2))
    assert len(set(processes)) <= 2


def own_number(_: int) -> int:
    return os.getpid()


def test_ended_workers_are_gone_with_what_they_held_and_others_follow():
    before = set(run_all(own_number, range(4), 4, "numbers", 2))
    end_workers()
    assert not any(psutil.pid_exists(number) for number in before)
    assert not before & set(run_all(own_number, range(4), 4, "numbers", 2))
    end_workers()
    end_workers()  # where there are none


def die_at_three(number: int) -> int:
    """As where the system kills a process that takes too much memory."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def die_once(path) -> str:
    """Dies the first time that it is asked."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def fall_beside_another_and_once_alone(path) -> str:
    """`culprit` dies as soon as `bystander` runs, twice; the bystander dies with it, then once more by itself."""
    runs = path.with_suffix(".runs")
    with runs.open("a") as file:
        file.write(".")
    if path.name == "bystander" and len(runs.read_text()) == 1:
        time.sleep(60)
    while path.name == "culprit" and not path.with_name("bystander.runs").exists():
        time.sleep(0.01)
    if len(runs.read_text()) <= 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_killed_process_ends_a_run_in_order_with_one_sentence():
    with pytest.raises(WorkerError, match=r"ended from outside during 'numbers', mostly because memory ran out.*fewer WORKERS \(there were 2\)"):
        list(run_all(die_at_three, range(6), 6, "numbers", 2))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_item_that_raises_is_a_failure_and_the_others_are_done(workers):
    outcomes = dict(run_surviving(fail_at_three, range(6), workers))
    assert outcomes.pop(3) == Failure("ValueError: three is too much")
    assert outcomes == {number: number for number in (0, 1, 2, 4, 5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_kills_its_process_twice_is_a_failure_and_the_others_are_done(workers):
    outcomes = dict(run_surviving(die_at_three, range(6), workers))
    assert outcomes.pop(3) == Failure("its process died twice; did memory run out?")
    assert outcomes == {number: number for number in (0, 1, 2, 4, 5)}


def test_an_item_whose_process_dies_once_is_done_at_the_second_try(tmp_path):
    items = [tmp_path / str(number) for number in range(3)]
    assert dict(run_surviving(die_once, items, 2)) == {item: item.name for item in items}


def test_the_death_of_another_item_is_no_try_of_ones_own(tmp_path):
    items = [tmp_path / "bystander", tmp_path / "culprit"]
    assert dict(run_surviving(fall_beside_another_and_once_alone, items, 2)) == {item: item.name for item in items}


def test_work_in_order_may_follow_work_that_nothing_stops():
    assert sorted(result for _, result in run_surviving(square, range(5), 2)) == [0, 1, 4, 9, 16]
    assert list(run_all(square, range(5), 5, "squares", 2)) == [0, 1, 4, 9, 16]


WRITING = """
import signal
import sys
from pathlib import Path
from player_contact.parallel import run_all, run_surviving
from tests.test_parallel import write_late
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
items = [Path(sys.argv[2]), Path(sys.argv[3])]
list(run_all(write_late, items, 2, "writing", 2) if sys.argv[1] == "in order" else run_surviving(write_late, items, 2))
"""


def write_late(path) -> None:
    """Says that it began, and writes what it was asked for only later."""
    path.with_suffix(".began").touch()
    time.sleep(4)
    path.touch()


@pytest.mark.alone
@pytest.mark.parametrize(("way", "interrupted"), [("in order", False), ("in order", True), ("surviving", True)])
def test_workers_end_with_the_process_that_they_work_for(tmp_path, way, interrupted):
    """One that went on alone would write into the folder in which the next run is at work."""
    paths = [tmp_path / "one", tmp_path / "other"]
    words = [sys.executable, "-c", WRITING, way, *map(str, paths)]
    main = subprocess.Popen(words, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True)
    while not all(path.with_suffix(".began").exists() for path in paths):
        assert main.poll() is None
        time.sleep(0.05)
    if interrupted:
        time.sleep(0.2)
        os.killpg(main.pid, signal.SIGINT)  # as a terminal does: to all of them
    else:
        main.kill()
    started = time.monotonic()
    _, said = main.communicate()
    assert time.monotonic() - started < 3.5, "it waited for its workers"
    assert "LokyProcess" not in said
    time.sleep(5)
    assert not any(path.exists() for path in paths)


def test_what_survives_is_logged_once(caplog):
    with caplog.at_level(logging.INFO):
        list(run_surviving(square, range(5), 2))
    assert sorted(record.getMessage() for record in caplog.records if record.name == log.name) == [f"squaring {number}" for number in range(5)]


def test_an_item_is_taken_when_a_worker_is_free_for_it_and_not_before():
    taken = []

    def items():
        for number in range(6):
            taken.append(number)
            yield number

    ahead = [len(taken) - done for done, _ in enumerate(run_surviving(wait, items(), 2))]
    assert max(ahead) <= 2


def test_at_the_deadline_workers_are_stopped_and_nothing_more_is_taken():
    started = time.monotonic()
    outcomes = dict(run_surviving(sleep, iter([0.01, 30.0, 31.0, 32.0]), 2, deadline=started + 6))  # two processes start from nothing first
    assert time.monotonic() - started < 10
    assert outcomes == {0.01: 0.01, 30.0: Failure("there was no time left"), 31.0: Failure("there was no time left")}


def test_a_worker_whose_process_was_gone_before_it_began_ends_too():
    code = f"import time; from player_contact.parallel import end_with_parent; end_with_parent({2**30}); time.sleep(60)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30, check=False).returncode == 1
