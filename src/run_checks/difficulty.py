"""How hard a season is: what the known recipes score on it, beside what they score on real plays.

The ranges are the Matthews correlations that authors of solutions reported of their own cross-
validation on the competition's training plays, and the share of candidates that they went on with.
What is chosen on a season outside them does not carry over to real plays.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from player_contact.boosting.out_of_fold import FoldedTable, Training, out_of_fold
from player_contact.competition.constants import GROUND
from player_contact.competition.metric import matthews
from player_contact.config import Config
from player_contact.evaluation.scores import (
    bootstrap,
    counts_by_game,
    decide_out_of_fold,
    draw_games,
    interval,
    total,
)
from player_contact.features.table import feature_families
from player_contact.pipeline.run import Labels, Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.utils.files import read_json
from player_contact.utils.parallel import Workers

ENOUGH_PLAYS = 40  # on fewer the intervals are too wide to say anything
OWN_FAMILIES = ("kinematics", "history")  # of what the player's own sensor reports
KINDS = {"all rows": None, "pairs": False, "ground": True}  # by `Labels.is_ground`
RANGES = {  # (model, kind of rows): lowest and highest value on real plays
    ("threshold on distance", "all rows"): (0.50, 0.58),
    ("the player's own sensor", "ground"): (0.58, 0.64),
    ("sensors and helmet boxes", "ground"): (0.65, 0.75),
    ("sensors and helmet boxes", "pairs"): (0.72, 0.76),
    ("sensors and helmet boxes", "all rows"): (0.72, 0.77),
}
OPEN, TRUTH = "candidates that stay open", "truth before label noise, all rows"
MORE_RANGES = {OPEN: (0.35, 0.55), TRUTH: (0.93, 1.0)}


def measure_difficulty(
    season: Path, config: Config, truth: float | None, workers: Workers
) -> pd.DataFrame:
    """Trains the recipes on the tables of a season, out of fold; minutes for 40 plays.

    A line a measure: value, low and high (95 % of a bootstrap over games; NaN: none), real_low and
    real_high. `truth` is the score of the truth before label noise, as `season_check.ceilings` has
    it; None: unknown. Raises as `run_pipeline` does.
    """
    with TemporaryDirectory() as folder:
        run = Run(config, season, Path(folder), workers, simulated=truth is not None)
        run_pipeline(run, until="screen")
        proximity = 1 / (1 + run.features_of(["distance"])["distance"].fillna(np.inf))
        table = run.oof("screen").assign(proximity=proximity.to_numpy(), own=_own_sensor(run))
        probabilities = {
            "threshold on distance": run.all_rows(table, "proximity"),
            "the player's own sensor": run.all_rows(table, "own"),
            "sensors and helmet boxes": run.all_rows(table, "screen"),
        }
        open_rows = read_json(run.folder / "screen" / "open_threshold.json")
        lines = {
            f"{model}, {kind}": (*_score(run.labels, probabilities[model], kind), *real)
            for (model, kind), real in RANGES.items()
        }
    share = open_rows["open"] / open_rows["candidates"]
    for name, value in {OPEN: share, TRUTH: truth}.items():
        if value is not None:
            lines[name] = (value, np.nan, np.nan, *MORE_RANGES[name])
    columns = ["value", "low", "high", "real_low", "real_high"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)


def _own_sensor(run: Run) -> np.ndarray:
    """[N] out-of-fold probabilities of the candidates with the ground, of the player's own sensor
    up to 25 steps before and after; 0 for pairs."""
    families, config = feature_families(), run.config
    names = [name for family in OWN_FAMILIES for name in families[family]]
    own = ["step", *(name for name in names if name.endswith("_low"))]  # low is high: one player
    table, parts = run.candidates, run.feature_parts()
    ground = table["second"].to_numpy() == GROUND
    of_play = np.split(ground, np.cumsum([len(part) for part in parts])[:-1])
    folded = FoldedTable(
        parts=[np.asarray(part)[rows] for part, rows in zip(parts, of_play, strict=True)],
        fold=run.folds["fold"].to_numpy(),
        columns={name: run.feature_names.index(name) for name in own},
        label=table["contact"].to_numpy(dtype=bool)[ground],
        is_ground=np.ones(int(ground.sum()), dtype=bool),
    )
    training = Training(config.screen.booster, config.seed, config.num_threads, run.folder / "own")
    trained = out_of_fold(folded, training, "training on the player's own sensor", run.workers)
    values = np.zeros(len(table), dtype=np.float32)
    values[ground] = trained.probability
    return values


def _score(labels: Labels, probability: np.ndarray, kind: str) -> tuple[float, float, float]:
    """MCC of the rows of a kind, decided out of fold, and its interval."""
    wanted = KINDS[kind]
    rows = slice(None) if wanted is None else labels.is_ground == wanted
    label, game = labels.label[rows], labels.game[rows]
    decided = decide_out_of_fold(
        label, probability[rows], labels.is_ground[rows], labels.fold[rows]
    )
    counts = counts_by_game(label, decided, game)
    samples = bootstrap(counts, draw_games(int(game.max()) + 1, seed=0))
    return float(matthews(total(counts))), *interval(samples)


def is_within(table: pd.DataFrame) -> pd.Series:
    """Whether each measure is where it is on real plays."""
    return table["value"].between(table["real_low"], table["real_high"])


def difficulty_text(table: pd.DataFrame) -> str:
    """The measures beside the real ranges, with a remark where one is outside."""
    lines = [f"{'MCC out of fold':46}{'real':>12}{'here':>8}  95 % over games"]
    for (name, line), within in zip(table.iterrows(), is_within(table), strict=True):
        real = f"{line.real_low:.2f}..{line.real_high:.2f}"
        interval = "" if np.isnan(line.low) else f"  {line.low:.3f}..{line.high:.3f}"
        remark = "" if within else "  outside"
        lines.append(f"{name:46}{real:>12}{line.value:8.3f}{interval:17}{remark}".rstrip())
    return "\n".join(lines)
