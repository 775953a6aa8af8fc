"""Open rows as PyTorch datasets. Letters of shapes: see `vision/__init__.py`."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from player_contact.config import VIEWS, VisionConfig
from player_contact.video.draw import draw_boxes, paint_boxes
from player_contact.vision.augment import build_augmentation, resize, take_window
from player_contact.vision.clips import NO_CROP, OpenRows

Sample = dict[str, torch.Tensor]  # the arguments of `ContactModel.forward`, and labels [T]
Batch = dict[str, torch.Tensor]  # the same of B samples


@dataclass(eq=False)
class TrainDataset(Dataset[Sample]):
    """Augmented samples of T rows: those of a clip or, in the image epochs, any T rows.

    Random numbers depend on (seed, index) alone: neither order nor workers change a sample.
    """

    rows: OpenRows
    row_index: np.ndarray  # [L, T], -1: no row
    config: VisionConfig
    label: np.ndarray  # [M] bool
    seed: tuple[int, ...]

    def __post_init__(self) -> None:
        crops = self.rows.crops[0]
        window = crops.images.shape[-1] - 2 * crops.margin
        self.augment = build_augmentation(self.config.augment, window)
        self.is_ground = self.rows.is_ground

    def __len__(self) -> int:
        return len(self.row_index)

    def __getitem__(self, sample: int) -> Sample:
        augment, rng = self.config.augment, np.random.default_rng((*self.seed, sample))
        index = self.row_index[sample]
        step_mask = index >= 0
        is_early_or_late = rng.random() < augment.time_jitter_prob
        image_index = _shift_steps(index, rng) if is_early_or_late else index
        visible = visible_views(self.rows, image_index, self.config) & step_mask[:, None]
        if len(self.config.views) > 1 and rng.random() < augment.view_dropout_prob:
            visible[:, rng.integers(visible.shape[1])] = False
        visible &= rng.random((len(index), 1)) >= augment.image_dropout_prob
        tabular = clip_tabular(self.rows, index)
        if rng.random() < augment.tabular_dropout_prob:
            tabular[:] = np.nan
        images, masks = load_images(self.rows, image_index, visible, self.config)
        frozen = rng.random(len(images)) < augment.freeze_frames_prob
        images[frozen] = images[frozen, images.shape[1] // 2, None]
        images, masks = self.augment(images, masks, int(rng.integers(2**31)))
        arrays = {
            "tabular": tabular,
            "visible": visible,
            "step_mask": step_mask,
            "is_ground": self.is_ground[index],
            "label": np.where(step_mask, self.label[index], 0).astype(np.float32),
        }
        resized = resize(add_masks(images, masks, self.config), self.config.image_size)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return tensors | {"images": resized}


@dataclass(eq=False)
class InferenceDataset(Dataset[torch.Tensor]):
    """Batches of images [N, C, H, W] uint8: the windows of `batch_size` rows, where visible."""

    rows: OpenRows
    config: VisionConfig
    batch_size: int = 1
    shift: int = 0  # of the window to the right, in stored pixels, for test-time augmentation
    flip: bool = False

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, batch: int) -> torch.Tensor:
        index = np.arange(len(self.rows))[batch * self.batch_size :][: self.batch_size]
        visible = visible_views(self.rows, index, self.config)
        images = add_masks(*load_images(self.rows, index, visible, self.config), self.config)
        images = take_window(images, self.rows.crops[0].margin, self.shift)
        return resize(images[..., ::-1] if self.flip else images, self.config.image_size)


def collate(samples: list[Sample]) -> Batch:
    """Images are concatenated, as a sample may have any number; everything else is stacked."""
    return {
        name: (torch.cat if name == "images" else torch.stack)([one[name] for one in samples])
        for name in samples[0]
    }


@dataclass(frozen=True)
class MicroBatch:
    """A part of a batch that goes through the model by itself, and its share of the whole one.

    Losses of the parts times their shares add up to the loss of the whole. Batch statistics do not.
    """

    batch: Batch
    share_of_steps: float = 1.0
    share_of_images: float = 1.0


def count_samples(batch: Batch) -> int:
    """Into how many parts a batch can be split."""
    return len(batch["step_mask"])


def split_batch(batch: Batch, parts: int) -> list[MicroBatch]:
    """The batch in so many parts of consecutive samples, or in single samples if it has fewer."""
    steps, images = (batch[name].flatten(1).sum(1) for name in ("step_mask", "visible"))
    chunks = torch.arange(len(steps), device=steps.device).tensor_split(
        min(parts, count_samples(batch))
    )
    counts = [int(images[chunk].sum()) for chunk in chunks]
    pieces = {
        name: value.split([*map(len, chunks)]) for name, value in batch.items() if name != "images"
    } | {"images": batch["images"].split(counts)}
    return [
        MicroBatch(
            {name: piece[index] for name, piece in pieces.items()},
            float(steps[chunk].sum() / steps.sum()),
            count / max(1, sum(counts)),
        )
        for index, (chunk, count) in enumerate(zip(chunks, counts, strict=True))
    ]


def visible_views(rows: OpenRows, index: np.ndarray, config: VisionConfig) -> np.ndarray:
    """[T, V] bool: the views of the config in which rows [T] are visible; False at index -1."""
    visible = np.zeros((len(index), len(VIEWS)), dtype=bool)
    for position in np.flatnonzero((index >= 0) & (rows.crop_index[index] != NO_CROP)):
        row = index[position]
        visible[position] = rows.crops[rows.play_index[row]].visible[rows.crop_index[row]]
    return visible & [view in config.views for view in VIEWS]


def clip_tabular(rows: OpenRows, index: np.ndarray) -> np.ndarray:
    """[..., K] float32 tabular features of rows [...]; NaN at index -1."""
    return np.where((index >= 0)[..., None], rows.tabular[index], np.float32(np.nan))


def load_images(
    rows: OpenRows, index: np.ndarray, visible: np.ndarray, config: VisionConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Frames [N, F, H, W] of rows [T], one for each True of visible [T, V]; masks [N, 3, H, W].

    Helmet boxes are filled in the masks (see `draw_boxes`), outlined in all F frames
    (white, others black), or not drawn, by `vision.boxes`.
    """
    steps, views = np.nonzero(visible)
    images = np.empty((len(steps), *rows.crops[0].images.shape[2:]), dtype=np.uint8)
    masks = np.zeros((len(steps), 3, *images.shape[2:]), dtype=np.uint8)
    boxes = np.empty((len(steps), *rows.crops[0].boxes.shape[2:]), dtype=np.float32)
    for i, (row, view) in enumerate(zip(index[steps], views.tolist(), strict=True)):
        crops, crop = rows.crops[rows.play_index[row]], rows.crop_index[row]
        images[i], boxes[i] = crops.images[crop, view], crops.boxes[crop, view]
    if config.boxes == "channel":
        draw_boxes(masks, boxes)
    elif config.boxes == "painted":
        paint_boxes(images, boxes)
    return images, masks


def _shift_steps(index: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All rows [T] moved one step earlier, or all one later; both ends keep their row, as do steps
    whose neighbour has none."""
    moved = np.roll(index, 1 if rng.random() < 0.5 else -1)
    moved[[0, -1]] = index[[0, -1]]
    return np.where(moved >= 0, moved, index)


def add_masks(images: np.ndarray, masks: np.ndarray, config: VisionConfig) -> np.ndarray:
    """Images [N, F, H, W] with their masks as further channels, where the config asks for it."""
    return np.concatenate([images, masks], axis=1) if config.boxes == "channel" else images
