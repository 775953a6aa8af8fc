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
    forward_methods: tuple[str, ...]  # of the model, besides `forward`, that losses call
    labels: tuple[str, ...]  # what a batch has besides the arguments of `forward`
    phases: Callable[..., list[sampling.TrainingPhase]]
    epoch_dataset: Callable[..., Any]
    collate: Callable[..., dataset.Batch]
    split_batch: Callable[..., list[dataset.MicroBatch]]
    image_loss: Callable[..., Any]
    clip_loss: Callable[..., Any]


FAMILIES = {
    "pairs": Family(
        PairModel,
        ("forward_images",),
        ("label",),
        sampling.training_phases,
        sampling.epoch_dataset,
        dataset.collate,
        dataset.split_batch,
        sampling.image_loss,
        sampling.clip_loss,
    ),
    "tokens": Family(
        TokenModel,
        ("forward_players",),
        ("label", "player_label"),
        token_data.training_phases,
        token_data.epoch_dataset,
        token_data.collate_windows,
        token_data.split_windows,
        token_data.image_loss,
        token_data.clip_loss,
    ),
}
