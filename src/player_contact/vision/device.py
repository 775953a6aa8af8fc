"""Where and in which precision networks calculate."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from player_contact.config import VisionConfig


def vision_processes(workers: int) -> int:
    """How many processes of this machine may train or score at a time: no more than there are GPUs, where there are any."""
    return min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers


@contextmanager
def taking_gpu() -> Iterator[None]:
    """While the block lasts, this process calculates on a GPU that no other block on this machine has taken, or shares one where all are taken."""
    with ExitStack() as held:
        if torch.cuda.is_available():
            count = torch.cuda.device_count()
            torch.cuda.set_device(next((number for number in range(count) if _take(number, held)), os.getpid() % count))
        yield


def _take(number: int, held: ExitStack) -> bool:
    """Whether nobody had locked the file that stands for the GPU; it is locked until `held` ends, or the process does."""
    import fcntl

    place = Path(tempfile.gettempdir()) / f"player_contact-gpu-{torch.cuda.get_device_properties(number).uuid}.lock"
    try:
        file = held.enter_context(place.open("ab"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def loaders_here(asked: int) -> int:
    """How many processes may prepare stretches for this one: none where it is a daemon, such as a cluster's worker, which may have no children;
    and no more than there are cores."""
    return 0 if multiprocessing.current_process().daemon else min(asked, os.cpu_count() or 1)


def own_gpu() -> list[int] | int:
    """What Fabric calls the device of this process: the GPU that it took, or one device of what there is."""
    return [torch.cuda.current_device()] if torch.cuda.is_available() else 1


def use_bf16(precision: str) -> bool:
    """Whether to calculate in bfloat16: as asked, or (auto) where the hardware multiplies it natively; elsewhere it is slower than float32."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)  # older ones only emulate it
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch can't tell
    return bool(capabilities.get("avx512_bf16", False))


def scoring(config: VisionConfig) -> tuple[torch.device, torch.autocast]:
    """The device that scores, and the context in which it calculates as the config says."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return device, torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(config.precision))
