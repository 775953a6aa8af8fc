"""A play's candidates and crops as the vision models of either family take them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from player_contact.config import VisionConfig
from player_contact.play import Rows
from player_contact.video.crops import Crops
from player_contact.vision.clips import NO_CROP, OpenRows, open_rows, tabular_values
from player_contact.vision.token_rows import TokenRows, is_seen, token_rows


@dataclass(frozen=True)
class PlayRows:
    """N candidates of a play.

    screen      [N] float32, its probability
    is_open     [N] bool
    crop_index  [N] int64, index in `crops`, NO_CROP where a row has none
    geometry    [n, G] float32, of the first player of each crop; None: no model is of tokens
    """

    rows: Rows
    features: pd.DataFrame
    screen: np.ndarray
    is_open: np.ndarray
    crop_index: np.ndarray
    crops: Crops
    geometry: np.ndarray | None

    @cached_property
    def index(self) -> np.ndarray:
        """[M] int64 of the open rows that a view shows, the same for all models."""
        opened, nothing = np.flatnonzero(self.is_open), ()
        players = None if self.geometry is None else self._open_rows(self._players, nothing)
        return opened[is_seen(self._open_rows(opened, nothing), players)]

    def of(self, vision: VisionConfig) -> OpenRows | TokenRows:
        """The M rows for a model of these settings."""
        rows = self._open_rows(self.index, vision.tabular)
        if vision.family == "pairs":
            return rows
        assert self.geometry is not None
        players = self._open_rows(self._players, vision.tabular)
        return token_rows(rows, players, self.geometry[players.crop_index])

    @property
    def _players(self) -> np.ndarray:
        return np.flatnonzero(self.rows.is_ground & (self.crop_index != NO_CROP))

    def _open_rows(self, index: np.ndarray, names: tuple[str, ...]) -> OpenRows:
        tabular = tabular_values(self.features.iloc[index], self.screen[index], names)
        return open_rows(self.rows[index], tabular, [self.crops], self.crop_index[index])
