"""What the token family trains on: windows of plays or, in image epochs, images of any players."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from player_contact.config import VisionConfig
from player_contact.vision.augment import build_augmentation, resize
from player_contact.vision.dataset import (
    Batch,
    MicroBatch,
    Sample,
    add_masks,
    clip_tabular,
    load_images,
    visible_views,
)
from player_contact.vision.model import per_image
from player_contact.vision.sampling import TrainingPhase, sample_rows
from player_contact.vision.token_rows import MIRRORED, TokenRows, Window, split_into_windows

# What a batch has for each track of a player; all else, but images, is of the rows.
OF_PLAYERS = "visible", "present", "player_tabular", "geometry", "image_label", "sample"


@dataclass(frozen=True)
class TokenLabels:
    """label [M] bool of the rows; player [N, 2] bool: touches anyone, touches the ground."""

    label: np.ndarray
    player: np.ndarray


def token_labels(rows: TokenRows, label: np.ndarray) -> TokenLabels:
    """Of the M open rows; all others count as no contact, which nearly all of them are."""
    player = np.zeros((len(rows.players), 2), dtype=bool)
    touching = label & ~rows.rows.is_ground
    player[rows.first[touching], 0] = player[rows.second[touching], 0] = True
    player[rows.first[label & rows.rows.is_ground], 1] = True
    return TokenLabels(label, player)


@dataclass(eq=False)
class TokenDataset(Dataset[Sample]):
    """Augmented windows; random numbers depend on (seed, index) alone.

    All images of a player's track are changed alike, those of other players in other ways.
    """

    rows: TokenRows
    windows: list[Window]
    config: VisionConfig
    labels: TokenLabels
    seed: tuple[int, ...]

    def __post_init__(self) -> None:
        crops = self.rows.players.crops[0]
        augment = self.config.augment.model_copy(update={"flip_prob": 0.0})  # done here
        self.augment = build_augmentation(augment, crops.images.shape[-1] - 2 * crops.margin)

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Sample:
        augment, rng = self.config.augment, np.random.default_rng((*self.seed, index))
        window, rows, players = self.windows[index], self.rows, self.rows.players
        present = window.players >= 0
        visible = visible_views(players, window.players.ravel(), self.config)
        visible = visible.reshape(*present.shape, -1)
        if len(self.config.views) > 1:
            hidden = np.flatnonzero(rng.random(len(visible)) < augment.view_dropout_prob)
            visible[hidden, :, rng.integers(visible.shape[-1], size=len(hidden))] = False
        visible &= (rng.random(present.shape) >= augment.image_dropout_prob)[..., None]
        tabular, player_tabular = (
            clip_tabular(one, index)
            for one, index in ((rows.rows, window.rows), (players, window.players))
        )
        no_features = rng.random(len(present)) < augment.tabular_dropout_prob
        player_tabular[no_features] = np.nan
        tabular[no_features[window.first] | no_features[window.second]] = np.nan
        flip = rng.random() < augment.flip_prob  # the whole window: players lie side by side
        images = [
            self._images(track, shown, flip, rng)
            for track, shown in zip(window.players, visible, strict=True)
        ]
        step_mask = window.rows >= 0
        arrays = {
            "visible": visible,
            "present": present,
            "player_tabular": player_tabular,
            "geometry": window_geometry(rows, window, flip),
            "image_label": self.labels.player[window.players].astype(np.float32),
            "sample": np.zeros(len(present), dtype=np.int64),
            "first": window.first,
            "second": window.second,
            "tabular": tabular,
            "step_mask": step_mask,
            "is_ground": rows.rows.is_ground[window.rows],
            "label": np.where(step_mask, self.labels.label[window.rows], 0).astype(np.float32),
        }
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return tensors | {"images": torch.cat(images)}

    def _images(
        self, track: np.ndarray, visible: np.ndarray, flip: bool, rng: np.random.Generator
    ) -> Tensor:
        """The augmented images [N, C, H, W] of a track [T] where visible [T, V]."""
        config = self.config
        images, masks = load_images(self.rows.players, track, visible, config)
        frozen = rng.random(len(images)) < config.augment.freeze_frames_prob
        images[frozen] = images[frozen, images.shape[1] // 2, None]
        images, masks = self.augment(images, masks, int(rng.integers(2**31)))
        images = add_masks(images, masks, config)
        return resize(images[..., ::-1] if flip else images, config.image_size)


def window_geometry(rows: TokenRows, window: Window, flip: bool) -> np.ndarray:
    """[R, T, G] of the players, of mirrored images where asked for; 0: not in an open row."""
    geometry = np.where(window.players[..., None] >= 0, rows.geometry[window.players], 0)
    if flip:
        geometry[..., MIRRORED] *= -1
    return geometry


def training_phases(config: VisionConfig, rows: TokenRows) -> list[TrainingPhase]:
    """As of pairs, with windows in place of clips: an epoch has all of a season's, mostly."""
    drawn = min(config.clips_per_epoch, math.ceil(len(rows.players) / config.clip_length))
    count = min(config.clips_per_epoch, len(split_into_windows(rows, config.clip_length, 0)))
    size, lr_scale = config.image_batch_samples, config.clip_lr_scale if config.image_epochs else 1
    steps, batches = math.ceil(drawn / size), math.ceil(count / config.batch_size)
    phases = (
        TrainingPhase("images", config.image_epochs, steps, size),
        TrainingPhase("clips", config.clip_epochs, batches, config.batch_size, lr_scale),
    )
    return [phase for phase in phases if phase.epochs]


def epoch_dataset(
    phase: TrainingPhase,
    rows: TokenRows,
    label: np.ndarray,
    config: VisionConfig,
    rng: np.random.Generator,
    seed: tuple[int, ...],
) -> TokenDataset:
    """The samples of an epoch: windows at a random offset or, in image epochs, T random players."""
    labels = token_labels(rows, label)
    if phase.name == "clips":
        offset = int(rng.integers(config.clip_length))
        windows = split_into_windows(rows, config.clip_length, offset)
        chosen = rng.permutation(len(windows))[: config.clips_per_epoch]
        return TokenDataset(rows, [windows[index] for index in chosen], config, labels, seed)
    none, nobody = np.empty((0, config.clip_length), np.int64), np.empty(0, np.int64)
    drawn = sample_rows(np.asarray(labels.player.any(axis=1)), config, rng)
    windows = [Window(players[None], none, nobody, nobody) for players in drawn]
    return TokenDataset(rows, windows, config, labels, seed)


def collate_windows(samples: list[Sample]) -> Batch:
    """All tensors are concatenated; indices of tracks move on by those of earlier samples."""
    batch = {name: torch.cat([one[name] for one in samples]) for name in samples[0]}
    tracks = torch.tensor([len(one["sample"]) for one in samples])
    before = (tracks.cumsum(0) - tracks).repeat_interleave(
        torch.tensor([len(one["first"]) for one in samples])
    )
    sample = torch.arange(len(samples)).repeat_interleave(tracks)
    moved = {name: batch[name] + before for name in ("first", "second")}
    return batch | moved | {"sample": sample}


def count_windows(batch: Batch) -> int:
    """Into how many parts a batch can be split."""
    return int(batch["sample"][-1]) + 1


def split_windows(batch: Batch, parts: int) -> list[MicroBatch]:
    """The batch in so many parts of consecutive windows, or in single windows if it has fewer."""
    sample = batch["sample"]
    if parts == 1:
        return [MicroBatch(batch)]
    steps, images = batch["step_mask"].sum(), batch["visible"].sum()
    of_row, of_image = sample[batch["first"]], per_image(sample[:, None], batch["visible"])
    pieces = []
    for chunk in sample.unique().tensor_split(min(parts, count_windows(batch))):
        tracks, rows, shown = (torch.isin(one, chunk) for one in (sample, of_row, of_image))
        part = {
            name: value[shown if name == "images" else tracks if name in OF_PLAYERS else rows]
            for name, value in batch.items()
        }
        before = int(tracks.nonzero()[0])
        part |= {name: part[name] - before for name in ("first", "second")}
        share_of_steps = float(part["step_mask"].sum() / steps.clamp(min=1))
        share_of_images = float(part["visible"].sum() / images.clamp(min=1))
        pieces.append(MicroBatch(part, share_of_steps, share_of_images))
    return pieces
