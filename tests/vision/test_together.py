import dataclasses
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from player_contact.config import AugmentConfig, TransferConfig
from player_contact.errors import ConfigError, WorkerError
from player_contact.stages.vision import vision_out_of_fold
from player_contact.vision.device import make_fabric
from player_contact.vision.model import ContactModel
from player_contact.vision.train import train_model
from tests.makers import TINY_VISION, make_open_rows

PLAIN = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))


def train(fabric, config, path):
    """Trained in each of the processes; the first keeps its weights."""
    rows, label = make_open_rows(tracks=12, steps=8)
    for crops in rows.crops:
        crops.seen[:, 0] = True
    model, epochs = train_model(rows, label, config, 3, (1, 0), 1, fabric=fabric)
    if fabric.is_global_zero:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    return [line.loss for line in epochs]


def trained(config, path) -> dict[str, torch.Tensor]:
    fabric = make_fabric(config, [])
    if config.devices > 1:
        fabric.launch(partial(train, config=config, path=path))
    else:
        train(fabric, config, path)
    return load_file(path)


@pytest.mark.parametrize(("pictures", "learnt"), [(0, "head.1.weight"), (2, "picture_head.weight")])
def test_two_processes_that_share_every_batch_end_where_one_does(tmp_path, pictures, learnt):
    """Where nothing is drawn at random, each half holds as many pictures, and the encoder keeps its statistics, the mean of two halves' gradients is
    the gradient of the whole."""
    torch.manual_seed(3)
    save_file(ContactModel(TINY_VISION, 3).encoder.state_dict(), tmp_path / "encoder.safetensors")
    alone = TINY_VISION.model_copy(
        update={
            "augment": PLAIN, "weights": str(tmp_path / "encoder.safetensors"), "transfer": TransferConfig(frozen_epochs=9),
            "steps": 1, "batch": 8, "stretches": 32, "average": 0.0, "picture_loss": 0.0,
            "views": ("Sideline",), "picture_epochs": pictures,
        }
    )  # fmt: skip
    one = trained(alone, tmp_path / "one.safetensors")
    two = trained(alone.model_copy(update={"devices": 2}), tmp_path / "two.safetensors")
    start = ContactModel(alone, 3).state_dict()
    assert not torch.allclose(one[learnt], start[learnt], atol=1e-3)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-3, msg=name)


@pytest.fixture
def shared_run(finished_run, monkeypatch):
    """The finished run, as if two processes were to train each fold, on a machine without a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return with_vision(finished_run, devices=2)


def with_vision(run, **settings):
    return dataclasses.replace(run, config=run.config.model_copy(update={"vision": run.config.vision.model_copy(update=settings)}))


def test_a_fold_trained_by_two_processes_is_scored_and_logged_like_any_other_and_always_the_same(shared_run, tmp_path):
    results = []
    for name in ("one", "again"):
        folder = tmp_path / name
        folder.mkdir()
        oof, lines = vision_out_of_fold(shared_run, folder, [0])
        results.append((oof, lines, (folder / "fold0-0.safetensors").read_bytes()))
        assert oof["vision"].between(0, 1).all()
        assert len(lines) == shared_run.config.vision.picture_epochs + shared_run.config.vision.epochs
        assert {path.suffix for path in folder.glob("fold0-0.*")} >= {".safetensors", ".parquet", ".json"}
        assert not list(folder.glob("*.checkpoint"))
    assert results[0][0].equals(results[1][0])
    assert results[0][1:] == results[1][1:]


def written_at(path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.alone
@pytest.mark.parametrize("victim", [0, 1])
def test_one_of_two_processes_is_killed_in_the_middle_of_an_epoch_and_nothing_is_lost(shared_run, tmp_path, victim):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    for folder in (whole, pieces):
        folder.mkdir()
    run, checkpoint = with_vision(shared_run, epochs=3), pieces / "fold0-0.checkpoint"
    vision_out_of_fold(run, whole, [0])
    before = set(multiprocessing.active_children())
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(vision_out_of_fold, run, pieces, [0])
        for _ in range(2):  # epochs
            last = written_at(checkpoint)
            while written_at(checkpoint) == last:
                assert not running.done(), "it ended before one was killed"
                time.sleep(0.001)
        sorted(set(multiprocessing.active_children()) - before, key=lambda process: process.pid)[victim].kill()
        with pytest.raises(WorkerError, match="A process that trained fold 0 was ended from outside"):
            running.result()
    assert not (pieces / "fold0-0.safetensors").exists()
    vision_out_of_fold(run, pieces, [0])
    assert [path.suffix for path in (pieces / "tensorboard" / "fold0-0").iterdir()].count(".epoch0") == 1, "it began anew"
    for made in ("fold0-0.safetensors", "fold0-0.json", "fold0-0.parquet"):
        assert (pieces / made).read_bytes() == (whole / made).read_bytes(), made


def test_a_fault_in_one_of_the_processes_is_told_in_one_sentence(shared_run, tmp_path):
    (tmp_path / "fold0-0.checkpoint").mkdir()  # where a file is to be written
    with pytest.raises(WorkerError, match=r"^A process that trained fold 0 failed: /.*is a folder; name a file to write$") as told:
        vision_out_of_fold(shared_run, tmp_path, [0])
    assert "\n" not in str(told.value)


def test_a_daemon_may_not_train_with_several_processes_and_says_what_to_do(shared_run, tmp_path, monkeypatch):
    monkeypatch.setattr("multiprocessing.current_process", lambda: SimpleNamespace(daemon=True))
    with pytest.raises(ConfigError, match="--no-nanny"):
        vision_out_of_fold(shared_run, tmp_path, [0])
