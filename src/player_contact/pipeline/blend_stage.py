"""The last model: probabilities of screen and vision at neighbouring steps."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend_features import blend_table, increasing_columns
from player_contact.competition.season import PlayTables
from player_contact.features.feature_store import candidate_rows
from player_contact.pipeline.boosters import train_boosters
from player_contact.pipeline.run import Run
from player_contact.play import build_play
from player_contact.utils.parallel import parallel_map


def blend_stage(run: Run, out: Path) -> None:
    """Trains the blend on the out-of-fold probabilities of screen and vision."""
    folder = out / "blend"
    folder.mkdir(exist_ok=True)
    candidates, config = run.candidates, run.config.blend
    screen = run.oof("screen")["screen"].to_numpy()
    vision = run.oof("vision").set_index("row")["vision"].reindex(candidates["row"])
    vision = vision.to_numpy(dtype=np.float32)
    play_index = candidates["play_index"].to_numpy()
    indices = [np.flatnonzero(play_index == play) for play in range(len(run.folds))]
    items = (
        (tables, candidates.iloc[index], screen[index], vision[index])
        for tables, index in zip(run.season.plays(), indices, strict=True)
    )
    work = partial(play_blend_table, max_lag=config.max_lag)
    tables = list(parallel_map(work, items, len(indices), "neighbouring steps", run.workers))
    names = list(next(table for table in tables if len(table)).columns)
    probability = train_boosters(
        run,
        "blend",
        config.booster,
        folder / "fold",
        [table.to_numpy() for table in tables],
        {name: column for column, name in enumerate(names)},
        increasing_columns(names),
    )
    oof = pd.DataFrame({"row": candidates["row"], "blend": probability})
    oof.to_parquet(folder / "oof.parquet", index=False)


def play_blend_table(
    item: tuple[PlayTables, pd.DataFrame, np.ndarray, np.ndarray], max_lag: int
) -> pd.DataFrame:
    """The blend's features of a play's candidates; without columns where there are none."""
    tables, candidates, screen, vision = item
    if not len(candidates):
        return pd.DataFrame()
    rows = candidate_rows(candidates)
    return blend_table(build_play(tables)[0], rows, screen, vision, max_lag)
