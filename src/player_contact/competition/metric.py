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
    """Every distinct decision that a threshold on `probability` can make; rows of probability 0 are never called a contact."""
    kept = np.flatnonzero(probability > 0)
    order = kept[np.argsort(-probability[kept], kind="stable")]
    value = probability[order].astype(np.float64)
    hits = np.cumsum(label[order])
    last_of_its_value = np.flatnonzero(np.diff(value, append=-1.0))
    value, hits, called = value[last_of_its_value], hits[last_of_its_value], last_of_its_value + 1
    below = np.append(value[1:], 0.0)
    return _Sweep(
        threshold=np.concatenate([[np.inf], (value + below) / 2]),
        true_positives=np.concatenate([[0], hits]).astype(np.int64),
        false_positives=np.concatenate([[0], called - hits]).astype(np.int64),
    )


def best_thresholds(label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray) -> Thresholds:
    """The pair and ground thresholds with the highest pooled Matthews correlation over all [N] rows.

    Each kind's curve of counts is swept exactly (sort and cumulative sums); the two thresholds are then improved in turn, from several starts,
    until neither changes: pooled counts couple them, so the best one for pairs alone need not be the best one beside the ground rows.
    """
    label = np.asarray(label, dtype=bool)
    is_ground = np.asarray(is_ground, dtype=bool)
    probability = np.asarray(probability)
    positives, rows = int(label.sum()), len(label)
    sweeps = [_sweep(label[kind], probability[kind]) for kind in (~is_ground, is_ground)]

    def best_beside(sweep: _Sweep, tp: int, fp: int) -> tuple[int, float]:
        scores = np.asarray(matthews(Counts(sweep.true_positives + tp, sweep.false_positives + fp, positives, rows)))
        best = int(np.argmax(scores))
        return best, float(scores[best])

    starts = [0, *(int(len(sweeps[1].threshold) * share) for share in (0.01, 0.03, 0.1, 0.3))]
    best_score, best_choice = -np.inf, (0, 0)
    for ground in starts:
        ground = min(ground, len(sweeps[1].threshold) - 1)
        pair, score = -1, -np.inf
        while True:
            pair, _ = best_beside(sweeps[0], sweeps[1].true_positives[ground], sweeps[1].false_positives[ground])
            ground, new_score = best_beside(sweeps[1], sweeps[0].true_positives[pair], sweeps[0].false_positives[pair])
            if new_score <= score:
                break
            score = new_score
        if score > best_score:
            best_score, best_choice = score, (pair, ground)
    return Thresholds(pair=float(sweeps[0].threshold[best_choice[0]]), ground=float(sweeps[1].threshold[best_choice[1]]))
