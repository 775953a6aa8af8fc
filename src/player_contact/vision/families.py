"""The two families of vision models: what `train` and `scoring` call of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from player_contact.vision import dataset, sampling, token_data
from player_contact.vision.model import ContactModel, PairModel
from player_contact.vision.token_model import TokenModel


@dataclass(frozen=True)
class Family:
    """Functions of rows: `OpenRows` of pairs, `TokenRows` of tokens."""

    model: Callable[..., ContactModel]
    phases: Callable[..., list[sampling.TrainingPhase]]
    epoch_dataset: Callable[..., Any]
    collate: Callable[..., dataset.Batch]
    split_batch: Callable[..., list[dataset.MicroBatch]]
    count_samples: Callable[[dataset.Batch], int]


FAMILIES = {
    "pairs": Family(
        PairModel,
        sampling.training_phases,
        sampling.epoch_dataset,
        dataset.collate,
        dataset.split_batch,
        dataset.count_samples,
    ),
    "tokens": Family(
        TokenModel,
        token_data.training_phases,
        token_data.epoch_dataset,
        token_data.collate_windows,
        token_data.split_windows,
        token_data.count_windows,
    ),
}
