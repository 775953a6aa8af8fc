"""Boxes drawn for the model: as pictures of their own, or painted into the grey ones."""

import numpy as np


def draw_boxes(boxes: np.ndarray, size: int) -> np.ndarray:
    """[2, H, W] uint8, 255 inside a box: the boxes of the row's players, and those of the others, of [K, 4] boxes in crop pixels."""
    import cv2

    drawn = np.zeros((2, size, size), dtype=np.uint8)
    for place, (left, top, right, bottom) in corners(boxes, size):
        cv2.rectangle(drawn[0 if place < 2 else 1], (left, top), (right, bottom), 255, cv2.FILLED)
    return drawn


def paint_boxes(pictures: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A copy of [C, H, W] pictures with the outlines of the boxes painted in: white around the row's players, black around others."""
    import cv2

    painted = pictures.copy()
    marked = corners(boxes, painted.shape[-1])[::-1]
    for picture in painted:
        for place, (left, top, right, bottom) in marked:
            cv2.rectangle(picture, (left, top), (right, bottom), 255 if place < 2 else 0, 1)
    return painted


def corners(boxes: np.ndarray, size: int) -> list[tuple[int, list[int]]]:
    """The place of each of [K, 4] boxes that is there, and the first and the last pixel that it covers, kept near a picture of `size` pixels."""
    places = np.flatnonzero(~np.isnan(boxes[:, 0]))
    pixels = np.rint(np.clip(boxes[places], -size, 2 * size)).astype(int)
    pixels[:, 2:] = np.maximum(pixels[:, :2], pixels[:, 2:] - 1)
    return list(zip(places.tolist(), pixels.tolist(), strict=True))
