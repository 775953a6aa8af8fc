"""Stretches as tensors."""

import numpy as np
import torch
from torch.utils.data import Dataset

from player_contact.config import VisionConfig
from player_contact.video.draw import draw_boxes, paint_boxes
from player_contact.vision.augment import centre, make_augment
from player_contact.vision.tracks import OpenRows

Item = dict[str, torch.Tensor]


class StretchDataset(Dataset[Item]):
    """Item i: the pictures, sensor values and masks of stretch i, as `ContactModel.forward` takes them, and labels [T] where given.

    With a `seed`, the item is augmented by a random state that depends on (seed, i) alone, so neither order nor workers change it.
    """

    def __init__(
        self, rows: OpenRows, stretches: np.ndarray, config: VisionConfig, label: np.ndarray | None = None, seed: tuple[int, ...] | None = None
    ) -> None:
        self.rows, self.stretches, self.config, self.label, self.seed = rows, stretches, config, label, seed
        self.augment = make_augment(config.augment, config.image_size) if seed is not None else None

    def __len__(self) -> int:
        return len(self.stretches)

    def __getitem__(self, item: int) -> Item:
        places = self.stretches[item]
        present = places >= 0
        pictures, boxes, seen = self._crops(places, present)
        sensors = np.full((len(places), self.rows.sensors.shape[1]), np.nan, dtype=np.float32)
        sensors[present] = self.rows.sensors[places[present]]
        pictures, drawn = self._drawn(pictures, boxes)
        if self.augment is not None:
            random = np.random.default_rng((*(self.seed or ()), item))
            pictures, drawn = self._augmented(pictures, drawn, int(random.integers(2**31)))
            if random.random() < self.config.augment.drop_view:
                seen[:, random.integers(seen.shape[1])] = False
            if random.random() < self.config.augment.drop_sensors:
                sensors[:] = np.nan
        else:
            pictures, drawn = centre(pictures, self.config.image_size), centre(drawn, self.config.image_size)
        if self.config.boxes == "channel":
            pictures = np.concatenate([pictures, drawn], axis=2)
        tensors = {"pictures": torch.from_numpy(np.ascontiguousarray(pictures)), "sensors": torch.from_numpy(sensors)}
        tensors |= {"seen": torch.from_numpy(seen), "present": torch.from_numpy(present)}
        if self.label is not None:
            tensors["label"] = torch.from_numpy(np.where(present, self.label[places], 0).astype(np.float32))
        return tensors

    def _crops(self, places: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """pictures [T, V, C, H, W], boxes [T, V, K, 4], seen [T, V] of a stretch's rows; zeros, NaN and False at the other steps."""
        crops = self.rows.crops[self.rows.play[places[present][0]]]
        place = self.rows.place[places[present]]

        def spread(values: np.ndarray, empty: float) -> np.ndarray:
            out = np.full((len(places), *values.shape[1:]), empty, dtype=values.dtype)
            out[present] = values[place]
            return out

        return spread(crops.pictures, 0), spread(crops.boxes, np.nan), spread(crops.seen, False)

    def _drawn(self, pictures: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The boxes [T, V, 2, H, W] as pictures of their own; or painted into the grey pictures, by config."""
        steps, views, _, size, _ = pictures.shape
        drawn = np.zeros((steps, views, 2, size, size), dtype=np.uint8)
        for step in range(steps):
            for view in range(views):
                if self.config.boxes == "channel":
                    drawn[step, view] = draw_boxes(boxes[step, view], size)
                elif self.config.boxes == "painted":
                    pictures[step, view] = paint_boxes(pictures[step, view], boxes[step, view])
        return pictures, drawn

    def _augmented(self, pictures: np.ndarray, drawn: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        assert self.augment is not None
        steps, views = pictures.shape[:2]
        flat, flat_drawn = self.augment(pictures.reshape(steps * views, *pictures.shape[2:]), drawn.reshape(steps * views, *drawn.shape[2:]), seed)
        return flat.reshape(steps, views, *flat.shape[1:]), flat_drawn.reshape(steps, views, *flat_drawn.shape[1:])
