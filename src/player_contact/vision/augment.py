"""Augmentation of clips: all frames, both views and the box masks of a clip are changed alike."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from player_contact.config import AugmentConfig

Augmentation = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

MAX_CHANNELS = 128  # of an image in OpenCV


def build_augmentation(config: AugmentConfig, size: int) -> Augmentation:
    """A function of images [N, C, H, W] uint8, box masks [N, 2, H, W] uint8 and a seed.

    It returns both transformed, H = W = `size`. All images are transformed as the channels of one:
    four times as fast as one by one. So noise, too, is the same for all of them.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no request for the latest release
    import albumentations as A
    import cv2

    class Affine(A.Affine):
        """Warps all channels in one call; albumentations takes four at a time."""

        def apply(self, img: Any, matrix: Any, output_shape: Any, **_: Any) -> Any:
            return self._warp(img, matrix, output_shape, self.interpolation)

        def apply_to_mask(self, mask: Any, matrix: Any, output_shape: Any, **_: Any) -> Any:
            return self._warp(mask, matrix, output_shape, self.mask_interpolation)

        def _warp(self, image: Any, matrix: Any, shape: Any, flags: int) -> Any:
            border = self.border_mode
            return cv2.warpAffine(image, matrix[:2], shape[::-1], flags=flags, borderMode=border)

    transform = A.Compose(
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
            A.RandomBrightnessContrast(config.brightness, config.contrast, p=0.8),
            A.GaussianBlur(blur_limit=(3, 5), p=config.blur),
            A.GaussNoise(std_range=(0.01, 0.05), per_channel=False, p=config.noise),
            A.CoarseDropout((1, 3), (0.1, 0.25), (0.1, 0.25), fill=127, p=config.coarse_dropout),
        ]
    )

    def augment(images: np.ndarray, masks: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        new_images = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
        new_masks = np.empty((*masks.shape[:2], size, size), dtype=np.uint8)
        per_call = MAX_CHANNELS // max(images.shape[1], masks.shape[1])
        for group in np.array_split(np.arange(len(images)), max(1, -(-len(images) // per_call))):
            if len(group):
                transform.set_random_seed(seed)
                out = transform(image=_to_hwc(images[group]), mask=_to_hwc(masks[group]))
                new_images[group] = _to_nchw(out["image"], images.shape[1])
                new_masks[group] = _to_nchw(out["mask"], masks.shape[1])
        return new_images, new_masks

    return augment


def _to_hwc(images: np.ndarray) -> np.ndarray:
    """[N, C, H, W] -> [H, W, N * C]. OpenCV transposes several times as fast as NumPy."""
    import cv2

    n, c, h, w = images.shape
    return cv2.transpose(np.ascontiguousarray(images).reshape(n * c, -1)).reshape(h, w, n * c)


def _to_nchw(image: np.ndarray, channels: int) -> np.ndarray:
    """[H, W, N * C], or [H, W] of one channel -> [N, C, H, W]."""
    import cv2

    h, w = image.shape[:2]
    flat = np.ascontiguousarray(image).reshape(h * w, -1)
    return cv2.transpose(flat).reshape(-1, channels, h, w)


def center_crop(images: np.ndarray, size: int, shift: int = 0) -> np.ndarray:
    """The middle `size` pixels of [..., H, W], or those `shift` pixels to the right of it."""
    top = (images.shape[-1] - size) // 2
    return images[..., top : top + size, top + shift : top + shift + size]
