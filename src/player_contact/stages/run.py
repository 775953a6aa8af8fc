"""What every stage is told, and the tables that several of them read."""

import dataclasses
import logging
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.season import Season, read_season
from player_contact.config import Config
from player_contact.files import read_json

log = logging.getLogger(__name__)

PLACES = ["row", "step_place", "first", "second", "contact"]  # columns of a features file that are not features


@dataclasses.dataclass(frozen=True)
class Run:
    """What every stage is told: settings, where data comes from and where outputs lie."""

    config: Config
    input: Path
    folder: Path
    workers: int
    simulated: bool

    @cached_property
    def season(self) -> Season:
        """The training split, read once."""
        log.info("reading the tables of %s", self.input)
        return read_season(self.input, "train")

    @cached_property
    def folds(self) -> pd.DataFrame:
        """game_play, game, contacts, fold."""
        return pd.read_csv(self.folder / "folds.csv", dtype={"game_play": str, "game": str})

    def fold_of(self, game_play: pd.Series) -> np.ndarray:
        """[N] int8 fold of each play."""
        return game_play.astype(str).map(self.folds.set_index("game_play")["fold"]).to_numpy().astype(np.int8)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The features files of all plays, one after the other, with the fold of each row."""
        parts = [
            pd.read_parquet(self.folder / "features" / f"{game_play}.parquet").assign(fold=np.int8(fold), play=np.int32(place))
            for place, (game_play, fold) in enumerate(self.folds[["game_play", "fold"]].itertuples(index=False))
        ]
        return pd.concat(parts, ignore_index=True)

    def open_rows(self) -> pd.DataFrame:
        """The candidates that the screen left open, with its probability as `screen`."""
        screen = pd.read_parquet(self.folder / "screen" / "oof.parquet")["screen"].to_numpy()
        return self.candidates.assign(screen=screen)[screen >= read_json(self.folder / "screen" / "cut.json")["cut"]]
