"""A play's candidates and crops as the vision models of either family take them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from player_contact.config import VisionConfig
from player_contact.play import Rows
from player_contact.video.crops import Crops
from player_contact.vision.clips import NO_CROP, OpenRows, open_rows, tabular_values
from player_contact.vision.token_rows import TokenRows, token_rows


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

    def visible(self, vision: VisionConfig) -> tuple[OpenRows | TokenRows, np.ndarray]:
        """The open rows that a view shows, for a model of these settings; their [M] indices."""
        opened = np.flatnonzero(self.is_open)
        of_rows = self._open_rows(opened, vision)
        if vision.family == "pairs":
            return of_rows[of_rows.is_visible], opened[of_rows.is_visible]
        index = np.flatnonzero(self.rows.is_ground & (self.crop_index != NO_CROP))
        assert self.geometry is not None
        geometry = self.geometry[self.crop_index[index]]
        rows = token_rows(of_rows, self._open_rows(index, vision), geometry)
        return rows[rows.is_visible], opened[rows.is_visible]

    def _open_rows(self, index: np.ndarray, vision: VisionConfig) -> OpenRows:
        tabular = tabular_values(self.features.iloc[index], self.screen[index], vision.tabular)
        return open_rows(self.rows[index], tabular, [self.crops], self.crop_index[index])
