"""Several runs as one: how their mean scores out of fold, and a submission of their predictions.

What is averaged is the log odds of each run's blend over its own threshold: runs differ in how
their probabilities are calibrated, and 0 is where each of them begins to call a contact.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND_TEXT
from player_contact.competition.metric import count, matthews
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.scores import ModelScore, score_models, thresholds_by_fold
from player_contact.utils.errors import InputError
from player_contact.utils.files import atomic_write
from player_contact.utils.logits import logit

ENSEMBLE = "ensemble"
LABELS = ["contact_id", "game_play", "contact"]
OOF_COLUMNS = [*LABELS, "fold", "blend"]
PREDICTED_COLUMNS = ["contact_id", "blend", "threshold", "contact"]


def weighted_mean(values: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """[N] mean of several [N], of those that are not NaN; NaN where none is known."""
    total, weight = np.zeros(len(values[0])), np.zeros(len(values[0]))
    for one, share in zip(values, weights, strict=True):
        known = ~np.isnan(one)
        total += np.where(known, share * one, 0)
        weight += share * known
    return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)


def score_ensemble(
    runs: dict[str, Path], weights: Sequence[float], seed: int = 0
) -> list[ModelScore]:
    """The out-of-fold score of each run's blend, and of their mean over the best of them.

    `runs` maps names to oof.parquet files of the same season, whose folds may differ. Raises
    InputError where their rows do.
    """
    if ENSEMBLE in runs:
        raise InputError(f"A run called {ENSEMBLE} can't be told from the mean: rename its folder")
    tables = _read(runs, OOF_COLUMNS, LABELS)
    first = next(iter(tables.values()))
    label = first["contact"].to_numpy(dtype=bool)
    is_ground = first["contact_id"].str.endswith(f"_{GROUND_TEXT}").to_numpy()
    margins = {
        name: _margins_out_of_fold(table, label, is_ground) for name, table in tables.items()
    }
    decisions = {name: margin >= 0 for name, margin in margins.items()}
    best = max(runs, key=lambda name: matthews(count(label, decisions[name])))
    decisions[ENSEMBLE] = weighted_mean([*margins.values()], weights) >= 0
    game = pd.factorize(game_of(first["game_play"]))[0]
    return score_models(label, is_ground, game, decisions, {ENSEMBLE: best}, seed)


def _margins_out_of_fold(
    table: pd.DataFrame, label: np.ndarray, is_ground: np.ndarray
) -> np.ndarray:
    """[N] log odds over the threshold of the other folds; NaN: the run says nothing there."""
    probability, fold = table["blend"].to_numpy(), table["fold"].to_numpy()
    threshold = np.zeros(len(table))
    for number, one in thresholds_by_fold(label, probability, is_ground, fold).items():
        threshold[fold == number] = np.where(is_ground, one.ground, one.pair)[fold == number]
    return _margin(np.where(probability > 0, probability, np.nan), threshold)


def _margin(probability: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """[N] log odds over those of the threshold; NaN where the run never calls such a row."""
    return np.where(np.isfinite(threshold), logit(probability) - logit(threshold), np.nan)


def write_ensemble(files: Sequence[Path], weights: Sequence[float], output: Path) -> int:
    """Writes the submission of several files of `predict --probabilities`; counts its contacts.

    Rows that no model was asked about are what most of the weight says. Raises InputError where
    the files are not of the same rows in the same order.
    """
    named = {f"{number} {path}": path for number, path in enumerate(files)}
    tables = [*_read(named, PREDICTED_COLUMNS, ["contact_id"]).values()]
    margins = [
        _margin(table["blend"].to_numpy(), table["threshold"].to_numpy()) for table in tables
    ]
    votes = weighted_mean([table["contact"].to_numpy(dtype=float) for table in tables], weights)
    mean = weighted_mean(margins, weights)
    contact = np.where(np.isnan(mean), votes > 0.5, mean >= 0).astype(np.int8)
    with atomic_write(output) as temporary:
        table = pd.DataFrame({"contact_id": tables[0]["contact_id"], "contact": contact})
        table.to_csv(temporary, index=False)
    return int(contact.sum())


def _read(files: dict[str, Path], columns: list[str], same: list[str]) -> dict[str, pd.DataFrame]:
    """The columns of parquet files. Raises InputError where rows differ in those of `same`."""
    tables: dict[str, pd.DataFrame] = {}
    for name, path in files.items():
        try:
            tables[name] = pd.read_parquet(path, columns=columns)
        except (OSError, ValueError, KeyError) as error:  # of pyarrow, all in one of these
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} can't be read with {', '.join(columns)}: {reason}") from None
        first, table = next(iter(tables.values())), tables[name]
        if len(table) != len(first):
            raise InputError(f"{path} has {len(table):,} rows, the first file {len(first):,}")
        for column in same:
            here, there = table[column].to_numpy(), first[column].to_numpy()
            if (differs := np.flatnonzero(here != there)).size:
                row = differs[0]
                raise InputError(
                    f"{path} has {column} {here[row]!s} in row {row + 1}, the first file "
                    f"{there[row]!s}: all must be of the same plays, in the same order"
                )
    return tables
