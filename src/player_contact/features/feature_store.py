"""Features of a play on disk: its candidate rows as Parquet, their features as one .npy array."""

from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.play import Rows
from player_contact.utils.files import read_json, write_json
from player_contact.utils.npy_array import NpyArray


def write_features(
    folder: Path, game_play: str, rows: Rows, contact: np.ndarray, features: np.ndarray
) -> None:
    """Writes a play's N candidate rows, their [N] labels and their [N, K] features."""
    table = pd.DataFrame(
        {"row": rows.row, "step_index": rows.step, "first": rows.first, "second": rows.second}
    )
    table["contact"] = contact.astype(np.int8)
    table.to_parquet(folder / f"{game_play}.parquet", index=False)
    values = np.ascontiguousarray(features, dtype=np.float32)
    np.save(folder / f"{game_play}.npy", values, allow_pickle=False)


def write_feature_names(folder: Path, names: list[str]) -> None:
    """Writes the names of the K columns."""
    write_json(names, folder / "names.json")


def read_feature_names(folder: Path) -> list[str]:
    """The names of the K columns."""
    return list(read_json(folder / "names.json"))


def read_candidates(folder: Path, game_play: str) -> pd.DataFrame:
    """[N] candidate rows of a play: row, step_index, first, second, contact."""
    return pd.read_parquet(folder / f"{game_play}.parquet")


def candidate_rows(table: pd.DataFrame) -> Rows:
    """The rows of a table such as `read_candidates` gives."""
    return Rows(*(table[name].to_numpy() for name in ("row", "step_index", "first", "second")))


def open_features(folder: Path, game_play: str) -> NpyArray:
    """[N, K] float32 features of a play, on disk until they are indexed."""
    return NpyArray(folder / f"{game_play}.npy")
