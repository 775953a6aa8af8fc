import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from player_contact.boosting.out_of_fold import FoldedTable
from player_contact.cluster import Cluster, connected
from player_contact.errors import ConfigError, WorkerError
from player_contact.files import read_json
from player_contact.parallel import run_all
from player_contact.pipeline import run_pipeline
from player_contact.stages.run import Run
from player_contact.stored import StoredArray
from player_contact.vision.device import loaders_here
from tests.conftest import ROOT

log = logging.getLogger("player_contact.tests")

SAME = ("oof.parquet", "submission.csv", "ladder.json", "folds.csv")


@contextmanager
def program(*words: str) -> Iterator[subprocess.Popen]:
    """A Python program that runs while the block lasts, and sees the tests' modules as this process does."""
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    process = subprocess.Popen([sys.executable, "-m", *words], env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(happened: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def is_written(place: Path) -> bool:
    """Whether a file that another process writes in place is there as a whole."""
    try:
        return bool(read_json(place))
    except (FileNotFoundError, json.JSONDecodeError):
        return False


@contextmanager
def scheduler_process(folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a scheduler, and the process of its own that it runs in."""
    place = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", "--scheduler-file", str(place))
    with program("distributed.cli.dask_scheduler", *words) as process:
        wait_for(lambda: is_written(place))
        yield read_json(place)["address"], process


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler in a process of its own."""
    with scheduler_process(folder) as (address, _):
        yield address


@contextmanager
def workers(address: str, folder: Path, count: int = 2, *others: str, nanny: bool = False) -> Iterator[list[subprocess.Popen]]:
    """So many workers, each a process of its own that nobody starts again, or the child of a nanny."""
    words = ("--nanny" if nanny else "--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder), *others)
    with ExitStack() as stack:
        yield [stack.enter_context(program("distributed.cli.dask_worker", address, *words)) for _ in range(count)]


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[Cluster, list[subprocess.Popen]]]:
    with scheduler(tmp_path) as address, workers(address, tmp_path) as processes:
        wait_for_workers(address, 2)
        with connected(address, 1) as there:
            yield there, processes


def wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def slow_square(number: int) -> int:
    time.sleep(0.2)
    log.info("squaring %d", number)
    return number**2


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too much")
    return number


def die(number: int) -> None:
    os._exit(number)


def test_results_come_in_order_with_what_was_logged(cluster, caplog):
    caplog.set_level(logging.INFO, "player_contact.tests")
    assert list(run_all(slow_square, range(6), 6, "squaring", cluster[0])) == [number**2 for number in range(6)]
    assert [record.getMessage() for record in caplog.records if "squaring" in record.getMessage()] == [f"squaring {number}" for number in range(6)]


def test_items_are_taken_a_few_ahead_and_no_more(cluster):
    taken = []
    results = run_all(slow_square, (taken.append(number) or number for number in range(100)), 100, "squaring", cluster[0])
    next(results)
    assert len(taken) <= 6
    results.close()


def test_a_fault_of_an_item_is_raised_here(cluster):
    with pytest.raises(ValueError, match="three is too much"):
        list(run_all(fail_at_three, range(6), 6, "counting", cluster[0]))


def test_an_item_whose_worker_is_killed_is_done_by_another(cluster):
    there, processes = cluster
    results = run_all(slow_square, range(12), 12, "squaring", there)
    first = next(results)
    processes[0].send_signal(signal.SIGKILL)
    assert [first, *results] == [number**2 for number in range(12)]


def test_an_item_that_kills_its_workers_is_told_in_one_sentence(tmp_path):
    with scheduler(tmp_path) as address, workers(address, tmp_path, 5):
        wait_for_workers(address, 5)
        with connected(address, 1) as there, pytest.raises(WorkerError, match="died at the same item"):
            list(run_all(die, [1], 1, "dying", there))


def test_a_task_for_gpus_goes_to_the_workers_that_have_one(tmp_path):
    with scheduler(tmp_path) as address, workers(address, tmp_path, 1), workers(address, tmp_path, 1, "--resources", "GPU=1") as (with_gpu,):
        wait_for_workers(address, 2)
        with connected(address, 1) as there:
            assert set(there.with_gpus(1).map(own_process, range(4))) == {with_gpu.pid}
            assert there.resources is None
            with pytest.raises(ConfigError, match='no worker of the cluster has so many GPUs: start it with --resources "GPU=2"'):
                there.with_gpus(2)


def own_process(_: int) -> int:
    return os.getpid()


def test_a_cluster_without_a_scheduler_or_without_workers_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("player_contact.cluster.SECONDS_TO_CONNECT", 1)
    with pytest.raises(ConfigError, match="no scheduler answers there"), connected("tcp://127.0.0.1:1", 1):
        pass
    with (
        scheduler(tmp_path) as address,
        pytest.raises(ConfigError, match=f"no workers. Start some: dask worker {address}"),
        connected(address, 1),
    ):
        pass


def test_workers_with_other_code_are_refused(cluster, monkeypatch):
    monkeypatch.setattr("player_contact.cluster.code_hash", lambda: "another")
    address = cluster[0].client.scheduler.address
    with pytest.raises(ConfigError, match="has other code of player_contact"), connected(address, 1):
        pass


def test_workers_that_do_several_items_at_a_time_are_refused(tmp_path):
    with scheduler(tmp_path) as address, workers(address, tmp_path, 1, "--nthreads", "2"):
        wait_for_workers(address, 1)
        with pytest.raises(ConfigError, match=r"several items at a time.*--nthreads 1"), connected(address, 1):
            pass


def test_a_worker_that_came_later_and_is_not_as_the_others_is_refused_too(cluster, tmp_path):
    there, processes = cluster
    with workers(there.client.scheduler.address, tmp_path, 1, "--nthreads", "2"):
        wait_for_workers(there.client.scheduler.address, 3)
        for process in processes:
            process.kill()
        with pytest.raises(ConfigError, match="several items at a time"):
            list(there.map(slow_square, range(4)))


def test_workers_without_this_code_are_told_in_one_sentence(cluster, monkeypatch):
    monkeypatch.setattr("player_contact.cluster._fault_of_worker", knows_nothing)
    with pytest.raises(ConfigError, match="has not this code of player_contact"), connected(cluster[0].client.scheduler.address, 1):
        pass


def knows_nothing(_: str, dask_worker: object) -> str:
    raise ModuleNotFoundError("No module named 'player_contact'")


def test_workers_must_see_the_same_outputs_and_input(cluster, tmp_path, monkeypatch):
    (tmp_path / "train_labels.csv").write_text("contact_id")
    cluster[0].check_storage(tmp_path / "shared", tmp_path)
    assert not list((tmp_path / "shared").iterdir())
    monkeypatch.setattr("player_contact.cluster._look_around", sees_nothing)
    with pytest.raises(ConfigError, match=r"does not see .*Outputs must lie on storage"):
        cluster[0].check_storage(tmp_path / "shared", tmp_path)
    monkeypatch.setattr("player_contact.cluster._look_around", sees_other_files)
    with pytest.raises(ConfigError, match=r"same tables and videos .*Input must lie on storage"):
        cluster[0].check_storage(tmp_path / "shared", tmp_path)


def sees_nothing(probe: Path, data: Path) -> tuple[bool, str]:
    return False, data.name


def sees_other_files(probe: Path, data: Path) -> tuple[bool, str]:
    return True, str(os.getpid())


def test_a_scheduler_that_dies_is_told_in_one_sentence(tmp_path):
    with scheduler_process(tmp_path) as (address, process), workers(address, tmp_path, 1):
        wait_for_workers(address, 1)
        with connected(address, 1) as there:
            results = there.map(slow_square, range(50))
            next(results)
            process.kill()
            with pytest.raises(WorkerError, match=r"scheduler is gone.*run again"):
                list(results)


def test_without_a_worker_left_others_are_waited_for_but_not_for_ever(cluster, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("player_contact.cluster.SECONDS_BETWEEN_LOOKS", 0.5)
    there, processes = cluster
    results = there.map(slow_square, range(8))
    next(results)
    for process in processes:
        process.kill()
    wait_for(lambda: not there.size)
    with workers(there.client.scheduler.address, tmp_path, 1) as (late,):
        assert next(results) == 1
        monkeypatch.setattr("player_contact.cluster.SECONDS_WITHOUT_WORKERS", 1)
        late.kill()
        with pytest.raises(WorkerError, match=r"no worker left.*start some"):
            list(results)
    assert "no worker left that could go on" in caplog.text


def test_a_worker_that_may_have_no_children_prepares_its_stretches_itself(tmp_path):
    with scheduler(tmp_path) as address, workers(address, tmp_path, 1, nanny=True):
        wait_for_workers(address, 1)
        with connected(address, 1) as there:
            assert list(there.map(loaders_here, [3])) == [0]
    assert loaders_here(3) > 0


def test_a_table_travels_without_the_features_that_lie_on_disk(tmp_path):
    np.save(tmp_path / "part.npy", np.arange(20_000, dtype=np.float32).reshape(-1, 4))
    parts = [StoredArray(tmp_path / "part.npy"), np.ones((3, 4), dtype=np.float32)]
    sent = pickle.dumps(FoldedTable(parts, np.array([0, 1]), {"a": 0}, np.ones(5_003, dtype=bool), np.zeros(5_003, dtype=bool)))
    assert len(sent) < 20_000  # of 80,000 bytes


def test_a_run_on_two_workers_of_which_one_is_killed_has_the_bytes_of_one_process(cluster, finished_run, tmp_path):
    there, processes = cluster
    run = Run(finished_run.config, finished_run.input, tmp_path / "run", there, simulated=True)

    def kill_one() -> None:
        wait_for(lambda: [path for path in run.folder.glob(".crops-*.partial/crops/[!.]*") if path.is_dir()], 300)
        processes[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    run_pipeline(run)
    killer.join()
    assert processes[0].poll() is not None
    for name in (*SAME, *(path.relative_to(finished_run.folder) for path in (finished_run.folder / "bundle").rglob("*") if path.is_file())):
        assert (run.folder / name).read_bytes() == (finished_run.folder / name).read_bytes(), name
