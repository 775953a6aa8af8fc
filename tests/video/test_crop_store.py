import numpy as np
import pytest

from player_contact.utils.npy_array import NpyArray
from player_contact.video.crop_store import (
    open_crops,
    read_contact_ids,
    read_crop_rows,
    write_crops,
)
from player_contact.video.crops import Crops


def make_crops(rows: int) -> Crops:
    random = np.random.default_rng(rows)
    boxes = random.normal(size=(rows, 2, 3, 4)).astype(np.float32)
    boxes[..., 1, :] = np.nan
    images = random.integers(0, 255, (rows, 2, 3, 16, 16), dtype=np.uint8)
    return Crops(images, boxes, random.random((rows, 2, 3)) < 0.5, random.random((rows, 2)) < 0.5)


def write(folder, rows: int) -> Crops:
    contact_id = [f"58168_003392_{row}_30000_G" for row in range(rows)]
    write_crops(crops := make_crops(rows), np.arange(rows) * 7, contact_id, folder / "play")
    return crops


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_crops_are_read_as_they_were_written(tmp_path, rows):
    crops = write(tmp_path, rows)
    opened = open_crops(tmp_path / "play")
    assert isinstance(opened.images, NpyArray)
    np.testing.assert_array_equal(read_crop_rows(tmp_path / "play"), np.arange(rows) * 7)
    assert len(set(read_contact_ids(tmp_path / "play").tolist())) == rows
    for name in ("images", "boxes", "detected", "visible"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(crops, name))
        assert getattr(opened, name).dtype == getattr(crops, name).dtype


def test_earlier_crops_are_replaced_as_a_whole(tmp_path):
    for rows in (4, 2):
        write(tmp_path, rows)
    assert len(open_crops(tmp_path / "play").visible) == len(read_crop_rows(tmp_path / "play")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["play"]
