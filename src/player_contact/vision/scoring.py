"""Scoring, that is inference: images are embedded once per TTA variant, clips overlap."""

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision import token_scoring
from player_contact.vision.clips import OpenRows, split_into_clips
from player_contact.vision.dataset import InferenceDataset, clip_tabular, visible_views
from player_contact.vision.device import (
    autocast,
    inference_device,
    is_out_of_memory,
    keep_freed_memory,
    limit_num_workers,
)
from player_contact.vision.model import ContactModel, PairModel, input_channels, to_channels_last
from player_contact.vision.token_rows import TokenRows

log = logging.getLogger(__name__)

ImageEmbedder = Callable[[Tensor], Tensor]  # [N, C, H, W] uint8 -> [N, E]

IMAGES_PER_BATCH = 256  # take about half a gigabyte with ResNet-50 at 128 pixels
FEW_IMAGES = 32  # where a process died, mostly for memory
FEWEST_IMAGES = 8  # at a time: with fewer memory would not do either
CLIPS_PER_BATCH = 1024


def predict_logits(
    model: ContactModel,
    rows: OpenRows | TokenRows,
    config: VisionConfig,
    threads: int,
    embed: ImageEmbedder | None = None,
    images_per_batch: int = IMAGES_PER_BATCH,
) -> np.ndarray:
    """[M] float32 logits of the rows: the mean over test-time augmentations, plus `logit_shift`.

    `embed` replaces `model.embed_images`, see `make_image_embedder`.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    model = to_channels_last(model.to(inference_device())).eval()
    total, variants = np.zeros(len(rows)), tta_variants(config)
    for shift, flip in variants:
        variant = shift, flip, images_per_batch
        embeddings = embed_rows(embed or model.embed_images, rows.image_rows, config, *variant)
        total += SCORING[config.family](model, embeddings, rows, config, flip)
    logit_shift = model.logit_shift.cpu().numpy()[rows.is_ground.astype(int)]
    return (total / len(variants)).astype(np.float32) + logit_shift


def make_image_embedder(
    model: ContactModel, config: VisionConfig, num_frames: int, threads: int
) -> ImageEmbedder:
    """`model.embed_images`, or the same in OpenVINO, as `vision.inference_backend` says."""
    if config.inference_backend == "openvino":
        from player_contact.vision.openvino_embedder import OpenVinoEmbedder, should_use_openvino

        if should_use_openvino():
            channels = input_channels(config, num_frames)
            return OpenVinoEmbedder(model, channels, config.image_size, threads, config.precision)
    return model.embed_images


def tta_variants(config: VisionConfig) -> list[tuple[int, bool]]:
    """(shift in pixels, flip) of each variant of the images, the original first."""
    shift = config.tta.shift_pixels
    shifts = (0, -shift, shift) if shift else (0,)
    flips = (False, True) if config.tta.flip else (False,)
    return [(shift, flip) for shift in shifts for flip in flips]


@torch.inference_mode()
def embed_rows(
    embed: ImageEmbedder,
    rows: OpenRows,
    config: VisionConfig,
    shift: int = 0,
    flip: bool = False,
    images_per_batch: int = IMAGES_PER_BATCH,
) -> Tensor:
    """[N, E] float32 on the CPU: embeddings of the visible images, in the order of the rows."""
    data = InferenceDataset(rows, config, images_per_batch // len(VIEWS), shift, flip)
    loader = DataLoader(data, batch_size=None, num_workers=limit_num_workers(config.num_workers))
    step, parts = images_per_batch, []  # images that fit into memory

    def embed_in_steps(images: Tensor) -> list[Tensor]:
        return [embed(part.to(inference_device())).float().cpu() for part in images.split(step)]

    with autocast(config.precision):
        for images in loader:
            while (embedded := _unless_out_of_memory(embed_in_steps, images, step)) is None:
                step //= 2
                log.warning("memory ran out; on with batches of %d images", step)
            parts += embedded
    return torch.cat(parts) if parts else torch.zeros(0, config.embed_dim)


def _unless_out_of_memory(
    embed: Callable[[Tensor], list[Tensor]], images: Tensor, step: int
) -> list[Tensor] | None:
    """None where memory ran out, and fewer images than `step` at a time may help."""
    try:
        return embed(images)
    except (MemoryError, RuntimeError) as error:
        if step < 2 * FEWEST_IMAGES or not is_out_of_memory(error):
            raise
        return None


@torch.inference_mode()
def predict_from_embeddings(
    model: PairModel, embeddings: Tensor, rows: OpenRows, config: VisionConfig, _flip: bool = False
) -> np.ndarray:
    """[M] logits of the rows from [N, E] embeddings: means over `tta.offsets` splits into clips."""
    visible = visible_views(rows, np.arange(len(rows)), config)
    assert len(embeddings) == visible.sum(), "an embedding for each visible view of a row"
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
            torch.from_numpy(rows.is_ground[index]),
        )
        with autocast(config.precision):
            logits = model.forward_clips(*(tensor.to(inference_device()) for tensor in inputs))
        np.add.at(total, index[step_mask], logits.cpu().numpy()[step_mask])
    return total / len(offsets)


SCORING: dict[str, Callable] = {
    "pairs": predict_from_embeddings,
    "tokens": token_scoring.predict_from_embeddings,
}
