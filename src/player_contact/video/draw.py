"""Boxes drawn for the model: as pictures of their own, or painted into the grey ones."""

import numpy as np


def draw_boxes(drawn: np.ndarray, boxes: np.ndarray) -> None:
    """Fills [N, K, 4] boxes in crop pixels into the empty [N, 2, H, W] uint8, with 255: the row's players into the first, others into the second."""
    import cv2

    for marks, here in zip(drawn, corners(boxes, drawn.shape[-1]), strict=True):
        for place, first, last in here:
            cv2.rectangle(marks[0 if place < 2 else 1], first, last, 255, cv2.FILLED)


def paint_boxes(pictures: np.ndarray, boxes: np.ndarray) -> None:
    """Paints the outlines of [N, K, 4] boxes into [N, C, H, W] pictures: white around the row's players, black around others."""
    import cv2

    for frames, here in zip(pictures, corners(boxes, pictures.shape[-1]), strict=True):
        for frame in frames:
            for place, first, last in reversed(here):
                cv2.rectangle(frame, first, last, 255 if place < 2 else 0, 1)


Pixel = tuple[int, int]  # from the left, from the top


def corners(boxes: np.ndarray, size: int) -> list[list[tuple[int, Pixel, Pixel]]]:
    """Of each of N pictures, the places of its [N, K, 4] boxes that are there, with the first and the last pixel that they cover, kept near a picture
    of `size` pixels."""
    there = ~np.isnan(boxes[..., 0])
    edges = np.clip(np.where(there[..., None], boxes, 0), -size, 2 * size).round().astype(np.int64)
    first, last = edges[..., :2], np.maximum(edges[..., :2], edges[..., 2:] - 1)
    found: list[list[tuple[int, Pixel, Pixel]]] = [[] for _ in boxes]
    numbers, places = np.nonzero(there)
    for number, place, start, end in zip(numbers.tolist(), places.tolist(), first[there].tolist(), last[there].tolist(), strict=True):
        found[number].append((place, tuple(start), tuple(end)))
    return found
