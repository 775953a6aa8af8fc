"""What training does to a stretch. All frames of it, both views and the drawn boxes get the same change."""

import os
from collections.abc import Callable

import numpy as np

from player_contact.config import AugmentConfig

Augment = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def make_augment(config: AugmentConfig, size: int) -> Augment:
    """A function of pictures [N, C, H, W] uint8, drawn boxes [N, 2, H, W] uint8 and a seed that returns both changed, `size` pixels square."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network for a newer release otherwise
    import albumentations as A
    import cv2

    change = A.Compose(
        [
            A.HorizontalFlip(p=config.flip),
            A.Affine(
                scale=(1 - config.scale, 1 + config.scale),
                translate_percent=(-config.shift, config.shift),
                rotate=(-config.rotate, config.rotate),
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            ),
            A.CenterCrop(size, size),
            A.RandomBrightnessContrast(brightness_limit=config.brightness, contrast_limit=config.contrast, p=0.8),
            A.GaussianBlur(blur_limit=(3, 5), p=config.blur),
            A.GaussNoise(std_range=(0.01, 0.05), p=config.noise),
            A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), fill=127, p=config.holes),
        ]
    )

    def augment(pictures: np.ndarray, drawn: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        if not len(pictures):
            return pictures[..., :size, :size], drawn[..., :size, :size]
        change.set_random_seed(seed)
        changed = change(images=pictures.transpose(0, 2, 3, 1), masks=drawn.transpose(0, 2, 3, 1))
        return changed["images"].transpose(0, 3, 1, 2), changed["masks"].transpose(0, 3, 1, 2)

    return augment


def centre(pictures: np.ndarray, size: int, shift: int = 0) -> np.ndarray:
    """The middle `size` pixels of [..., H, W], what scoring sees; or a place `shift` pixels to the right of it."""
    top = (pictures.shape[-1] - size) // 2
    return pictures[..., top : top + size, top + shift : top + shift + size]
