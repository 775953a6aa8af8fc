"""A booster a fold, each trained on the other folds and asked about its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.boosting.booster import staged_probability, train_booster
from player_contact.competition.metric import Counts, best_thresholds, count, matthews
from player_contact.config import BoosterConfig
from player_contact.parallel import Workers, run_all
from player_contact.stored import StoredArray

CHECKPOINTS = 4  # numbers of rounds that are compared: a quarter, a half, ... of all


@dataclass(frozen=True)
class FoldedTable:
    """N labelled rows in parts, one a play, with their folds.

    parts     [n, K] float32 each, in memory or on disk
    fold      a fold for each part
    columns   the features to train on -> their places among the K
    label     [N] bool, of the parts one after the other
    ground    [N] bool
    filtered  rows, and contacts among them, that are no part of the table and count as no contact
    """

    parts: Sequence[np.ndarray | StoredArray]
    fold: np.ndarray
    columns: dict[str, int]
    label: np.ndarray
    ground: np.ndarray
    filtered: tuple[int, int] = (0, 0)

    @property
    def fold_of_row(self) -> np.ndarray:
        """[N] int."""
        return np.repeat(self.fold, [len(part) for part in self.parts])


@dataclass(frozen=True)
class Training:
    """How the boosters of a model are trained, and where their texts go: `{prefix}{fold}.txt`."""

    settings: BoosterConfig
    seed: int
    threads: int
    prefix: Path
    rising: Sequence[str] = ()


@dataclass(frozen=True)
class OutOfFold:
    """What came out; N rows.

    probability  [N] float32, each by the booster that saw nothing of the row's fold
    curve        rounds -> Matthews correlation over every row that the first so many rounds have, at their own best thresholds: what to choose the
                 number of rounds by
    learnt       fold -> places of the parts that its booster was trained on
    """

    probability: np.ndarray
    curve: dict[int, float]
    learnt: dict[int, list[int]]


def out_of_fold(table: FoldedTable, training: Training, what: str, workers: Workers) -> OutOfFold:
    """Trains a booster for each fold on the other folds, folds side by side, and asks it about its own."""
    folds = sorted(set(table.fold.tolist()))
    steps = checkpoints(training.settings.rounds)
    staged = np.zeros((len(steps), len(table.label)), dtype=np.float32)
    fold_of_row = table.fold_of_row
    work = partial(_train_fold, table=table, training=training, steps=steps)
    learnt = {}
    for fold, (predicted, parts) in zip(folds, run_all(work, folds, len(folds), what, workers), strict=True):
        staged[:, fold_of_row == fold] = predicted
        learnt[fold] = parts
    return OutOfFold(staged[-1], {rounds: _score(table, probability) for rounds, probability in zip(steps, staged, strict=True)}, learnt)


def parts_to_learn(fold_of_part: np.ndarray, fold: int) -> list[int]:
    """The places of the parts that the model of a fold may be trained on: all of other folds."""
    return np.flatnonzero(fold_of_part != fold).tolist()


def checkpoints(rounds: int) -> list[int]:
    """The numbers of rounds that are compared, ascending, the last one all `rounds`."""
    return sorted({max(1, rounds * part // CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)})


def _score(table: FoldedTable, probability: np.ndarray) -> float:
    """Matthews correlation over every row, the filtered ones included."""
    rest, missed = table.filtered
    decided = best_thresholds(table.label, probability, table.ground).decide(probability, table.ground)
    counts = count(table.label, decided)
    return float(matthews(Counts(counts.true_positives, counts.false_positives, counts.positives + missed, counts.rows + rest)))


def _train_fold(fold: int, table: FoldedTable, training: Training, steps: list[int]) -> tuple[np.ndarray, list[int]]:
    learnt = parts_to_learn(table.fold, fold)
    chosen = np.isin(np.repeat(np.arange(len(table.parts)), [len(part) for part in table.parts]), learnt)
    own = [part for part, of in zip(table.parts, table.fold, strict=True) if of == fold]
    text = train_booster(
        [table.parts[place] for place in learnt],
        table.columns,
        table.label[chosen],
        training.settings,
        training.seed + fold,
        training.threads,
        training.rising,
    )
    training.prefix.with_name(f"{training.prefix.name}{fold}.txt").write_text(text)
    return staged_probability(text, own, table.columns, steps, training.threads), learnt
