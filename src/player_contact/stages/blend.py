"""The last model: screen and vision along neighbouring steps."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table, rising_columns
from player_contact.boosting.out_of_fold import Training, out_of_fold
from player_contact.competition.season import PlayTables
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.stages.evidence import write_all_learnt
from player_contact.stages.run import Run

log = logging.getLogger(__name__)


def blend_stage(run: Run, out: Path) -> None:
    """Trains the last model on what screen and vision say along neighbouring steps."""
    folder = out / "blend"
    folder.mkdir(exist_ok=True)
    table = run.candidates
    screen = pd.read_parquet(run.folder / "screen" / "oof.parquet")["screen"].to_numpy()
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"].reindex(table["row"]).to_numpy(dtype=np.float32)
    places = [np.flatnonzero(table["play"].to_numpy() == number) for number in range(len(run.folds))]
    items = ((tables, table.iloc[here], screen[here], vision[here]) for tables, here in zip(run.season.plays(), places, strict=True))
    work = partial(play_blend_table, reach=run.config.blend.reach)
    tables = list(run_all(work, items, len(places), "neighbouring steps", run.workers))
    columns = {name: place for place, name in enumerate(next(one for one in tables if len(one)).columns)}
    training = Training(run.config.blend.booster, run.config.seed, run.config.threads, folder / "fold", rising_columns(list(columns)))
    trained = out_of_fold(run.folded([one.to_numpy() for one in tables], columns), training, "training the blend", run.workers)
    write_all_learnt(run, training.prefix, trained.learnt)
    log.info("blend, MCC by rounds: %s", ", ".join(f"{rounds}: {mcc:.3f}" for rounds, mcc in trained.curve.items()))
    pd.DataFrame({"row": table["row"], "blend": trained.probability}).to_parquet(folder / "oof.parquet", index=False)


def play_blend_table(item: tuple[PlayTables, pd.DataFrame, np.ndarray, np.ndarray], reach: int) -> pd.DataFrame:
    """The blend's table of a play's candidates; without columns where there are none."""
    tables, candidates, screen, vision = item
    if not len(candidates):
        return pd.DataFrame()
    play, _ = build_play(tables)
    rows = Rows(*(candidates[name].to_numpy() for name in ("row", "step_place", "first", "second")))
    return blend_table(play, rows, screen, vision, reach)
