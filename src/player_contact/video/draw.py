"""Boxes as input of the model: as channels of their own, or painted into the images."""

import numpy as np


def draw_boxes(channels: np.ndarray, boxes: np.ndarray) -> None:
    """Fills [N, K, 4] boxes in crop pixels with 255 into the empty [N, 3, H, W] uint8 channels.

    The first channel gets the row's player whose box reaches lower, so nearer to the camera in most
    cases, the second the other, the third all others: the order in which players are given, and
    whether the image is mirrored, decide nothing.
    """
    import cv2

    bottom = np.nan_to_num(boxes[:, :2, 3], nan=-np.inf)
    second_is_lower = bottom[:, 1] > bottom[:, 0]
    corners = _corners(boxes, channels.shape[-1])
    for image, drawn, swap in zip(channels, corners, second_is_lower, strict=True):
        for index, first, last in drawn:
            channel = 2 if index > 1 else int(index != swap)
            cv2.rectangle(image[channel], first, last, 255, cv2.FILLED)


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
