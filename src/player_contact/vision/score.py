"""Scoring: every picture is encoded once; the cheap part along the track then reads each row in several stretches."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import DataLoader

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.dataset import RowDataset, seen_by, stretch_sensors
from player_contact.vision.device import keep_freed_memory, loaders_here, scoring
from player_contact.vision.model import ContactModel, input_channels
from player_contact.vision.tracks import OpenRows, cut_stretches

See = Callable[[torch.Tensor], torch.Tensor]  # pictures [N, C, H, W] -> [N, W], as `ContactModel.see`

PICTURES = 256  # encoded at a time: with ResNet-50 at 128 pixels about half a gigabyte
STRETCHES = 1024  # followed at a time


def score_rows(model: ContactModel, rows: OpenRows, config: VisionConfig, threads: int, see: See | None = None) -> np.ndarray:
    """[M] float32 log odds of the rows: the mean over `config.overlap` ways to cut their tracks, and over the ways to look at their pictures,
    shifted as the model asks for pairs and for the ground.

    `see` encodes pictures in the model's stead, such as `make_see`'s.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    device, _ = scoring(config)
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    seen = seen_by(rows, np.arange(len(rows)), config)
    total = np.zeros(len(rows))
    ways = looks(config)
    for shift, flip in ways:
        seeing = see_rows(see or model.see, rows, config, shift, flip)
        total += follow_rows(model, seeing, seen, rows, config)
    return (total / len(ways)).astype(np.float32) + model.shift.cpu().numpy()[rows.is_ground.astype(int)]


def make_see(model: ContactModel, config: VisionConfig, frames: int, threads: int) -> See:
    """What encodes pictures as the config asks: the model itself, or on a CPU its compiled twin, which takes seconds to make."""
    if config.runtime == "openvino":
        from player_contact.vision.openvino import OpenVinoSight, can_use_openvino

        if can_use_openvino():
            return OpenVinoSight(model, input_channels(config, frames), config.image_size, threads, config.precision)
    return model.see


def looks(config: VisionConfig) -> list[tuple[int, bool]]:
    """The ways to look at a picture whose scores are averaged: (shift in pixels, flip), first as it is."""
    shifts = (0, -config.test_shift, config.test_shift) if config.test_shift else (0,)
    return [(shift, flip) for shift in shifts for flip in ((False, True) if config.test_flip else (False,))]


@torch.inference_mode()
def see_rows(see: See, rows: OpenRows, config: VisionConfig, shift: int = 0, flip: bool = False) -> torch.Tensor:
    """[N, W] float32 on the CPU: what the encoder says of each picture, row by row, in the order of the views that saw it."""
    device, precision = scoring(config)
    data = RowDataset(rows, config, PICTURES // len(VIEWS), shift, flip)
    loader = DataLoader(data, batch_size=None, num_workers=loaders_here(config.loaders))
    with precision:
        parts = [see(pictures.to(device)).float().cpu() for pictures in loader]
    return torch.cat(parts) if parts else torch.zeros(0, config.track_width)


@torch.inference_mode()
def follow_rows(model: ContactModel, seeing: torch.Tensor, seen: np.ndarray, rows: OpenRows, config: VisionConfig) -> np.ndarray:
    """[M] log odds of the rows from what was seen of them: `seeing` [N, W], `seen` [M, V]. Tracks are cut in `config.overlap` ways."""
    device, precision = scoring(config)
    assert len(seeing) == seen.sum(), "a picture for each view that saw a row"
    first = np.cumsum(seen.sum(1)) - seen.sum(1)  # a row's first picture
    number = torch.from_numpy(np.where(seen, first[:, None] + np.cumsum(seen, axis=1) - 1, 0))  # [M, V] of which picture
    total = np.zeros(len(rows))
    phases = sorted({cut * config.steps // config.overlap for cut in range(config.overlap)})
    stretches = np.concatenate([cut_stretches(rows.track, rows.step, config.steps, phase) for phase in phases])
    for start in range(0, len(stretches), STRETCHES):
        places = stretches[start : start + STRETCHES]
        present = places >= 0
        of_stretch = torch.from_numpy(seen[places] & present[..., None])  # [B, T, V]
        pictures = seeing[number[places][of_stretch]]
        tensors = (pictures, torch.from_numpy(stretch_sensors(rows, places)), of_stretch, torch.from_numpy(present))
        with precision:
            logits = model.follow(*(tensor.to(device) for tensor in tensors))
        np.add.at(total, places[present], logits.cpu().numpy()[present])
    return total / len(phases)
