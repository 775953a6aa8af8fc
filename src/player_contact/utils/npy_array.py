"""Arrays that stay on disk until a part is read."""

import math
import operator
import os
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.utils.errors import InputError

ADVICE = "Remove the folder of its stage from the run, and run again"


class NpyArray:
    """An array in a .npy file: `array[i]`, `array[i, j]`, ..., `array[i:j]`, `np.asarray(array)`.

    Indices are integers from 0. Nothing is kept: a part took 60-70 microseconds to read, 490 by
    `np.memmap`, whose pages count as memory of every process that reads them; and many systems
    allow too few open files for one a play. Raises InputError where the file is no such array, is
    shorter than its header says, or was changed since it was opened.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                self.shape, fortran, self.dtype = np.lib.format.read_array_header_1_0(file)
            except ValueError as error:
                raise InputError(f"{path} is no array: {error}. {ADVICE}") from None
            if version != (1, 0) or fortran or self.dtype.hasobject:
                raise InputError(f"{path} holds no array of plain numbers, row after row. {ADVICE}")
            self.path, self.start, self.version = path, file.tell(), _version(file.fileno())
        if self.version[0] < self.start + math.prod(self.shape) * self.dtype.itemsize:
            raise InputError(f"{path} is shorter than it says. {ADVICE}")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice | tuple[int, ...]) -> np.ndarray:
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                raise IndexError(f"{self.path.name} is read in steps of 1, not of {step}")
            return self._read(start, (max(0, stop - start), *self.shape[1:]), self.shape[1:])
        index = tuple(map(operator.index, key if isinstance(key, tuple) else (key,)))
        outer, inner = self.shape[: len(index)], self.shape[len(index) :]
        try:
            first = int(np.ravel_multi_index(index, outer))
        except ValueError:
            message = f"{self.path.name} has no {index}: its shape is {self.shape}"
            raise IndexError(message) from None
        return self._read(first, inner, inner)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(f"{self.path.name} lies on disk: it can't be had without a copy")
        return self[:].astype(dtype or self.dtype, copy=bool(copy))

    def _read(self, first: int, shape: tuple[int, ...], part: tuple[int, ...]) -> np.ndarray:
        """An array of `shape` that begins at the `first`-th of the parts of shape `part`."""
        with self.path.open("rb") as file:
            if _version(file.fileno()) != self.version:
                raise InputError(
                    f"{self.path} was changed while it was read, perhaps by another run into the "
                    f"same folder. {ADVICE}"
                )
            file.seek(self.start + first * math.prod(part) * self.dtype.itemsize)
            content = file.read(math.prod(shape) * self.dtype.itemsize)
        return np.frombuffer(content, self.dtype).reshape(shape)


def _version(file: int) -> tuple[int, int]:
    """Size and modification time of an open file."""
    status = os.fstat(file)
    return status.st_size, status.st_mtime_ns
