"""Crops on disk: a folder a play. Pictures are read one by one, when they are looked at."""

from pathlib import Path

import numpy as np

from player_contact.files import replacing
from player_contact.stored import StoredArray
from player_contact.video.crops import Crops

ARRAYS = ("pictures", "boxes", "detected", "seen")


def write_crops(crops: Crops, row: np.ndarray, contact_id: np.ndarray, folder: Path) -> None:
    """Writes the crops of a play with the [N] season rows they belong to and their names; the folder is whole or not there."""
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        np.save(temporary / "row.npy", row, allow_pickle=False)
        np.save(temporary / "contact_id.npy", np.asarray(contact_id, dtype=np.str_), allow_pickle=False)
        for name in ARRAYS:
            np.save(temporary / f"{name}.npy", getattr(crops, name), allow_pickle=False)


def open_crops(folder: Path) -> Crops:
    """The crops of a play, whose pictures stay on disk: only those that are looked at are read."""
    pictures, *others = (folder / f"{name}.npy" for name in ARRAYS)
    return Crops(StoredArray(pictures), *(np.load(path, allow_pickle=False) for path in others))


def read_crop_rows(folder: Path) -> np.ndarray:
    """[N] int64 season rows of a play's crops."""
    return np.load(folder / "row.npy", allow_pickle=False)


def read_contact_ids(folder: Path) -> np.ndarray:
    """[N] text, what the rows of a play's crops are called."""
    return np.load(folder / "contact_id.npy", allow_pickle=False)
