"""A booster a fold, each trained on the other folds and asked about its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.booster import booster_probability, train_booster
from player_contact.config import BoosterConfig
from player_contact.parallel import run_all


@dataclass(frozen=True)
class FoldedTable:
    """N labelled rows with their folds.

    values    [N, K] float32, the named `columns`
    label     [N] bool
    fold      [N] int
    """

    values: np.ndarray
    columns: list[str]
    label: np.ndarray
    fold: np.ndarray


@dataclass(frozen=True)
class Training:
    """How the boosters of a model are trained, and where their texts go: `{prefix}{fold}.txt`."""

    settings: BoosterConfig
    seed: int
    threads: int
    prefix: Path
    rising: Sequence[str] = ()


def out_of_fold(table: FoldedTable, training: Training, what: str, workers: int) -> np.ndarray:
    """[N] float32 probabilities, each by the booster that saw nothing of the row's fold; folds are trained side by side."""
    folds = sorted(set(table.fold.tolist()))
    probability = np.zeros(len(table.label), dtype=np.float32)
    for fold, predicted in zip(folds, run_all(partial(_train_fold, table=table, training=training), folds, len(folds), what, workers), strict=True):
        probability[table.fold == fold] = predicted
    return probability


def _train_fold(fold: int, table: FoldedTable, training: Training) -> np.ndarray:
    inside = table.fold == fold
    values, label = table.values[~inside], table.label[~inside]
    frame = pd.DataFrame(values, columns=table.columns)
    text = train_booster(frame, label, training.settings, training.seed + fold, training.threads, training.rising)
    training.prefix.with_name(f"{training.prefix.name}{fold}.txt").write_text(text)
    return booster_probability(text, pd.DataFrame(table.values[inside], columns=table.columns), training.threads)
