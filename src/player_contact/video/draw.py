"""Boxes as input of the model: as channels of their own, or painted into the images."""

import numpy as np


def draw_boxes(channels: np.ndarray, boxes: np.ndarray) -> None:
    """Fills [N, K, 4] boxes in crop pixels with 255 into the empty [N, 2, H, W] uint8 channels.

    The row's two players go into the first channel, others into the second.
    """
    import cv2

    for channel, drawn in zip(channels, _corners(boxes, channels.shape[-1]), strict=True):
        for index, first, last in drawn:
            cv2.rectangle(channel[0 if index < 2 else 1], first, last, 255, cv2.FILLED)


def paint_boxes(images: np.ndarray, boxes: np.ndarray) -> None:
    """Outlines [N, K, 4] boxes in [N, C, H, W] images: the row's players white, others black."""
    import cv2

    for frames, drawn in zip(images, _corners(boxes, images.shape[-1]), strict=True):
        for frame in frames:
            for index, first, last in reversed(drawn):
                cv2.rectangle(frame, first, last, 255 if index < 2 else 0, 1)


def _corners(boxes: np.ndarray, size: int) -> list[list[tuple[int, list[int], list[int]]]]:
    """Of each of N images: index, first and last pixel (x, y) of its known [N, K, 4] boxes.

    Pixels are clipped to within `size` of an image of `size` pixels.
    """
    known = ~np.isnan(boxes[..., 0])
    edges = np.clip(np.where(known[..., None], boxes, 0), -size, 2 * size).round().astype(np.int64)
    first, last = edges[..., :2], np.maximum(edges[..., :2], edges[..., 2:] - 1)
    drawn: list[list[tuple[int, list[int], list[int]]]] = [[] for _ in boxes]
    pixels = zip(first[known].tolist(), last[known].tolist(), strict=True)
    for (image, index), (start, end) in zip(np.argwhere(known).tolist(), pixels, strict=True):
        drawn[image].append((index, start, end))
    return drawn
