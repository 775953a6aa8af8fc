"""The last model: probabilities of screen and vision at neighbouring steps."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend_features import START, blend_table, increasing_columns
from player_contact.competition.season import PlayTables
from player_contact.features.feature_store import candidate_rows
from player_contact.pipeline.boosters import train_boosters
from player_contact.pipeline.run import Run
from player_contact.play import build_play
from player_contact.utils.parallel import parallel_map

# A play's tables and candidates, and [N] probabilities of screen and vision.
BlendItem = tuple[PlayTables, pd.DataFrame, np.ndarray, np.ndarray]


def blend_stage(run: Run, out: Path) -> str:
    """Trains the blend on the out-of-fold probabilities of screen and vision."""
    folder = out / "blend"
    folder.mkdir(exist_ok=True)
    parts, columns = blend_tables(run)
    booster, increasing = run.config.blend.booster, increasing_columns([*columns])
    probability = train_boosters(
        run, "blend", booster, folder / "fold", parts, columns, increasing, START
    )
    oof = pd.DataFrame({"row": run.candidates["row"], "blend": probability})
    oof.to_parquet(folder / "oof.parquet", index=False)
    return f"{len(columns)} features of {len(oof):,} rows"


def blend_tables(run: Run) -> tuple[list[np.ndarray], dict[str, int]]:
    """The [n, K] features of each play's candidates, and each feature's position among the K.

    The run must be past its vision stage.
    """
    candidates = run.candidates
    screen = run.oof("screen")["screen"].to_numpy()
    vision = run.oof("vision").set_index("row")["vision"].reindex(candidates["row"])
    vision = vision.to_numpy(dtype=np.float32)
    play_index = candidates["play_index"].to_numpy()
    indices = [np.flatnonzero(play_index == play) for play in range(len(run.folds))]
    items = (
        (tables, candidates.iloc[index], screen[index], vision[index])
        for tables, index in zip(run.season.plays(), indices, strict=True)
    )
    work = partial(play_blend_table, max_lag=run.config.blend.max_lag)
    tables = list(parallel_map(work, items, len(indices), "neighbouring steps", run.workers))
    names = list(next(table for table in tables if len(table)).columns)
    columns = {name: column for column, name in enumerate(names)}
    return [table.to_numpy() for table in tables], columns


def play_blend_table(item: BlendItem, max_lag: int) -> pd.DataFrame:
    """The blend's features of a play's candidates; without columns where there are none."""
    tables, candidates, screen, vision = item
    if not len(candidates):
        return pd.DataFrame()
    rows = candidate_rows(candidates)
    return blend_table(build_play(tables)[0], rows, screen, vision, max_lag)
