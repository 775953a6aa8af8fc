"""What every stage is given, and the tables that several of them read."""

import dataclasses
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.contact_ids import is_ground
from player_contact.competition.season import Season, read_season
from player_contact.config import Config
from player_contact.evaluation.folds import game_of
from player_contact.features import feature_store
from player_contact.utils.files import read_json
from player_contact.utils.npy_array import NpyArray
from player_contact.utils.parallel import Workers

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Labels:
    """The N rows of the labels: [N] bool, bool, int8, and games numbered from 0."""

    label: np.ndarray
    is_ground: np.ndarray
    fold: np.ndarray
    game: np.ndarray


@dataclasses.dataclass(frozen=True)
class Run:
    """Settings, the input folder, the folder of the outputs, and the workers of a run."""

    config: Config
    input: Path
    folder: Path
    workers: Workers
    simulated: bool

    @property
    def data(self) -> str:
        """Where the data come from, for titles of scores."""
        return "simulated season" if self.simulated else "competition data"

    @cached_property
    def season(self) -> Season:
        """The training split."""
        log.debug("reading the tables of %s", self.input)
        return read_season(self.input, "train")

    @cached_property
    def folds(self) -> pd.DataFrame:
        """A line a play: game_play, game, contacts, fold."""
        return pd.read_csv(self.folder / "folds.csv", dtype={"game_play": str, "game": str})

    @cached_property
    def labels(self) -> Labels:
        """The labels of every row, with folds and games."""
        rows = self.season.rows
        fold = rows["game_play"].astype(str).map(self.folds.set_index("game_play")["fold"])
        return Labels(
            label=rows["contact"].to_numpy(dtype=bool),
            is_ground=is_ground(rows),
            fold=fold.to_numpy().astype(np.int8),
            game=pd.factorize(game_of(rows["game_play"]))[0],
        )

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """Candidates of all plays: row, step_index, first, second, contact, fold, play_index."""
        parts = [
            feature_store.read_candidates(self.folder / "features", play.game_play).assign(
                fold=np.int8(play.fold), play_index=np.int32(index)
            )
            for index, play in enumerate(self.folds.itertuples())
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def feature_names(self) -> list[str]:
        """The features that were computed, in the order of their columns."""
        return feature_store.read_feature_names(self.folder / "features")

    def feature_parts(self) -> list[NpyArray]:
        """The [n, K] features of each play's candidates, on disk until they are indexed."""
        return [
            feature_store.open_features(self.folder / "features", play)
            for play in self.folds["game_play"]
        ]

    def features_of(self, names: Sequence[str]) -> pd.DataFrame:
        """The named features of all candidates."""
        columns = [self.feature_names.index(name) for name in names]
        parts = [np.asarray(part)[:, columns] for part in self.feature_parts()]
        return pd.DataFrame(np.concatenate(parts), columns=list(names))

    def oof(self, stage: str) -> pd.DataFrame:
        """The out-of-fold probabilities that a stage wrote, with `row`."""
        return pd.read_parquet(self.folder / stage / "oof.parquet")

    def all_rows(self, table: pd.DataFrame, column: str) -> np.ndarray:
        """[N] float32 of a table with `row` over all rows of the labels; filtered ones get 0."""
        values = np.zeros(len(self.season.rows), dtype=np.float32)
        values[table["row"].to_numpy()] = table[column]
        return values

    def open_rows(self) -> pd.DataFrame:
        """The candidates that the screen left open, with its probability as `screen`."""
        table = self.candidates.assign(screen=self.oof("screen")["screen"].to_numpy())
        threshold = read_json(self.folder / "screen" / "open_threshold.json")["open_threshold"]
        return table[table["screen"] >= threshold]
