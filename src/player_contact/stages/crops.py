"""Pictures of the rows that the screen left open."""

import logging
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.competition.names import VIEWS
from player_contact.competition.season import PlayTables
from player_contact.config import Config, CropsConfig
from player_contact.files import remove
from player_contact.parallel import run_all
from player_contact.play import build_play
from player_contact.stages.faults import check_videos, guarded
from player_contact.stages.run import Run
from player_contact.video.completion import complete_play
from player_contact.video.crops import Crops, cut_crops
from player_contact.video.store import open_crops, write_crops

log = logging.getLogger(__name__)


def crops_stage(run: Run, out: Path) -> None:
    """Cuts the crops of the open rows."""
    folder = out / "crops"
    folder.mkdir(exist_ok=True)
    open_rows = run.open_rows()
    frames, size = len(run.config.crops.frames), run.config.crops.size
    log.info("crops of %d rows will take %.1f GB", len(open_rows), len(open_rows) * frames * size * size * len(VIEWS) / 1e9)
    by_play = {play: part["row"].to_numpy() for play, part in open_rows.groupby("play")}
    none = np.empty(0, dtype=np.int64)
    # Plays that an interrupted run finished are kept, for the folder belongs to exactly these settings; what it left half done goes.
    for stale in folder.glob(".*.partial"):
        remove(stale)
    items = ((tables, by_play.get(place, none)) for place, tables in enumerate(run.season.plays()))
    filmed = any(run.season.video_folder.glob("*.mp4"))
    if not filmed:
        log.warning("No video was found in %s: no row has a picture", run.season.video_folder)
    work = partial(write_play_crops, folder=folder, config=run.config, filmed=filmed)
    seen = np.sum(list(run_all(work, items, len(run.folds), "crops", run.workers)), axis=0)
    log.info("rows seen: Sideline %d, Endzone %d of %d", *seen, len(open_rows))


def write_play_crops(item: tuple[PlayTables, np.ndarray], folder: Path, config: Config, filmed: bool = True) -> np.ndarray:
    """Writes the crops of a play's open rows, or none where nothing was filmed; returns how many each view saw."""
    tables, open_rows = item
    target = folder / tables.game_play
    if not target.is_dir():
        chosen = np.isin(tables.rows["row"].to_numpy(), open_rows)
        ids = tables.rows["contact_id"].to_numpy()[chosen]
        crops, row = _no_crops(len(open_rows), config.crops), open_rows
        if filmed:
            with guarded(config, tables.game_play, "the crops"):
                play, rows = build_play(tables)
                play = complete_play(play)[0] if config.boxes.complete else play
                kept = rows[chosen]
                crops, row = cut_crops(play, kept, config.crops), kept.row
                check_videos(config, play, kept, crops)
        write_crops(crops, row, ids, target)
    return open_crops(target).seen.sum(axis=0)


def _no_crops(rows: int, config: CropsConfig) -> Crops:
    """Those of a play of which no picture could be cut."""
    pictures = np.zeros((rows, len(VIEWS), len(config.frames), config.size, config.size), dtype=np.uint8)
    boxes = np.full((rows, len(VIEWS), 2 + config.others, 4), np.nan, dtype=np.float32)
    return Crops(pictures, boxes, np.zeros(boxes.shape[:3], dtype=bool), np.zeros((rows, len(VIEWS)), dtype=bool))
