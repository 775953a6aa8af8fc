"""What a threshold on distance and a quickly trained screen score on some plays of a season."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from player_contact.competition.season import Season
from player_contact.config import Config
from player_contact.evaluation.folds import game_of
from player_contact.utils.parallel import Workers
from run_checks.difficulty import ENOUGH_PLAYS, measure_difficulty
from run_checks.season_sample import evenly_spread, write_train_tables

QUICK = {"num_boost_round": 100, "learning_rate": 0.1}
DISTANCE = "threshold on distance, all rows"
SCREEN = "sensors and helmet boxes, all rows"


def quick_scores(season: Season, workers: Workers) -> tuple[pd.DataFrame, int]:
    """A table as of `measure_difficulty`, of the rows DISTANCE and SCREEN, and how many plays.

    Of up to ENOUGH_PLAYS plays, evenly spread, with few boosting rounds. Faulty plays are passed
    over. Raises as `run_pipeline` does.
    """
    plays = evenly_spread(season.game_plays, ENOUGH_PLAYS)
    games = game_of(pd.Series(plays)).nunique()
    config = Config(on_fault="skip")
    booster = config.screen.booster.model_copy(update=QUICK)
    screen = config.screen.model_copy(update={"booster": booster})
    folds = max(2, min(config.folds, games))
    config = config.model_copy(update={"folds": folds, "screen": screen})
    with TemporaryDirectory() as name:
        folder = Path(name) / "season"
        write_train_tables(season, plays, folder)
        table = measure_difficulty(folder, config, None, workers)
    return table.loc[[DISTANCE, SCREEN]], len(plays)


def score_faults(table: pd.DataFrame, plays: int) -> list[str]:
    """Where the scores are not what they can be on real plays.

    A quick screen of few plays may score less than others reported, but more than distance. Of
    fewer than ENOUGH_PLAYS plays nothing is said.
    """
    if plays < ENOUGH_PLAYS:
        return []
    distance, screen = table.loc[DISTANCE], table.loc[SCREEN]
    faults = []
    if distance.low > distance.real_high or distance.high < distance.real_low:
        faults.append("a threshold on distance scores otherwise than on real plays")
    if screen.value <= distance.value:
        faults.append("the screen scores no more than distance")
    if screen.low > screen.real_high:
        faults.append("the screen scores more than on any real plays")
    return faults


def scores_text(table: pd.DataFrame, plays: int) -> str:
    """The scores beside the ranges that others report."""
    texts = []
    for name, line in table.iterrows():
        real = f"{line.real_low:.2f}..{line.real_high:.2f}"
        text = f"{name} {line.value:.3f} ({line.low:.3f}..{line.high:.3f}; real {real})"
        texts.append(text)
    few = ", too few to judge" if plays < ENOUGH_PLAYS else ""
    return f"{', '.join(texts)}; of {plays} plays{few}, where all 240 score higher"
