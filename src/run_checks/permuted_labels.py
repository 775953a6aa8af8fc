"""The whole chain on permuted labels, from which nothing can be learnt but a leak."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from player_contact.config import Config
from player_contact.config.settings import BlendConfig, ScreenConfig
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.utils.files import read_json
from player_contact.utils.log_capture import captured
from run_checks.season_sample import write_train_tables

MAX_PLAYS = 24  # all plays of a game, games of every fold in turn


def score_permuted_labels(run: Run) -> tuple[dict[str, float], int]:
    """Matthews correlation of screen and blend, out of fold, and the number of plays.

    Trained on tables without videos, with labels permuted within each play.
    """
    with tempfile.TemporaryDirectory() as name, captured(lambda _: None, propagate=False):
        season, folder = Path(name) / "season", Path(name) / "run"
        plays = write_permuted_season(run, season)
        config = fast_config(run.config)
        run_pipeline(Run(config, season, folder, run.workers, run.simulated), "scores")
        scores = {row["name"]: row["mcc"] for row in read_json(folder / "scores.json")["scores"]}
    return {name: scores[name] for name in ("screen", "blend")}, len(plays)


def write_permuted_season(run: Run, folder: Path) -> list[str]:
    """Writes the tables of some games, with the labels of each play permuted; returns the plays."""
    games = run.folds.groupby(["fold", "game"])["game_play"].agg(list).reset_index()
    games["turn"] = games.groupby("fold").cumcount()
    plays: list[str] = []
    for game_plays in games.sort_values(["turn", "fold"], kind="stable")["game_play"]:
        if len(plays) < MAX_PLAYS:
            plays += game_plays
    random = np.random.default_rng(run.config.seed)
    rows = run.season.rows[run.season.rows["game_play"].isin(plays)]
    labels = rows.groupby("game_play", observed=True)["contact"]
    permuted = labels.transform(lambda values: random.permutation(values.to_numpy()))
    rows = rows.assign(contact=permuted)
    write_train_tables(dataclasses.replace(run.season, rows=rows), plays, folder)
    return plays


def fast_config(config: Config) -> Config:
    """The same chain with few boosting rounds, and the smallest crops: there are no videos."""

    def limit(section: ScreenConfig | BlendConfig, rounds: int, **changes: float) -> object:
        rounds = min(section.booster.num_boost_round, rounds)
        booster = section.booster.model_copy(update={"num_boost_round": rounds})
        return section.model_copy(update={"booster": booster, **changes})

    crops = {"size": 32, "frame_offsets": (0,), "max_other_boxes": 0}
    return config.model_copy(
        update={
            "on_fault": "skip",
            "screen": limit(config.screen, 60, min_recall=0.1),
            "blend": limit(config.blend, 40),
            "crops": config.crops.model_copy(update=crops),
            "vision": config.vision.model_copy(update={"image_size": 32}),
        }
    )
