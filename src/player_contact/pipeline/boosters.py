"""Boosters on the candidates of a run, one per fold."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from player_contact.boosting.booster import Parts
from player_contact.boosting.out_of_fold import FoldedTable, Training, out_of_fold
from player_contact.competition.constants import GROUND
from player_contact.config import BoosterConfig
from player_contact.pipeline.run import Run
from player_contact.pipeline.training_record import write_training_record

log = logging.getLogger(__name__)


def train_boosters(
    run: Run,
    name: str,
    config: BoosterConfig,
    prefix: Path,
    parts: Parts,
    columns: dict[str, int],
    increasing: Sequence[str] = (),
    start: str | None = None,
) -> np.ndarray:
    """[N] float32 probabilities of the candidates, out of fold; arguments as in `train_booster`.

    The booster of each fold is written to `{prefix}{fold}.txt`, with its training record.
    """
    table, labels = run.candidates, run.season.rows["contact"]
    filtered = (len(labels) - len(table), int(labels.sum()) - int(table["contact"].sum()))
    folded = FoldedTable(
        parts=parts,
        fold=run.folds["fold"].to_numpy(),
        columns=columns,
        label=table["contact"].to_numpy(dtype=bool),
        is_ground=table["second"].to_numpy() == GROUND,
        filtered=filtered,
    )
    threads = run.config.num_threads
    training = Training(config, run.config.seed, threads, prefix, increasing, start)
    trained = out_of_fold(folded, training, f"training {name}", run.workers)
    plays = run.folds["game_play"].tolist()
    for fold, train_parts in trained.train_parts.items():
        path = prefix.with_name(f"{prefix.name}{fold}.txt")
        write_training_record(path, table[table["play_index"].isin(train_parts)], plays)
    curve = ", ".join(f"{rounds}: {mcc:.3f}" for rounds, mcc in trained.mcc_by_rounds.items())
    log.debug("%s, MCC by rounds: %s", name, curve)
    return trained.probability
