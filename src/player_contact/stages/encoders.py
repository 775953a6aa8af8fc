"""What another encoder scores: the vision model of a run trained again with it."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.metric import count, matthews
from player_contact.competition.season import is_ground
from player_contact.config import Config
from player_contact.evaluation.ladder import decide_out_of_fold
from player_contact.stages.run import Run
from player_contact.stages.vision import vision_stage


def score_encoders(run: Run, configs: dict[str, Config]) -> dict[str, float]:
    """Name -> Matthews correlation over every row of the labels, out of fold, of vision alone, trained by each config on the run's own folds.

    The run must be past its crops, and stays as it is: the models are not kept.
    """
    rows = run.season.rows
    label, ground, fold = rows["contact"].to_numpy(dtype=bool), is_ground(rows), run.fold_of(rows["game_play"])
    scores = {}
    for name, config in configs.items():
        with tempfile.TemporaryDirectory() as folder:
            vision_stage(dataclasses.replace(run, config=config), Path(folder))
            oof = pd.read_parquet(Path(folder) / "vision" / "oof.parquet")
        probability = np.zeros(len(rows), dtype=np.float32)
        probability[oof["row"].to_numpy()] = oof["vision"].to_numpy()
        scores[name] = float(matthews(count(label, decide_out_of_fold(label, probability, ground, fold))))
    return scores
