"""Training of one member's vision model of one fold, in a process, or one for each device."""

import dataclasses
import logging
import multiprocessing
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from player_contact.config import Config, VisionConfig
from player_contact.pipeline.training_record import write_training_record
from player_contact.pipeline.vision_rows import PlayerRows, model_rows
from player_contact.utils.errors import ConfigError, WorkerError
from player_contact.utils.files import read_json, write_json
from player_contact.utils.logits import shift_to_mean
from player_contact.utils.parallel import Record, capture_logs, replay_logs
from player_contact.utils.process_pools import exit_with_parent
from player_contact.video.crop_store import open_crops
from player_contact.video.crops import Crops
from player_contact.vision.clips import OpenRows
from player_contact.vision.token_rows import TokenRows, token_rows

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from player_contact.vision.model import ContactModel
    from player_contact.vision.train import EpochLog

log = logging.getLogger(__name__)

SECONDS_BETWEEN_EPOCHS = 120  # that are logged, of a model


@dataclasses.dataclass(frozen=True)
class FoldTask:
    """What a process needs to train and apply a model.

    table    M visible open rows of all folds: play_index, step_index, first, second, contact, fold,
             screen, crop_index
    tabular  [M, K] float32
    folder   of the outputs
    """

    fold: int
    member: int
    vision: VisionConfig
    table: pd.DataFrame
    tabular: np.ndarray
    crop_folders: list[Path]
    config: Config
    folder: Path
    players: PlayerRows | None = None  # of the token family

    @property
    def in_fold(self) -> np.ndarray:
        """[M] bool: rows of the fold, which the model predicts; it is trained on the others."""
        return self.table["fold"].to_numpy() == self.fold

    def path(self, suffix: str) -> Path:
        """Of an output."""
        return self.folder / f"fold{self.fold}-{self.member}{suffix}"

    @cached_property
    def crops(self) -> list[Crops]:
        """Of every play; images stay on disk."""
        return [open_crops(folder) for folder in self.crop_folders]

    def rows(self, chosen: np.ndarray) -> OpenRows | TokenRows:
        """The chosen [M] rows."""
        rows = model_rows(self.table.iloc[chosen], self.tabular[chosen], self.crops)
        if self.players is None:
            return rows
        players = model_rows(self.players.table, self.players.tabular, self.crops)
        return token_rows(rows, players, self.players.geometry)


def train_fold(task: FoldTask) -> tuple[np.ndarray, list[dict]]:
    """The logits of the fold's rows by a model trained on the other folds, and the training log.

    A finished fold is read, an interrupted one resumed after its last finished epoch. Without rows
    of other folds logits are NaN. Raises ConfigError where this process may not start the processes
    of several devices, and WorkerError where one of them fails.
    """
    from player_contact.vision.device import make_fabric, reserve_gpus

    if task.in_fold.all():
        text = "fold %d: no other fold has a visible row; its rows are decided without vision"
        log.warning(text, task.fold)
        return np.full(len(task.table), np.nan, dtype=np.float32), []
    if not task.path(".json").is_file():
        with reserve_gpus(task.vision.devices) as gpus:
            fabric = make_fabric(task.vision, gpus)
            if task.vision.devices == 1:
                _train(fabric, dataclasses.replace(task))  # its crops go with the copy
            elif multiprocessing.current_process().daemon:
                text = "needs workers that may start processes: dask worker --no-nanny"
                raise ConfigError(f"vision.devices above 1 {text}")
            else:
                _launch(fabric, task)
    logits = pd.read_parquet(task.path(".parquet"))["logit"].to_numpy()
    return logits, read_json(task.path(".json"))


def _launch(fabric: "Fabric", task: FoldTask) -> None:
    """Trains in a process for each device. Raises WorkerError where one fails or is killed."""
    from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

    before = set(multiprocessing.active_children())
    try:
        replay_logs(fabric.launch(partial(_train_distributed, task=task, parent=os.getpid())))
    except ProcessRaisedException as error:
        last = re.sub(r"^player_contact\.[\w.]+: ", "", str(error).strip().splitlines()[-1])
        raise WorkerError(f"A process that trained fold {task.fold} failed: {last}") from None
    except ProcessExitedException:
        raise WorkerError(
            f"A process that trained fold {task.fold} was ended from outside, mostly because "
            "memory ran out. What was finished is kept: run again"
        ) from None
    finally:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()  # Ctrl-C reaches only this one
        os.environ.pop("MASTER_PORT", None)  # the next fold looks for a free one itself


def _train_distributed(fabric: "Fabric", task: FoldTask, parent: int) -> list[Record]:
    """One of several processes; returns what the first one logged."""
    from player_contact.vision.device import leave_process_group

    exit_with_parent(parent)
    records = capture_logs(partial(_train, fabric), task)[1]
    leave_process_group()
    return records


def _train(fabric: "Fabric", task: FoldTask) -> None:
    """Trains a model; of several processes the first one writes weights, logits and log."""
    import torch

    from player_contact.vision.train import TrainingJob, train_model

    if task.vision.compile:  # what other folds compiled here: after eight kinds of a function
        torch._dynamo.reset()  # torch would compile no more, and what it does depends on those
    vision, config, in_fold = task.vision, task.config, task.in_fold
    job = TrainingJob(
        rows=task.rows(~in_fold),
        label=task.table["contact"].to_numpy(dtype=bool)[~in_fold],
        config=vision,
        num_frames=len(config.crops.frame_offsets),
        seed=(config.seed, task.fold, *([vision.seed] if vision.seed else [])),
        num_threads=config.num_threads,
    )
    is_first = fabric.is_global_zero
    on_epoch = EpochLogger(task) if is_first else None
    validate = make_validation(task) if is_first and vision.val_rows and in_fold.any() else None
    model, epochs = train_model(job, on_epoch, validate, task.path(".checkpoint"), fabric)
    if is_first:
        _write_results(task, model, epochs)


def _write_results(task: FoldTask, model: "ContactModel", epochs: "list[EpochLog]") -> None:
    import torch
    from safetensors.torch import save

    from player_contact.vision.scoring import make_image_embedder, predict_logits

    vision, threads, in_fold = task.vision, task.config.num_threads, task.in_fold
    num_frames, rows = len(task.config.crops.frame_offsets), task.rows(in_fold)
    embed = make_image_embedder(model, vision, num_frames, threads)
    logits = predict_logits(model, rows, vision, threads, embed)
    shifts = shifts_to_screen(logits, task.table["screen"].to_numpy()[in_fold], rows.is_ground)
    model.logit_shift.copy_(torch.from_numpy(shifts))
    logits += shifts[rows.is_ground.astype(int)]
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    task.path(".safetensors").write_bytes(save(weights))  # save_file would hide it from others
    plays = [folder.name for folder in task.crop_folders]
    write_training_record(task.path(".safetensors"), task.table[~in_fold], plays)
    pd.DataFrame({"logit": logits}).to_parquet(task.path(".parquet"), index=False)
    write_json([dataclasses.asdict(epoch) for epoch in epochs], task.path(".json"))  # last: done
    task.path(".checkpoint").unlink(missing_ok=True)


def shifts_to_screen(logits: np.ndarray, screen: np.ndarray, is_ground: np.ndarray) -> np.ndarray:
    """[2] float32 to add to the logits of pairs and of ground rows: as many contacts as the screen.

    Training samples more contacts than there are, and folds end at different levels, which no
    threshold would fit. A kind without rows gets the shift of all rows together.
    """
    all_rows = np.ones(len(logits), dtype=bool)
    kinds = [kind if kind.any() else all_rows for kind in (~is_ground, is_ground)]
    shifts = [
        shift_to_mean(logits[kind], float(screen[kind].mean())) if kind.any() else 0
        for kind in kinds
    ]
    return np.array(shifts, dtype=np.float32)


class EpochLogger:
    """Logs an epoch every two minutes, with the time left of its model; adds all of them to the
    curves of `tensorboard --logdir`."""

    def __init__(self, task: FoldTask) -> None:
        self.task, self.seconds = task, dict[str, list[float]]()  # of the epochs of each phase
        self.ended = self.logged = time.monotonic()

    def __call__(self, epoch: "EpochLog") -> None:
        """Of an epoch that has just ended."""
        vision, now = self.task.vision, time.monotonic()
        total = vision.image_epochs + vision.clip_epochs
        left = total - epoch.epoch - 1
        self.seconds.setdefault(epoch.phase, []).append(now - self.ended)
        self.ended = now
        if now - self.logged >= SECONDS_BETWEEN_EPOCHS:
            self.logged = now
            val_loss = f", val loss {epoch.val_loss:.4f}" if np.isfinite(epoch.val_loss) else ""
            time_left = f", {timedelta(seconds=self._seconds_left(left))} left" if left else ""
            text = "fold %d%s, epoch %d of %d (%s): loss %.4f%s%s"
            member = f", member {self.task.member}" if self._has_members else ""
            of = self.task.fold, member, epoch.epoch + 1, total, epoch.phase, epoch.train_loss
            log.info(text, *of, val_loss, time_left, extra={"live": True})
        _write_curves(self.task, epoch)

    def _seconds_left(self, epochs: int) -> int:
        """As the last phase's epochs took, and those of images for the first of clips: too much."""
        mean = {phase: sum(times) / len(times) for phase, times in self.seconds.items()}
        of_clips = min(epochs, self.task.vision.clip_epochs)
        images = mean.get("images", 0.0)
        return round(of_clips * mean.get("clips", images) + (epochs - of_clips) * images)

    @property
    def _has_members(self) -> bool:
        return len(self.task.config.vision.ensemble) > 1


def _write_curves(task: FoldTask, epoch: "EpochLog") -> None:
    from tensorboardX.event_file_writer import EventsWriter  # SummaryWriter needs shared memory
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.summary import scalar

    folder, suffix = task.folder / "tensorboard" / task.path("").name, f".epoch{epoch.epoch}"
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventsWriter(str(folder / "events"), suffix)
    for name in ("train_loss", "val_loss", "learning_rate", "grad_norm"):
        if np.isfinite(value := getattr(epoch, name)):
            summary = scalar(name, value)
            writer.write_event(Event(wall_time=time.time(), step=epoch.epoch, summary=summary))
    writer.close()


def make_validation(task: FoldTask) -> "Callable[[ContactModel], float]":
    """The mean loss of a model on the same `val_rows` of the fold, about: whole tracks or, of
    tokens, whole plays, as players see all others there."""
    from player_contact.vision.scoring import predict_logits

    chosen = np.flatnonzero(task.in_fold)
    plays = task.table["play_index"].to_numpy()[chosen]
    whole = task.rows(chosen).track if task.players is None else plays
    wholes = np.random.default_rng((task.config.seed, task.fold)).permutation(np.unique(whole))
    order = pd.Series(np.arange(len(wholes)), index=wholes)[whole].to_numpy()
    size = np.bincount(order)
    chosen = chosen[(np.cumsum(size) - size < task.vision.val_rows)[order]]
    rows, label = task.rows(chosen), task.table["contact"].to_numpy(dtype=bool)[chosen]

    def validate(model: "ContactModel") -> float:
        logits = predict_logits(model, rows, task.vision, task.config.num_threads)
        signed = np.where(label, -logits, logits).astype(np.float64)
        return float(np.mean(np.logaddexp(0, signed)))

    return validate
