"""Boxes drawn for the model: as pictures of their own, or painted into the grey ones."""

import math

import numpy as np


def draw_boxes(drawn: np.ndarray, boxes: np.ndarray) -> None:
    """Fills [K, 4] boxes in crop pixels into the empty [2, H, W] uint8, with 255: the row's players into the first, others into the second."""
    import cv2

    for place, (left, top, right, bottom) in corners(boxes, drawn.shape[-1]):
        cv2.rectangle(drawn[0 if place < 2 else 1], (left, top), (right, bottom), 255, cv2.FILLED)


def paint_boxes(pictures: np.ndarray, boxes: np.ndarray) -> None:
    """Paints the outlines of [K, 4] boxes into [C, H, W] pictures: white around the row's players, black around others."""
    import cv2

    marked = corners(boxes, pictures.shape[-1])[::-1]
    for picture in pictures:
        for place, (left, top, right, bottom) in marked:
            cv2.rectangle(picture, (left, top), (right, bottom), 255 if place < 2 else 0, 1)


def corners(boxes: np.ndarray, size: int) -> list[tuple[int, tuple[int, int, int, int]]]:
    """The place of each of [K, 4] boxes that is there, and the first and the last pixel that it covers, kept near a picture of `size` pixels."""
    found = []
    for place, box in enumerate(boxes.tolist()):  # so few numbers that arrays would take longer
        if not math.isnan(box[0]):
            left, top, right, bottom = (round(min(max(edge, -size), 2 * size)) for edge in box)
            found.append((place, (left, top, max(left, right - 1), max(top, bottom - 1))))
    return found
