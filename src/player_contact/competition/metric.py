"""The competition's score: Matthews correlation over every row, and the thresholds best for it.

Scores stay counts until the end, since counts of folds, games and groups add up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """A confusion matrix, or arrays of one shape that hold many."""

    true_positives: np.ndarray | int
    false_positives: np.ndarray | int
    positives: np.ndarray | int
    rows: np.ndarray | int


def count(label: np.ndarray, predicted: np.ndarray) -> Counts:
    """Counts of [N] bool labels and [N] bool decisions."""
    true_positives = int((label & predicted).sum())
    return Counts(true_positives, int((~label & predicted).sum()), int(label.sum()), len(label))


def matthews(counts: Counts) -> np.ndarray | float:
    """Matthews correlation (Matthews 1975), float64; 0 with one class or one decision only."""
    tp, fp, positives, rows = (np.asarray(value, dtype=np.float64) for value in counts)
    negatives = rows - positives
    predicted = tp + fp
    numerator = tp * (negatives - fp) - fp * (positives - tp)
    square = predicted * (rows - predicted) * positives * negatives
    return np.where(square > 0, numerator / np.sqrt(np.where(square > 0, square, 1)), 0.0)[()]


@dataclass(frozen=True)
class Thresholds:
    """A row is called a contact when its probability is at least the threshold of its kind."""

    pair: float
    ground: float

    def decide(self, probability: np.ndarray, is_ground: np.ndarray) -> np.ndarray:
        """[N] bool decisions; probability 0 (a filtered row) is never a contact."""
        probability = np.asarray(probability, dtype=np.float64)
        return (probability > 0) & (probability >= np.where(is_ground, self.ground, self.pair))


class _Curve(NamedTuple):
    threshold: np.ndarray  # [K] float64, descending; the first calls nothing a contact
    true_positives: np.ndarray  # [K] int64
    false_positives: np.ndarray  # [K] int64


def _curve(label: np.ndarray, probability: np.ndarray) -> _Curve:
    """The thresholds worth trying: below each probability that a contact has.

    A lower one without a further contact only adds false positives. Probability 0 is no contact.
    """
    candidates = np.flatnonzero(probability > 0)
    order = candidates[np.argsort(-probability[candidates], kind="stable")]
    value = probability[order].astype(np.float64)
    last = np.flatnonzero(np.diff(value, append=-1.0))  # of the rows with the same value
    value, tp, predicted = value[last], np.cumsum(label[order])[last], last + 1
    below = np.append(value[1:], 0.0)
    middle = (value + below) / 2
    threshold = np.where(middle > below, middle, value)  # adjacent floats have no middle
    useful = np.diff(tp, prepend=0) > 0
    return _Curve(
        threshold=np.concatenate([[np.inf], threshold[useful]]),
        true_positives=np.concatenate([[0], tp[useful]]).astype(np.int64),
        false_positives=np.concatenate([[0], (predicted - tp)[useful]]).astype(np.int64),
    )


def _hull(curve: _Curve) -> np.ndarray:
    """Indices of the corners of the upper hull of (false positives, true positives), ascending."""
    hull: list[int] = []
    x, y = curve.false_positives.tolist(), curve.true_positives.tolist()
    for i in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (y[b] - y[a]) * (x[i] - x[b]) > (y[i] - y[b]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(i)
    return np.array(hull)


def best_thresholds(
    label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray
) -> Thresholds:
    """The pair and ground thresholds with the highest Matthews correlation over all N rows.

    Exact. Counts that score at most c >= 0 form a convex set: tp N - fp P <= c sqrt(P N d (n - d))
    with d = tp + fp is linear on the left and concave on the right. So the best pair of thresholds
    is a corner of the hull of their summed counts; those corners are met by walking along the
    hulls of both kinds' curves together, always the steeper edge first.
    """
    label = np.asarray(label, dtype=bool)
    is_ground = np.asarray(is_ground, dtype=bool)
    probability = np.asarray(probability)
    curves = [_curve(label[kind], probability[kind]) for kind in (~is_ground, is_ground)]
    hulls = [_hull(curve) for curve in curves]
    slopes = [
        np.arctan2(np.diff(curve.true_positives[hull]), np.diff(curve.false_positives[hull]))
        for curve, hull in zip(curves, hulls, strict=True)
    ]
    edges = np.argsort(-np.concatenate(slopes), kind="stable")
    on_ground = edges >= len(slopes[0])
    pair = hulls[0][np.append(0, np.cumsum(~on_ground))]
    ground = hulls[1][np.append(0, np.cumsum(on_ground))]
    tp = curves[0].true_positives[pair] + curves[1].true_positives[ground]
    fp = curves[0].false_positives[pair] + curves[1].false_positives[ground]
    best = int(np.argmax(matthews(Counts(tp, fp, int(label.sum()), len(label)))))
    return Thresholds(
        pair=float(curves[0].threshold[pair[best]]), ground=float(curves[1].threshold[ground[best]])
    )
