import logging
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from player_contact.utils import parallel
from player_contact.utils.errors import WorkerError
from player_contact.utils.parallel import (
    Failure,
    ProcessTeam,
    end_workers,
    fault_tolerant_map,
    parallel_map,
    worker_count,
)
from tests.conftest import ROOT
from tests.utils.worker_functions import (
    die_at_three,
    die_once,
    die_or_count_runs,
    fail_at_three,
    finish,
    grow,
    log,
    process_id,
    sleep,
    square,
    wait,
)

pytestmark = pytest.mark.slow


def logged(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == log.name]


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def workers(request):
    return request.param


def test_results_come_in_the_order_of_the_items(workers):
    assert list(parallel_map(square, range(5), 5, "squares", workers)) == [0, 1, 4, 9, 16]


def test_logs_arrive_in_the_order_of_the_items(workers, caplog):
    with caplog.at_level(logging.INFO):
        list(parallel_map(square, range(5), 5, "squares", workers))
    assert logged(caplog) == [f"squaring {number}" for number in range(5)]


def test_an_error_reaches_the_caller_as_it_is(workers):
    with pytest.raises(ValueError, match="three is too much"):
        list(parallel_map(fail_at_three, range(5), 5, "numbers", workers))


def test_items_are_taken_only_a_few_ahead_of_the_workers(workers, tmp_path):
    ahead = []

    def items():
        for number in range(60):
            ahead.append(
                number - len(list(tmp_path.iterdir()))
            )  # the reader of results may be late
            yield tmp_path / str(number)

    assert len(list(parallel_map(finish, items(), 60, "numbers", workers))) == len(ahead) == 60
    assert max(ahead) <= 12 * workers


def test_without_items_there_are_no_results(workers):
    assert list(parallel_map(square, [], 0, "nothing", workers)) == []


def test_a_given_number_of_workers_is_used():
    assert [worker_count(1), worker_count(3)] == [1, 3]


def test_zero_workers_are_as_many_as_the_cores_can_feed():
    cores = worker_count(0)
    assert cores >= 1
    assert worker_count(0, threads=2) == max(1, cores // 2)
    assert worker_count(0, threads=1000) == 1


def test_a_worker_that_grows_is_not_stopped():
    processes = list(parallel_map(grow, range(5), 5, "growing", 2))
    assert len(set(processes)) <= 2


def test_ended_workers_are_gone_and_others_follow():
    before = set(parallel_map(process_id, range(4), 4, "numbers", 2))
    end_workers()
    assert not any(psutil.pid_exists(number) for number in before)
    assert not before & set(parallel_map(process_id, range(4), 4, "numbers", 2))
    end_workers()
    end_workers()  # where there are none


def test_a_killed_process_ends_a_run_in_one_sentence():
    sentence = r"ended from outside during 'numbers', mostly .*fewer WORKERS \(there were 2\)"
    with pytest.raises(WorkerError, match=sentence):
        list(parallel_map(die_at_three, range(6), 6, "numbers", 2))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_item_that_raises_fails_alone(workers):
    outcomes = dict(fault_tolerant_map(fail_at_three, range(6), workers))
    assert outcomes.pop(3) == Failure("ValueError: three is too much")
    assert outcomes == {number: number for number in (0, 1, 2, 4, 5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_kills_its_process_twice_fails_alone(workers):
    outcomes = dict(fault_tolerant_map(die_at_three, range(6), workers))
    assert outcomes.pop(3) == Failure("its process died twice; did memory run out?")
    assert outcomes == {number: number for number in (0, 1, 2, 4, 5)}


def test_an_item_whose_process_dies_once_is_tried_again(tmp_path):
    items = [tmp_path / str(number) for number in range(3)]
    assert dict(fault_tolerant_map(die_once, items, 2)) == {item: item.name for item in items}


def test_the_second_try_may_be_another(tmp_path):
    items = [tmp_path / str(number) for number in range(2)]
    outcomes = dict(fault_tolerant_map(die_once, items, 1, second_try=str))
    assert outcomes == {item: str(item) for item in items}


def test_an_item_that_hangs_fails_alone():
    taken = []
    items = (taken.append(seconds) or seconds for seconds in (0.01, 600, 0.02))
    outcomes = dict(
        fault_tolerant_map(sleep, items, 1, patience=lambda: 1.0 if taken[-1] == 600 else 300.0)
    )
    assert outcomes == {0.01: 0.01, 600: Failure("nothing came of it for 1 s"), 0.02: 0.02}


def test_the_death_of_a_process_disturbs_no_other_item(tmp_path):
    bystander, culprit = tmp_path / "bystander", tmp_path / "culprit"
    assert dict(fault_tolerant_map(die_or_count_runs, [bystander, culprit], 2)) == {
        bystander: 1,
        culprit: Failure("its process died twice; did memory run out?"),
    }


def kill_process_of(pool) -> None:
    """And waits until the pool has noticed."""
    os.kill(*pool._processes, signal.SIGKILL)
    wait_until(lambda: pool._flags.broken)


@pytest.mark.parametrize("replaced", [True, False])
def test_a_process_that_dies_between_two_items_loses_none(monkeypatch, replaced):
    start_processes, pools = parallel.start_processes, []

    def start(*args):
        started = start_processes(*args) if replaced or not pools else []
        pools.extend(started)
        return started

    def items():
        yield 2
        kill_process_of(pools[0])
        yield from (5, 6)

    monkeypatch.setattr(parallel, "start_processes", start)
    assert dict(fault_tolerant_map(square, items(), 1)) == {2: 4, 5: 25, 6: 36}


def test_an_item_that_lost_its_process_fails_once_time_is_over(monkeypatch):
    start_processes, pools, now = parallel.start_processes, [], [0.0]

    def start(*args):
        if pools:
            now[0] = 1e6
            return []
        pools.extend(start_processes(*args))
        return list(pools)

    def items():
        kill_process_of(pools[0])
        yield 5

    monkeypatch.setattr(parallel, "start_processes", start)
    monkeypatch.setattr(parallel, "time", SimpleNamespace(monotonic=lambda: now[0]))
    outcomes = fault_tolerant_map(square, items(), 1, deadline=1e5)
    assert dict(outcomes) == {5: Failure("there was no time left")}


def test_both_maps_may_follow_each_other():
    squares = [0, 1, 4, 9, 16]
    for _ in range(2):
        assert sorted(result for _, result in fault_tolerant_map(square, range(5), 2)) == squares
        assert list(parallel_map(square, range(5), 5, "squares", 2)) == squares


def test_a_team_works_for_one_map_after_another_and_ends_with_its_block():
    with ProcessTeam(2) as team:
        ids = [{pid for _, pid in fault_tolerant_map(process_id, range(9), team)} for _ in range(3)]
        assert len(set.union(*ids)) <= 2
        assert all(map(psutil.pid_exists, ids[-1]))
    assert not any(map(psutil.pid_exists, set.union(*ids)))


def test_what_a_team_works_on_ends_with_its_map_and_the_next_one_has_all_processes():
    with ProcessTeam(2) as team:
        outcomes = fault_tolerant_map(sleep, [0.01, 600], team)
        assert next(outcomes) == (0.01, 0.01)
        before = set(psutil.Process().children())
        outcomes.close()
        (killed,) = before - set(psutil.Process().children())
        assert dict(fault_tolerant_map(square, range(5), team)) == {n: n**2 for n in range(5)}
        assert len(set(psutil.Process().children()) - (before - {killed})) == 1


def test_what_fault_tolerant_workers_log_is_logged_once(caplog):
    with caplog.at_level(logging.INFO):
        list(fault_tolerant_map(square, range(5), 2))
    assert sorted(logged(caplog)) == [f"squaring {number}" for number in range(5)]


def test_an_item_is_taken_only_when_a_worker_is_free():
    taken = []
    items = (taken.append(number) or number for number in range(6))
    ahead = [len(taken) - done for done, _ in enumerate(fault_tolerant_map(wait, items, 2))]
    assert max(ahead) <= 2


@pytest.mark.parametrize("workers", [0, 2])
def test_after_the_deadline_nothing_is_taken_and_what_runs_fails(workers, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(parallel, "time", SimpleNamespace(monotonic=lambda: now[0]))
    outcomes = {}
    for item, outcome in fault_tolerant_map(sleep, iter([0.01, 600, 601]), workers, deadline=1e5):
        outcomes[item] = outcome
        now[0] = 1e6
    assert outcomes.pop(0.01) == 0.01
    assert outcomes == ({600: Failure("there was no time left")} if workers else {})


@pytest.mark.parametrize("way", ["parallel_map", "fault_tolerant_map"])
@pytest.mark.parametrize("interrupted", [False, True], ids=["killed", "Ctrl-C"])
def test_workers_end_with_the_process_that_started_them(tmp_path, way, interrupted):
    """One that went on alone would write into the folder in which the next run works."""
    paths = [tmp_path / "one", tmp_path / "other"]
    command = [sys.executable, "-c", PARENT, way, *map(str, paths)]
    with subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as main:
        wait_until(lambda: all(path.exists() and path.read_text() for path in paths))
        workers = [psutil.Process(int(path.read_text())) for path in paths]
        if interrupted:
            os.killpg(main.pid, signal.SIGINT)  # as a terminal does: to all of them
        else:
            main.kill()
        _, errors = main.communicate(timeout=600)
    assert "LokyProcess" not in errors
    assert not psutil.wait_procs(workers, timeout=600)[1]


PARENT = """
import signal
import sys
from pathlib import Path
from player_contact.utils import parallel
from tests.utils.worker_functions import write_pid_and_hang
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has it ignored
items = [Path(path) for path in sys.argv[2:]]
words = (2, "writing", 2) if sys.argv[1] == "parallel_map" else (2,)
list(getattr(parallel, sys.argv[1])(write_pid_and_hang, items, *words))
"""


@pytest.mark.parametrize("way", ["error", "close", "Ctrl-C"])
def test_an_early_end_leaves_no_traceback_on_the_terminal(way):
    command = [sys.executable, "-c", EARLY_END, way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (f"ended by {way}\n", "", 0)


EARLY_END = """
import os
import signal
import sys
from player_contact.utils.errors import InputError
from player_contact.utils.parallel import parallel_map
from tests.utils.worker_functions import fail_at_two, wait
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has it ignored
way = sys.argv[1]
results = parallel_map(fail_at_two if way == "error" else wait, range(100), 100, "numbers", 2)
try:
    for number in results:
        if number == 2 and way == "close":
            break
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
    results.close()
except (InputError, KeyboardInterrupt):
    results.close()
print("ended by", way)
"""


def wait_until(condition) -> None:
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_worker_whose_parent_is_gone_already_ends_too():
    code = "from player_contact.utils.process_pools import exit_with_parent, time\n"
    code += f"exit_with_parent({2**30})\ntime.sleep(600)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 1
