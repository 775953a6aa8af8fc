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


def train(fabric, configs, folder):
    """Runs in each process; the first writes the weights that each config gives."""
    rows, label = make_open_rows(tracks=12, steps=8)
    for crops in rows.crops:
        crops.visible[:, 0] = True
    for number, config in enumerate(configs):
        model, _ = train_model(TrainingJob(rows, label, config, 3, (1, 0), 1), fabric=fabric)
        if fabric.is_global_zero:
            weights = {name: value.contiguous() for name, value in model.state_dict().items()}
            save_file(weights, folder / f"{number}.safetensors")
    leave_process_group()


def train_weights(configs, folder) -> list[dict[str, torch.Tensor]]:
    folder.mkdir()
    fabric = make_fabric(configs[0], [])
    if configs[0].devices > 1:
        fabric.launch(partial(train, configs=configs, folder=folder))
    else:
        train(fabric, configs, folder)
    return [load_file(folder / f"{number}.safetensors") for number in range(len(configs))]


def test_two_processes_get_the_weights_of_one(tmp_path):
    """Without random numbers, with halves of equal size and a frozen encoder."""
    torch.manual_seed(3)
    encoder = tmp_path / "encoder.safetensors"
    save_file(PairModel(TINY_VISION, 3).encoder.state_dict(), encoder)
    clips = tiny(
        augment=NO_AUGMENT,
        weights=str(encoder),
        transfer=TransferConfig(freeze_epochs=9),
        clip_length=1,
        batch_size=8,
        clips_per_epoch=32,
        ema_decay=0.0,
        aux_loss_weight=0.0,
        views=("Sideline",),
    )
    configs = [clips, clips.model_copy(update={"image_epochs": 2})]
    trained = ["head.shared.weight", "image_head.shared.weight"]
    ddp = [config.model_copy(update={"devices": 2}) for config in configs]
    one, two = train_weights(configs, tmp_path / "one"), train_weights(ddp, tmp_path / "two")
    for config, name, weights, others in zip(configs, trained, one, two, strict=True):
        start = PairModel(config, 3).state_dict()[name]
        assert not torch.allclose(weights[name], start, atol=1e-3)
        for key, value in weights.items():
            torch.testing.assert_close(others[key], value, atol=1e-4, rtol=1e-3, msg=key)


@pytest.fixture(scope="module")
def ddp_run(finished_run):
    """The finished run with two processes for each fold."""
    return with_vision(finished_run, devices=2, clip_epochs=3)


def with_vision(run, **settings):
    vision = run.config.vision.model_copy(update=settings)
    return dataclasses.replace(run, config=run.config.model_copy(update={"vision": vision}))


class WaitingTask(FoldTask):
    """Waits to be killed when an epoch was saved and is to be logged: the second one of all, and
    the first one after that."""

    def path(self, suffix):
        logged = list(self.folder.glob("tensorboard/*/*"))
        if not suffix and logged and not (self.folder / "waiting").exists():
            (self.folder / "waiting").touch()
            time.sleep(3600)
        return super().path(suffix)


def train_until_killed(run, folder, rank):
    """One of both processes is killed while the first one waits."""
    before = set(multiprocessing.active_children())
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(vision_out_of_fold, run, folder, [0])
        while not (folder / "waiting").exists():
            assert not training.done(), "it ended before one was killed"
            time.sleep(0.05)
        started = set(multiprocessing.active_children()) - before
        sorted(started, key=lambda process: process.pid)[rank].kill()
        with pytest.raises(WorkerError, match="that trained fold 0 was ended from outside"):
            training.result()
    (folder / "waiting").unlink()
    assert not (folder / "fold0-0.safetensors").exists()


def test_a_killed_ddp_fold_goes_on_and_ends_as_one_that_was_not(ddp_run, tmp_path, monkeypatch):
    expected, resumed = tmp_path / "expected", tmp_path / "resumed"
    for folder in (expected, resumed):
        folder.mkdir()
    oof, log = vision_out_of_fold(ddp_run, expected, [0])
    assert oof["vision"].between(0, 1).all()
    vision = ddp_run.config.vision
    assert len(log) == vision.image_epochs + vision.clip_epochs
    suffixes = {path.suffix for path in expected.glob("fold0-0.*")}
    assert suffixes >= {".safetensors", ".parquet", ".json"}
    assert ".checkpoint" not in suffixes
    with monkeypatch.context() as patch:
        patch.setattr("player_contact.pipeline.vision_stage.FoldTask", WaitingTask)
        for rank in (0, 1):
            train_until_killed(ddp_run, resumed, rank)
    vision_out_of_fold(ddp_run, resumed, [0])
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
