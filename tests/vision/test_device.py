import platform
import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch

from player_contact.utils.errors import ConfigError
from player_contact.vision import device
from player_contact.vision.device import concurrent_models, reserve_gpus, use_bf16


@pytest.fixture
def current_gpus(monkeypatch, tmp_path):
    """The GPUs that became current, in turn, on a machine of two."""
    gpus: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda gpu: SimpleNamespace(uuid=f"uuid-{gpu}")
    )
    monkeypatch.setattr(torch.cuda, "set_device", gpus.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return gpus


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
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with reserve_gpus() as gpus:
        assert not gpus
        assert not current_gpus


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


@pytest.mark.parametrize(("precision", "expected"), [("bf16", True), ("fp32", False)])
def test_configured_precision_is_used(precision, expected):
    assert use_bf16(precision) is expected


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
