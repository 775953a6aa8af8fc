import platform
import subprocess
import sys
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import psutil
import pytest
import torch

from player_contact.utils.errors import ConfigError
from player_contact.vision import device
from player_contact.vision.device import (
    concurrent_models,
    is_gpu_broken,
    is_out_of_memory,
    make_fabric,
    own_gpu,
    processes_to_predict,
    reserve_gpus,
    resolve_precision,
)
from tests.vision.conftest import tiny


@pytest.fixture
def current_gpus(monkeypatch, tmp_path):
    """The GPUs that became current, in turn, on a machine of two that work."""
    gpus: list[int] = []
    fake_gpus(monkeypatch, [(8, 0), (8, 0)])
    monkeypatch.setattr(torch.cuda, "set_device", gpus.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield gpus
    device.usable_gpus.cache_clear()


def fake_gpus(monkeypatch, capabilities, broken=()) -> None:
    """GPUs of such compute capabilities; convolutions fail on those that are broken."""

    def convolution(image, weight):
        if image.device.index in broken:
            raise RuntimeError("CUDA error: no kernel image is available\nfor execution")
        return torch.zeros(1)

    for name, value in {
        "is_available": lambda: bool(capabilities),
        "device_count": lambda: len(capabilities),
        "current_device": lambda: 0,
        "get_device_properties": lambda gpu: SimpleNamespace(
            uuid=f"uuid-{gpu}", major=capabilities[gpu or 0][0]
        ),
        "get_device_capability": capabilities.__getitem__,
        "get_device_name": lambda gpu: f"Fake {gpu}",
        "empty_cache": lambda: None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch, "ones", lambda *_, device: MagicMock(device=device))
    monkeypatch.setattr(torch.nn.functional, "conv2d", convolution)
    device.usable_gpus.cache_clear()


def test_parallel_tasks_reserve_a_gpu_each(current_gpus):
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(reserve_gpus())
        second.enter_context(reserve_gpus())
        second.close()
        with reserve_gpus():
            assert current_gpus == [0, 1, 1]


def test_more_tasks_than_gpus_share_one(current_gpus):
    with reserve_gpus(), reserve_gpus(), reserve_gpus():
        assert current_gpus[:2] == [0, 1]
        assert current_gpus[2] in (0, 1)


def test_without_a_gpu_nothing_is_reserved(current_gpus, monkeypatch):
    fake_gpus(monkeypatch, [])
    with reserve_gpus() as gpus, own_gpu(), own_gpu():
        assert not gpus
        assert not current_gpus


def test_a_gpu_that_can_not_convolve_is_left_alone(current_gpus, monkeypatch, caplog):
    fake_gpus(monkeypatch, [(6, 0), (8, 6)], broken={0})
    with reserve_gpus() as gpus:
        assert gpus == [1]
    assert "GPU 0 (Fake 0) is listed but can't be used (CUDA error: no kernel" in caplog.text
    assert concurrent_models(4) == 1


def test_where_no_gpu_works_the_cpu_does(current_gpus, monkeypatch):
    fake_gpus(monkeypatch, [(6, 0)], broken={0})
    assert device.inference_device() == torch.device("cpu")
    assert make_fabric(tiny(), []).device == torch.device("cpu")


def test_plays_have_a_gpu_alone_and_wait_for_it(current_gpus, monkeypatch):
    entered = []

    def play():
        with own_gpu():
            entered.append(current_gpus[-1])

    with own_gpu(), ExitStack() as second:
        second.enter_context(own_gpu())
        assert sorted(current_gpus) == [0, 1]
        waiting = threading.Thread(target=play)
        waiting.start()
        waiting.join(5 * device.SECONDS_BETWEEN_TRIES)
        assert not entered
        second.close()
        waiting.join()
    assert entered == [current_gpus[1]]


def test_waiting_for_a_gpu_opens_no_more_and_more_files(current_gpus):
    with reserve_gpus(2), ExitStack() as locks:
        before = psutil.Process().num_fds()
        for _ in range(10):
            assert device._first_free((0, 1), locks) is None
        assert psutil.Process().num_fds() == before


def test_without_locks_a_gpu_is_shared(current_gpus, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with own_gpu(), own_gpu(), own_gpu():
        assert len(current_gpus) == 3


def test_on_a_disk_without_locks_a_gpu_is_shared(current_gpus, monkeypatch):
    monkeypatch.setattr("fcntl.flock", Mock(side_effect=OSError(95, "Operation not supported")))
    with own_gpu(), own_gpu(), own_gpu():
        assert len(current_gpus) == 3


def test_a_gpu_that_is_held_for_long_is_shared(current_gpus, monkeypatch, caplog):
    monkeypatch.setattr(device, "LONGEST_WAIT", 0.1)
    with reserve_gpus(2), own_gpu():
        assert "No GPU got free in 0 s: on with one that another process holds" in caplog.text


@pytest.mark.parametrize(
    ("gpus", "cores", "threads", "processes"),
    [(2, 4, 4, 4), (1, 64, 4, 4), (0, 8, 4, 2), (0, 2, 4, 1)],
)
def test_plays_are_predicted_by_few_processes_a_gpu(
    current_gpus, monkeypatch, gpus, cores, threads, processes
):
    fake_gpus(monkeypatch, [(7, 5)] * gpus)
    assert processes_to_predict(cores, threads) == processes


def test_task_of_several_gpus_takes_the_free_ones_first(current_gpus):
    with reserve_gpus(2) as gpus:
        assert gpus == [0, 1]
    with reserve_gpus() as one, reserve_gpus(2) as two:
        assert (one, two) == ([0], [1, 0])


def test_more_gpus_than_the_machine_has_are_refused(current_gpus):
    with pytest.raises(ConfigError, match="but only 2 GPUs are visible here"), reserve_gpus(3):
        pass


@pytest.mark.parametrize(
    ("workers", "devices", "models"), [(4, 1, 2), (4, 2, 1), (1, 1, 1), (1, 2, 1)]
)
def test_gpus_limit_concurrent_models(current_gpus, workers, devices, models):
    assert concurrent_models(workers, devices) == models


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp32"])
def test_configured_precision_is_used(precision):
    assert resolve_precision(precision) == precision


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([(7, 5), (7, 5)], "fp16"),  # two T4, which emulate bfloat16
        ([(6, 0)], "fp16"),
        ([(8, 0)], "bf16"),
        ([(9, 0), (7, 0)], "fp16"),
    ],
)
def test_gpus_compute_in_what_they_multiply_natively(
    current_gpus, monkeypatch, capabilities, precision
):
    fake_gpus(monkeypatch, capabilities)
    assert resolve_precision("auto") == precision
    with device.autocast("auto") as context:
        assert context.fast_dtype == {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
        assert context.device == "cuda"


@pytest.mark.parametrize(("precision", "scales"), [("fp16", True), ("bf16", False)])
def test_half_precision_scales_the_loss(precision, scales):
    state = make_fabric(tiny(precision=precision), []).strategy.precision.state_dict()
    assert bool(state.get("scale")) == scales


@pytest.mark.parametrize(
    ("error", "out_of_memory", "broken"),
    [
        (MemoryError(), True, False),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True, False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True, False),
        (RuntimeError("std::bad_alloc"), True, False),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False, True),
        (RuntimeError("CUDA error: device-side assert triggered"), False, True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), False, True),
        (RuntimeError("CUDA error: out of memory"), True, False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), True, False),
        (RuntimeError("FIND was unable to find an engine to execute this"), True, False),
        (RuntimeError("shape '[2, 3]' is invalid for input of size 4"), False, False),
        (ValueError("out of memory"), False, False),
    ],
)
def test_errors_are_told_apart(error, out_of_memory, broken):
    assert is_out_of_memory(error) == out_of_memory
    assert is_gpu_broken(error) == broken


PAGE_FAULTS = """
import resource, sys
import numpy as np
from player_contact.vision.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(20):
    np.ones(10_000_000, dtype=np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(50_000_000, dtype=np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif("glibc" not in platform.libc_ver()[0], reason="another C library")
def test_kept_memory_is_reused_without_page_faults():
    def count(mode):
        command = [sys.executable, "-c", PAGE_FAULTS, mode]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert count("keep") < count("default") / 4


def test_without_shared_memory_no_loaders_are_started(monkeypatch, caplog):
    device._can_start_loaders.cache_clear()
    monkeypatch.setattr("multiprocessing.Lock", Mock(side_effect=OSError(38, "not implemented")))
    assert device.limit_num_workers(2) == 0
    assert "No process of a DataLoader can be started" in caplog.text
    device._can_start_loaders.cache_clear()
