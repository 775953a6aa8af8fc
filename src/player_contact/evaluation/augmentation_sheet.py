"""A sheet of what augmentation does to a clip: each transform alone, all as configured, mixup."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from player_contact.config import VIEWS, AugmentConfig, VisionConfig
from player_contact.evaluation import sheet
from player_contact.evaluation.crop_sheet import crop_folders
from player_contact.features.feature_store import read_candidates
from player_contact.utils.errors import InputError
from player_contact.video.crop_store import open_crops, read_crop_rows
from player_contact.vision.clips import OpenRows

if TYPE_CHECKING:
    from player_contact.vision.dataset import Sample

CLIP_LENGTH = 4  # steps shown
SIZE, LEFT, TOP = 1.0, 2.0, 0.3  # inches of an image, of a line's name, of the views' names
TRIES = 16  # a random transform leaves some clips as they are
SWAP = 3  # a seed that permutes two clips
ORIGINAL = "not augmented"
NO_AUGMENT = dict.fromkeys(AugmentConfig.model_fields, 0)
TRANSFORMS: dict[str, float] = {  # strong enough to be visible
    "flip_prob": 1,
    "shift_limit": 0.15,
    "scale_limit": 0.3,
    "rotate_limit": 25,
    "brightness_limit": 0.4,
    "contrast_limit": 0.5,
    "blur_prob": 1,
    "noise_prob": 1,
    "coarse_dropout_prob": 1,
    "time_jitter_prob": 1,
    "freeze_frames_prob": 1,
    "image_dropout_prob": 0.5,
    "view_dropout_prob": 0.5,
}


def augmented_clips(run: Path, vision: VisionConfig, seed: int = 0) -> "dict[str, Sample]":
    """Name of the transform -> a sample of `TrainDataset` made from a clip of a run's crops.

    Raises InputError where the run has no crops, or no track that is long enough.
    """
    from player_contact.vision.dataset import TrainDataset, collate
    from player_contact.vision.mixup import mixup

    rows = _track_rows(run, seed)
    clips, label = np.arange(len(rows)).reshape(2, -1), np.zeros(len(rows), dtype=bool)

    def item(augment: dict[str, float], index: int = 0, attempt: int = 0) -> "Sample":
        changed = {"augment": AugmentConfig(**(NO_AUGMENT | augment)), "boxes": "channel"}
        config = vision.model_copy(update=changed | {"clip_length": CLIP_LENGTH})
        return TrainDataset(rows, clips, config, label, seed=(seed, attempt))[index]

    original = item({})

    def changed(augment: dict[str, float]) -> "Sample":
        """The first of TRIES that differs from the original."""
        items = (item(augment, attempt=attempt) for attempt in range(TRIES))
        return next((i for i in items if not i["images"].equal(original["images"])), item(augment))

    items = {ORIGINAL: original}
    items |= {name: changed({name: strength}) for name, strength in TRANSFORMS.items()}
    items["all, as configured"] = item(vision.augment.model_dump())
    batch = collate([original, item({}, index=1)])
    mixed, visible = mixup(batch, 1e9, np.random.default_rng(SWAP))["images"], original["visible"]
    items["mixup, half and half"] = {"images": mixed[: int(visible.sum())], "visible": visible}
    return items


def write_augmentation_sheet(run: Path, vision: VisionConfig, output: Path, seed: int = 0) -> None:
    """Writes a line for each transform: the clip's images view by view, step by step.

    The row's players are yellow. Raises InputError as `augmented_clips`.
    """
    items = augmented_clips(run, vision, seed)
    columns = len(VIEWS) * CLIP_LENGTH
    figure, axes = sheet.image_grid(len(items), columns, (SIZE, SIZE), (LEFT, 0, 0), TOP)
    for ax, view in zip(axes[0, ::CLIP_LENGTH], VIEWS, strict=True):
        ax.set_title(f"{view}, {CLIP_LENGTH} steps", fontsize=10, loc="left", pad=4)
    for line, (name, item) in zip(axes, items.items(), strict=True):
        note = ": all frames\nof an image show its step" if name == "freeze_frames_prob" else ""
        line[0].text(-0.05, 0.5, name + note, ha="right", va="center", transform=line[0].transAxes)
        for (step, view), image in zip(item["visible"].nonzero(), item["images"], strict=True):
            sheet.show_image(line[view * CLIP_LENGTH + step], _colored(image.numpy()))
    sheet.write_sheet(figure, output)


def _colored(image: np.ndarray) -> np.ndarray:
    """[C, H, W] with three channels of boxes at the end -> [H, W, 3] uint8: the step's frame."""
    from matplotlib.colors import to_rgb

    out = np.repeat(image[(len(image) - 3) // 2, ..., None].astype(np.float32), 3, axis=-1)
    for mask, color in ((image[-1], sheet.OTHERS), (image[-3:-1].max(0), sheet.PAIR)):
        alpha = 0.45 * (mask[..., None] / 255)
        out = (1 - alpha) * out + alpha * 255 * np.array(to_rgb(color))
    return out.astype(np.uint8)


def _track_rows(run: Path, seed: int) -> OpenRows:
    """Rows of a track that both views show, enough for two clips."""
    folders, count = crop_folders(run), 2 * CLIP_LENGTH
    for number in np.random.default_rng(seed).permutation(len(folders)):
        crops = open_crops(folders[number])
        table = read_candidates(run / "features", folders[number].name).set_index("row")
        table = table.loc[read_crop_rows(folders[number])]
        table = table.assign(crop_index=np.arange(len(table)))[crops.visible.all(axis=1)]
        for _, track in table.groupby(["first", "second"]):
            if len(track) >= count:
                zeros, tabular = np.zeros(count, dtype=np.int64), np.zeros((count, 0), np.float32)
                index = track["crop_index"].to_numpy()[:count]
                return OpenRows(zeros, np.arange(count), tabular, [crops], zeros, index)
    raise InputError(f"{run} has no player or pair that both views show for {count} steps")
