"""Rows and stretches as tensors."""

import numpy as np
import torch
from torch.utils.data import Dataset

from player_contact.config import VIEWS, VisionConfig
from player_contact.video.draw import draw_boxes, paint_boxes
from player_contact.vision.augment import centre, make_augment
from player_contact.vision.tracks import OpenRows

Item = dict[str, torch.Tensor]


class StretchDataset(Dataset[Item]):
    """Item i: the pictures, sensor values and masks of stretch i, as `ContactModel.forward` takes them for one stretch, and labels [T].

    It is augmented by a random state that depends on (seed, i) alone, so neither order nor workers change it.
    """

    def __init__(self, rows: OpenRows, stretches: np.ndarray, config: VisionConfig, label: np.ndarray, seed: tuple[int, ...]) -> None:
        self.rows, self.stretches, self.config, self.label, self.seed = rows, stretches, config, label, seed
        self.augment = make_augment(config.augment, config.image_size)

    def __len__(self) -> int:
        return len(self.stretches)

    def __getitem__(self, item: int) -> Item:
        change, random = self.config.augment, np.random.default_rng((*self.seed, item))
        places = self.stretches[item]
        present = places >= 0
        shown = _moved(places, random) if random.random() < change.jitter else places
        seen = seen_by(self.rows, shown, self.config) & present[:, None]
        if len(self.config.views) > 1 and random.random() < change.drop_view:
            seen[:, random.integers(seen.shape[1])] = False
        seen &= random.random((len(places), 1)) >= change.drop_steps
        sensors = stretch_sensors(self.rows, places)
        if random.random() < change.drop_sensors:
            sensors[:] = np.nan
        pictures, drawn = cut_pictures(self.rows, shown, seen, self.config)
        still = random.random(len(pictures)) < change.drop_frames
        pictures[still] = pictures[still, pictures.shape[1] // 2, None]
        pictures, drawn = self.augment(pictures, drawn, int(random.integers(2**31)))
        return {
            "pictures": torch.from_numpy(_stacked(pictures, drawn, self.config)),
            "sensors": torch.from_numpy(sensors),
            "seen": torch.from_numpy(seen),
            "present": torch.from_numpy(present),
            "label": torch.from_numpy(np.where(present, self.label[places], 0).astype(np.float32)),
        }


class RowDataset(Dataset[torch.Tensor]):
    """Item i: the pictures [n, C, H, W] uint8 of the rows from i * together up to (i + 1) * together in the views that saw them, as scoring looks at
    them: moved by `shift` pixels to the side, and mirrored by `flip`."""

    def __init__(self, rows: OpenRows, config: VisionConfig, together: int = 1, shift: int = 0, flip: bool = False) -> None:
        self.rows, self.config, self.together, self.shift, self.flip = rows, config, together, shift, flip

    def __len__(self) -> int:
        return -(-len(self.rows) // self.together)

    def __getitem__(self, item: int) -> torch.Tensor:
        places = np.arange(item * self.together, min((item + 1) * self.together, len(self.rows)))
        pictures, drawn = cut_pictures(self.rows, places, seen_by(self.rows, places, self.config), self.config)
        both = centre(_stacked(pictures, drawn, self.config), self.config.image_size, self.shift)
        return torch.from_numpy(np.ascontiguousarray(both[..., ::-1] if self.flip else both))


def collate(items: list[Item]) -> Item:
    """A batch: the pictures of all stretches one after the other, everything else stacked."""
    return {name: (torch.cat if name == "pictures" else torch.stack)([item[name] for item in items]) for name in items[0]}


def seen_by(rows: OpenRows, places: np.ndarray, config: VisionConfig) -> np.ndarray:
    """[T, V] bool: which views saw the rows, of those that the config looks at; False where a place is below 0."""
    seen = np.zeros((len(places), len(VIEWS)), dtype=bool)
    looked_at = np.array([view in config.views for view in VIEWS])
    for number, place in enumerate(places):
        if place >= 0:
            seen[number] = rows.crops[rows.play[place]].seen[rows.place[place]] & looked_at
    return seen


def stretch_sensors(rows: OpenRows, places: np.ndarray) -> np.ndarray:
    """[..., K] float32 sensor values of the rows at [...] places; NaN where a place is below 0."""
    return np.where((places >= 0)[..., None], rows.sensors[places], np.float32(np.nan))


def cut_pictures(rows: OpenRows, places: np.ndarray, seen: np.ndarray, config: VisionConfig) -> tuple[np.ndarray, np.ndarray]:
    """pictures [N, C, H, W] uint8 of the rows in the views that saw them, in the order of `seen` [T, V]; and their boxes: as pictures [N, 2, H, W] of
    their own, or painted into the others, by config."""
    found, shape = np.argwhere(seen), rows.crops[0].pictures.shape[2:]
    pictures, drawn = np.empty((len(found), *shape), dtype=np.uint8), np.zeros((len(found), 2, *shape[1:]), dtype=np.uint8)
    boxes = np.empty((len(found), *rows.crops[0].boxes.shape[2:]), dtype=np.float32)
    for picture, marks, (number, view) in zip(pictures, boxes, found.tolist(), strict=True):
        crops, place = rows.crops[rows.play[places[number]]], rows.place[places[number]]
        picture[:], marks[:] = crops.pictures[place, view], crops.boxes[place, view]
    if config.boxes == "channel":
        draw_boxes(drawn, boxes)
    elif config.boxes == "painted":
        paint_boxes(pictures, boxes)
    return pictures, drawn


def _moved(places: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each step shows the pictures of its neighbour, all of the one before or all of the one after; its own where there is none."""
    moved = np.roll(places, 1 if random.random() < 0.5 else -1)
    moved[[0, -1]] = places[[0, -1]]
    return np.where(moved >= 0, moved, places)


def _stacked(pictures: np.ndarray, drawn: np.ndarray, config: VisionConfig) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate([pictures, drawn], axis=1) if config.boxes == "channel" else pictures)
