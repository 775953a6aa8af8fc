"""Rows put in order along their tracks, and tracks cut into stretches."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from player_contact.odds import log_odds
from player_contact.video.crops import Crops

PLAYERS = 1 << 10  # more than any play has
TRACKS = PLAYERS**2  # more than any play has


@dataclass(frozen=True)
class OpenRows:
    """M rows that the screen left open, of one or many plays. Letters as in `vision.model`.

    track     [M] int64, a number for each pair (or player and ground) of each play: play * TRACKS + `track_numbers`
    step      [M] int64, 0.1 s
    sensors   [M, K] float32, NaN: not measured
    crops     one Crops for each play, its pictures possibly on disk
    play      [M] int64, which of `crops`
    place     [M] int64, the row's place in it
    """

    track: np.ndarray
    step: np.ndarray
    sensors: np.ndarray
    crops: list[Crops]
    play: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.track)

    @property
    def is_ground(self) -> np.ndarray:
        """[M] bool: a player and the ground."""
        return self.track % PLAYERS == 0


def cut_stretches(track: np.ndarray, step: np.ndarray, length: int, phase: int) -> np.ndarray:
    """[L, length] places of rows, -1 where a step is not asked about. Every row lies in exactly one stretch.

    Stretches of a track start where (step + phase) is a multiple of `length`, so other phases cut it elsewhere.
    """
    window, position = np.divmod(step + phase, length)
    keys = np.stack([track, window], axis=1)
    unique, stretch = np.unique(keys, axis=0, return_inverse=True)
    stretches = np.full((len(unique), length), -1, dtype=np.int64)
    stretches[stretch.ravel(), position] = np.arange(len(track))
    return stretches


def track_numbers(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[N] a number for each pair of places on the P axis of one play (second -1: the ground); below TRACKS."""
    return first.astype(np.int64) * PLAYERS + second + 1


def sensor_values(features: pd.DataFrame, screen: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """[N, K] float32 of the named feature columns; `screen` names the log odds of the screen's probability."""
    if not names:
        return np.empty((len(screen), 0), dtype=np.float32)
    columns = [log_odds(screen) if name == "screen" else features[name].to_numpy() for name in names]
    return np.stack(columns, axis=1).astype(np.float32)
