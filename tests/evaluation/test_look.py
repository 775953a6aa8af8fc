import cv2
import pytest

from player_contact.errors import InputError
from player_contact.evaluation.look import KINDS, write_contact_sheet


def test_a_contact_sheet_is_a_picture_with_a_line_for_every_kind_of_row(finished_run, tmp_path):
    write_contact_sheet(finished_run.folder, tmp_path / "sheet.png", columns=2)
    picture = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    height = picture.shape[0] // len(KINDS)
    lines = [picture[number * height : (number + 1) * height] for number in range(len(KINDS))]
    assert all(line.std() > 20 for line in (lines[0], lines[1], lines[3]))


def test_the_same_seed_draws_the_same_rows_and_another_one_others(finished_run, tmp_path):
    pictures = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_contact_sheet(finished_run.folder, tmp_path / f"{name}.png", seed=seed)
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_run_without_crops_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"has no crops to look at\. Run `make crops` first"):
        write_contact_sheet(tmp_path, tmp_path / "sheet.png")
