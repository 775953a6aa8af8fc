from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import torch

from player_contact.vision.device import taking_gpu


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
        first.enter_context(taking_gpu())
        second.enter_context(taking_gpu())
        second.close()
        with taking_gpu():
            assert taken == [0, 1, 1]


def test_a_task_more_than_there_are_gpus_shares_one(taken):
    with taking_gpu(), taking_gpu(), taking_gpu():
        assert taken[:2] == [0, 1]
        assert taken[2] in (0, 1)


def test_without_a_gpu_nothing_is_taken(taken, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with taking_gpu():
        assert not taken
