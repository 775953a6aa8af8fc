"""Arrays that stay on disk until something is asked of them."""

import math
from pathlib import Path
from typing import Any

import numpy as np


class StoredArray:
    """An array in a .npy file. `array[i]`, `array[i, j]` and so on of whole numbers, `array[i:j]` and `np.asarray(array)` read what they name.

    Nothing is kept: a mapped file would count as memory of each process that reads it, more of it with everything that is looked at; and a file that
    is kept open for each play is more than many systems allow. Raises ValueError where the file is shorter than it says.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            assert np.lib.format.read_magic(file) == (1, 0), "of arrays without named fields"
            self.shape, by_columns, self.dtype = np.lib.format.read_array_header_1_0(file)
            self.path, self.start = path, file.tell()
        assert not by_columns, "rows lie one after the other"
        if path.stat().st_size < self.start + math.prod(self.shape) * self.dtype.itemsize:
            raise ValueError(f"{path} is shorter than it says: remove it, and run again what wrote it")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice | tuple[int, ...]) -> np.ndarray:
        if isinstance(key, slice):
            first, after, step = key.indices(len(self))
            if step != 1:
                raise IndexError(f"{self.path.name} is read in steps of 1, not of {step}")
            return self._read(first * math.prod(self.shape[1:]), (max(0, after - first), *self.shape[1:]))
        key = key if isinstance(key, tuple) else (key,)
        number = 0
        for place, count in zip(key, self.shape, strict=False):
            if not 0 <= place < count:
                raise IndexError(f"{self.path.name} has no {key}: its shape is {self.shape}")
            number = number * count + int(place)
        shape = self.shape[len(key) :]
        return self._read(number * math.prod(shape), shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=bool(copy))

    def _read(self, first: int, shape: tuple[int, ...]) -> np.ndarray:
        """An array of the values from the `first` one on."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.start + first * self.dtype.itemsize)
            return np.frombuffer(file.read(math.prod(shape) * self.dtype.itemsize), dtype=self.dtype).reshape(shape)
