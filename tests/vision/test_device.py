import platform
import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import torch

from player_contact.errors import ConfigError
from player_contact.vision.device import taking_gpus, vision_processes


@pytest.fixture
def taken(monkeypatch, tmp_path):
    """The GPUs that were taken, in turn, on a machine of two."""
    numbers: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"of-{number}"))
    monkeypatch.setattr(torch.cuda, "set_device", numbers.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return numbers


def test_tasks_side_by_side_get_a_gpu_each_and_the_next_one_that_which_is_free(taken):
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(taking_gpus())
        second.enter_context(taking_gpus())
        second.close()
        with taking_gpus():
            assert taken == [0, 1, 1]


def test_a_task_more_than_there_are_gpus_shares_one(taken):
    with taking_gpus(), taking_gpus(), taking_gpus():
        assert taken[:2] == [0, 1]
        assert taken[2] in (0, 1)


def test_without_a_gpu_nothing_is_taken(taken, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with taking_gpus():
        assert not taken


def test_a_fold_that_needs_several_gpus_takes_those_that_are_free(taken):
    with taking_gpus(2) as numbers:
        assert numbers == [0, 1]
    with taking_gpus() as one, taking_gpus(2) as two:
        assert one == [0]
        assert sorted(two) == [0, 1]
        assert two[0] == 1  # the free one first


def test_more_gpus_than_the_machine_has_are_refused(taken):
    with pytest.raises(ConfigError, match="and 2 GPUs are visible here"), taking_gpus(3):
        pass


@pytest.mark.parametrize(("workers", "devices", "folds"), [(4, 1, 2), (4, 2, 1), (1, 1, 1), (1, 2, 1)])
def test_as_many_folds_train_side_by_side_as_there_are_gpus_for(taken, workers, devices, folds):
    assert vision_processes(workers, devices) == folds


FAULTS = """
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
def test_a_large_block_that_was_freed_is_used_again_without_new_pages():
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, word], capture_output=True, text=True, check=True).stdout) for word in ("give", "keep")
    )
    assert kept < given_back / 4
