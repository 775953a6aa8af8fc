"""Crops on disk: a folder a play. Pictures are read one by one, when they are looked at."""

import math
from pathlib import Path

import numpy as np

from player_contact.files import replacing
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
    return Crops(StoredPictures(pictures), *(np.load(path, allow_pickle=False) for path in others))


class StoredPictures:
    """[N, V, C, H, W] uint8 in a .npy file. `pictures[place]`, `pictures[place, view]` and so on read what they name, and keep nothing.

    A mapped file would count as memory of each process that learns from it, more of it with every picture that is looked at; and one that is kept
    open for each play is more than many systems allow. Raises ValueError where the file is shorter than it says.
    """

    def __init__(self, path: Path) -> None:
        header = np.load(path, allow_pickle=False, mmap_mode="r")
        assert isinstance(header, np.memmap)
        self.path, self.shape, self.start = path, header.shape, header.offset

    def __getitem__(self, key: int | tuple[int, ...]) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
        shape, number = self.shape[len(key) :], 0
        for place, count in zip(key, self.shape, strict=False):
            if not 0 <= place < count:
                raise IndexError(f"{self.path.name} has no picture {key}: its shape is {self.shape}")
            number = number * count + int(place)
        size = math.prod(shape)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.start + number * size)
            return np.frombuffer(file.read(size), dtype=np.uint8).reshape(shape)


def read_crop_rows(folder: Path) -> np.ndarray:
    """[N] int64 season rows of a play's crops."""
    return np.load(folder / "row.npy", allow_pickle=False)


def read_contact_ids(folder: Path) -> np.ndarray:
    """[N] text, what the rows of a play's crops are called."""
    return np.load(folder / "contact_id.npy", allow_pickle=False)
