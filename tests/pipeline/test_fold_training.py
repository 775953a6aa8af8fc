from types import SimpleNamespace

import pytest

from player_contact.config import VisionConfig
from player_contact.pipeline import vision_stage
from player_contact.pipeline.fold_training import _train
from player_contact.pipeline.vision_stage import train_folds


def task(name: str, **settings) -> SimpleNamespace:
    return SimpleNamespace(name=name, vision=VisionConfig(**settings))


def test_a_member_of_several_devices_slows_down_no_other_one(monkeypatch):
    calls = []

    def parallel_map(_, tasks, total, __, workers):
        calls.append((workers, [one.name for one in tasks]))
        assert total == len(tasks)
        return [f"model {one.name}" for one in tasks]

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(vision_stage, "parallel_map", parallel_map)
    tasks = [task("a", devices=4), task("b"), task("c", devices=4), task("d")]
    assert train_folds(tasks, 4) == ["model a", "model b", "model c", "model d"]
    assert calls == [(4, ["b", "d"]), (1, ["a", "c"])]


@pytest.mark.parametrize("is_compiled", [True, False])
def test_what_other_folds_compiled_is_forgotten(monkeypatch, is_compiled):
    resets = []
    monkeypatch.setattr("torch._dynamo.reset", lambda: resets.append(1))
    with pytest.raises(AttributeError):  # of the task, which has no rows to train on
        _train(None, task("a", compile=is_compiled))
    assert len(resets) == is_compiled
