"""The competition's score: one Matthews correlation over every row, and the thresholds that are best for it.

A score is kept as counts (true positives, false positives, positives, rows) until the end: counts of folds, games and groups simply add up.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

TRIES, STARTS = 2_000_000, 12


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


def best_thresholds(label: np.ndarray, probability: np.ndarray, is_ground: np.ndarray) -> Thresholds:
    """The pair and ground thresholds with the highest pooled Matthews correlation over all [N] rows.

    Each kind's curve of counts is swept exactly (sort and cumulative sums), and since pooled counts couple the two, the best pair threshold is
    looked for beside ground thresholds: beside every one where that is at most TRIES pairs of thresholds, else beside STARTS of them, spread evenly,
    each then improved in turn until neither threshold changes.
    """
    label = np.asarray(label, dtype=bool)
    is_ground = np.asarray(is_ground, dtype=bool)
    probability = np.asarray(probability)
    positives, rows = int(label.sum()), len(label)
    pairs, grounds = (_sweep(label[kind], probability[kind]) for kind in (~is_ground, is_ground))

    def best_beside(sweep: _Sweep, other: _Sweep, place: int) -> tuple[int, float]:
        tp, fp = sweep.true_positives + other.true_positives[place], sweep.false_positives + other.false_positives[place]
        scores = np.asarray(matthews(Counts(tp, fp, positives, rows)))
        best = int(np.argmax(scores))
        return best, float(scores[best])

    everything = len(pairs.threshold) * len(grounds.threshold) <= TRIES
    starts = range(len(grounds.threshold)) if everything else np.unique(np.linspace(0, len(grounds.threshold) - 1, STARTS).astype(int)).tolist()
    best_score, choice = -np.inf, (0, 0)
    for ground in starts:
        pair, score = best_beside(pairs, grounds, ground)
        while not everything:
            ground, _ = best_beside(grounds, pairs, pair)
            pair, better = best_beside(pairs, grounds, ground)
            if better <= score:
                break
            score = better
        if score > best_score:
            best_score, choice = score, (pair, ground)
    return Thresholds(pair=float(pairs.threshold[choice[0]]), ground=float(grounds.threshold[choice[1]]))
