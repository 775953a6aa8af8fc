"""What each family of features gains: screen and blend trained again without it."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from player_contact.boosting.blend_features import (
    START,
    blend_feature_families,
    increasing_columns,
)
from player_contact.boosting.booster import Parts
from player_contact.config import BoosterConfig
from player_contact.evaluation.scores import ModelScore
from player_contact.features.table import feature_families
from player_contact.pipeline.blend_stage import blend_tables
from player_contact.pipeline.boosters import train_boosters
from player_contact.pipeline.comparison import score_probabilities, write_comparison
from player_contact.pipeline.run import Run

ALL = "all families"
FILES = {"screen": "ablation.json", "blend": "ablation_blend.json"}
ODDS = "odds"  # of the blend, without which it would be no second model


@dataclasses.dataclass(frozen=True)
class Ablated:
    """A model of boosters: its features in parts, one a play, their columns and families."""

    name: str
    config: BoosterConfig
    parts: Parts
    columns: dict[str, int]
    families: dict[str, list[str]]
    increasing: Sequence[str] = ()
    start: str | None = None


def ablate_screen(run: Run) -> str:
    """Trains the screen without each family; writes ablation.json and returns its table.

    The run must be past its screen. Scores are over every row of the labels, out of fold.
    """
    columns = {name: index for index, name in enumerate(run.feature_names)}
    config, parts = run.config.screen.booster, run.feature_parts()
    return _ablate(run, Ablated("screen", config, parts, columns, feature_families()))


def ablate_blend(run: Run) -> str:
    """The same of the blend, for a run past it: ablation_blend.json."""
    families = blend_feature_families(run.config.blend.max_lag)
    parts, columns = blend_tables(run)
    families = {name: columns for name, columns in families.items() if name != ODDS}
    config, increasing = run.config.blend.booster, increasing_columns([*columns])
    return _ablate(run, Ablated("blend", config, parts, columns, families, increasing, START))


def _ablate(run: Run, model: Ablated) -> str:
    probabilities = {ALL: run.all_rows(run.oof(model.name), model.name)}
    with tempfile.TemporaryDirectory() as folder:  # of boosters that nobody needs
        for family, names in model.families.items():
            used = {name: i for name, i in model.columns.items() if name not in set(names)}
            title, prefix = f"{model.name} without {family}", Path(folder) / "fold"
            rising = [name for name in model.increasing if name in used]
            probability = train_boosters(
                run, title, model.config, prefix, model.parts, used, rising, model.start
            )
            table = run.candidates.assign(probability=probability)
            probabilities[family] = run.all_rows(table, "probability")
    gain_over = dict.fromkeys(model.families, ALL)
    scores, _ = score_probabilities(run.labels, probabilities, gain_over, run.config.seed)
    shown = [_family_gain(score, model.families) for score in scores]
    title = f"{model.name.capitalize()}, Matthews correlation over every row, out of fold, "
    path = run.folder / FILES[model.name]
    return write_comparison(path, title + run.data, scores, shown, "MCC the family buys")


def _family_gain(score: ModelScore, families: dict[str, list[str]]) -> ModelScore:
    """A score without a family, with what the family gains instead of what is lost."""
    if score.gain is None or score.gain_interval is None:
        return score
    low, high = score.gain_interval
    name = f"without {score.name} ({len(families[score.name])})"
    return dataclasses.replace(score, name=name, gain=-score.gain, gain_interval=(-high, -low))
