"""The workers of a Dask scheduler, in place of this machine's processes. They need this code, and the same folders at the same paths.

Items go straight to Dask, not through joblib's Dask backend: that one scatters them to single workers, and an item whose worker dies would be lost.
"""

import dataclasses
import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import player_contact
from player_contact.errors import ConfigError, WorkerError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

SECONDS_TO_CONNECT = 20
ITEMS_A_WORKER = 2  # under way at a time, so that none waits for its next one, and memory stays bounded


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Who does the work: the workers of a scheduler; of those, the ones that have what `resources` names, such as `{"GPU": 1}`."""

    client: "Client"
    resources: dict[str, float] | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields `function(item)` in order. An item whose worker dies is done again by another one. Raises what `function` raises, and WorkerError
        where an item took several workers with it, or the scheduler is gone."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        under_way: deque = deque()
        try:
            for item in items:
                under_way.append(self.client.submit(function, item, pure=False, resources=self.resources))
                if len(under_way) >= ITEMS_A_WORKER * max(1, self.size):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except KilledWorker as error:
            raise WorkerError(
                f"Workers of the cluster died at the same item, mostly because memory ran out ({error}). Run again with larger ones"
            ) from None
        except (CancelledError, OSError) as error:
            if isinstance(error, OSError) and self.client.status == "running":
                raise
            raise WorkerError("The cluster's scheduler is gone. What was finished is kept: start it, and run again") from None
        finally:
            self.client.cancel(list(under_way))

    @property
    def size(self) -> int:
        """How many items the workers do at a time now."""
        return sum(self.client.nthreads().values())

    def with_gpus(self) -> "Cluster":
        """Its workers that have a GPU, where any says so (`dask worker --resources "GPU=1"`); all of them otherwise."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return dataclasses.replace(self, resources={"GPU": 1}) if any(worker["resources"].get("GPU") for worker in workers) else self


@contextmanager
def connected(address: str, shared: Path) -> Iterator[Cluster]:
    """The cluster of the scheduler at `address`, while the block lasts. `shared` is the folder of outputs, which every worker must see.

    Raises ConfigError where Dask is not installed, no scheduler answers, there is no worker, or a worker has other code or does not see the folder.
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
        _check_workers(client, address, shared)
        yield Cluster(client)


def _check_workers(client: "Client", address: str, shared: Path) -> None:
    shared.mkdir(parents=True, exist_ok=True)
    probe = shared / f".probe-{uuid.uuid4().hex}"
    probe.touch()
    try:
        found: dict[str, tuple[str, bool]] = client.run(_look_around, probe)
    finally:
        probe.unlink()
    if not found:
        raise ConfigError(f"--cluster {address}: the scheduler has no workers. Start some: dask worker {address} --nthreads 1")
    own = code_hash()
    for worker, (code, sees) in sorted(found.items()):
        if code != own:
            raise ConfigError(f"--cluster {address}: the worker {worker} has other code of player_contact than this machine. Install the same there")
        if not sees:
            raise ConfigError(f"--cluster {address}: the worker {worker} does not see {shared}. Outputs and input must lie on storage that all share")


def code_hash() -> str:
    """Of the package's Python files."""
    package, digest = Path(player_contact.__file__).parent, hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _look_around(probe: Path) -> tuple[str, bool]:
    return code_hash(), probe.exists()
