"""What each family of features buys: the screen trained again without it."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.out_of_fold import Training, out_of_fold
from player_contact.competition.season import is_ground
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.ladder import Rung, decide_out_of_fold, make_ladder
from player_contact.evaluation.numbers import mcc_text
from player_contact.features.table import feature_families
from player_contact.files import write_json
from player_contact.stages.run import Run

WHOLE = "all families"


def ablate(run: Run) -> str:
    """Trains the screen without each family on the run's own folds, writes ablation.json into its folder, and returns a table for a person.

    The run must be past its screen. Every score is over every row of the labels, out of fold, with thresholds from the other folds.
    """
    rows = run.season.rows
    label, ground, fold = rows["contact"].to_numpy(dtype=bool), is_ground(rows), run.fold_of(rows["game_play"])
    game = pd.factorize(game_of(rows["game_play"]))[0]
    places = {name: place for place, name in enumerate(run.feature_names)}
    families, parts = feature_families(), run.feature_parts()

    def decide(candidates: np.ndarray) -> np.ndarray:
        values = np.zeros(len(rows), dtype=np.float32)
        values[run.candidates["row"].to_numpy()] = candidates
        return decide_out_of_fold(label, values, ground, fold)

    decisions = {WHOLE: decide(pd.read_parquet(run.folder / "screen" / "oof.parquet")["screen"].to_numpy())}
    with tempfile.TemporaryDirectory() as folder:  # nobody needs these boosters
        for family, names in families.items():
            used = {name: place for name, place in places.items() if name not in set(names)}
            training = Training(run.config.screen.booster, run.config.seed, run.config.threads, Path(folder) / "fold")
            trained = out_of_fold(run.folded(parts, used), training, f"screen without {family}", run.workers)
            decisions[family] = decide(trained.probability)
    rungs = make_ladder(label, ground, game, decisions, dict.fromkeys(families, WHOLE), run.config.seed)
    text = ablation_text(rungs, {family: len(names) for family, names in families.items()}, run.simulated)
    write_json({"rungs": [dataclasses.asdict(rung) for rung in rungs], "text": text}, run.folder / "ablation.json")
    return text


def ablation_text(rungs: list[Rung], columns: dict[str, int], simulated: bool) -> str:
    """A table that fits 100 columns: the score without each family, and what the family buys."""
    whole, *without = rungs
    lines = [
        f"Screen, Matthews correlation over every row, out of fold, {'simulated season' if simulated else 'competition data'}",
        f"{'':24}{'columns':>8}{'all':>8}{'pairs':>8}{'ground':>8}  the family buys (95 % interval over games)",
        f"{whole.name:24}{sum(columns.values()):8}{whole.mcc:8.3f}{mcc_text(whole.pairs):>8}{mcc_text(whole.ground):>8}",
    ]
    for rung in without:
        assert rung.gain is not None
        assert rung.gain_interval is not None
        low, high = (-value for value in reversed(rung.gain_interval))
        line = f"{'without ' + rung.name:24}{columns[rung.name]:8}{rung.mcc:8.3f}{mcc_text(rung.pairs):>8}{mcc_text(rung.ground):>8}"
        lines.append(f"{line}  {-rung.gain:+.3f} ({low:+.3f}..{high:+.3f})")
    return "\n".join(lines)
