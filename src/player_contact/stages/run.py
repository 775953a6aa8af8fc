"""What every stage is told, and the tables that several of them read."""

import dataclasses
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.out_of_fold import FoldedTable
from player_contact.competition.names import GROUND
from player_contact.competition.season import Season, read_season
from player_contact.config import Config
from player_contact.features.store import open_values, read_names, read_places
from player_contact.files import read_json
from player_contact.parallel import Workers
from player_contact.stored import StoredArray

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """What every stage is told: settings, where data comes from and where outputs lie."""

    config: Config
    input: Path
    folder: Path
    workers: Workers
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
        """The candidate rows of all plays, one after the other: row, step_place, first, second, contact, and the fold and play of each."""
        parts = [
            read_places(self.folder / "features", game_play).assign(fold=np.int8(fold), play=np.int32(place))
            for place, (game_play, fold) in enumerate(self.folds[["game_play", "fold"]].itertuples(index=False))
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def feature_names(self) -> list[str]:
        """The features that were computed, in the order of their columns."""
        return read_names(self.folder / "features")

    def feature_parts(self) -> list[StoredArray]:
        """The [n, K] features of each play's candidates, on disk until they are read."""
        return [open_values(self.folder / "features", game_play) for game_play in self.folds["game_play"]]

    def features_of(self, names: Sequence[str]) -> pd.DataFrame:
        """The named features of all candidates."""
        places = [self.feature_names.index(name) for name in names]
        parts = [np.asarray(part)[:, places] for part in self.feature_parts()]
        return pd.DataFrame(np.concatenate(parts), columns=list(names))

    def folded(self, parts: Sequence[np.ndarray | StoredArray], columns: dict[str, int]) -> FoldedTable:
        """The candidates as a table that boosters learn from out of fold; `parts` holds a [n, K] array for each play."""
        table, rows = self.candidates, self.season.rows
        contacts = int(rows["contact"].sum())
        return FoldedTable(
            parts=parts,
            fold=self.folds["fold"].to_numpy(),
            columns=columns,
            label=table["contact"].to_numpy(dtype=bool),
            ground=table["second"].to_numpy() == GROUND,
            filtered=(len(rows) - len(table), contacts - int(table["contact"].sum())),
        )

    def open_rows(self) -> pd.DataFrame:
        """The candidates that the screen left open, with its probability as `screen`."""
        screen = pd.read_parquet(self.folder / "screen" / "oof.parquet")["screen"].to_numpy()
        return self.candidates.assign(screen=screen)[screen >= read_json(self.folder / "screen" / "cut.json")["cut"]]
