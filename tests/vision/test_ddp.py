"""Several processes train one fold with distributed data parallel."""

import dataclasses
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from player_contact.config import TransferConfig
from player_contact.pipeline.fold_training import FoldTask
from player_contact.pipeline.vision_stage import vision_out_of_fold
from player_contact.utils.errors import ConfigError, WorkerError
from player_contact.vision.device import leave_process_group, make_fabric
from player_contact.vision.model import PairModel
from player_contact.vision.train import TrainingJob, train_model
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, tiny

pytestmark = pytest.mark.slow


def train(fabric, config, path):
    """Runs in each process; the first writes its weights."""
    rows, label = make_open_rows(tracks=12, steps=8)
    for crops in rows.crops:
        crops.visible[:, 0] = True
    model, _ = train_model(TrainingJob(rows, label, config, 3, (1, 0), 1), fabric=fabric)
    if fabric.is_global_zero:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    leave_process_group()


def train_weights(config, path) -> dict[str, torch.Tensor]:
    fabric = make_fabric(config, [])
    if config.devices > 1:
        fabric.launch(partial(train, config=config, path=path))
    else:
        train(fabric, config, path)
    return load_file(path)


@pytest.mark.parametrize(
    ("image_epochs", "trained"), [(0, "head.shared.weight"), (2, "image_head.shared.weight")]
)
def test_two_processes_get_the_weights_of_one(tmp_path, image_epochs, trained):
    """Without random numbers, with halves of equal size and a frozen encoder."""
    torch.manual_seed(3)
    encoder = tmp_path / "encoder.safetensors"
    save_file(PairModel(TINY_VISION, 3).encoder.state_dict(), encoder)
    config = tiny(
        augment=NO_AUGMENT,
        weights=str(encoder),
        transfer=TransferConfig(freeze_epochs=9),
        clip_length=1,
        batch_size=8,
        clips_per_epoch=32,
        ema_decay=0.0,
        aux_loss_weight=0.0,
        views=("Sideline",),
        image_epochs=image_epochs,
    )
    one = train_weights(config, tmp_path / "one.safetensors")
    ddp = config.model_copy(update={"devices": 2})
    two = train_weights(ddp, tmp_path / "two.safetensors")
    assert not torch.allclose(one[trained], PairModel(config, 3).state_dict()[trained], atol=1e-3)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-3, msg=name)


@pytest.fixture
def ddp_run(finished_run, monkeypatch):
    """The finished run with two processes for each fold, on a machine without a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return with_vision(finished_run, devices=2)


def with_vision(run, **settings):
    vision = run.config.vision.model_copy(update=settings)
    return dataclasses.replace(run, config=run.config.model_copy(update={"vision": vision}))


def test_ddp_fold_is_scored_logged_and_reproducible(ddp_run, tmp_path):
    config, results = ddp_run.config.vision, []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        oof, log = vision_out_of_fold(ddp_run, folder, [0])
        results.append((oof.to_dict(), log, (folder / "fold0-0.safetensors").read_bytes()))
        assert oof["vision"].between(0, 1).all()
        assert len(log) == config.image_epochs + config.clip_epochs
        suffixes = {path.suffix for path in folder.glob("fold0-0.*")}
        assert suffixes >= {".safetensors", ".parquet", ".json"}
        assert ".checkpoint" not in suffixes
    assert repr(results[0]) == repr(results[1])


class WaitingTask(FoldTask):
    """Waits to be killed when the second epoch was saved and is to be logged."""

    def path(self, suffix):
        logged = list(self.folder.glob("tensorboard/*/*"))
        if not suffix and logged and not (self.folder / "waiting").exists():
            (self.folder / "waiting").touch()
            time.sleep(3600)
        return super().path(suffix)


@pytest.mark.parametrize("killed", [0, 1])
def test_killed_ddp_process_loses_no_finished_epoch(ddp_run, tmp_path, monkeypatch, killed):
    expected, resumed = tmp_path / "expected", tmp_path / "resumed"
    for folder in (expected, resumed):
        folder.mkdir()
    run = with_vision(ddp_run, clip_epochs=3)
    vision_out_of_fold(run, expected, [0])
    monkeypatch.setattr("player_contact.pipeline.vision_stage.FoldTask", WaitingTask)
    before = set(multiprocessing.active_children())
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(vision_out_of_fold, run, resumed, [0])
        while not (resumed / "waiting").exists():
            assert not training.done(), "it ended before one was killed"
            time.sleep(0.05)
        started = set(multiprocessing.active_children()) - before
        sorted(started, key=lambda process: process.pid)[killed].kill()
        with pytest.raises(WorkerError, match="that trained fold 0 was ended from outside"):
            training.result()
    assert not (resumed / "fold0-0.safetensors").exists()
    vision_out_of_fold(run, resumed, [0])
    events = [path.suffix for path in (resumed / "tensorboard" / "fold0-0").iterdir()]
    assert events.count(".epoch0") == 1, "it started anew"
    for name in ("fold0-0.safetensors", "fold0-0.json", "fold0-0.parquet"):
        assert (resumed / name).read_bytes() == (expected / name).read_bytes(), name


def test_error_in_a_ddp_process_is_one_line(ddp_run, tmp_path):
    (tmp_path / "fold0-0.checkpoint").mkdir()  # where a file is to be written
    message = r"^A process that trained fold 0 failed: /.*is a folder; name a file to write$"
    with pytest.raises(WorkerError, match=message) as error:
        vision_out_of_fold(ddp_run, tmp_path, [0])
    assert "\n" not in str(error.value)


def test_daemon_may_not_start_ddp_processes(ddp_run, tmp_path, monkeypatch):
    monkeypatch.setattr("multiprocessing.current_process", lambda: SimpleNamespace(daemon=True))
    with pytest.raises(ConfigError, match="--no-nanny"):
        vision_out_of_fold(ddp_run, tmp_path, [0])
