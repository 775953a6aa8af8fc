import math
from types import SimpleNamespace

import pytest

from player_contact.config import Config, VisionConfig
from player_contact.pipeline import fold_training, vision_stage
from player_contact.pipeline.fold_training import EpochLogger, FoldTask, _train
from player_contact.pipeline.vision_stage import train_folds
from player_contact.vision.train import EpochLog


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


def test_an_epoch_every_two_minutes_says_how_long_the_model_takes(monkeypatch, tmp_path, caplog):
    now = [0.0]
    monkeypatch.setattr(fold_training.time, "monotonic", lambda: now[0])
    config = Config(vision={"image_epochs": 6, "clip_epochs": 3})
    task = FoldTask(1, 0, config.vision, None, None, [], config, tmp_path)
    logger = EpochLogger(task)
    with caplog.at_level("INFO"):
        for epoch in range(9):
            phase = "images" if epoch < 6 else "clips"
            now[0] += 25 if phase == "images" else 70
            logger(EpochLog(epoch, phase, 0.5, math.nan if epoch < 6 else 0.25, 1e-3, 1.0))
    assert [record.getMessage() for record in caplog.records] == [
        "fold 1, epoch 5 of 9 (images): loss 0.5000, 0:01:40 left",
        "fold 1, epoch 8 of 9 (clips): loss 0.5000, val loss 0.2500, 0:01:10 left",
    ]
