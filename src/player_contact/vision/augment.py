"""Augmentation: all frames and views of a sample are changed alike, box masks in shape alone."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from player_contact.config import AugmentConfig

if TYPE_CHECKING:
    from torch import Tensor

Augmentation = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

MAX_CHANNELS = 128  # of an image in OpenCV 5
HOLE = 0.1, 0.25  # side of a hole, as share of the image


def build_augmentation(config: AugmentConfig, size: int) -> Augmentation:
    """A function of images [N, C, H, W] uint8, box masks [N, 3, H, W] uint8 and a seed.

    It returns both transformed and cropped to H = W = `size`. The images are stacked as channels of
    as few arrays as possible, which is four times as fast, and gives all of them the same noise.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no request for the latest release
    import albumentations as A
    import cv2

    class Affine(A.Affine):
        """Warps all channels in one call, where albumentations makes one for every four."""

        def apply(self, img: Any, matrix: Any, output_shape: Any, **_: Any) -> Any:
            return self._warp(img, matrix, output_shape, self.interpolation)

        def apply_to_mask(self, mask: Any, matrix: Any, output_shape: Any, **_: Any) -> Any:
            return self._warp(mask, matrix, output_shape, self.mask_interpolation)

        def _warp(self, image: Any, matrix: Any, shape: Any, flags: int) -> Any:
            border = self.border_mode
            return cv2.warpAffine(image, matrix[:2], shape[::-1], flags=flags, borderMode=border)

    transform = A.Compose(
        [
            A.HorizontalFlip(p=config.flip_prob),
            Affine(
                scale=(1 - config.scale_limit, 1 + config.scale_limit),
                translate_percent=(-config.shift_limit, config.shift_limit),
                rotate=(-config.rotate_limit, config.rotate_limit),
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            ),
            A.CenterCrop(size, size),
            A.RandomBrightnessContrast(config.brightness_limit, config.contrast_limit, p=0.8),
            A.GaussianBlur(blur_limit=(3, 5), p=config.blur_prob),
            A.GaussNoise(std_range=(0.01, 0.05), per_channel=False, p=config.noise_prob),
            A.CoarseDropout((1, 3), HOLE, HOLE, fill=127, p=config.coarse_dropout_prob),
        ]
    )

    def augment(images: np.ndarray, masks: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        new_images = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
        new_masks = np.empty((*masks.shape[:2], size, size), dtype=np.uint8)
        per_call = MAX_CHANNELS // max(images.shape[1], masks.shape[1])
        for group in np.array_split(np.arange(len(images)), max(1, -(-len(images) // per_call))):
            if len(group):
                transform.set_random_seed(seed)  # the same for every group
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


def take_window(images: np.ndarray, margin: int, shift: int = 0) -> np.ndarray:
    """[..., H, W] without the margin on each side; `shift` moves the window to the right."""
    bottom, right = (length - margin for length in images.shape[-2:])
    return images[..., margin:bottom, margin + shift : right + shift]


def resize(images: np.ndarray, size: int) -> "Tensor":
    """[N, C, H, W] uint8 -> [N, C, size, size]; each new pixel is a mean of those it covers."""
    import torch
    from torch.nn.functional import interpolate

    tensor = torch.from_numpy(np.ascontiguousarray(images))
    if images.shape[-2:] == (size, size):
        return tensor
    if not len(images):
        return tensor.new_empty((*tensor.shape[:2], size, size))
    return interpolate(tensor, (size, size), mode="bilinear", antialias=True)
