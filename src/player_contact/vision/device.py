"""Devices, precision and memory of training and inference."""

import contextlib
import ctypes
import functools
import logging
import multiprocessing
import os
import re
import tempfile
import time
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

SECONDS_BETWEEN_TRIES = 0.02  # to lock a GPU
LONGEST_WAIT = 300.0  # s for one: less than the patience with a play
# bad_alloc, CUBLAS_STATUS_ALLOC_FAILED; and what cuDNN says where it lacks memory to work in.
OUT_OF_MEMORY = ("out of memory", "alloc", "unable to find an engine")
PROCESSES_PER_GPU = 4  # that predict: each keeps its models there
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h: bytes


@functools.cache
def keep_freed_memory() -> None:
    """Makes glibc reuse freed blocks: fresh, zeroed pages cost a fifth of an optimizer step."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


@functools.cache
def usable_gpus() -> tuple[int, ...]:
    """The GPUs that torch lists and that compute: a small convolution is tried on each, once."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return tuple(gpu for gpu in range(count) if _convolves(gpu))


def _convolves(gpu: int) -> bool:
    """Tries a GPU, which may be too old for this build of torch, or broken; logs where it is."""
    try:
        device = torch.device("cuda", gpu)
        image = torch.ones(1, 1, 8, 8, device=device)
        torch.nn.functional.conv2d(image, image[..., :3, :3]).sum().item()
    except RuntimeError as error:
        if is_out_of_memory(error):  # others fill it just now
            return True
        name, reason = "unknown", str(error).splitlines()[0]
        with contextlib.suppress(RuntimeError):
            name = torch.cuda.get_device_name(gpu)
        log.warning("GPU %d (%s) is listed but can't be used (%s): without it", gpu, name, reason)
        return False
    return True


def processes_to_predict(cores: int, threads: int) -> int:
    """How many plays to predict at a time: beside a GPU's play others decode on a core each."""
    gpus = len(usable_gpus())
    return min(cores, PROCESSES_PER_GPU * gpus) if gpus else max(1, cores // threads)


def concurrent_models(workers: int, devices: int = 1) -> int:
    """How many models, each on `devices` GPUs, this machine trains at a time."""
    gpus = len(usable_gpus())
    return max(1, (min(workers, gpus) if gpus else workers) // devices)


@contextmanager
def reserve_gpus(devices: int = 1) -> Iterator[list[int]]:
    """Locks `devices` GPUs and yields their indices; where too few are free, some are shared.

    Yields no index on a machine without GPUs. Raises ConfigError where one with GPUs has too few.
    """
    with ExitStack() as locks:
        check_devices(devices)
        gpus: list[int] = []
        for gpu in usable_gpus():
            if len(gpus) < devices and _lock_gpu(gpu, locks):
                gpus.append(gpu)
        if usable_gpus():
            others = [gpu for gpu in usable_gpus() if gpu not in gpus]
            first = os.getpid() % max(1, len(others))
            gpus += (others[first:] + others[:first])[: devices - len(gpus)]
            torch.cuda.set_device(gpus[0])
        yield gpus


@contextmanager
def own_gpu() -> Iterator[None]:
    """Waits until a GPU is free and has it alone, while other processes decode their videos.

    Without GPUs nothing happens; where locks can't be had, or none gets free for long, one is
    shared: whoever holds it may train for hours, or hang.
    """
    with ExitStack() as locks:
        if gpus := usable_gpus():
            first = os.getpid() % len(gpus)
            order = gpus[first:] + gpus[:first]
            until = time.monotonic() + LONGEST_WAIT
            while (gpu := _first_free(order, locks)) is None and time.monotonic() < until:
                time.sleep(SECONDS_BETWEEN_TRIES)
            if gpu is None:
                text = "No GPU got free in %.0f s: on with one that another process holds"
                log.warning(text, LONGEST_WAIT, extra={"live": True})
                gpu = order[0]
            torch.cuda.set_device(gpu)
            locks.callback(torch.cuda.empty_cache)  # what is kept, others lack
        yield


def _first_free(gpus: tuple[int, ...], locks: ExitStack) -> int | None:
    """The first GPU that is not locked by another process; None: all are."""
    return next((gpu for gpu in gpus if _lock_gpu(gpu, locks) is not False), None)


def _lock_gpu(gpu: int, locks: ExitStack) -> bool | None:
    """Locks the GPU's file until `locks` closes or the process ends; False where it is locked, None
    where it can't be: then nobody knows."""
    import fcntl

    name = f"player_contact-gpu-{torch.cuda.get_device_properties(gpu).uuid}.lock"
    try:
        file = (Path(tempfile.gettempdir()) / name).open("ab")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        return False if isinstance(error, BlockingIOError) else None  # a disk without locks
    locks.enter_context(file)
    return True


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the machine: with less at a time it may do."""
    text = str(error).lower()
    is_told = any(words in text for words in OUT_OF_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and is_told)


def is_gpu_broken(error: BaseException) -> bool:
    """Whether an error of CUDA leaves every later call of this process to fail as well."""
    is_told = re.search(r"cuda (driver )?error|cudnn error", str(error), re.IGNORECASE)
    return isinstance(error, RuntimeError) and bool(is_told) and not is_out_of_memory(error)


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
    if 0 < (count := len(usable_gpus())) < devices:
        raise ConfigError(
            f"vision.devices is {devices}, but only {count} GPUs are visible here "
            "(CUDA_VISIBLE_DEVICES). Set it to at most that number"
        )


def make_fabric(config: VisionConfig, gpus: list[int]) -> "Fabric":
    """Lightning Fabric on the GPUs or, without any, the CPU; with DDP if config.devices > 1."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.plugins.precision import MixedPrecision
    from lightning_fabric.strategies import DDPStrategy

    # LightningEnvironment: in a SLURM job, Fabric would take the job's ranks for those made here.
    # Parameters are unused in image epochs, where encoder stages are frozen, and where a process's
    # batch has no image.
    environment = LightningEnvironment()
    ddp = DDPStrategy(
        cluster_environment=environment, start_method="spawn", find_unused_parameters=True
    )
    device, precision = "cuda" if gpus else "cpu", resolve_precision(config.precision)
    mixed: MixedPrecision | None = None
    if precision == "fp16":  # scales the loss: small gradients would be 0
        mixed = MixedPrecision("16-mixed", device)
    elif precision == "bf16":
        mixed = MixedPrecision("bf16-mixed", device)
    return Fabric(
        accelerator=device,
        devices=gpus or config.devices,
        strategy=ddp if config.devices > 1 else "auto",
        plugins=mixed,
    )


def leave_process_group() -> None:
    """Ends this process's part in DDP: threads left to the interpreter's exit may abort it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def resolve_precision(precision: str) -> str:
    """fp32, bf16 or fp16; "auto": bf16 where the hardware multiplies it natively, fp16 on GPUs that
    do not (such as T4), fp32 on CPUs that do not."""
    if precision != "auto":
        return precision
    if gpus := usable_gpus():
        is_native = min(map(torch.cuda.get_device_capability, gpus)) >= (8, 0)  # else emulated
        return "bf16" if is_native else "fp16"
    get_capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])  # not in older torch
    return "bf16" if get_capabilities().get("avx512_bf16", False) else "fp32"


def inference_device() -> torch.device:
    """The GPU that `own_gpu` or `reserve_gpus` chose, or the CPU."""
    return torch.device("cuda" if usable_gpus() else "cpu")


def autocast(precision: str) -> torch.autocast:
    """torch.autocast on the inference device, by `vision.precision`."""
    resolved = resolve_precision(precision)
    dtype = torch.float16 if resolved == "fp16" else torch.bfloat16
    return torch.autocast(inference_device().type, dtype=dtype, enabled=resolved != "fp32")
