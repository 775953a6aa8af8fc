"""Training of one fold, and scoring."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from player_contact.config import VisionConfig
from player_contact.vision.dataset import StretchDataset
from player_contact.vision.model import ContactModel
from player_contact.vision.tracks import OpenRows, cut_stretches
from player_contact.vision.transfer import parameter_groups, start_epoch

log = logging.getLogger(__name__)

SHORTEST_SCHEDULE = 6  # steps: a fifth of five is a rise of one step, by whose length OneCycleLR would divide


@dataclass(frozen=True)
class Epoch:
    """One line of the training log."""

    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float


def train_model(
    rows: OpenRows, label: np.ndarray, config: VisionConfig, frames: int, seed: tuple[int, int], threads: int, on_epoch: Callable | None = None
) -> tuple[ContactModel, list[Epoch]]:
    """A model trained on the [M] bool labels of the rows.

    What is kept is the moving average of the weights at the end of a fixed schedule: no validation score chooses it, so out-of-fold scores stay
    untouched by training. `seed` is (seed, fold); every random state derives from it, the epoch and the item.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.utilities.seed import seed_everything

    torch.set_num_threads(threads)
    seed_everything(int(np.random.SeedSequence(seed).generate_state(1)[0]), verbose=False)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(accelerator="auto", devices=1, precision="bf16-mixed" if use_bf16(config.precision) else "32-true")
    model = ContactModel(config, frames, pretrained=True)
    set_sensor_scale(model, rows.sensors)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(parameter_groups(model, config), weight_decay=config.weight_decay)
    rates = [group["lr"] for group in optimizer.param_groups]
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)
    trained, optimizer = fabric.setup(model, optimizer)
    average.to(fabric.device)

    epochs, schedule = [], None
    for epoch in range(config.epochs):
        chosen = draw_stretches(rows, label, config, np.random.default_rng((*seed, epoch)))
        data = StretchDataset(rows, chosen, config, label, seed=(*seed, epoch))
        loader: Any = fabric.setup_dataloaders(DataLoader(data, batch_size=config.batch, num_workers=config.loaders))
        if schedule is None:
            steps = max(config.epochs * len(loader), SHORTEST_SCHEDULE)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, pct_start=0.2)
        start_epoch(model, config, epoch)
        losses: list[torch.Tensor] = []
        norms: list[torch.Tensor] = []
        for batch in loader:
            logits, alone = trained(batch["pictures"], batch["sensors"], batch["seen"], batch["present"])
            loss = binary_cross_entropy_with_logits(logits[batch["present"]], batch["label"][batch["present"]])
            if config.picture_loss and batch["seen"].any():
                # Sensors tell so much that the encoder would learn slowly behind them: every picture also answers on its own.
                own_label = batch["label"][..., None].expand_as(alone)[batch["seen"]]
                loss = loss + config.picture_loss * binary_cross_entropy_with_logits(alone[batch["seen"]], own_label)
            optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            norm = fabric.clip_gradients(trained, optimizer, max_norm=config.clip, error_if_nonfinite=False)
            norms.append(torch.as_tensor(norm))
            optimizer.step()
            if schedule.last_epoch < schedule.total_steps - 1:
                schedule.step()
            average.update_parameters(model)
            losses.append(loss.detach())
        line = Epoch(epoch, float(torch.stack(losses).mean()), float(schedule.get_last_lr()[0]), float(torch.stack(norms).mean()))
        epochs.append(line)
        if on_epoch is not None:
            on_epoch(line)
    kept = average.module
    assert isinstance(kept, ContactModel)
    return kept.cpu().eval(), epochs


def draw_stretches(rows: OpenRows, label: np.ndarray, config: VisionConfig, random: np.random.Generator) -> np.ndarray:
    """[L, T] stretches of one epoch: tracks are cut at a random phase, and those with a contact make up a set share. Each is drawn at most once,
    and an epoch has the same number of stretches wherever enough exist."""
    stretches = cut_stretches(rows.track, rows.step, config.steps, int(random.integers(config.steps)))
    touching = (label[stretches] & (stretches >= 0)).any(axis=1)
    with_contact, without = np.flatnonzero(touching), np.flatnonzero(~touching)
    wanted = min(config.stretches, len(stretches))
    touched = min(len(with_contact), max(round(wanted * config.with_contact), wanted - len(without)))
    chosen = np.concatenate(
        [random.choice(with_contact, touched, replace=False), random.choice(without, min(len(without), wanted - touched), replace=False)]
    )
    return stretches[random.permutation(chosen)]


def set_sensor_scale(model: ContactModel, sensors: np.ndarray) -> None:
    """Mean and spread of the training rows' sensor values become part of the model."""
    known = np.isfinite(sensors)
    count = np.maximum(known.sum(0), 1)
    values = np.where(known, sensors, 0).astype(np.float64)
    mean = values.sum(0) / count
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / count)
    model.sensor_mean.copy_(torch.from_numpy(mean.astype(np.float32)))
    model.sensor_scale.copy_(torch.from_numpy(np.where(spread > 1e-6, spread, 1).astype(np.float32)))


def score_rows(model: ContactModel, rows: OpenRows, config: VisionConfig, threads: int) -> np.ndarray:
    """[M] float32 log odds of the rows: each is scored in two stretches that are cut half a stretch apart, and averaged."""
    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    total, times = np.zeros(len(rows)), np.zeros(len(rows))
    for phase in sorted({0, config.steps // 2}):
        stretches = cut_stretches(rows.track, rows.step, config.steps, phase)
        data = StretchDataset(rows, stretches, config)
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(config.precision)):
            done = 0
            for batch in DataLoader(data, batch_size=2 * config.batch, num_workers=config.loaders):
                logits = model(*(batch[name].to(device) for name in ("pictures", "sensors", "seen", "present")))[0].cpu().numpy()
                places = stretches[done : done + len(logits)]
                done += len(logits)
                total[places[places >= 0]] += logits[places >= 0]
                times[places[places >= 0]] += 1
    return (total / np.maximum(times, 1)).astype(np.float32)


def vision_workers(workers: int) -> int:
    """How many processes may train or score at a time: no more than there are GPUs, where there are any."""
    return min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers


def use_bf16(precision: str) -> bool:
    """Whether to calculate in bfloat16: as asked, or (auto) where the hardware multiplies it natively; elsewhere it is slower than float32."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)  # older ones only emulate it
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch can't tell
    return bool(capabilities.get("avx512_bf16", False))
