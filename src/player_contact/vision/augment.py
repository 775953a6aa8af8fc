"""What training does to a stretch. All frames of it, both views and the drawn boxes get the same change."""

import math
import os
from collections.abc import Callable

import numpy as np

from player_contact.config import AugmentConfig

Augment = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

MOST_CHANNELS = 128  # that OpenCV takes in one picture


def make_augment(config: AugmentConfig, size: int) -> Augment:
    """A function of pictures [N, C, H, W] uint8, drawn boxes [N, 2, H, W] uint8 and a seed that returns both changed, `size` pixels square.

    Pictures are changed as the channels of one: one by one they would take four times as long. Noise, too, is the same for all of them, and for
    all their frames.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network for a newer release otherwise
    import albumentations as A
    import cv2

    class Affine(A.Affine):
        """Warps all channels at once, where albumentations takes four at a time."""

        def apply(self, img: np.ndarray, matrix: np.ndarray, output_shape: tuple[int, int], **params: object) -> np.ndarray:
            return cv2.warpAffine(img, matrix[:2], output_shape[::-1], flags=self.interpolation, borderMode=self.border_mode)

        def apply_to_mask(self, mask: np.ndarray, matrix: np.ndarray, output_shape: tuple[int, int], **params: object) -> np.ndarray:
            return cv2.warpAffine(mask, matrix[:2], output_shape[::-1], flags=self.mask_interpolation, borderMode=self.border_mode)

    change = A.Compose(
        [
            A.HorizontalFlip(p=config.flip),
            Affine(
                scale=(1 - config.scale, 1 + config.scale),
                translate_percent=(-config.shift, config.shift),
                rotate=(-config.rotate, config.rotate),
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            ),
            A.CenterCrop(size, size),
            A.RandomBrightnessContrast(brightness_limit=config.brightness, contrast_limit=config.contrast, p=0.8),
            A.GaussianBlur(blur_limit=(3, 5), p=config.blur),
            A.GaussNoise(std_range=(0.01, 0.05), per_channel=False, p=config.noise),
            A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), fill=127, p=config.holes),
        ]
    )

    def augment(pictures: np.ndarray, drawn: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        changed = [np.empty((len(every), every.shape[1], size, size), dtype=np.uint8) for every in (pictures, drawn)]
        groups = math.ceil(len(pictures) / (MOST_CHANNELS // max(pictures.shape[1], drawn.shape[1])))
        for some in np.array_split(np.arange(len(pictures)), groups) if groups else ():
            change.set_random_seed(seed)
            made = change(image=_as_channels(pictures[some]), mask=_as_channels(drawn[some]))
            for every, channels in zip(changed, (made["image"], made["mask"]), strict=True):
                every[some] = _as_pictures(channels, every.shape[1])
        return changed[0], changed[1]

    return augment


def _as_channels(pictures: np.ndarray) -> np.ndarray:
    """[N, C, H, W] -> [H, W, N * C]."""
    import cv2

    n, c, h, w = pictures.shape
    return cv2.transpose(np.ascontiguousarray(pictures).reshape(n * c, h * w)).reshape(h, w, n * c)  # several times as fast as NumPy's


def _as_pictures(channels: np.ndarray, count: int) -> np.ndarray:
    """[H, W, N * C], or [H, W] of one channel -> [N, C, H, W], of `count` channels each."""
    import cv2

    h, w = channels.shape[:2]
    return cv2.transpose(np.ascontiguousarray(channels).reshape(h * w, -1)).reshape(-1, count, h, w)


def centre(pictures: np.ndarray, size: int, shift: int = 0) -> np.ndarray:
    """The middle `size` pixels of [..., H, W], what scoring sees; or a place `shift` pixels to the right of it."""
    top = (pictures.shape[-1] - size) // 2
    return pictures[..., top : top + size, top + shift : top + shift + size]
