import dataclasses

import cv2
import numpy as np
import pytest

from player_contact.utils.errors import InputError
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
    detected, visible = random.random((rows, 2, 3)) < 0.5, random.random((rows, 2)) < 0.5
    return Crops(images, boxes, detected, visible, margin=1)


def write(folder, rows: int, **options) -> Crops:
    contact_id, row = [f"58168_003392_{row}_30000_G" for row in range(rows)], np.arange(rows) * 7
    write_crops(crops := make_crops(rows), row, contact_id, folder / "play", **options)
    return crops


def write_smooth(folder, quality: int, size: int = 64) -> Crops:
    """Images that are smooth but for a little noise, as those of videos are."""
    crops, random = make_crops(5), np.random.default_rng(0)
    coarse = random.integers(40, 200, (5 * 2 * 3, size // 16, size // 16)).astype(np.float32)
    images = np.stack([cv2.resize(one, (size, size)) for one in coarse])
    images = (images + random.normal(0, 2, images.shape)).round().astype(np.uint8)
    images = images.reshape(5, 2, 3, size, size) * crops.visible[..., None, None, None]
    crops = dataclasses.replace(crops, images=images)
    write_crops(crops, np.arange(5), np.arange(5).astype(str), folder / "play", quality)
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
    assert opened.margin == crops.margin


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_jpeg_keeps_all_but_the_images(tmp_path, rows):
    crops = write(tmp_path, rows, jpeg_quality=90)
    opened = open_crops(tmp_path / "play")
    assert opened.images.shape == crops.images.shape
    assert len(opened.images) == rows
    for name in ("boxes", "detected", "visible"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(crops, name))


def test_jpeg_images_are_nearly_what_they_were_and_much_smaller(tmp_path):
    crops = write_smooth(tmp_path, 90)
    opened = open_crops(tmp_path / "play")
    for row, view in np.ndindex(crops.visible.shape):
        image, expected = opened.images[row, view], crops.images[row, view].astype(int)
        assert image.dtype == np.uint8
        assert np.abs(image - expected).mean() < (2 if crops.visible[row, view] else 1e-9)
    stored = sum(path.stat().st_size for path in (tmp_path / "play").glob("jpeg*"))
    assert stored < crops.images[crops.visible].nbytes / 3


def test_a_damaged_jpeg_is_named(tmp_path):
    write_smooth(tmp_path, 90)
    path = tmp_path / "play" / "jpeg.npy"
    np.save(path, np.zeros_like(np.load(path)))
    opened = open_crops(tmp_path / "play")
    row, view = np.argwhere(opened.visible)[0].tolist()
    with pytest.raises(InputError, match=rf"jpeg.npy: the image of row {row} is damaged. Remove"):
        opened.images[row, view]


def test_earlier_crops_are_replaced_as_a_whole(tmp_path):
    for rows in (4, 2):
        write(tmp_path, rows)
    assert len(open_crops(tmp_path / "play").visible) == len(read_crop_rows(tmp_path / "play")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["play"]
