"""How many candidates a screen leaves open, measured on a few plays by one of few rounds."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.out_of_fold import FoldedTable, Training, out_of_fold
from player_contact.competition.constants import GROUND
from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.evaluation.folds import game_of
from player_contact.features.feature_store import open_features, read_candidates
from player_contact.features.table import feature_names
from player_contact.pipeline.screen_stage import choose_open_threshold, write_play_features
from player_contact.utils.parallel import parallel_map

QUICK_PLAYS, QUICK_FOLDS = 8, 4
QUICK_ROUNDS, QUICK_LEARNING_RATE = 60, 0.1
ASSUMED_SHARE = 0.5  # where it can't be measured; about what screens of whole seasons leave open


@dataclass(frozen=True)
class QuickScreen:
    """What a quick screen leaves open.

    share        of the candidates
    contacts     of the plays that it was measured on; 0: `share` is ASSUMED_SHARE
    probability  game_play -> [n] float32 of its candidates, out of fold; empty if assumed
    """

    share: float
    contacts: int
    probability: dict[str, np.ndarray]


def run_quick_screen(plays: Sequence[PlayTables], config: Config, processes: int) -> QuickScreen:
    """Of the plays, out of fold over their games, its threshold chosen as the screen's is.

    The share is assumed with plays of one game alone, and with too few contacts for one to be lost.
    """
    games = pd.factorize(game_of(pd.Series([tables.game_play for tables in plays])))[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = partial(write_play_features, folder=folder, config=config)
        list(parallel_map(work, plays, len(plays), "features of a few plays", processes))
        candidates = [read_candidates(folder, tables.game_play) for tables in plays]
        label = np.concatenate([one["contact"].to_numpy(dtype=bool) for one in candidates])
        contacts, recall = int(label.sum()), config.screen.min_recall
        if games.max() == 0 or contacts * (1 - recall) < 1:
            return QuickScreen(ASSUMED_SHARE, 0, {})
        table = FoldedTable(
            parts=[open_features(folder, tables.game_play) for tables in plays],
            fold=games % min(QUICK_FOLDS, int(games.max()) + 1),
            columns={name: index for index, name in enumerate(feature_names())},
            label=label,
            is_ground=np.concatenate([one["second"].to_numpy() == GROUND for one in candidates]),
        )
        settings = {"num_boost_round": QUICK_ROUNDS, "learning_rate": QUICK_LEARNING_RATE}
        booster = config.screen.booster.model_copy(update=settings)
        training = Training(booster, config.seed, config.num_threads, folder / "quick")
        screen = out_of_fold(table, training, "quick screen", processes).probability
    share = float((screen >= choose_open_threshold(screen, label, recall)).mean())
    parts = np.split(screen, np.cumsum([len(one) for one in candidates])[:-1])
    names = [tables.game_play for tables in plays]
    return QuickScreen(share, contacts, dict(zip(names, parts, strict=True)))
