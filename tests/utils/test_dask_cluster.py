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
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.utils import dask_cluster
from player_contact.utils.dask_cluster import Cluster, connected
from player_contact.utils.errors import ConfigError, WorkerError
from player_contact.utils.files import read_json
from player_contact.utils.npy_array import NpyArray
from player_contact.utils.parallel import parallel_map
from player_contact.vision.device import limit_num_workers
from tests.conftest import ROOT
from tests.utils.worker_functions import fail_at_three, log, process_id, slow_square

pytestmark = pytest.mark.slow


COMPARED = ("oof.parquet", "submission.csv", "scores.json", "folds.csv")
SQUARES = [number**2 for number in range(12)]


@contextmanager
def program(*words: str, **settings: str) -> Iterator[subprocess.Popen]:
    """A Python program that imports the tests' modules and runs while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], object], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def is_written(path: Path) -> bool:
    """Whether a JSON file that another process writes in place is complete."""
    try:
        return bool(read_json(path))
    except (FileNotFoundError, json.JSONDecodeError):
        return False


@contextmanager
def scheduler(folder: Path, **settings: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a scheduler, and its process."""
    path = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    with program(
        "distributed.cli.dask_scheduler", *words, "--scheduler-file", str(path), **settings
    ) as process:
        wait_for(lambda: is_written(path))
        yield read_json(path)["address"], process


@contextmanager
def workers(
    address: str, folder: Path, count: int = 1, *more: str, nanny: bool = False, expected: int = 0
) -> Iterator[list[subprocess.Popen]]:
    """Workers of a scheduler, which then has `expected` ones; nobody starts a dead one again."""
    from distributed import Client

    words = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    command = ("distributed.cli.dask_worker", address, "--nanny" if nanny else "--no-nanny", *words)
    with ExitStack() as stack:
        processes = [stack.enter_context(program(*command, *more)) for _ in range(count)]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(expected or count, timeout=600)
        yield processes


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[Cluster, list[subprocess.Popen]]]:
    with (
        scheduler(folder) as (address, _),
        workers(address, folder, 2) as processes,
        connected(address, 1) as connection,
    ):
        yield connection, processes


@pytest.fixture(scope="module")
def lasting_cluster(tmp_path_factory) -> Iterator[Cluster]:
    """For tests that leave its workers alive."""
    with two_workers(tmp_path_factory.mktemp("cluster")) as (connection, _):
        yield connection


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[Cluster, list[subprocess.Popen]]]:
    with two_workers(tmp_path) as found:
        yield found


def test_results_and_logs_come_in_order(lasting_cluster, caplog):
    caplog.set_level(logging.INFO, log.name)
    assert list(parallel_map(slow_square, range(6), 6, "squares", lasting_cluster)) == SQUARES[:6]
    logged = [record.getMessage() for record in caplog.records if record.name == log.name]
    assert logged == [f"squaring {number}" for number in range(6)]


def test_items_are_taken_a_few_ahead_and_no_more(lasting_cluster):
    taken = []
    items = (taken.append(number) or number for number in range(100))
    results = parallel_map(slow_square, items, 100, "squares", lasting_cluster)
    next(results)
    assert len(taken) <= 6
    results.close()


def test_an_error_of_an_item_is_raised_here(lasting_cluster):
    with pytest.raises(ValueError, match="three is too much"):
        list(parallel_map(fail_at_three, range(6), 6, "numbers", lasting_cluster))


def test_an_item_that_kills_its_workers_is_an_error(tmp_path):
    with (
        scheduler(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1") as (address, _),
        workers(address, tmp_path, 2),
        connected(address, 1) as connection,
        pytest.raises(WorkerError, match="died at the same item"),
    ):
        list(parallel_map(os._exit, [1], 1, "dying", connection))


def test_a_task_for_gpus_goes_to_a_worker_that_has_one(tmp_path):
    with (
        scheduler(tmp_path) as (address, _),
        workers(address, tmp_path),
        workers(address, tmp_path, 1, "--resources", "GPU=1", expected=2) as (with_gpu,),
        connected(address, 1) as connection,
    ):
        assert set(connection.with_gpus(1).map(process_id, range(4))) == {with_gpu.pid}
        assert connection.resources is None
        with pytest.raises(ConfigError, match='as many GPUs: start it with --resources "GPU=2"'):
            connection.with_gpus(2)


def test_without_gpus_all_workers_are_taken(lasting_cluster):
    assert lasting_cluster.with_gpus(2) is lasting_cluster


def test_without_a_scheduler_there_is_no_cluster(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(ConfigError, match="no scheduler answers there"),
        connected("tcp://127.0.0.1:1", 1),
    ):
        pass


def assert_refused(address: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence), connected(address, 1):
        pass


def test_a_cluster_without_workers_or_with_those_of_several_items_is_refused(tmp_path):
    with scheduler(tmp_path) as (address, _):
        assert_refused(address, f"no workers. Start some: dask worker {address}")
        with workers(address, tmp_path, 1, "--nthreads", "2"):
            assert_refused(address, r"several items at a time.*--nthreads 1")


def test_workers_with_other_code_are_refused(lasting_cluster, monkeypatch):
    monkeypatch.setattr(dask_cluster, "package_hash", lambda: "another")
    assert_refused(lasting_cluster.client.scheduler.address, "has other code of player_contact")


def knows_nothing(_: str, dask_worker: object) -> str:
    raise ModuleNotFoundError("No module named 'player_contact'")


def test_workers_without_this_code_are_refused(lasting_cluster, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_worker_fault", knows_nothing)
    assert_refused(lasting_cluster.client.scheduler.address, "has not this code of player_contact")


def test_a_worker_that_came_later_is_refused_too(tmp_path):
    with (
        scheduler(tmp_path) as (address, _),
        workers(address, tmp_path) as (first,),
        connected(address, 1) as connection,
        workers(address, tmp_path, 1, "--nthreads", "2", expected=2),
    ):
        first.kill()
        with pytest.raises(ConfigError, match="several items at a time"):
            list(connection.map(slow_square, range(4)))


def no_outputs(probe: Path, data: Path, expected_hash: str) -> str:
    return dask_cluster._storage_fault(probe.with_name("missing"), data, expected_hash)


def other_data(probe: Path, data: Path, expected_hash: str) -> str:
    return dask_cluster._storage_fault(probe, data, "another")


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (no_outputs, r"does not see .*Outputs must lie on storage"),
        (other_data, r"same tables and videos .*Input must lie on storage"),
    ],
)
def test_workers_must_see_the_same_storage(lasting_cluster, tmp_path, monkeypatch, check, sentence):
    (tmp_path / "train_labels.csv").write_text("contact_id")
    lasting_cluster.check_storage(tmp_path / "shared", tmp_path)
    monkeypatch.setattr(dask_cluster, "_storage_fault", check)
    with pytest.raises(ConfigError, match=sentence):
        lasting_cluster.check_storage(tmp_path / "shared", tmp_path)
    assert not list((tmp_path / "shared").iterdir())


def test_a_changed_size_or_name_is_other_data(tmp_path):
    def data_hash(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        digest = dask_cluster._data_hash(tmp_path)
        path.unlink()
        return digest

    same = data_hash("a.csv", "12")
    assert data_hash("a.csv", "34") == same
    assert same not in (data_hash("a.csv", "123"), data_hash("b.csv", "12"))


def test_a_scheduler_that_dies_is_an_error(tmp_path):
    with (
        scheduler(tmp_path) as (address, process),
        workers(address, tmp_path),
        connected(address, 1) as connection,
    ):
        results = connection.map(slow_square, range(50))
        next(results)
        process.kill()
        with pytest.raises(WorkerError, match=r"scheduler is gone.*run again"):
            list(results)


def test_other_and_new_workers_take_over_and_are_not_waited_for_for_ever(
    cluster, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(dask_cluster, "POLL_SECONDS", 0.5)
    connection, (first, other) = cluster
    results = connection.map(slow_square, range(12))
    done = [next(results)]
    first.kill()
    done += [next(results) for _ in range(4)]
    other.kill()
    wait_for(lambda: not connection.size)
    with workers(connection.client.scheduler.address, tmp_path) as (late,):
        done += [next(results) for _ in range(4)]
        assert done == SQUARES[:9]
        monkeypatch.setattr(dask_cluster, "MAX_SECONDS_WITHOUT_WORKERS", 1)
        late.kill()
        with pytest.raises(WorkerError, match=r"no worker left.*start some"):
            list(results)
    assert "no worker left that could go on" in caplog.text


def test_a_worker_without_children_loads_its_clips_itself(tmp_path):
    with (
        scheduler(tmp_path) as (address, _),
        workers(address, tmp_path, nanny=True),
        connected(address, 1) as connection,
    ):
        assert list(connection.map(limit_num_workers, [3])) == [0]
    assert limit_num_workers(3) > 0


def test_a_table_travels_without_the_features_on_disk(tmp_path):
    np.save(tmp_path / "part.npy", np.arange(20_000, dtype=np.float32).reshape(-1, 4))
    parts = [NpyArray(tmp_path / "part.npy"), np.ones((3, 4), dtype=np.float32)]
    label, ground = np.ones(5_003, dtype=bool), np.zeros(5_003, dtype=bool)
    table = FoldedTable(parts, np.array([0, 1]), {"a": 0}, label, ground)
    assert len(pickle.dumps(table)) < 20_000  # of 80,000 bytes


def test_a_run_on_workers_of_which_one_dies_gives_the_same_bytes(cluster, finished_run, tmp_path):
    connection, processes = cluster
    run = Run(finished_run.config, finished_run.input, tmp_path / "run", connection, simulated=True)

    def kill_one() -> None:
        folders = ".crops-*.partial/crops/[!.]*/"
        wait_for(lambda: list(run.folder.glob(folders)))
        processes[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    run_pipeline(run)
    killer.join()
    assert processes[0].poll() is not None
    files = [path for path in (finished_run.folder / "bundle").rglob("*") if path.is_file()]
    for path in (*(finished_run.folder / name for name in COMPARED), *files):
        name = path.relative_to(finished_run.folder)
        assert (run.folder / name).read_bytes() == path.read_bytes(), name
