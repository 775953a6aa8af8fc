"""A sheet of what training does to a stretch: each change alone, then all that a config asks for, then two stretches mixed."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from player_contact.config import VIEWS, AugmentConfig, VisionConfig
from player_contact.errors import InputError
from player_contact.evaluation.look import folders_of_crops
from player_contact.features.store import read_places
from player_contact.files import replacing
from player_contact.video.store import open_crops, read_crop_rows
from player_contact.vision.tracks import OpenRows

if TYPE_CHECKING:
    from player_contact.vision.dataset import Item

STEPS, TILE, LEFT = 4, 1.0, 2.0  # steps shown of a stretch; inches of a picture, and of the words beside them
TRIES = 16  # a change leaves some stretches as they are
ONE_FRAME = "drop_frames: those before\nand after show this one"
PLAIN = dict.fromkeys(AugmentConfig.model_fields, 0)
ALONE: dict[str, dict[str, float]] = {  # strong enough to be seen
    "as it was cut": {},
    "flip": {"flip": 1},
    "shift": {"shift": 0.15},
    "scale": {"scale": 0.3},
    "rotate": {"rotate": 25},
    "brightness": {"brightness": 0.4},
    "contrast": {"contrast": 0.5},
    "blur": {"blur": 1},
    "noise": {"noise": 1},
    "holes": {"holes": 1},
    "jitter": {"jitter": 1},
    ONE_FRAME: {"drop_frames": 1},
    "drop_steps": {"drop_steps": 0.5},
    "drop_view": {"drop_view": 0.5},
}


def changed_stretches(run: Path, vision: VisionConfig, seed: int = 0) -> "dict[str, Item]":
    """What each change makes of a stretch of a run's crops, by the words beside it. Raises InputError where the run has no crops, or none of a long
    enough track."""
    from player_contact.vision.dataset import StretchDataset, collate
    from player_contact.vision.mixup import mix

    rows, stretches = _one_track(run, seed)
    label = np.zeros(len(rows), dtype=bool)

    def item(change: dict[str, float], place: int = 0, attempt: int = 0) -> "Item":
        config = vision.model_copy(update={"augment": AugmentConfig(**(PLAIN | change)), "boxes": "channel", "steps": STEPS})
        return StretchDataset(rows, stretches, config, label, seed=(seed, attempt))[place]

    cut = item({})["pictures"]

    def changed(change: dict[str, float]) -> "Item":
        """The first of TRIES that is not as it was cut."""
        tries = (item(change, attempt=attempt) for attempt in range(TRIES))
        return next((one for one in tries if not one["pictures"].equal(cut)), item(change))

    lines = {name: changed(change) if change else item(change) for name, change in ALONE.items()}
    lines["all, as configured"] = item(vision.augment.model_dump())
    two = collate([item({}, place) for place in range(2)])
    count = int(two["seen"][0].sum())
    lines["mixup, half and half"] = {"pictures": mix(two, 1.0, _Halves())["pictures"][:count], "seen": two["seen"][0]}
    return lines


def write_augmentation_sheet(run: Path, vision: VisionConfig, output: Path, seed: int = 0) -> None:
    """Writes a PNG: a line for each change, with the pictures of a stretch (view by view, step by step), the boxes of the row's players in yellow.

    Raises InputError as `changed_stretches`.
    """
    from matplotlib.figure import Figure

    lines = changed_stretches(run, vision, seed)
    figure = Figure(figsize=(LEFT + len(VIEWS) * STEPS * TILE, len(lines) * TILE), dpi=100)
    grid = figure.add_gridspec(len(lines), len(VIEWS) * STEPS, left=LEFT / figure.get_figwidth(), right=1, bottom=0, top=1, wspace=0.02, hspace=0.02)
    for number, (name, shown) in enumerate(lines.items()):
        pictures = iter(shown["pictures"].numpy())
        figure.text(0.1 / figure.get_figwidth(), 1 - (number + 0.5) / len(lines), name, va="center", fontsize=9)
        for step, seen in enumerate(shown["seen"].numpy()):
            for view in np.flatnonzero(seen).tolist():
                ax = figure.add_subplot(grid[number, view * STEPS + step])
                ax.imshow(_coloured(next(pictures)))
                ax.set_axis_off()
    with replacing(output) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


class _Halves(np.random.Generator):
    """Mixes every stretch half and half with the one before it."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def permutation(self, x, axis=0):
        return np.roll(np.arange(x), 1)

    def beta(self, a, b, size=None):
        return np.full(size, 0.5)


def _coloured(picture: np.ndarray) -> np.ndarray:
    """[C, H, W] with two channels of boxes at the end -> [H, W, 3] uint8: the frame of the step, the pair's boxes yellow, others' blue."""
    grey, (pair, others) = picture[(len(picture) - 2) // 2], picture[-2:]
    out = np.repeat(grey[..., None].astype(np.float32), 3, axis=-1)
    for mask, colour in ((others, (86, 180, 233)), (pair, (255, 212, 0))):
        share = 0.45 * (mask[..., None] / 255)
        out = (1 - share) * out + share * np.array(colour)
    return out.astype(np.uint8)


def _one_track(run: Path, seed: int) -> tuple[OpenRows, np.ndarray]:
    """Rows of one track that both views saw, and [2, STEPS] places in them: two stretches, one after the other."""
    folders = folders_of_crops(run)
    for number in np.random.default_rng(seed).permutation(len(folders)):
        folder = folders[number]
        crops, table = open_crops(folder), read_places(run / "features", folders[number].name).set_index("row")
        table = table.loc[read_crop_rows(folder)].assign(place=np.arange(len(crops.seen)), seen=crops.seen.all(axis=1))
        for _, track in table[table["seen"]].groupby(["first", "second"]):
            if len(track) >= 2 * STEPS:
                count = 2 * STEPS
                zeros, place = np.zeros(count, dtype=np.int64), track["place"].to_numpy()[:count]
                no_sensors = np.zeros((count, 0), dtype=np.float32)
                return OpenRows(zeros, np.arange(count), no_sensors, [crops], zeros, place), np.arange(count).reshape(2, -1)
    raise InputError(f"{run} has no player or pair that both views saw for {2 * STEPS} steps")
