"""Training tiles: parts of frames, zoomed, mirrored and photographed anew."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from player_contact.config import DetectorConfig
from player_contact.detection.drawn_helmets import redraw_helmets
from player_contact.detection.training_frames import Frames

Target = dict[str, Tensor]

AT_HELMET = 0.85  # share of the tiles that lie around a helmet, the others anywhere
STRETCH = 0.75, 1.3  # least and most height against width, beside the zoom: heads are bowed
MAX_CLUTTER = 12  # shapes in a tile that are no helmets
CLUTTER_SIZE = 4, 40  # px
ON_BODY = 0.6  # share of these shapes that lie on a player
LEAST_INSIDE = 0.5  # share of a helmet's box inside the tile, from which it is to be found


class TileDataset(Dataset[tuple[Tensor, Target]]):
    """Tiles of frames; each depends on the seed and its index alone."""

    def __init__(self, frames: Frames, config: DetectorConfig, seed: tuple[int, ...]) -> None:
        self.frames, self.config, self.seed = frames, config, seed
        self.photograph = photometric() if config.photometric else None

    def __len__(self) -> int:
        return self.config.tiles

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """[1, H, W] in 0..1, and boxes [K, 4] left, top, right, bottom with labels [K] of 1."""
        rng = np.random.default_rng([*self.seed, index])
        frame = int(rng.integers(len(self.frames.images)))
        image, boxes = self.frames.images[frame], self.frames.boxes[frame]
        image, boxes = cut_tile(image, boxes, self.config, rng)
        if rng.random() < self.config.redraw_prob:
            redraw_helmets(image, boxes, rng)
        if rng.random() < self.config.clutter_prob:
            clutter(image, boxes, rng)
        if self.photograph is not None:
            image = self.photograph(image, int(rng.integers(2**31)))
        pixels = torch.from_numpy(np.ascontiguousarray(image)).float()[None] / 255
        labels = torch.ones(len(boxes), dtype=torch.int64)
        return pixels, {"boxes": torch.from_numpy(boxes), "labels": labels}


def collate_tiles(items: list[tuple[Tensor, Target]]) -> tuple[list[Tensor], list[Target]]:
    """Lists, as torchvision's detectors take them."""
    images, targets = zip(*items, strict=True)
    return list(images), list(targets)


def cut_tile(
    image: np.ndarray, boxes: np.ndarray, config: DetectorConfig, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A zoomed, perhaps mirrored [size, size] part of an image, and the boxes [K, 4] in it."""
    import cv2

    size, (height, width) = config.tile_size, image.shape
    zoom = np.exp(rng.uniform(*np.log(config.scale)))
    zooms = zoom * np.array([1, np.exp(rng.uniform(*np.log(STRETCH)))])  # across and down
    side = size / zooms
    if len(boxes) and rng.random() < AT_HELMET:
        box = boxes[rng.integers(len(boxes))]
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.45, 0.45, 2) * side
    else:
        centre = rng.uniform(0, 1, 2) * (width, height)
    scale = zooms * (-1 if rng.random() < 0.5 else 1, 1)
    shift = size / 2 - scale * centre  # of pixel edges
    edges = np.concatenate([boxes[:, :2], boxes[:, 2:]]).reshape(2, -1, 2)
    edges = np.sort(edges * scale + shift, axis=0)
    area = (edges[1] - edges[0]).prod(1)
    inside = np.clip(edges, 0, size)
    kept = (inside[1] - inside[0]).prod(1) >= LEAST_INSIDE * area
    shift = shift + scale / 2 - 0.5  # of pixel centres
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    flags = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    tile = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return tile, np.concatenate([inside[0], inside[1]], axis=1)[kept].astype(np.float32)


def clutter(image: np.ndarray, boxes: np.ndarray, rng: Generator) -> None:
    """Draws shapes of a helmet's size into a tile, in place, on bodies and beside them, but on no
    helmet: what is round, bright or striped is no helmet yet."""
    import cv2

    low, high = np.log(CLUTTER_SIZE).tolist()
    for _ in range(int(rng.integers(1, MAX_CLUTTER + 1))):
        size = np.exp(rng.uniform(low, high, 2))
        centre = rng.uniform(0, image.shape[0], 2)
        if len(boxes) and rng.random() < ON_BODY:
            box = boxes[rng.integers(len(boxes))]
            extent = box[2:] - box[:2]
            below = rng.uniform((-1.6, 0.8), (1.6, 4.5)) * extent
            centre, size = (box[:2] + box[2:]) / 2 + below, np.minimum(size, 1.2 * extent)
        reach = size.max() / 2
        near = (boxes[:, :2] < centre + reach) & (boxes[:, 2:] > centre - reach)
        if near.all(1).any():
            continue
        shape = centre.tolist(), size.tolist(), float(rng.uniform(0, 180))
        tone, corners = int(rng.integers(16, 236)), np.rint(cv2.boxPoints(shape)).astype(np.int32)
        kind = rng.random()
        if kind < 0.4:
            cv2.ellipse(image, shape, tone, -1, cv2.LINE_AA)
        elif kind < 0.7:
            cv2.fillConvexPoly(image, corners, tone, cv2.LINE_AA)
        else:  # two stripes
            cv2.polylines(image, [corners[:2], corners[2:]], False, tone, int(rng.integers(1, 4)))


def photometric() -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of a gray image [H, W] uint8 and a seed: light, focus, noise, compression."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no request for the latest release
    import albumentations as A

    transform = A.Compose(
        [
            A.PlasmaBrightnessContrast((-0.25, 0.25), (-0.3, 0.3), roughness=2.0, p=0.4),
            A.RandomBrightnessContrast(0.25, 0.3, p=0.7),
            A.RandomGamma((70, 145), p=0.4),
            A.RandomToneCurve(0.2, p=0.3),
            A.OneOf(
                [
                    A.GaussianBlur((3, 5), p=1),
                    A.MotionBlur((3, 7), p=1),
                    A.Sharpen((0.2, 0.7), (0.6, 1.0), p=1),
                    A.Emboss((0.1, 0.4), (0.3, 0.8), p=1),
                ],
                p=0.5,
            ),
            A.GaussNoise(std_range=(0.01, 0.05), p=0.35),
            A.ImageCompression(quality_range=(30, 90), p=0.3),
        ]
    )

    def apply(image: np.ndarray, seed: int) -> np.ndarray:
        transform.set_random_seed(seed)
        out: Any = transform(image=image[..., None])["image"]
        return np.asarray(out).reshape(image.shape)

    return apply
