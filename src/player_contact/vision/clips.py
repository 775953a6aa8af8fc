"""Open rows, and how tracks are split into clips. Letters of shapes: see `vision/__init__.py`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from player_contact.play import Rows
from player_contact.utils.logits import logit
from player_contact.video.crops import Crops

MAX_PLAYERS = 1 << 10  # base of (play, first, second + 1) in track ids: more than any play has
NO_CROP = -1


@dataclass(frozen=True)
class OpenRows:
    """M open rows of one or many plays.

    track       [M] int64, the id of a pair in a play, or of a player and the ground
    step        [M] int64, index in the play's steps of 0.1 s
    tabular     [M, K] float32, NaN: not measured
    crops       for each play: images [n, V, frames, H, W], boxes [n, V, players, 4] left, top,
                right, bottom in their pixels (the row's two, then others; NaN: none), visible
                [n, V]; images may be on disk until they are read
    play_index  [M] int64, index in `crops`
    crop_index  [M] int64, index in the arrays of that Crops; NO_CROP: no view shows the row
    """

    track: np.ndarray
    step: np.ndarray
    tabular: np.ndarray
    crops: list[Crops]
    play_index: np.ndarray
    crop_index: np.ndarray

    def __len__(self) -> int:
        return len(self.track)

    def __getitem__(self, chosen: np.ndarray) -> "OpenRows":
        arrays = self.track, self.step, self.tabular, self.play_index, self.crop_index
        track, step, tabular, play_index, crop_index = (values[chosen] for values in arrays)
        return OpenRows(track, step, tabular, self.crops, play_index, crop_index)

    @property
    def is_visible(self) -> np.ndarray:
        """[M] bool: a view shows the row."""
        visible = np.zeros(len(self), dtype=bool)
        for play in np.unique(self.play_index):
            index = np.flatnonzero((self.play_index == play) & (self.crop_index != NO_CROP))
            visible[index] = self.crops[play].visible[self.crop_index[index]].any(axis=1)
        return visible

    @property
    def image_rows(self) -> "OpenRows":
        """The rows whose images are embedded: these."""
        return self

    @property
    def is_ground(self) -> np.ndarray:
        """[M] bool: a player and the ground."""
        return self.track % MAX_PLAYERS == 0


def open_rows(
    rows: Rows,
    tabular: np.ndarray,
    crops: list[Crops],
    crop_index: np.ndarray | None = None,
    play_index: np.ndarray | None = None,
) -> OpenRows:
    """OpenRows of `rows`; by default of a single play, row i with crop i."""
    crop_index = np.arange(len(rows)) if crop_index is None else crop_index
    play_index = np.zeros(len(rows), dtype=np.int64) if play_index is None else play_index
    pair = rows.first.astype(np.int64) * MAX_PLAYERS + rows.second + 1  # second: -1 is the ground
    track = play_index.astype(np.int64) * MAX_PLAYERS**2 + pair
    return OpenRows(track, rows.step, tabular, crops, play_index, crop_index)


def split_into_clips(track: np.ndarray, step: np.ndarray, length: int, offset: int) -> np.ndarray:
    """Clips: [L, length] row indices, -1 at steps without a row. Each row is in exactly one clip.

    A clip starts where (step + offset) is a multiple of `length`.
    """
    window, position = np.divmod(step + offset, length)
    keys, clip = np.unique(np.stack([track, window], axis=1), axis=0, return_inverse=True)
    clips = np.full((len(keys), length), -1, dtype=np.int64)
    clips[clip.ravel(), position] = np.arange(len(track))
    return clips


def tabular_values(
    features: pd.DataFrame, screen: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """[M, K] float32 of the named features; "screen" is the logit of [M] screen probabilities."""
    if not names:
        return np.empty((len(screen), 0), dtype=np.float32)
    columns = [logit(screen) if name == "screen" else features[name].to_numpy() for name in names]
    return np.stack(columns, axis=1).astype(np.float32)
