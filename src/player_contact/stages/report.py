"""The pages to look at: the report, and a viewer for each play with a video."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.config import Config
from player_contact.evaluation.breakdown import by_play
from player_contact.evaluation.ladder import thresholds_by_fold
from player_contact.evaluation.report import write_report
from player_contact.evaluation.viewer import Shown, has_video, jersey_numbers, write_play_page
from player_contact.parallel import run_all
from player_contact.stages.faults import guarded
from player_contact.stages.run import Run

log = logging.getLogger(__name__)


def report_stage(run: Run, out: Path) -> None:
    """Writes `report/index.html`, and `report/plays/` with a page for the plays that have a video, the worst first, as many as the settings say."""
    folder = out / "report"
    (folder / "plays").mkdir(parents=True, exist_ok=True)
    oof = pd.read_parquet(run.folder / "oof.parquet")
    filmed = {tables.game_play for tables in run.season.plays() if has_video(tables)}
    chosen = [play for play in by_play(oof)["play"] if play in filmed][: run.config.report.plays]
    work = partial(_write_page, folder=folder / "plays", config=run.config)
    sizes = list(run_all(work, _items(run, oof, chosen), len(chosen), "viewer pages", run.workers))
    write_report(run.folder, folder)
    log.info("%d of %d plays have a viewer page; they take %.1f MB beside their videos", len(chosen), len(run.folds), sum(sizes) / 1e6)


def _write_page(shown: Shown, folder: Path, config: Config) -> int:
    with guarded(config, shown.tables.game_play, "the viewer page"):
        return write_play_page(shown, folder, config.boxes.complete)
    return 0  # it failed, and was passed over


def _items(run: Run, oof: pd.DataFrame, chosen: list[str]) -> Iterator[Shown]:
    fold = oof["fold"].to_numpy()
    thresholds = thresholds_by_fold(
        oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy(), oof["contact_id"].str.endswith("_G").to_numpy(), fold
    )
    jerseys = jersey_numbers(run.input / "train_player_tracking.csv") if chosen else {}
    for tables in run.season.plays(chosen):
        rows = tables.rows["row"].to_numpy()
        yield Shown(tables, oof.iloc[rows], thresholds[int(np.unique(fold[rows])[0])], jerseys.get(tables.game_play, {}))
