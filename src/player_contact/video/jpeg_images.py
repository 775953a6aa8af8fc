"""Gray images of crops in JPEG: much less disk for a little noise."""

from pathlib import Path

import numpy as np

from player_contact.utils.errors import InputError
from player_contact.utils.npy_array import ADVICE, NpyArray

BYTES, ENDS, SHAPE = "jpeg.npy", "jpeg_ends.npy", "jpeg_shape.npy"


def write_jpegs(images: np.ndarray, visible: np.ndarray, quality: int, folder: Path) -> None:
    """Writes images [N, V, C, H, W] uint8 where they are `visible` [N, V]; others take no space.

    The C frames of an image are one picture, one below the other. `quality` is OpenCV's, 1..100.
    """
    import cv2

    parts, sizes = [np.empty(0, dtype=np.uint8)], np.zeros(visible.shape, dtype=np.int64)
    for row, view in np.argwhere(visible).tolist():
        picture = images[row, view].reshape(-1, images.shape[-1])
        _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        parts.append(content)
        sizes[row, view] = len(content)
    ends = np.cumsum(sizes).reshape(sizes.shape)
    for name, values in {BYTES: np.concatenate(parts), ENDS: ends, SHAPE: images.shape}.items():
        np.save(folder / name, np.asarray(values), allow_pickle=False)


class JpegImages:
    """What `write_jpegs` wrote: `images[row, view]` -> [C, H, W] uint8, 0 where not visible.

    The images stay on disk until then. Raises InputError where a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.content = NpyArray(folder / BYTES)
        self.ends = np.load(folder / ENDS, allow_pickle=False).ravel()
        self.shape: tuple[int, ...] = tuple(np.load(folder / SHAPE, allow_pickle=False).tolist())

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        import cv2

        index = int(np.ravel_multi_index(key, self.shape[:2]))
        start, end = int(self.ends[index - 1]) if index else 0, int(self.ends[index])
        frames, height, width = self.shape[2:]
        if start == end:
            return np.zeros((frames, height, width), dtype=np.uint8)
        picture = cv2.imdecode(self.content[start:end], cv2.IMREAD_GRAYSCALE)
        if picture is None or picture.shape != (frames * height, width):
            raise InputError(f"{self.content.path}: the image of row {key[0]} is damaged. {ADVICE}")
        return picture.reshape(frames, height, width)
