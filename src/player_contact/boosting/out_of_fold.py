"""One booster per fold, trained on the other folds and applied to its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.boosting.booster import Parts, staged_probabilities, train_booster
from player_contact.competition.metric import Counts, best_thresholds, count, matthews
from player_contact.config import BoosterConfig
from player_contact.utils.parallel import Workers, parallel_map

CHECKPOINTS = 4  # scores after a quarter, a half, three quarters and all of the rounds


@dataclass(frozen=True)
class FoldedTable:
    """N labelled rows in parts, one a play, with their folds.

    parts      [n, K] float32 each, in memory or on disk
    fold       the fold of each part
    columns    the features to train on -> their positions among the K
    label      [N] bool, of the parts one after the other
    is_ground  [N] bool
    filtered   how many rows, and contacts among them, are no part of the table: no contact
    """

    parts: Parts
    fold: np.ndarray
    columns: dict[str, int]
    label: np.ndarray
    is_ground: np.ndarray
    filtered: tuple[int, int] = (0, 0)

    def per_row(self, values: np.ndarray) -> np.ndarray:
        """[N] values of one value per part."""
        return np.repeat(values, [len(part) for part in self.parts])


@dataclass(frozen=True)
class Training:
    """How the boosters of a model are trained; their texts are written to `{prefix}{fold}.txt`."""

    config: BoosterConfig
    seed: int
    num_threads: int
    prefix: Path
    increasing: Sequence[str] = ()
    start: str | None = None  # see `train_booster`


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for N rows.

    probability    [N] float32, each by the booster that was not trained on the row's fold
    mcc_by_rounds  Matthews correlation over every row after so many rounds, at the best thresholds
    train_parts    fold -> positions of the parts that its booster was trained on
    """

    probability: np.ndarray
    mcc_by_rounds: dict[int, float]
    train_parts: dict[int, list[int]]


def out_of_fold(table: FoldedTable, training: Training, what: str, workers: Workers) -> OutOfFold:
    """Trains a booster per fold, folds in parallel, and predicts the rows of its own fold."""
    folds = sorted(set(table.fold.tolist()))
    rounds = checkpoints(training.config.num_boost_round)
    train_parts = {fold: training_parts(table.fold, fold) for fold in folds}
    work = partial(_train_fold, table=table, training=training, rounds=rounds)
    items = list(train_parts.items())
    staged = np.zeros((len(rounds), len(table.label)), dtype=np.float32)
    fold_of_row = table.per_row(table.fold)
    predicted = parallel_map(work, items, len(folds), what, workers)
    for fold, probability in zip(folds, predicted, strict=True):
        staged[:, fold_of_row == fold] = probability
    scores = [_score(table, probability) for probability in staged]
    return OutOfFold(staged[-1], dict(zip(rounds, scores, strict=True)), train_parts)


def training_parts(fold_of_part: np.ndarray, fold: int) -> list[int]:
    """Positions of the parts that the model of a fold is trained on: all of other folds."""
    return np.flatnonzero(fold_of_part != fold).tolist()


def checkpoints(rounds: int) -> list[int]:
    """The numbers of rounds to score, ascending, the last one all `rounds`."""
    return sorted({max(1, rounds * part // CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)})


def _score(table: FoldedTable, probability: np.ndarray) -> float:
    """Matthews correlation over every row, the filtered ones included."""
    rows, contacts = table.filtered
    thresholds = best_thresholds(table.label, probability, table.is_ground)
    counts = count(table.label, thresholds.decide(probability, table.is_ground))
    tp, fp, positives, total = counts
    return float(matthews(Counts(tp, fp, positives + contacts, total + rows)))


def _train_fold(
    item: tuple[int, list[int]], table: FoldedTable, training: Training, rounds: list[int]
) -> np.ndarray:
    fold, train_parts = item
    text = train_booster(
        [table.parts[index] for index in train_parts],
        table.columns,
        table.label[np.isin(table.per_row(np.arange(len(table.parts))), train_parts)],
        training.config,
        training.seed + fold,
        training.num_threads,
        training.increasing,
        start=training.start,
    )
    training.prefix.with_name(f"{training.prefix.name}{fold}.txt").write_text(
        text, encoding="utf-8"
    )
    val_parts = [part for part, of in zip(table.parts, table.fold, strict=True) if of == fold]
    threads, start = training.num_threads, training.start
    return staged_probabilities(text, val_parts, table.columns, rounds, threads, start)
