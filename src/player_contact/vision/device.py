"""Where and in which precision networks calculate."""

import contextlib
import ctypes
import functools
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from player_contact.config import VisionConfig
from player_contact.errors import ConfigError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h: bytes


@functools.cache
def keep_freed_memory() -> None:
    """Lets this process keep large blocks that it frees. The C library gives them back at once otherwise, and every training step pays again for
    pages full of zeros: a fifth of its time. Only glibc knows how; elsewhere nothing happens."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        setting = ctypes.CDLL(None).mallopt
        setting(M_MMAP_THRESHOLD, 1 << 30)
        setting(M_TRIM_THRESHOLD, (1 << 31) - 1)


def vision_processes(workers: int, devices: int = 1) -> int:
    """How many folds or plays this machine may train or score at a time, on so many `devices` each: as there are GPUs for, where there are any."""
    return max(1, (min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers) // devices)


@contextmanager
def taking_gpus(devices: int = 1) -> Iterator[list[int]]:
    """While the block lasts, this process calculates on so many GPUs that no other block on this machine has taken, or shares some where too few are
    free. Gives their numbers; none where there is no GPU. Raises ConfigError where the machine has fewer."""
    with ExitStack() as held:
        taken: list[int] = []
        if torch.cuda.is_available():
            count = torch.cuda.device_count()
            check_devices(devices)
            for number in range(count):
                if len(taken) < devices and _take(number, held):
                    taken.append(number)
            others = [number for number in range(count) if number not in taken]
            first = os.getpid() % max(1, len(others))
            taken += (others[first:] + others[:first])[: devices - len(taken)]
            torch.cuda.set_device(taken[0])
        yield taken


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


def check_devices(devices: int) -> None:
    """Raises ConfigError where a fold is to be trained by more GPUs than there are."""
    if torch.cuda.is_available() and devices > (count := torch.cuda.device_count()):
        raise ConfigError(f"vision.devices is {devices}, and {count} GPUs are visible here (CUDA_VISIBLE_DEVICES). Set no more than those")


def make_fabric(config: VisionConfig, gpus: list[int]) -> "Fabric":
    """What trains a fold on the GPUs that this process took, or on the CPU. Where the config asks for several devices, its `launch` starts a process
    for each: they hold the same weights, and share every batch (Li et al. 2020, arXiv:2006.15704)."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    # Whoever schedules this job started one process: ours number themselves. A batch whose pictures are all of another process's share leaves
    # parameters unused, as frozen stages do.
    together = DDPStrategy(cluster_environment=LightningEnvironment(), start_method="spawn", find_unused_parameters=True)
    strategy = together if config.devices > 1 else "auto"
    accelerator, devices = ("cuda", gpus) if gpus else ("cpu", config.devices)
    return Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision="bf16-mixed" if use_bf16(config.precision) else "32-true")


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
