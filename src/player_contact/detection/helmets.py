"""Helmets found in images, and how well: average precision, recall, and where the boxes lie."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Helmets:
    """What a detector finds in one frame: K boxes, the surest first."""

    boxes: np.ndarray  # [K, 4] float32 left, top, width, height in pixels of 1280 x 720
    score: np.ndarray  # [K] float32, 0..1


NO_HELMETS = Helmets(np.empty((0, 4), np.float32), np.empty(0, np.float32))


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[K, M] intersection over union of boxes [K, 4] and [M, 4] left, top, width, height."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (others[:, :2] + others[:, 2:])[None])
    common = np.clip(high - low, 0, None).prod(-1)
    areas = boxes[:, 2:].prod(-1)[:, None] + others[:, 2:].prod(-1)[None]
    return common / np.maximum(areas - common, 1e-9)


@dataclass(frozen=True)
class Matches:
    """Helmets found in a frame beside those that there are, at one IoU.

    score, is_true     [K] of each helmet found, and whether it is one that was there
    found              [M] whether each helmet there was found
    offset             [M] px between the two centres; NaN: not found
    owner              [K'] of each helmet found, also of those at a box that is not counted: the
                       box that it is, of all boxes; -1: none
    """

    score: np.ndarray
    is_true: np.ndarray
    found: np.ndarray
    offset: np.ndarray
    owner: np.ndarray


def average_precision(score: np.ndarray, is_true: np.ndarray, there: int) -> float:
    """Area under precision over recall of K helmets found, of `there` that were to be found."""
    from sklearn.metrics import average_precision_score

    if not is_true.any():
        return 0.0
    return float(average_precision_score(is_true, score)) * float(is_true.sum()) / there


def match_helmets(
    found: Helmets, boxes: np.ndarray, counted: np.ndarray, min_iou: float
) -> Matches:
    """Matches of one frame: the surest first, each with the box [M, 4] that it overlaps most.

    Boxes that are not `counted` [M], such as hidden helmets, are neither missed, nor is finding
    them wrong. Others are each found once.
    """
    overlap = box_iou(found.boxes, boxes)
    owner = np.full(len(found.boxes), -1)
    free, is_ignored = np.ones(len(boxes), dtype=bool), np.zeros(len(found.boxes), dtype=bool)
    for index in np.argsort(-found.score, kind="stable").tolist():
        open_overlap = np.where(free & counted, overlap[index], 0)
        if len(boxes) and open_overlap.max() >= min_iou:
            owner[index] = int(open_overlap.argmax())
            free[owner[index]] = False
        elif len(boxes):
            is_ignored[index] = bool((overlap[index][~counted] >= min_iou).any())
    offset = np.full(len(boxes), np.nan)
    true = np.flatnonzero(owner >= 0)
    centres = [array[:, :2] + array[:, 2:] / 2 for array in (found.boxes[true], boxes[owner[true]])]
    offset[owner[true]] = np.linalg.norm(centres[0] - centres[1], axis=1)
    kept = ~is_ignored
    return Matches(
        found.score[kept],
        owner[kept] >= 0,
        ~np.isnan(offset[counted]),
        offset[counted],
        owner,
    )
