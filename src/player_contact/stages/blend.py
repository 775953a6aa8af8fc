"""The last model: screen and vision along neighbouring steps."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table, rising_columns
from player_contact.boosting.out_of_fold import FoldedTable, Training, out_of_fold
from player_contact.competition.season import PlayTables
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.stages.run import PLACES, Run


def blend_stage(run: Run, out: Path) -> None:
    """Trains the last model on what screen and vision say along neighbouring steps."""
    folder = out / "blend"
    folder.mkdir(exist_ok=True)
    table = run.candidates[[*PLACES, "fold", "play"]]
    screen = pd.read_parquet(run.folder / "screen" / "oof.parquet")["screen"].to_numpy()
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"].reindex(table["row"]).to_numpy(dtype=np.float32)
    random = np.random.default_rng([run.config.seed, 3])
    blind_plays = random.random(len(run.folds)) < run.config.blend.without_vision
    places = [np.flatnonzero(table["play"].to_numpy() == number) for number in range(len(run.folds))]
    items = (
        (tables, table.iloc[here], screen[here], vision[here], bool(blind))
        for tables, here, blind in zip(run.season.plays(), places, blind_plays, strict=True)
    )
    tables, blind_tables, blind_of = [], [], []
    work = partial(play_blend_tables, reach=run.config.blend.reach)
    for here, (one, blind) in zip(places, run_all(work, items, len(places), "neighbouring steps", run.workers), strict=True):
        tables.append(one)
        if blind is not None:
            blind_tables.append(blind.to_numpy())
            blind_of.append(here)
    columns = list(tables[0].columns)
    folded = FoldedTable(
        values=np.concatenate([one.to_numpy() for one in tables]),
        columns=columns,
        label=table["contact"].to_numpy(dtype=bool),
        fold=table["fold"].to_numpy(),
        further=np.concatenate(blind_tables) if blind_tables else None,
        copies=np.concatenate(blind_of) if blind_of else None,
    )
    training = Training(run.config.blend.booster, run.config.seed, run.config.threads, folder / "fold", rising_columns(columns))
    probability = out_of_fold(folded, training, "training the blend", run.workers)
    pd.DataFrame({"row": table["row"], "blend": probability}).to_parquet(folder / "oof.parquet", index=False)


def play_blend_tables(item: tuple[PlayTables, pd.DataFrame, np.ndarray, np.ndarray, bool], reach: int) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The blend's table of a play and, where asked for, the same as if its videos had failed."""
    tables, candidates, screen, vision, blind = item
    play, _ = build_play(tables)
    rows = Rows(*(candidates[name].to_numpy() for name in ("row", "step_place", "first", "second")))
    table = blend_table(play, rows, screen, vision, reach)
    return table, blend_table(play, rows, screen, np.full_like(vision, np.nan), reach) if blind else None
