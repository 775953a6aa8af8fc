"""What a model was trained on, written down beside it when it is trained, so that anybody can check later that it never saw what it predicts."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.bundle import digest_of, learnt_path
from player_contact.files import write_json
from player_contact.stages.run import Run


def write_learnt(model: Path, rows: pd.DataFrame, plays: Sequence[str]) -> None:
    """Writes the plays that a model learnt from, each with the fingerprint of its rows, and the hash of the model's own file.

    `rows` holds the training rows: `row` (place in the season's labels), `contact`, and `play`, the place of the row's play in `plays`.
    """
    record = {"model": digest_of(model), "plays": fingerprints(rows, plays)}
    write_json(record, learnt_path(model))


def write_all_learnt(run: Run, prefix: Path, learnt: dict[int, list[int]]) -> None:
    """The same for the booster of every fold, `{prefix}{fold}.txt`; `learnt` tells the places of the plays that it was trained on."""
    table, plays = run.candidates, run.folds["game_play"].tolist()
    for fold, places in learnt.items():
        write_learnt(prefix.with_name(f"{prefix.name}{fold}.txt"), table[table["play"].isin(places)], plays)


def fingerprints(rows: pd.DataFrame, plays: Sequence[str]) -> dict[str, str]:
    """game_play -> a hash of which rows of it there are, and of their labels; plays without rows are left out."""
    return {plays[int(place)]: _fingerprint(part) for place, part in rows.groupby("play", sort=True)}


def _fingerprint(part: pd.DataFrame) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, kind in (("row", np.int64), ("contact", np.int8)):
        digest.update(np.ascontiguousarray(part[name].to_numpy(dtype=kind)).tobytes())
    return digest.hexdigest()
