import numpy as np
import pytest

from player_contact.stored import StoredArray
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
    for name in ("pictures", "boxes", "detected", "seen"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(crops, name))
        assert getattr(opened, name).dtype == getattr(crops, name).dtype


def test_the_pictures_of_opened_crops_stay_on_disk(tmp_path):
    write_crops(some_crops(3), np.arange(3), named(3), tmp_path / "play")
    assert isinstance(open_crops(tmp_path / "play").pictures, StoredArray)


def test_crops_of_before_are_replaced_as_a_whole(tmp_path):
    for rows in (4, 2):
        write_crops(some_crops(rows), np.arange(rows), named(rows), tmp_path / "play")
    assert len(open_crops(tmp_path / "play").seen) == len(read_crop_rows(tmp_path / "play")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["play"]
