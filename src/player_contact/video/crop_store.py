"""Crops on disk: a folder a play, whose images are read one by one."""

from pathlib import Path

import numpy as np

from player_contact.utils.files import atomic_write
from player_contact.utils.npy_array import NpyArray
from player_contact.video.crops import Crops
from player_contact.video.jpeg_images import JpegImages, write_jpegs

IMAGES, ARRAYS = "images", ("boxes", "detected", "visible", "margin")


def write_crops(
    crops: Crops,
    row: np.ndarray,
    contact_id: np.ndarray,
    folder: Path,
    jpeg_quality: int = 0,
    geometry: np.ndarray | None = None,
) -> None:
    """Writes the crops of a play with [N] season rows and contact_ids; all or nothing.

    Images are stored as they are or, with a `jpeg_quality` of 1 to 100, in JPEG. The token family
    needs the [N, G] `geometry` of each row's first player.
    """
    arrays = {name: getattr(crops, name) for name in ARRAYS}
    arrays |= {"row": row, "contact_id": np.asarray(contact_id, dtype=np.str_)}
    if geometry is not None:
        arrays["geometry"] = geometry
    images = np.asarray(crops.images)
    with atomic_write(folder) as temporary:
        temporary.mkdir(parents=True)
        if jpeg_quality:
            write_jpegs(images, crops.visible, jpeg_quality, temporary)
        else:
            arrays[IMAGES] = images
        for name, values in arrays.items():
            np.save(temporary / f"{name}.npy", values, allow_pickle=False)


def open_crops(folder: Path) -> Crops:
    """The crops of a play; images stay on disk until they are indexed."""
    stored, others = folder / f"{IMAGES}.npy", (folder / f"{name}.npy" for name in ARRAYS)
    images = NpyArray(stored) if stored.is_file() else JpegImages(folder)
    boxes, detected, visible, margin = (np.load(path, allow_pickle=False) for path in others)
    return Crops(images, boxes, detected, visible, int(margin))


def read_crop_rows(folder: Path) -> np.ndarray:
    """[N] int64 season rows of a play's crops."""
    return np.load(folder / "row.npy", allow_pickle=False)


def read_geometry(folder: Path) -> np.ndarray:
    """[N, G] float32, of the first player of each of a play's crops."""
    return np.load(folder / "geometry.npy", allow_pickle=False)


def read_contact_ids(folder: Path) -> np.ndarray:
    """[N] text, the contact_ids of a play's crops."""
    return np.load(folder / "contact_id.npy", allow_pickle=False)
