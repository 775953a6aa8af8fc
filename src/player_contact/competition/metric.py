"""The competition's score: one Matthews correlation over every row, and the thresholds that are best for it.

A score is kept as counts (true positives, false positives, positives, rows) until the end: counts of folds, games and groups simply add up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """What a confusion matrix holds, as four numbers (or four arrays of one shape)."""

    true_positives: np.ndarray | int
    false_positives: np.ndarray | int
    positives: np.ndarray | int
    rows: np.ndarray | int


def count(label: np.ndarray, predicted: np.ndarray) -> Counts:
    """Counts of [N] bool labels and [N] bool decisions."""
    return Counts(int((label & predicted).sum()), int((~label & predicted).sum()), int(label.sum()), len(label))


def matthews(counts: Counts) -> np.ndarray | float:
    """Matthews correlation (Matthews 1975) of each entry of the counts, float64; 0 where it is undefined (one class or one decision only)."""
    tp, fp, positives, rows = (np.asarray(value, dtype=np.float64) for value in counts)
    negatives = rows - positives
    decided = tp + fp
    numerator = tp * (negatives - fp) - fp * (positives - tp)
    square = decided * (rows - decided) * positives * negatives
    return np.where(square > 0, numerator / np.sqrt(np.where(square > 0, square, 1)), 0.0)[()]


@dataclass(frozen=True)
class Thresholds:
    """A row is called a contact when its probability is at least the threshold of its kind."""

    pair: float
    ground: float

    def decide(self, probability: np.ndarray, is_ground: np.ndarray) -> np.ndarray:
        """[N] bool decisions of [N] probabilities; probability 0 (a filtered row) is never a contact."""
        probability = np.asarray(probability, dtype=np.float64)
        return (probability > 0) & (probability >= np.where(is_ground, self.ground, self.pair))


class _Sweep(NamedTuple):
    threshold: np.ndarray  # [K] float64, descending; the first calls nothing a contact
    true_positives: np.ndarray  # [K] int64
    false_positives: np.ndarray  # [K] int64


def _sweep(label: np.ndarray, probability: np.ndarray) -> _Sweep:
    """Every decision worth making with a threshold on `probability`: just below each value that a contact has, since calling more rows without a
    further contact among them only costs. Rows of probability 0 are never called a contact."""
    kept = np.flatnonzero(probability > 0)
    order = kept[np.argsort(-probability[kept], kind="stable")]
    value = probability[order].astype(np.float64)
    hits = np.cumsum(label[order])
    last_of_its_value = np.flatnonzero(np.diff(value, append=-1.0))
    value, hits, called = value[last_of_its_value], hits[last_of_its_value], last_of_its_value + 1
    below = np.append(value[1:], 0.0)
    middle = (value + below) / 2
    threshold = np.where(middle > below, middle, value)  # between neighbouring numbers there is no middle
    useful = np.diff(hits, prepend=0) > 0
    return _Sweep(
        threshold=np.concatenate([[np.inf], threshold[useful]]),
        true_positives=np.concatenate([[0], hits[useful]]).astype(np.int64),
        false_positives=np.concatenate([[0], (called - hits)[useful]]).astype(np.int64),
    )


def _corners(sweep: _Sweep) -> np.ndarray:
    """Places of the sweep that are corners of the upper hull of its curve (false positives, true positives), in order."""
    kept: list[int] = []
    x, y = sweep.false_positives.tolist(), sweep.true_positives.tolist()
    for place in range(len(x)):
        while len(kept) > 1 and (y[kept[-1]] - y[kept[-2]]) * (x[place] - x[kept[-1]]) <= (y[place] - y[kept[-1]]) * (x[kept[-1]] - x[kept[-2]]):
            kept.pop()
        kept.append(place)
    return np.array(kept)


def best_thresholds(label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray) -> Thresholds:
    """The pair and ground thresholds with the highest pooled Matthews correlation over all [N] rows, exactly.

    Counts that score at most c >= 0 form a convex set: tp N - fp P <= c sqrt(P N d (n - d)) with d = tp + fp is linear on the left and concave on the
    right. So the best of all pairs of thresholds is a corner of the hull of their summed counts, and those corners are met by walking along the
    hulls of both kinds' curves together, always the steeper edge first.
    """
    label = np.asarray(label, dtype=bool)
    is_ground = np.asarray(is_ground, dtype=bool)
    probability = np.asarray(probability)
    sweeps = [_sweep(label[kind], probability[kind]) for kind in (~is_ground, is_ground)]
    corners = [_corners(sweep) for sweep in sweeps]
    slopes = [
        np.arctan2(np.diff(sweep.true_positives[places]), np.diff(sweep.false_positives[places]))
        for sweep, places in zip(sweeps, corners, strict=True)
    ]
    of_ground = np.repeat([0, 1], [len(slopes[0]), len(slopes[1])])[np.argsort(-np.concatenate(slopes), kind="stable")]
    ground = corners[1][np.concatenate([[0], np.cumsum(of_ground)])]
    pair = corners[0][np.concatenate([[0], np.cumsum(1 - of_ground)])]
    scores = matthews(
        Counts(
            sweeps[0].true_positives[pair] + sweeps[1].true_positives[ground],
            sweeps[0].false_positives[pair] + sweeps[1].false_positives[ground],
            int(label.sum()),
            len(label),
        )
    )
    best = int(np.argmax(scores))
    return Thresholds(pair=float(sweeps[0].threshold[pair[best]]), ground=float(sweeps[1].threshold[ground[best]]))
