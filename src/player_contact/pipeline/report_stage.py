"""The report, and a viewer page for each play with a video."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from player_contact.competition.constants import GROUND_TEXT
from player_contact.config import Config
from player_contact.evaluation.breakdown import by_play
from player_contact.evaluation.report import write_report
from player_contact.evaluation.scores import thresholds_by_fold
from player_contact.evaluation.viewer import PlayResult, has_video, jersey_numbers, write_play_page
from player_contact.pipeline.data_faults import guarded
from player_contact.pipeline.run import Run
from player_contact.utils.files import read_json
from player_contact.utils.parallel import parallel_map


def report_stage(run: Run, out: Path) -> str:
    """Writes `report/index.html`, and the pages of `viewer_plays` filmed plays, worst first."""
    started, folder = time.monotonic(), out / "report"
    (folder / "plays").mkdir(parents=True, exist_ok=True)
    oof = pd.read_parquet(run.folder / "oof.parquet")
    filmed = {tables.game_play for tables in run.season.plays() if has_video(tables)}
    plays = [play for play in by_play(oof)["game_play"] if play in filmed]
    plays = plays[: run.config.report.viewer_plays]
    write = partial(_write_page, folder=folder / "plays", config=run.config)
    results = _results(run, oof, plays)
    sizes = parallel_map(write, results, len(plays), "viewer pages", run.workers)
    megabytes = sum(sizes) / 1e6  # before the report, which links to the pages
    simulation = run.input / "truth" / "simulation.json"
    seconds = {"simulated season": read_json(simulation)["seconds"]} if simulation.is_file() else {}
    seconds["report"] = round(time.monotonic() - started, 1)
    write_report(run.folder, folder, seconds)
    pages = f"{len(plays)} of {len(run.folds)} plays have a viewer page"
    return f"{pages}; they take {megabytes:.1f} MB beside their videos"


def _write_page(result: PlayResult, folder: Path, config: Config) -> int:
    with guarded(config, result.tables.game_play, "the viewer page"):
        return write_play_page(result, folder, config.boxes.complete)
    return 0  # skipped after an error


def _results(run: Run, oof: pd.DataFrame, plays: list[str]) -> Iterator[PlayResult]:
    label, blend, fold = oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy(), oof["fold"]
    ground = oof["contact_id"].str.endswith(f"_{GROUND_TEXT}").to_numpy()
    thresholds = thresholds_by_fold(label, blend, ground, fold.to_numpy())
    jerseys = jersey_numbers(run.input / "train_player_tracking.csv") if plays else {}
    for tables in run.season.plays(plays):
        part = oof.iloc[tables.rows["row"].to_numpy()]
        limits = thresholds[int(part["fold"].iloc[0])]
        yield PlayResult(tables, part, limits, jerseys.get(tables.game_play, {}))
