"""What training learns from, and in which order: first single pictures, then stretches of tracks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from player_contact.config import VisionConfig
from player_contact.vision.dataset import Item, StretchDataset
from player_contact.vision.tracks import OpenRows, cut_stretches


@dataclass(frozen=True)
class Phase:
    """A part of training with a schedule of its own: so many epochs of so many steps, each of so many items, with a share of the config's learning
    rate."""

    name: Literal["pictures", "stretches"]
    epochs: int
    steps: int
    batch: int
    rate: float = 1.0


def phases_of(config: VisionConfig, rows: OpenRows) -> list[Phase]:
    """The phases of a training, in their order; those without epochs are left out.

    An epoch has a step more or less where all stretches are drawn, and a random cut makes another number of them.
    """
    sets, tracks = math.ceil(len(rows) / config.steps), len(cut_stretches(rows.track, rows.step, config.steps, 0))
    pictures = Phase("pictures", config.picture_epochs, _steps(config, sets, config.picture_batch), config.picture_batch)
    rate = config.stretch_rate if config.picture_epochs else 1.0
    stretches = Phase("stretches", config.epochs, _steps(config, tracks, config.batch), config.batch, rate)
    return [pictures, stretches] if config.picture_epochs else [stretches]


def _steps(config: VisionConfig, there: int, batch: int) -> int:
    """Training steps of an epoch, of so many items that are there."""
    return math.ceil(min(config.stretches, there) / batch)


def draw_data(
    phase: Phase, rows: OpenRows, label: np.ndarray, config: VisionConfig, random: np.random.Generator, seed: tuple[int, ...]
) -> StretchDataset:
    """What an epoch learns from."""
    if phase.name == "stretches":
        return StretchDataset(rows, draw_stretches(rows, label, config, random), config, label, seed)
    apart = config.model_copy(update={"augment": config.augment.model_copy(update={"jitter": 0.0})})  # the steps beside it are other rows'
    return StretchDataset(rows, draw_rows(label, config, random), apart, label, seed)


def draw_rows(label: np.ndarray, config: VisionConfig, random: np.random.Generator) -> np.ndarray:
    """[L, T] places of single rows in random order, as many as the stretches of an epoch hold; -1 where there are no more. Those that are a contact
    make up a set share, and each is drawn at most once."""
    chosen = _drawn(label, config.stretches * config.steps, config.with_contact, random)
    return np.append(chosen, np.full(-len(chosen) % config.steps, -1)).reshape(-1, config.steps)


def draw_stretches(rows: OpenRows, label: np.ndarray, config: VisionConfig, random: np.random.Generator) -> np.ndarray:
    """[L, T] stretches of one epoch: tracks are cut at a random phase, and those with a contact make up a set share. Each is drawn at most once,
    and an epoch has the same number of stretches wherever enough exist."""
    stretches = cut_stretches(rows.track, rows.step, config.steps, int(random.integers(config.steps)))
    touching = (label[stretches] & (stretches >= 0)).any(axis=1)
    return stretches[_drawn(touching, config.stretches, config.with_contact, random)]


def _drawn(touching: np.ndarray, wanted: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Places in [N] `touching` in random order: as many as are wanted and there, that share of them touching, where there are enough of both."""
    contacts, others = np.flatnonzero(touching), np.flatnonzero(~touching)
    wanted = min(wanted, len(touching))
    touched = min(len(contacts), max(round(wanted * share), wanted - len(others)))
    drawn = [random.choice(contacts, touched, replace=False), random.choice(others, min(len(others), wanted - touched), replace=False)]
    return random.permutation(np.concatenate(drawn))


def contact_loss(model: Callable, batch: Item, picture_loss: float) -> torch.Tensor:
    """Cross entropy of the steps that are present; and, weighted by `picture_loss`, that of each picture alone. Sensors tell so much that the encoder
    would learn slowly behind them, so every picture also answers on its own."""
    logits, alone = model(batch["pictures"], batch["sensors"], batch["seen"], batch["present"])
    loss = binary_cross_entropy_with_logits(logits[batch["present"]], batch["label"][batch["present"]])
    if picture_loss and len(alone):
        loss = loss + picture_loss * _of_pictures(alone, batch)
    return loss


def pictures_loss(model: Any, batch: Item) -> torch.Tensor:
    """Cross entropy of each picture alone."""
    alone = model.judge(batch["pictures"])
    return _of_pictures(alone, batch) if len(alone) else 0 * alone.sum()


def _of_pictures(alone: torch.Tensor, batch: Item) -> torch.Tensor:
    label = batch["label"][..., None].expand(batch["seen"].shape)[batch["seen"]]
    return binary_cross_entropy_with_logits(alone, label)
