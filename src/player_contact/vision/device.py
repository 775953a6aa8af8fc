"""Devices, precision and memory of training and inference."""

import contextlib
import ctypes
import functools
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from player_contact.config import VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.utils.process_pools import CANT_START

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h: bytes


@functools.cache
def keep_freed_memory() -> None:
    """Makes glibc reuse freed blocks: fresh, zeroed pages cost a fifth of an optimizer step."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def concurrent_models(workers: int, devices: int = 1) -> int:
    """How many models, each on `devices` GPUs, this machine trains or scores at a time."""
    slots = min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers
    return max(1, slots // devices)


@contextmanager
def reserve_gpus(devices: int = 1) -> Iterator[list[int]]:
    """Locks `devices` GPUs and yields their indices; where too few are free, some are shared.

    Yields no index on a machine without GPUs. Raises ConfigError where one with GPUs has too few.
    """
    with ExitStack() as locks:
        gpus: list[int] = []
        if torch.cuda.is_available():
            check_devices(devices)
            count = torch.cuda.device_count()
            for gpu in range(count):
                if len(gpus) < devices and _lock_gpu(gpu, locks):
                    gpus.append(gpu)
            others = [gpu for gpu in range(count) if gpu not in gpus]
            first = os.getpid() % max(1, len(others))
            gpus += (others[first:] + others[:first])[: devices - len(gpus)]
            torch.cuda.set_device(gpus[0])
        yield gpus


def _lock_gpu(gpu: int, locks: ExitStack) -> bool:
    """Locks the GPU's file until `locks` closes or the process ends; False where it is locked."""
    import fcntl

    name = f"player_contact-gpu-{torch.cuda.get_device_properties(gpu).uuid}.lock"
    try:
        file = locks.enter_context((Path(tempfile.gettempdir()) / name).open("ab"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def limit_num_workers(num_workers: int) -> int:
    """DataLoader workers: at most one per core; none where a daemon or the system allows none."""
    is_daemon = multiprocessing.current_process().daemon
    if not num_workers or is_daemon or not _can_start_loaders():
        return 0
    return min(num_workers, os.cpu_count() or 1)


@functools.cache
def _can_start_loaders() -> bool:
    """Whether another process can be started and locks be shared with it; logs where not."""
    try:
        multiprocessing.Lock()
        process = multiprocessing.Process(target=int)
        process.start()
        process.join()
    except CANT_START as error:
        log.warning("No process of a DataLoader can be started (%s): this one loads", error)
        return False
    return True


def check_devices(devices: int) -> None:
    """Raises ConfigError where there are GPUs, but fewer than `devices`."""
    if torch.cuda.is_available() and devices > (count := torch.cuda.device_count()):
        raise ConfigError(
            f"vision.devices is {devices}, but only {count} GPUs are visible here "
            "(CUDA_VISIBLE_DEVICES). Set it to at most that number"
        )


def make_fabric(config: VisionConfig, gpus: list[int]) -> "Fabric":
    """Lightning Fabric on the GPUs or, without any, the CPU; with DDP if config.devices > 1."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    # LightningEnvironment: in a SLURM job, Fabric would take the job's ranks for those made here.
    # Parameters are unused in image epochs, where encoder stages are frozen, and where a process's
    # batch has no image.
    environment = LightningEnvironment()
    ddp = DDPStrategy(
        cluster_environment=environment, start_method="spawn", find_unused_parameters=True
    )
    return Fabric(
        accelerator="cuda" if gpus else "cpu",
        devices=gpus or config.devices,
        strategy=ddp if config.devices > 1 else "auto",
        precision="bf16-mixed" if use_bf16(config.precision) else "32-true",
    )


def leave_process_group() -> None:
    """Ends this process's part in DDP: threads left to the interpreter's exit may abort it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def use_bf16(precision: str) -> bool:
    """Whether to compute in bfloat16; "auto": where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)  # older GPUs emulate it
    get_capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])  # not in older torch
    return bool(get_capabilities().get("avx512_bf16", False))


def inference_device() -> torch.device:
    """The GPU that `reserve_gpus` chose, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(precision: str) -> torch.autocast:
    """torch.autocast on the inference device, by `vision.precision`."""
    enabled = use_bf16(precision)
    return torch.autocast(inference_device().type, dtype=torch.bfloat16, enabled=enabled)
