import sys

import numpy as np
import psutil
import pytest

from player_contact.video.crops import Crops
from player_contact.video.store import open_crops, read_contact_ids, read_crop_rows, write_crops


def some_crops(rows: int) -> Crops:
    random = np.random.default_rng(rows)
    boxes = random.normal(size=(rows, 2, 3, 4)).astype(np.float32)
    boxes[..., 1, :] = np.nan
    return Crops(
        random.integers(0, 255, (rows, 2, 3, 16, 16), dtype=np.uint8), boxes, random.random((rows, 2, 3)) < 0.5, random.random((rows, 2)) < 0.5
    )


def named(rows: int) -> list[str]:
    return [f"58168_003392_{row}_30000_G" for row in range(rows)]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_crops_come_back_as_they_were_written(tmp_path, rows):
    crops, row = some_crops(rows), np.arange(rows) * 7
    write_crops(crops, row, named(rows), tmp_path / "play")
    opened = open_crops(tmp_path / "play")
    np.testing.assert_array_equal(read_crop_rows(tmp_path / "play"), row)
    assert read_contact_ids(tmp_path / "play").tolist() == named(rows)
    for name in ("boxes", "detected", "seen"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(crops, name))
        assert getattr(opened, name).dtype == getattr(crops, name).dtype
    assert opened.pictures.shape == crops.pictures.shape
    for place in range(rows):
        np.testing.assert_array_equal(opened.pictures[place], crops.pictures[place])


@pytest.fixture
def stored(tmp_path):
    """Pictures that lie on disk, and the same in memory."""
    write_crops(some_crops(3), np.arange(3), named(3), tmp_path / "play")
    return open_crops(tmp_path / "play").pictures, some_crops(3).pictures


@pytest.mark.parametrize("key", [2, (0,), (1, 1), (2, 0, 1), (np.int64(2), np.int64(1), 2, 15), (1, 0, 2, 3, 4)])
def test_a_stored_picture_is_named_as_in_memory(stored, key):
    np.testing.assert_array_equal(stored[0][key], stored[1][key])


@pytest.mark.parametrize("key", [3, -1, (0, 2), (0, 0, -1)])
def test_a_picture_that_is_not_there_is_refused(stored, key):
    with pytest.raises(IndexError, match=r"pictures\.npy has no picture"):
        stored[0][key]


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    write_crops(some_crops(3), np.arange(3), named(3), tmp_path / "play")
    path = tmp_path / "play" / "pictures.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"mmap length|smaller"):
        open_crops(tmp_path / "play")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what the process has mapped")
def test_pictures_that_were_looked_at_are_no_memory_of_the_process(tmp_path):
    many = np.zeros((400, 2, 3, 128, 128), dtype=np.uint8)  # 39 MB
    shape = (len(many), 2)
    write_crops(Crops(many, np.zeros((*shape, 3, 4)), np.zeros((*shape, 3)), np.ones(shape)), np.arange(400), named(400), tmp_path / "play")
    opened = open_crops(tmp_path / "play").pictures
    before = psutil.Process().memory_full_info().pss
    for place in range(len(many)):
        assert not opened[place].any()
    assert psutil.Process().memory_full_info().pss - before < 10e6


def test_opened_crops_keep_no_file_open(tmp_path):
    write_crops(some_crops(3), np.arange(3), named(3), tmp_path / "play")
    before = psutil.Process().num_fds()
    opened = [open_crops(tmp_path / "play") for _ in range(5)]
    assert all(crops.pictures[0].any() for crops in opened)
    assert psutil.Process().num_fds() == before


def test_crops_of_before_are_replaced_as_a_whole(tmp_path):
    for rows in (4, 2):
        write_crops(some_crops(rows), np.arange(rows), named(rows), tmp_path / "play")
    assert len(open_crops(tmp_path / "play").seen) == len(read_crop_rows(tmp_path / "play")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["play"]
