"""Images of the rows that the screen left open."""

import logging
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.competition.constants import VIEWS
from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.pipeline.data_faults import check_videos, guarded
from player_contact.pipeline.run import Run
from player_contact.play import build_play
from player_contact.utils.files import check_space, remove
from player_contact.utils.parallel import parallel_map
from player_contact.video.completion import complete_play
from player_contact.video.crop_store import open_crops, write_crops
from player_contact.video.crops import cut_crops, empty_crops

log = logging.getLogger(__name__)

JPEG_SHARE = 0.3  # of the pixels, about; views that do not show a row take nothing


def crops_stage(run: Run, out: Path) -> str:
    """Cuts the crops of the open rows. Plays that an interrupted run finished are kept."""
    folder = out / "crops"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob(".*.partial"):
        remove(stale)
    open_rows, crops = run.open_rows(), run.config.crops
    pixels = len(open_rows) * len(VIEWS) * len(crops.frame_offsets) * crops.stored_size**2
    filmed = any(run.season.video_folder.glob("*.mp4"))
    if not filmed:
        log.warning("No video was found in %s: no row has an image", run.season.video_folder)
    share = JPEG_SHARE if crops.jpeg_quality else 1
    check_space(folder, round(pixels * filmed * share))
    by_play = {play: part["row"].to_numpy() for play, part in open_rows.groupby("play_index")}
    no_rows = np.empty(0, dtype=np.int64)
    items = ((tables, by_play.get(play, no_rows)) for play, tables in enumerate(run.season.plays()))
    work = partial(write_play_crops, folder=folder, config=run.config, filmed=filmed)
    visible = np.sum(list(parallel_map(work, items, len(run.folds), "crops", run.workers)), axis=0)
    shown = ", ".join(f"{view} {rows:,}" for view, rows in zip(VIEWS, visible, strict=True))
    return f"visible of {len(open_rows):,} rows: {shown}"


def write_play_crops(
    item: tuple[PlayTables, np.ndarray], folder: Path, config: Config, filmed: bool = True
) -> np.ndarray:
    """Writes the crops of a play's open rows; [V] how many each view shows: none if not filmed."""
    tables, open_rows = item
    target = folder / tables.game_play
    if not target.is_dir():
        is_open = tables.rows["row"].isin(open_rows).to_numpy()
        crops, row = empty_crops(len(open_rows), config.crops), open_rows
        if filmed:
            with guarded(config, tables.game_play, "the crops"):
                play, rows = build_play(tables)
                play = complete_play(play)[0] if config.boxes.complete else play
                rows = rows[is_open]
                crops, row = cut_crops(play, rows, config.crops), rows.row
                check_videos(config, play, rows, crops)
        contact_id, quality = tables.rows["contact_id"].to_numpy(), config.crops.jpeg_quality
        write_crops(crops, row, contact_id[is_open], target, quality)
    return open_crops(target).visible.sum(axis=0)
