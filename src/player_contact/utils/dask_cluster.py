"""The workers of a Dask scheduler in place of this machine's processes.

They need the same code, and the same folders at the same paths. Items are submitted to Dask
itself: joblib's Dask backend scatters them to single workers, and loses those of one that dies.
"""

import dataclasses
import functools
import hashlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import player_contact
from player_contact.utils.errors import ConfigError, WorkerError

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20
POLL_SECONDS = 10  # between checks that a worker is left
MAX_SECONDS_WITHOUT_WORKERS = 600
ITEMS_PER_WORKER = 2  # submitted at a time: none waits for its next one, and memory stays bounded


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a scheduler that have what `resources` names, such as `{"GPU": 1}`.

    What no other machine can do is done by `local_processes` of this one.
    """

    client: "Client"
    local_processes: int
    resources: dict[str, float] | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields `function(item)` in order; an item whose worker dies is given to another one.

        Raises what `function` raises, ConfigError where a worker that came later has other code,
        and WorkerError where an item took several workers with it, or no worker or no scheduler is
        left.
        """
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        pending: deque = deque()
        work = functools.partial(_work, function=function, expected_hash=package_hash())
        try:
            for item in items:
                future = self.client.submit(work, item, pure=False, resources=self.resources)
                pending.append(future)
                if len(pending) >= ITEMS_PER_WORKER * max(1, self.size):
                    yield self._result(pending.popleft())
            while pending:
                yield self._result(pending.popleft())
        except KilledWorker as error:
            raise WorkerError(
                "Workers of the cluster died at the same item, mostly because memory ran out "
                f"({error}). Run again with larger ones; where Dask itself ended them, start them "
                "with --memory-limit 0"
            ) from None
        except (CancelledError, OSError) as error:
            is_own = isinstance(error, OSError) and not isinstance(error, CommClosedError)
            if is_own and self.client.status == "running":
                raise  # by the function
            raise WorkerError(
                "The cluster's scheduler is gone. What was finished is kept: start it and run again"
            ) from None
        finally:
            self.client.cancel(list(pending))

    def _result(self, future: "Future") -> Any:
        """The result of an item; where no worker is left, waits for new ones."""
        since: float | None = None
        while True:
            try:
                return future.result(timeout=POLL_SECONDS)
            except TimeoutError:
                if future.done():  # meanwhile, or the error is the function's own
                    return future.result()
            if self.size:
                since = None
            elif since is None:
                since = time.monotonic()
                log.warning("The cluster has no worker left that could go on: start some")
            elif time.monotonic() - since > MAX_SECONDS_WITHOUT_WORKERS:
                raise WorkerError(
                    "The cluster has no worker left. What was finished is kept: start some and run "
                    "again"
                )

    @property
    def size(self) -> int:
        """How many items the workers do at a time now."""
        needed = self.resources or {}
        return sum(
            all(worker["resources"].get(name, 0) >= count for name, count in needed.items())
            for worker in self.client.scheduler_info(n_workers=-1)["workers"].values()
        )

    def with_gpus(self, count: int) -> "Cluster":
        """Its workers that have `count` GPUs (`dask worker --resources "GPU=1"`).

        All workers where none has a GPU; raises ConfigError where some have, but too few.
        """
        with_count = dataclasses.replace(self, resources={"GPU": count})
        if with_count.size:
            return with_count
        if dataclasses.replace(self, resources={"GPU": 1}).size:
            raise ConfigError(
                f"vision.devices is {count}, and no worker of the cluster has as many GPUs: start "
                f'it with --resources "GPU={count}"'
            )
        return self

    def check_storage(self, outputs: Path, data: Path) -> None:
        """Raises ConfigError where a worker has other outputs or other data at these paths."""
        outputs.mkdir(parents=True, exist_ok=True)
        probe = outputs / f".probe-{uuid.uuid4().hex}"
        probe.touch()
        try:
            _check_all(self.client, _storage_fault, probe, data, _data_hash(data))
        finally:
            probe.unlink()


@contextmanager
def connected(address: str, local_processes: int) -> Iterator[Cluster]:
    """The cluster of the scheduler at `address`, while the block lasts.

    Raises ConfigError where Dask is not installed, no scheduler answers, there is no worker, or a
    worker has other code or does several items at a time.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "--cluster needs Dask, which is not installed: pip install distributed"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--cluster {address}: no scheduler answers there ({error}). Start one: dask scheduler"
        ) from None
    with client:
        if not _check_all(client, _worker_fault, package_hash()):
            raise ConfigError(
                f"--cluster {address}: the scheduler has no workers. Start some: dask worker "
                f"{address} --nthreads 1"
            )
        yield Cluster(client, local_processes)


def _check_all(client: "Client", check: Callable[..., str], *values: object) -> int:
    """How many workers there are; raises ConfigError with what `check` finds wrong with one."""
    faults = client.run(check, *values, on_error="return")
    for worker, fault in sorted(faults.items()):
        if isinstance(fault, Exception):
            fault = f"has not this code of player_contact ({fault}). Install the same there"
        if fault:
            raise ConfigError(f"The cluster's worker {worker} {fault}")
    return len(faults)


@functools.cache
def package_hash() -> str:
    """Hash of the package's Python files, as they are at the first call."""
    package, digest = Path(player_contact.__file__).parent, hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _work(item: Item, function: Callable[[Item], Result], expected_hash: str) -> Result:
    from distributed import get_worker

    if fault := _worker_fault(expected_hash, get_worker()):  # it may have come after the check
        raise ConfigError(f"A worker of the cluster {fault}")
    return function(item)


def _worker_fault(expected_hash: str, dask_worker: "Worker") -> str:
    """Why a worker can't take part, as the end of a sentence, or "". Dask fills `dask_worker`."""
    if package_hash() != expected_hash:
        return "has other code of player_contact than this machine. Install the same there"
    if dask_worker.state.nthreads > 1:
        return (
            "does several items at a time in one process, where they would share random states. "
            "Start it with --nthreads 1, and more of them"
        )
    return ""


def _storage_fault(probe: Path, data: Path, expected_hash: str) -> str:
    """What a worker does not see, as the end of a sentence, or ""."""
    if not probe.exists():
        return f"does not see {probe.parent}. Outputs must lie on storage that all share"
    if _data_hash(data) != expected_hash:
        return (
            f"does not see the same tables and videos in {data}. Input must lie on storage that "
            "all share"
        )
    return ""


def _data_hash(data: Path) -> str:
    """Hash of the names and sizes of tables and videos."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted((*data.glob("*.csv"), *data.glob("*/*.mp4"))):
        digest.update(f"{path.relative_to(data).as_posix()} {path.stat().st_size}".encode())
    return digest.hexdigest()
