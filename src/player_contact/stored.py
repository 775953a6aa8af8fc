"""Arrays that stay on disk until something is asked of them."""

import math
import operator
import os
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.errors import InputError

AGAIN = "Remove the folder of its stage from the run, and run again"


class StoredArray:
    """An array in a .npy file. `array[i]`, `array[i, j]` and so on of whole numbers from 0, `array[i:j]` and `np.asarray(array)` read what they name.

    Nothing is kept: a mapped file would count as memory of each process that reads it, more of it with everything that is looked at; and a file that
    is kept open for each play is more than many systems allow. Raises InputError where the file is no such array, is shorter than it says, or was
    changed since it was opened.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                self.shape, by_columns, self.dtype = np.lib.format.read_array_header_1_0(file)
            except ValueError as error:
                raise InputError(f"{path} is no array: {error}. {AGAIN}") from None
            if version != (1, 0) or by_columns or self.dtype.hasobject:
                raise InputError(f"{path} holds no array of plain numbers, row after row. {AGAIN}")
            self.path, self.start, self.made = path, file.tell(), _made(file.fileno())
        if self.made[0] < self.start + math.prod(self.shape) * self.dtype.itemsize:
            raise InputError(f"{path} is shorter than it says. {AGAIN}")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice | tuple[int, ...]) -> np.ndarray:
        if isinstance(key, slice):
            first, after, step = key.indices(len(self))
            if step != 1:
                raise IndexError(f"{self.path.name} is read in steps of 1, not of {step}")
            return self._read(first * math.prod(self.shape[1:]), (max(0, after - first), *self.shape[1:]))
        key = tuple(map(operator.index, key if isinstance(key, tuple) else (key,)))
        if len(key) > len(self.shape) or not all(0 <= place < count for place, count in zip(key, self.shape, strict=False)):
            raise IndexError(f"{self.path.name} has no {key}: its shape is {self.shape}")
        number = 0
        for place, count in zip(key, self.shape, strict=False):
            number = number * count + place
        shape = self.shape[len(key) :]
        return self._read(number * math.prod(shape), shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(f"{self.path.name} lies on disk: it can't be had without a copy")
        return self[:].astype(dtype or self.dtype, copy=bool(copy))

    def _read(self, first: int, shape: tuple[int, ...]) -> np.ndarray:
        """An array of the values from the `first` one on."""
        with self.path.open("rb") as file:
            if _made(file.fileno()) != self.made:
                raise InputError(f"{self.path} was changed while it was read, perhaps by another run into the same folder. {AGAIN}")
            file.seek(self.start + first * self.dtype.itemsize)
            return np.frombuffer(file.read(math.prod(shape) * self.dtype.itemsize), dtype=self.dtype).reshape(shape)


def _made(file: int) -> tuple[int, int]:
    """Size of an open file, and when it was written."""
    facts = os.fstat(file)
    return facts.st_size, facts.st_mtime_ns
