"""What each model was trained on, recorded when it is trained, so that leaks can be found later."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.inference.bundle import sha256_of, training_record_path
from player_contact.utils.files import write_json


def write_training_record(model: Path, rows: pd.DataFrame, plays: Sequence[str]) -> None:
    """Writes the hash of a model's file, and the plays it was trained on with hashes of their rows.

    `rows` holds the training rows: row, contact, and play_index, an index into `plays`.
    """
    record = {"model": sha256_of(model), "plays": fingerprints(rows, plays)}
    write_json(record, training_record_path(model))


def fingerprints(rows: pd.DataFrame, plays: Sequence[str]) -> dict[str, str]:
    """game_play -> a hash of its rows and their labels; plays without rows are left out."""
    return {plays[int(index)]: _hash_rows(part) for index, part in rows.groupby("play_index")}


def _hash_rows(part: pd.DataFrame) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, dtype in (("row", np.int64), ("contact", np.int8)):
        digest.update(part[name].to_numpy(dtype=dtype).tobytes())
    return digest.hexdigest()
