"""What each family of features gains: the screen trained again without it."""

import dataclasses
import tempfile
from pathlib import Path

from player_contact.evaluation.scores import ModelScore
from player_contact.features.table import feature_families
from player_contact.pipeline.boosters import train_boosters
from player_contact.pipeline.comparison import score_probabilities, write_comparison
from player_contact.pipeline.run import Run

ALL = "all families"


def ablate(run: Run) -> str:
    """Trains the screen without each family; writes ablation.json and returns its table.

    The run must be past its screen. Scores are over every row of the labels, out of fold.
    """
    families, parts, config = feature_families(), run.feature_parts(), run.config.screen.booster
    columns = {name: index for index, name in enumerate(run.feature_names)}
    probabilities = {ALL: run.all_rows(run.oof("screen"), "screen")}
    with tempfile.TemporaryDirectory() as folder:  # of boosters that nobody needs
        for family, names in families.items():
            used = {name: index for name, index in columns.items() if name not in set(names)}
            title, prefix = f"screen without {family}", Path(folder) / "fold"
            probability = train_boosters(run, title, config, prefix, parts, used)
            table = run.candidates.assign(probability=probability)
            probabilities[family] = run.all_rows(table, "probability")
    gain_over = dict.fromkeys(families, ALL)
    scores, _ = score_probabilities(run.labels, probabilities, gain_over, run.config.seed)
    shown = [_family_gain(score, families) for score in scores]
    title = f"Screen, Matthews correlation over every row, out of fold, {run.data}"
    return write_comparison(
        run.folder / "ablation.json", title, scores, shown, "MCC the family buys"
    )


def _family_gain(score: ModelScore, families: dict[str, list[str]]) -> ModelScore:
    """A score without a family, with what the family gains instead of what is lost."""
    if score.gain is None or score.gain_interval is None:
        return score
    low, high = score.gain_interval
    name = f"without {score.name} ({len(families[score.name])})"
    return dataclasses.replace(score, name=name, gain=-score.gain, gain_interval=(-high, -low))
