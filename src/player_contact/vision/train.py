"""Training of one fold."""

import dataclasses
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from player_contact.config import VisionConfig
from player_contact.vision.checkpoint import load_checkpoint, save_checkpoint
from player_contact.vision.curriculum import Phase, contact_loss, draw_data, phases_of, pictures_loss
from player_contact.vision.dataset import collate
from player_contact.vision.device import keep_freed_memory, loaders_here, make_fabric
from player_contact.vision.mixup import mix
from player_contact.vision.model import ContactModel
from player_contact.vision.tracks import OpenRows
from player_contact.vision.transfer import parameter_groups, start_epoch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SHORTEST_SCHEDULE = 6  # steps: a fifth of five is a rise of one step, by whose length OneCycleLR would divide


@dataclass(frozen=True)
class Epoch:
    """One line of the training log. `held_out` is the loss of rows that training does not see, by the averaged weights; NaN: none were watched,
    or there are only pictures yet."""

    epoch: int
    phase: str  # "pictures" or "stretches"
    loss: float
    held_out: float
    learning_rate: float
    gradient_norm: float


def train_model(
    rows: OpenRows,
    label: np.ndarray,
    config: VisionConfig,
    frames: int,
    seed: tuple[int, ...],
    threads: int,
    on_epoch: Callable[[Epoch], None] | None = None,
    watch: Callable[[ContactModel], float] | None = None,
    checkpoint: Path | None = None,
    fabric: "Fabric | None" = None,
) -> tuple[ContactModel, list[Epoch]]:
    """A model trained on the [M] bool labels of the rows.

    First the encoder learns from single pictures of rows in random order, then all of it from stretches. From stretches alone it learns little: their
    pictures are nearly the same, and sensors and screen beside them tell more than it does until it is good.

    What is kept is the moving average of the weights at the end of a fixed schedule: no validation score chooses it (what `watch` says of the
    averaged model is only logged), so out-of-fold scores stay untouched by training. `seed` is (seed, fold, ...); every random state derives from it,
    the epoch and the item, so a training that goes on from its `checkpoint` ends with the weights of one that was never interrupted. Of several
    processes that train together, each is given the `fabric` that launched it. Their learnt weights are the same; statistics of the encoder are those
    of the first one's share, which alone writes the checkpoint.
    """
    from lightning_fabric.utilities.seed import seed_everything

    torch.set_num_threads(threads)
    keep_freed_memory()
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    seed_everything(_number(*seed), verbose=False)
    fabric = fabric or make_fabric(config, [torch.cuda.current_device()] if torch.cuda.is_available() else [])
    model = ContactModel(config, frames, pretrained=True)
    set_sensor_scale(model, rows.sensors)
    model = model.to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)
    average.to(fabric.device)
    if config.compile:
        model.encoder.compile(dynamic=True)
    trained: Any = fabric.setup_module(model)
    trained.mark_forward_method("judge")
    parts, phases = {"model": model, "average": average}, phases_of(config, rows)
    optimizer, schedule = make_optimizer(model, config, phases[0])
    epochs = [Epoch(**line) for line in load_checkpoint(checkpoint, parts, optimizer, schedule)] if checkpoint is not None else []
    stepping: Any = fabric.setup_optimizers(optimizer)

    for epoch in range(len(epochs), config.picture_epochs + config.epochs):
        phase = phases[0] if epoch < phases[0].epochs else phases[-1]
        if epoch and epoch == config.picture_epochs:
            optimizer, schedule = make_optimizer(model, config, phase)
            stepping = fabric.setup_optimizers(optimizer)
        torch.manual_seed(_number(*seed, epoch, *((fabric.global_rank,) if fabric.global_rank else ())))  # of dropout
        random = np.random.default_rng((*seed, epoch))
        data = draw_data(phase, rows, label, config, random, (*seed, epoch))
        loader: Any = fabric.setup_dataloaders(
            DataLoader(data, batch_size=phase.batch // fabric.world_size, num_workers=loaders_here(config.loaders), collate_fn=collate)
        )
        start_epoch(model, config, epoch)
        losses, norms = [], []
        for batch in loader:
            if config.augment.mixup:
                batch = mix(batch, config.augment.mixup, random)
            with fabric.autocast():  # which a method beside `forward` does not enter by itself
                loss = pictures_loss(trained, batch) if phase.name == "pictures" else contact_loss(trained, batch, config.picture_loss)
            optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            norms.append(torch.as_tensor(fabric.clip_gradients(trained, stepping, max_norm=config.clip, error_if_nonfinite=False)))
            stepping.step()
            if schedule.last_epoch < phase.epochs * phase.steps - 1:
                schedule.step()
            average.update_parameters(model)
            losses.append(loss.detach())
        held_out = watch(_averaged(average)) if watch is not None and phase.name == "stretches" else math.nan
        rate = float(schedule.get_last_lr()[0])
        mean: Any = fabric.all_reduce(torch.stack(losses).mean(), reduce_op="mean")
        epochs.append(Epoch(epoch, phase.name, float(mean), held_out, rate, float(torch.stack(norms).mean())))
        if checkpoint is not None and fabric.is_global_zero:
            save_checkpoint(checkpoint, parts, optimizer, schedule, [dataclasses.asdict(line) for line in epochs])
        if on_epoch is not None:
            on_epoch(epochs[-1])
    return _averaged(average).cpu().eval(), epochs


def make_optimizer(model: ContactModel, config: VisionConfig, phase: Phase) -> tuple[torch.optim.Optimizer, LRScheduler]:
    """What moves the weights in a phase, and the learning rate by training step: up and down once (Smith and Topin 2018, arXiv:1708.07120), or down
    along a cosine."""
    optimizer = torch.optim.AdamW(parameter_groups(model, config, phase.rate), weight_decay=config.weight_decay, fused=True)
    steps = max(phase.epochs * phase.steps, SHORTEST_SCHEDULE)
    if config.schedule == "cosine":
        return optimizer, CosineAnnealingLR(optimizer, steps)
    return optimizer, OneCycleLR(optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=steps, pct_start=0.2)


def set_sensor_scale(model: ContactModel, sensors: np.ndarray) -> None:
    """Mean and spread of the training rows' sensor values become part of the model."""
    known = np.isfinite(sensors)
    count = np.maximum(known.sum(0), 1)
    values = np.where(known, sensors, 0).astype(np.float64)
    mean = values.sum(0) / count
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / count)
    model.sensor_mean.copy_(torch.from_numpy(mean.astype(np.float32)))
    model.sensor_scale.copy_(torch.from_numpy(np.where(spread > 1e-6, spread, 1).astype(np.float32)))


def _averaged(average: AveragedModel) -> ContactModel:
    assert isinstance(average.module, ContactModel)
    return average.module


def _number(*seed: int) -> int:
    return int(np.random.SeedSequence(seed).generate_state(1)[0])
