"""Training of the vision model of one fold, on the rows of all other folds."""

import dataclasses
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from player_contact.config import VisionConfig
from player_contact.vision.checkpoint import load_checkpoint, save_checkpoint
from player_contact.vision.clips import OpenRows
from player_contact.vision.dataset import Batch
from player_contact.vision.device import (
    is_out_of_memory,
    keep_freed_memory,
    limit_num_workers,
    make_fabric,
    resolve_precision,
    usable_gpus,
)
from player_contact.vision.families import FAMILIES, Family
from player_contact.vision.mixup import mixup
from player_contact.vision.model import ContactModel, to_channels_last
from player_contact.vision.sampling import TrainingPhase, clip_loss, image_loss
from player_contact.vision.token_rows import TokenRows
from player_contact.vision.transfer import param_groups, set_trainable

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger(__name__)

MIN_SCHEDULE_STEPS = 6  # with five, OneCycleLR divides by 0: by its warm-up steps less one


@dataclass(frozen=True)
class TrainingJob:
    """What a model is trained on and how; random states come from seed, epoch and sample, and
    dropout's also from the rank."""

    rows: OpenRows | TokenRows  # as vision.family needs them
    label: np.ndarray  # [M] bool, or what the family takes
    config: VisionConfig
    num_frames: int  # of an image
    seed: tuple[int, ...]  # of the run, fold, and vision.seed where it is not 0
    num_threads: int
    family: Family | None = None  # by default that of the config


@dataclass(frozen=True)
class EpochLog:
    """A line of the training log. `val_loss` is that of the EMA model; NaN: not validated."""

    epoch: int
    phase: str
    train_loss: float
    val_loss: float
    learning_rate: float
    grad_norm: float


def train_model(
    job: TrainingJob,
    on_epoch: Callable[[EpochLog], None] | None = None,
    validate: Callable[[ContactModel], float] | None = None,
    checkpoint: Path | None = None,
    fabric: "Fabric | None" = None,
) -> tuple[ContactModel, list[EpochLog]]:
    """Trains the encoder on single images, then the whole model on clips; returns the EMA model.

    Clips alone train the encoder poorly: their images are alike, and the tabular features predict
    well without them. The schedule is fixed: the loss that `validate` returns after each clip epoch
    is only logged, so out-of-fold scores stay unbiased.

    A run that resumes from its `checkpoint` ends with the weights of an uninterrupted one. Where
    several processes train one model, Lightning Fabric launched them; rank 0 alone writes the
    checkpoint, and batch norm statistics are those of rank 0.
    """
    from lightning_fabric.utilities.seed import seed_everything

    torch.set_num_threads(job.num_threads)
    keep_freed_memory()
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    seed_everything(_derive_seed(*job.seed), verbose=False)
    gpus = [torch.cuda.current_device()] if usable_gpus() else []
    trainer = Trainer(job, fabric or make_fabric(job.config, gpus), checkpoint)
    for epoch in range(len(trainer.log), job.config.image_epochs + job.config.clip_epochs):
        line = trainer.train_one_epoch(epoch)
        if validate is not None and line.phase == "clips":
            line = dataclasses.replace(line, val_loss=validate(trainer.ema_model))
        trainer.log.append(line)
        if checkpoint is not None and trainer.fabric.is_global_zero:
            trainer.save(checkpoint)
        if on_epoch is not None:
            on_epoch(line)
    return trainer.ema_model.cpu().eval(), trainer.log


class Trainer:
    """A model, its exponential moving average, its optimizer and scheduler, and the log."""

    def __init__(self, job: TrainingJob, fabric: "Fabric", checkpoint: Path | None) -> None:
        self.job, self.fabric, config = job, fabric, job.config
        self.family = job.family or FAMILIES[config.family]
        model = self.family.model(config, job.num_frames, pretrained=True)
        fit_standardizer(model, job.rows.tabular)
        self.model = to_channels_last(model)
        avg_fn = get_ema_multi_avg_fn(config.ema_decay)
        self.ema = AveragedModel(self.model, multi_avg_fn=avg_fn, use_buffers=True)
        self.ema.to(fabric.device)
        if config.compile:
            self.model.encoder.compile(dynamic=True)
        self.fabric_model: Any = fabric.setup_module(self.model)
        self.fabric_model.mark_forward_method("forward_images")
        self.micro_batches = config.micro_batches
        self.is_scaled = resolve_precision(config.precision) == "fp16"
        self.phases = self.family.phases(config, job.rows)
        self.optimizer, self.scheduler = build_optimizer(self.model, config, self.phases[0])
        self.log: list[EpochLog] = []
        if saved := load_checkpoint(checkpoint, *self.state()) if checkpoint is not None else None:
            self.log = [EpochLog(**line) for line in saved["log"]]
            self.micro_batches = saved["micro_batches"]
            if saved["precision"]:  # of a scaled loss: there is none where it ran in bf16
                fabric.strategy.precision.load_state_dict(saved["precision"])
        self.fabric_optimizer: Any = fabric.setup_optimizers(self.optimizer)

    @property
    def ema_model(self) -> ContactModel:
        """The model with the moving average of the weights."""
        assert isinstance(self.ema.module, ContactModel)
        return self.ema.module

    def state(self) -> tuple[dict[str, nn.Module], torch.optim.Optimizer, LRScheduler]:
        """What a checkpoint restores in place."""
        return {"model": self.model, "ema": self.ema}, self.optimizer, self.scheduler

    def save(self, checkpoint: Path) -> None:
        """Writes a checkpoint of this moment: what `state` holds, the log, and the loss scale."""
        values = {
            "log": [vars(line) for line in self.log],
            "micro_batches": self.micro_batches,
            "precision": self.fabric.strategy.precision.state_dict(),
        }
        save_checkpoint(checkpoint, *self.state(), values)

    def train_one_epoch(self, epoch: int) -> EpochLog:
        """Trains on the samples of an epoch. Each phase begins with a new optimizer."""
        job, config, fabric = self.job, self.job.config, self.fabric
        phase = self.phases[0] if epoch < self.phases[0].epochs else self.phases[-1]
        if epoch and epoch == config.image_epochs:
            self.optimizer, self.scheduler = build_optimizer(self.model, config, phase)
            self.fabric_optimizer = fabric.setup_optimizers(self.optimizer)
        rank = (fabric.global_rank,) if fabric.global_rank else ()
        torch.manual_seed(_derive_seed(*job.seed, epoch, *rank))  # for dropout
        rng = np.random.default_rng((*job.seed, epoch))
        data = self.family.epoch_dataset(
            phase, job.rows, job.label, config, rng, (*job.seed, epoch)
        )
        size, workers = phase.batch_size // fabric.world_size, limit_num_workers(config.num_workers)
        loader: Any = DataLoader(data, size, num_workers=workers, collate_fn=self.family.collate)
        loader = fabric.setup_dataloaders(loader)
        set_trainable(self.model, config, epoch)
        steps = [self._train_step(batch, phase, rng) for batch in loader]
        losses, grad_norms = zip(*steps, strict=True)
        loss: Any = fabric.all_reduce(torch.stack(losses).mean(), reduce_op="mean")
        learning_rate = float(self.scheduler.get_last_lr()[0])
        grad_norm = float(torch.stack(grad_norms).nanmean())
        return EpochLog(epoch, phase.name, float(loss), math.nan, learning_rate, grad_norm)

    def _train_step(
        self, batch: Batch, phase: TrainingPhase, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """An optimizer step; returns its loss and gradient norm (NaN: too large for fp16)."""
        config, fabric, optimizer = self.job.config, self.fabric, self.fabric_optimizer
        if config.augment.mixup_alpha:
            batch = mixup(batch, config.augment.mixup_alpha, rng)
        while (loss := self._backward(batch, phase)) is None:  # memory ran out
            self.micro_batches *= 2
            text = "memory ran out; on with batches in %d parts"
            log.warning(text, self.micro_batches, extra={"live": True})
        grad_norm = fabric.clip_gradients(
            self.fabric_model, optimizer, max_norm=config.grad_clip, error_if_nonfinite=False
        )
        optimizer.step()
        grad_norm = torch.as_tensor(grad_norm)
        if self.is_scaled and not grad_norm.isfinite():  # the step was left out, the scale halved
            return loss, torch.full_like(grad_norm, torch.nan)
        if self.scheduler.last_epoch < phase.epochs * phase.steps_per_epoch - 1:
            self.scheduler.step()
        self.ema.update_parameters(self.model)
        return loss, grad_norm

    def _backward(self, batch: Batch, phase: TrainingPhase) -> Tensor | None:
        """Sets the gradients of a batch, part by part, and returns its loss; None: out of memory.

        Where a batch can't be split further, or other processes wait for this one, that is raised.
        """
        config, fabric = self.job.config, self.fabric
        self.optimizer.zero_grad(set_to_none=True)
        losses = []
        try:
            for part in self.family.split_batch(batch, self.micro_batches):
                with fabric.autocast():  # which Fabric enters by itself only in `forward`
                    if phase.name == "images":
                        loss = image_loss(self.fabric_model, part)
                    else:
                        loss = clip_loss(self.fabric_model, part, config.aux_loss_weight)
                fabric.backward(loss)
                losses.append(loss.detach())
        except (MemoryError, RuntimeError) as error:
            can_split = (
                self.micro_batches < self.family.count_samples(batch) and fabric.world_size == 1
            )
            if not (can_split and is_out_of_memory(error)):
                raise
            return None
        return torch.stack(losses).sum()


def build_optimizer(
    model: ContactModel, config: VisionConfig, phase: TrainingPhase
) -> tuple[torch.optim.Optimizer, LRScheduler]:
    """AdamW, and OneCycleLR (Smith and Topin 2018, arXiv:1708.07120) or CosineAnnealingLR."""
    groups = param_groups(model, config, phase.lr_scale)
    # Fabric can't clip gradients for a fused optimizer, which would unscale them itself.
    fused = resolve_precision(config.precision) != "fp16"
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=fused)
    steps = max(phase.epochs * phase.steps_per_epoch, MIN_SCHEDULE_STEPS)
    if config.scheduler == "cosine":
        return optimizer, CosineAnnealingLR(optimizer, steps)
    max_lr = [group["lr"] for group in optimizer.param_groups]
    return optimizer, OneCycleLR(optimizer, max_lr, total_steps=steps, pct_start=0.2)


def fit_standardizer(model: ContactModel, tabular: np.ndarray) -> None:
    """Sets mean and std by which the model standardizes tabular features [M, K]; NaN is ignored."""
    known = np.isfinite(tabular)
    count = np.maximum(known.sum(0), 1)
    values = np.where(known, tabular, 0).astype(np.float64)
    mean = values.sum(0) / count
    std = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / count)
    model.tabular_mean.copy_(torch.from_numpy(mean.astype(np.float32)))
    model.tabular_std.copy_(torch.from_numpy(np.where(std > 1e-6, std, 1).astype(np.float32)))


def _derive_seed(*seed: int) -> int:
    return int(np.random.SeedSequence(seed).generate_state(1)[0])
