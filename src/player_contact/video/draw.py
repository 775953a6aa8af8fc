"""Boxes drawn for the model: as pictures of their own, or painted into the grey ones."""

import numpy as np


def draw_boxes(boxes: np.ndarray, size: int) -> np.ndarray:
    """[2, H, W] uint8, 255 inside a box: the boxes of the row's players, and those of the others, of [K, 4] boxes in crop pixels."""
    import cv2

    drawn = np.zeros((2, size, size), dtype=np.uint8)
    for place, box in enumerate(boxes):
        if np.isnan(box[0]):
            continue
        left, top, right, bottom = corners(box, size)
        cv2.rectangle(drawn[0 if place < 2 else 1], (left, top), (right, bottom), 255, cv2.FILLED)
    return drawn


def paint_boxes(pictures: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A copy of [C, H, W] pictures with the outlines of the boxes painted in: white around the row's players, black around others."""
    import cv2

    painted = pictures.copy()
    size = painted.shape[-1]
    for picture in painted:
        for place in reversed(range(len(boxes))):
            if not np.isnan(boxes[place, 0]):
                left, top, right, bottom = corners(boxes[place], size)
                cv2.rectangle(picture, (left, top), (right, bottom), 255 if place < 2 else 0, 1)
    return painted


def corners(box: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """The first and the last pixel that a box covers, kept near a picture of `size` pixels."""
    left, top, right, bottom = (round(float(value)) for value in np.clip(box, -size, 2 * size))
    return left, top, max(left, right - 1), max(top, bottom - 1)
