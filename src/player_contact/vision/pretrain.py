"""Pretraining of an image encoder on what a simulation knows of each row beside its contact.

A contact is one rare bit, and annotators err. How high the lowest joint of a player is, or how far
apart two bodies are, is known of every row, so that every image has something to tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from player_contact.config import VisionConfig
from player_contact.vision.clips import OpenRows
from player_contact.vision.dataset import Sample, TrainDataset, collate, count_samples, split_batch
from player_contact.vision.families import Family
from player_contact.vision.model import PairModel
from player_contact.vision.sampling import TrainingPhase, sample_rows, training_phases
from player_contact.vision.train import EpochLog, TrainingJob, train_model

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# K targets of a row, in 0..1: a contact as it was, without annotators' errors; of a player and the
# ground: how high his lowest joint is, whether he touches anyone; of a pair: how far apart the two
# are, and how high the lowest joint of the lower and of the higher one is.
TARGETS = ("contact", "height", "touches", "distance", "lower_height", "upper_height")


@dataclass(eq=False)
class TruthDataset(TrainDataset):
    """Augmented samples of T random rows, each image with its row's targets."""

    truth: np.ndarray  # [M, K] float32, NaN: no such target of the row

    def __getitem__(self, sample: int) -> Sample:
        truth = self.truth[self.row_index[sample]]
        return super().__getitem__(sample) | {"image_label": torch.from_numpy(truth)}


class TruthModel(PairModel):
    """A model whose images by themselves tell the K targets."""

    def __init__(self, config: VisionConfig, num_frames: int, pretrained: bool = False) -> None:
        super().__init__(config, num_frames, pretrained)
        self.truth_head = nn.Linear(config.embed_dim, len(TARGETS))

    def forward_images(self, images: Tensor, *_: Tensor) -> Tensor:
        """images [N, C, H, W] uint8 -> logits [N, K]; arguments as of `PairModel`."""
        return self.truth_head(self.embed_images(images)).float()


def truth_dataset(
    phase: TrainingPhase,
    rows: OpenRows,
    truth: np.ndarray,
    config: VisionConfig,
    rng: np.random.Generator,
    seed: tuple[int, ...],
) -> TruthDataset:
    """The samples of an image epoch of M rows with [M, K] targets."""
    contact = truth[:, TARGETS.index("contact")] > 0
    return TruthDataset(rows, sample_rows(contact, config, rng), config, contact, seed, truth)


FAMILY = Family(TruthModel, training_phases, truth_dataset, collate, split_batch, count_samples)


def pretrain_encoder(
    job: TrainingJob, on_epoch: Callable[[EpochLog], None], checkpoint: Path, fabric: "Fabric"
) -> nn.Module:
    """The encoder after the `image_epochs` of a job whose labels are the [M, K] targets."""
    config = job.config.model_copy(update={"clip_epochs": 0})
    job = replace(job, config=config, family=FAMILY)
    return train_model(job, on_epoch, checkpoint=checkpoint, fabric=fabric)[0].encoder
