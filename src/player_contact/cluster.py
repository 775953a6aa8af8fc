"""The workers of a Dask scheduler, in place of this machine's processes. They need this code, and the same folders at the same paths.

Items go straight to Dask, not through joblib's Dask backend: that one scatters them to single workers, and an item whose worker dies would be lost.
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
from player_contact.errors import ConfigError, WorkerError

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

SECONDS_TO_CONNECT = 20
SECONDS_BETWEEN_LOOKS = 10  # whether there is still anybody who works
SECONDS_WITHOUT_WORKERS = 600  # that new ones are waited for
ITEMS_A_WORKER = 2  # under way at a time, so that none waits for its next one, and memory stays bounded


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Who does the work: the workers of a scheduler; of those, the ones that have what `resources` names, such as `{"GPU": 1}`. What no other machine
    can do is done by `here` processes of this one."""

    client: "Client"
    here: int
    resources: dict[str, float] | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields `function(item)` in order. An item whose worker dies is done again by another one. Raises what `function` raises, ConfigError where
        a worker that came later is not as it should be, and WorkerError where an item took several workers with it, all of them are gone, or the
        scheduler is."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        under_way: deque = deque()
        work = functools.partial(_work, function=function, code=code_hash())
        try:
            for item in items:
                under_way.append(self.client.submit(work, item, pure=False, resources=self.resources))
                if len(under_way) >= ITEMS_A_WORKER * max(1, self.size):
                    yield self._result(under_way.popleft())
            while under_way:
                yield self._result(under_way.popleft())
        except KilledWorker as error:
            raise WorkerError(
                f"Workers of the cluster died at the same item, mostly because memory ran out ({error}). Run again with larger ones; "
                "where Dask itself ended them, start them with --memory-limit 0"
            ) from None
        except (CancelledError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, CommClosedError) and self.client.status == "running":
                raise
            raise WorkerError("The cluster's scheduler is gone. What was finished is kept: start it, and run again") from None
        finally:
            self.client.cancel(list(under_way))

    def _result(self, future: "Future") -> Any:
        """What an item gives. Waits for workers where none is left, but not for ever."""
        alone: float | None = None
        while True:
            try:
                return future.result(timeout=SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                if future.done():  # meanwhile, or the error is the function's own
                    return future.result()
            if self.size:
                alone = None
            elif alone is None:
                alone = time.monotonic()
                log.warning("The cluster has no worker left that could go on: start some")
            elif time.monotonic() - alone > SECONDS_WITHOUT_WORKERS:
                raise WorkerError("The cluster has no worker left. What was finished is kept: start some, and run again")

    @property
    def size(self) -> int:
        """How many items the workers do at a time now."""
        return len(self._workers())

    def with_gpus(self, count: int) -> "Cluster":
        """Its workers that have so many GPUs, where any says that it has one (`dask worker --resources "GPU=1"`); all of them otherwise. Raises
        ConfigError where some have GPUs, and none so many."""
        of_gpus = dataclasses.replace(self, resources={"GPU": count})
        if of_gpus.size or not dataclasses.replace(self, resources={"GPU": 1}).size:
            return of_gpus if of_gpus.size else self
        raise ConfigError(f'vision.devices is {count}, and no worker of the cluster has so many GPUs: start it with --resources "GPU={count}"')

    def check_storage(self, outputs: Path, data: Path) -> None:
        """Raises ConfigError where a worker does not see the folder of outputs, or not the same files of the data."""
        outputs.mkdir(parents=True, exist_ok=True)
        probe = outputs / f".probe-{uuid.uuid4().hex}"
        probe.touch()
        try:
            found = _everywhere(self.client, _look_around, probe, data)
        finally:
            probe.unlink()
        own = _look_around(probe, data)[1]
        for worker, (sees, files) in found.items():
            if not sees:
                raise ConfigError(f"The worker {worker} does not see {outputs}. Outputs must lie on storage that all share")
            if files != own:
                raise ConfigError(f"The worker {worker} does not see the same tables and videos in {data}. Input must lie on storage that all share")

    def _workers(self) -> list[str]:
        known = self.client.scheduler_info(n_workers=-1)["workers"]
        return [
            name for name, worker in known.items() if all(worker["resources"].get(what, 0) >= much for what, much in (self.resources or {}).items())
        ]


@contextmanager
def connected(address: str, here: int) -> Iterator[Cluster]:
    """The cluster of the scheduler at `address`, while the block lasts, and so many processes of this machine.

    Raises ConfigError where Dask is not installed, no scheduler answers, there is no worker, or a worker has other code or does several items at
    a time.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("--cluster needs Dask, which is not installed: pip install distributed") from None
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--cluster {address}: no scheduler answers there ({error}). Start one: dask scheduler") from None
    with client:
        found = _everywhere(client, _fault_of_worker, code_hash())
        if not found:
            raise ConfigError(f"--cluster {address}: the scheduler has no workers. Start some: dask worker {address} --nthreads 1")
        for worker, fault in found.items():
            if fault:
                raise ConfigError(f"--cluster {address}: the worker {worker} {fault}")
        yield Cluster(client, here)


@functools.cache
def code_hash() -> str:
    """Of the package's Python files, as they are when it is first asked for."""
    package, digest = Path(player_contact.__file__).parent, hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _everywhere(client: "Client", function: Callable[..., Result], *words: object) -> dict[str, Result]:
    """What a function of this module says on each worker, by the worker's name. Raises ConfigError where a worker does not know it."""
    found = client.run(function, *words, on_error="return")
    for worker, said in found.items():
        if isinstance(said, Exception):
            raise ConfigError(f"The worker {worker} has not this code of player_contact ({said}). Install the same there")
    return dict(sorted(found.items()))


def _work(item: Item, function: Callable[[Item], Result], code: str) -> Result:
    from distributed import get_worker

    fault = _fault_of_worker(code, get_worker())  # it may have come after the others were looked at
    if fault:
        raise ConfigError(f"A worker of the cluster {fault}")
    return function(item)


def _fault_of_worker(code: str, dask_worker: "Worker") -> str:
    """Why a worker can't take part, as the end of a sentence; empty where it can. Dask itself says which worker it is, by that name."""
    if code_hash() != code:
        return "has other code of player_contact than this machine. Install the same there"
    if dask_worker.state.nthreads > 1:
        return "does several items at a time in one process, where they would share random states. Start it with --nthreads 1, and more of them"
    return ""


def _look_around(probe: Path, data: Path) -> tuple[bool, str]:
    """Whether a file is there; and a hash of the names and sizes of tables and videos."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted((*data.glob("*.csv"), *data.glob("*/*.mp4"))):
        digest.update(f"{path.relative_to(data).as_posix()} {path.stat().st_size}".encode())
    return probe.exists(), digest.hexdigest()
