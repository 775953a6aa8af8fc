"""What an epoch trains on, its loss, and the two phases of a training run."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from player_contact.config import VisionConfig
from player_contact.vision.clips import OpenRows, split_into_clips
from player_contact.vision.dataset import Batch, MicroBatch, TrainDataset
from player_contact.vision.model import per_image

# What a batch has besides the arguments of `forward`; images may have labels of their own.
LABELS = ("label", "image_label")


@dataclass(frozen=True)
class TrainingPhase:
    """Epochs with a learning rate schedule of their own: image epochs first, then clip epochs."""

    name: Literal["images", "clips"]
    epochs: int
    steps_per_epoch: int  # of the optimizer
    batch_size: int  # samples, each of `clip_length` rows
    lr_scale: float = 1.0


def training_phases(config: VisionConfig, rows: OpenRows) -> list[TrainingPhase]:
    """The phases that have epochs. The number of steps is estimated: it varies with the offset."""
    samples = math.ceil(len(rows) / config.clip_length)
    clips = len(split_into_clips(rows.track, rows.step, config.clip_length, 0))

    def steps(count: int, batch_size: int) -> int:
        return math.ceil(min(config.clips_per_epoch, count) / batch_size)

    size = config.image_batch_samples
    lr_scale = config.clip_lr_scale if config.image_epochs else 1.0
    images = TrainingPhase("images", config.image_epochs, steps(samples, size), size)
    size = config.batch_size
    phases = images, TrainingPhase("clips", config.clip_epochs, steps(clips, size), size, lr_scale)
    return [phase for phase in phases if phase.epochs]


def epoch_dataset(
    phase: TrainingPhase,
    rows: OpenRows,
    label: np.ndarray,
    config: VisionConfig,
    rng: np.random.Generator,
    seed: tuple[int, ...],
) -> TrainDataset:
    """The samples of an epoch: clips or, in image epochs, T random rows without time jitter."""
    if phase.name == "clips":
        return TrainDataset(rows, sample_clips(rows, label, config, rng), config, label, seed)
    augment = config.augment.model_copy(update={"time_jitter_prob": 0.0})
    config = config.model_copy(update={"augment": augment})
    return TrainDataset(rows, sample_rows(label, config, rng), config, label, seed)


def sample_rows(label: np.ndarray, config: VisionConfig, rng: np.random.Generator) -> np.ndarray:
    """[L, T] indices of rows in random order, without replacement; padded with -1."""
    length = config.clip_length
    rows = _draw(label, config.clips_per_epoch * length, config.positive_fraction, rng)
    return np.pad(rows, (0, -len(rows) % length), constant_values=-1).reshape(-1, length)


def sample_clips(
    rows: OpenRows, label: np.ndarray, config: VisionConfig, rng: np.random.Generator
) -> np.ndarray:
    """[L, T] clips without replacement, of tracks split at a random offset."""
    offset = int(rng.integers(config.clip_length))
    clips = split_into_clips(rows.track, rows.step, config.clip_length, offset)
    positive = (label[clips] & (clips >= 0)).any(axis=1)
    return clips[_draw(positive, config.clips_per_epoch, config.positive_fraction, rng)]


def _draw(
    positive: np.ndarray, count: int, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """At most `count` random indices into `positive`, `fraction` of them of True entries if there
    are enough."""
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    count = min(count, len(positive))
    num_positive = min(len(positives), max(round(count * fraction), count - len(negatives)))
    num_negative = min(len(negatives), count - num_positive)
    drawn = [
        rng.choice(positives, num_positive, replace=False),
        rng.choice(negatives, num_negative, replace=False),
    ]
    return rng.permutation(np.concatenate(drawn))


def clip_loss(model: Callable, part: MicroBatch, aux_loss_weight: float) -> Tensor:
    """Binary cross entropy of the steps, plus that of each image by itself as auxiliary loss.

    Without the latter the encoder learns slowly, because the tabular features predict so well.
    """
    batch, step_mask = part.batch, part.batch["step_mask"]
    logits, image_logits = model(**{name: batch[name] for name in batch if name not in LABELS})
    loss = binary_cross_entropy_with_logits(logits[step_mask], batch["label"][step_mask])
    loss = loss * part.share_of_steps
    if aux_loss_weight and len(image_logits):
        loss = loss + aux_loss_weight * part.share_of_images * _image_bce(image_logits, batch)
    return loss


def image_loss(model: Any, part: MicroBatch) -> Tensor:
    """Binary cross entropy of each image by itself; 0 for a batch without images."""
    inputs = (part.batch[name] for name in ("images", "visible", "is_ground"))
    logits = model.forward_images(*inputs)
    if not len(logits):
        return 0 * logits.sum()
    return part.share_of_images * _image_bce(logits, part.batch)


def _image_bce(image_logits: Tensor, batch: Batch) -> Tensor:
    label = per_image(batch.get("image_label", batch["label"]), batch["visible"])
    known = ~torch.isnan(label)
    if known.all():
        return binary_cross_entropy_with_logits(image_logits, label)
    # Every image counts alike, so that the losses of parts add up to that of the whole.
    return binary_cross_entropy_with_logits(
        image_logits, torch.where(known, label, 0), known.float()
    )
