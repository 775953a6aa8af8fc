"""Inference with test-time augmentation: images are encoded once, clips overlap."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.clips import OpenRows, split_into_clips
from player_contact.vision.dataset import ImageDataset, clip_tabular, visible_views
from player_contact.vision.device import (
    autocast,
    inference_device,
    keep_freed_memory,
    limit_num_workers,
)
from player_contact.vision.model import ContactModel, input_channels

ImageEncoder = Callable[[Tensor], Tensor]  # [N, C, H, W] -> [N, E], as `ContactModel.encode`

IMAGES_PER_BATCH = 256  # of ResNet-50 at 128 pixels about half a gigabyte
CLIPS_PER_BATCH = 1024


def predict_logits(
    model: ContactModel,
    rows: OpenRows,
    config: VisionConfig,
    threads: int,
    encode: ImageEncoder | None = None,
) -> np.ndarray:
    """[M] float32 logits of the rows: the mean over test-time augmentations, plus `logit_shift`.

    `encode` may replace the model's own, see `make_image_encoder`.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    model = model.to(inference_device()).to(memory_format=torch.channels_last).eval()
    total, variants = np.zeros(len(rows)), tta_variants(config)
    for shift, flip in variants:
        embeddings = embed_images(encode or model.encode, rows, config, shift, flip)
        total += predict_from_embeddings(model, embeddings, rows, config)
    logit_shift = model.logit_shift.cpu().numpy()[rows.is_ground.astype(int)]
    return (total / len(variants)).astype(np.float32) + logit_shift


def make_image_encoder(
    model: ContactModel, config: VisionConfig, frames: int, threads: int
) -> ImageEncoder:
    """`model.encode`, or its twin in OpenVINO (compiled in seconds) if `vision.runtime` asks."""
    if config.runtime == "openvino":
        from player_contact.vision.openvino_encoder import OpenVinoEncoder, should_use_openvino

        if should_use_openvino():
            channels = input_channels(config, frames)
            return OpenVinoEncoder(model, channels, config.image_size, threads, config.precision)
    return model.encode


def tta_variants(config: VisionConfig) -> list[tuple[int, bool]]:
    """(shift in pixels, flip) of each test-time augmentation of images, the original first."""
    shifts = (0, -config.tta.shift, config.tta.shift) if config.tta.shift else (0,)
    flips = (False, True) if config.tta.flip else (False,)
    return [(shift, flip) for shift in shifts for flip in flips]


@torch.inference_mode()
def embed_images(
    encode: ImageEncoder, rows: OpenRows, config: VisionConfig, shift: int = 0, flip: bool = False
) -> Tensor:
    """[N, E] float32 on the CPU: embeddings of the visible images, row by row."""
    data = ImageDataset(rows, config, IMAGES_PER_BATCH // len(VIEWS), shift, flip)
    loader = DataLoader(data, batch_size=None, num_workers=limit_num_workers(config.num_workers))
    with autocast(config.precision):
        parts = [encode(images.to(inference_device())).float().cpu() for images in loader]
    return torch.cat(parts) if parts else torch.zeros(0, config.embed_dim)


@torch.inference_mode()
def predict_from_embeddings(
    model: ContactModel, embeddings: Tensor, rows: OpenRows, config: VisionConfig
) -> np.ndarray:
    """[M] logits of the rows from [N, E] of `embed_images`: the mean over `tta.offsets` splits."""
    visible = visible_views(rows, np.arange(len(rows)), config)
    assert len(embeddings) == visible.sum(), "an embedding for each view of a row"
    image_index = torch.from_numpy(np.cumsum(visible).reshape(visible.shape) - 1)  # [M, V]
    length, count = config.clip_length, config.tta.offsets
    offsets = sorted({i * length // count for i in range(count)})
    clips = np.concatenate(
        [split_into_clips(rows.track, rows.step, length, offset) for offset in offsets]
    )
    total = np.zeros(len(rows))
    for start in range(0, len(clips), CLIPS_PER_BATCH):
        index = clips[start : start + CLIPS_PER_BATCH]  # [B, T]
        step_mask = index >= 0
        clip_visible = torch.from_numpy(visible[index] & step_mask[..., None])  # [B, T, V]
        inputs = (
            embeddings[image_index[index][clip_visible]],
            torch.from_numpy(clip_tabular(rows, index)),
            clip_visible,
            torch.from_numpy(step_mask),
        )
        with autocast(config.precision):
            logits = model.forward_clips(*(tensor.to(inference_device()) for tensor in inputs))
        np.add.at(total, index[step_mask], logits.cpu().numpy()[step_mask])
    return total / len(offsets)
