"""The features of a play on disk: its candidate rows as a table, their features as one plain array that is read a piece at a time."""

from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.files import read_json, write_json
from player_contact.play import Rows
from player_contact.stored import StoredArray


def write_features(folder: Path, game_play: str, rows: Rows, contact: np.ndarray, features: np.ndarray) -> None:
    """Writes a play's N candidate rows, their [N] labels and their [N, K] features into `folder`."""
    places = {"row": rows.row, "step_place": rows.step, "first": rows.first, "second": rows.second, "contact": contact.astype(np.int8)}
    pd.DataFrame(places).to_parquet(folder / f"{game_play}.parquet", index=False)
    np.save(folder / f"{game_play}.npy", np.ascontiguousarray(features, dtype=np.float32), allow_pickle=False)


def write_names(folder: Path, names: list[str]) -> None:
    """Writes what the K columns are."""
    write_json(names, folder / "names.json")


def read_names(folder: Path) -> list[str]:
    """What the K columns are."""
    return list(read_json(folder / "names.json"))


def read_places(folder: Path, game_play: str) -> pd.DataFrame:
    """[N] candidate rows of a play: row, step_place, first, second, contact."""
    return pd.read_parquet(folder / f"{game_play}.parquet")


def open_values(folder: Path, game_play: str) -> StoredArray:
    """[N, K] float32 features of a play, on disk until they are read."""
    return StoredArray(folder / f"{game_play}.npy")
