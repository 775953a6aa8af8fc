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
from player_contact.pipeline.vision_rows import rows_to_cut
from player_contact.play import build_play
from player_contact.utils.files import check_space, remove
from player_contact.utils.parallel import parallel_map
from player_contact.video.completion import complete_play
from player_contact.video.crop_store import open_crops, write_crops
from player_contact.video.crops import cut_crops, empty_crops
from player_contact.vision.token_rows import GEOMETRY, player_geometry

log = logging.getLogger(__name__)

JPEG_SHARE = 0.3  # of the pixels, about; views that do not show a row take nothing


def crops_stage(run: Run, out: Path) -> str:
    """Cuts the crops that the vision models need: of the open rows, or of the players in them.

    Plays that an interrupted run finished are kept.
    """
    folder = out / "crops"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob(".*.partial"):
        remove(stale)
    by_play, crops = rows_to_cut(run), run.config.crops
    total = sum(map(len, by_play))
    pixels = total * len(VIEWS) * len(crops.frame_offsets) * crops.stored_size**2
    filmed = any(run.season.video_folder.glob("*.mp4"))
    if not filmed:
        log.warning("No video was found in %s: no row has an image", run.season.video_folder)
    share = JPEG_SHARE if crops.jpeg_quality else 1
    check_space(folder, round(pixels * filmed * share))
    items = zip(run.season.plays(), by_play, strict=True)
    work = partial(write_play_crops, folder=folder, config=run.config, filmed=filmed)
    visible = np.sum(list(parallel_map(work, items, len(run.folds), "crops", run.workers)), axis=0)
    shown = ", ".join(f"{view} {rows:,}" for view, rows in zip(VIEWS, visible, strict=True))
    return f"visible of {total:,} rows: {shown}"


def write_play_crops(
    item: tuple[PlayTables, np.ndarray], folder: Path, config: Config, filmed: bool = True
) -> np.ndarray:
    """Writes the crops of some rows of a play; [V] how many each view shows: none if not filmed."""
    tables, chosen = item
    target = folder / tables.game_play
    if not target.is_dir():
        is_chosen = tables.rows["row"].isin(chosen).to_numpy()
        crops, row = empty_crops(len(chosen), config.crops), chosen
        geometry = None
        if "tokens" in config.vision.families:
            geometry = np.full((len(chosen), len(GEOMETRY)), np.nan, dtype=np.float32)
        if filmed:
            with guarded(config, tables.game_play, "the crops"):
                play, rows = build_play(tables)
                play = complete_play(play)[0] if config.boxes.complete else play
                rows = rows[is_chosen]
                crops, row = cut_crops(play, rows, config.crops), rows.row
                if geometry is not None:
                    geometry = player_geometry(play, rows, config.crops.max_gap)
                check_videos(config, play, rows, crops)
        contact_id, quality = tables.rows["contact_id"].to_numpy(), config.crops.jpeg_quality
        write_crops(crops, row, contact_id[is_chosen], target, quality, geometry)
    return open_crops(target).visible.sum(axis=0)
