import cv2
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.errors import InputError
from player_contact.evaluation.look_augmentations import ALONE, ONE_FRAME, PLAIN, changed_stretches, write_augmentation_sheet


def test_every_change_that_training_knows_has_a_line(finished_run, tmp_path):
    write_augmentation_sheet(finished_run.folder, finished_run.config.vision, tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    count = len(ALONE) + 2
    lines = [picture[len(picture) * number // count : len(picture) * (number + 1) // count] for number in range(count)]
    assert all(line.std() > 20 for line in lines)
    assert {name for change in ALONE.values() for name in change} == set(PLAIN) - {"drop_sensors", "mixup"}


@pytest.mark.parametrize("seed", range(3))
def test_every_line_shows_its_change(finished_run, seed):
    lines = changed_stretches(finished_run.folder, finished_run.config.vision, seed)
    cut, *others = [lines.pop(name)["pictures"] for name in ("as it was cut", "all, as configured")]
    for name, shown in lines.items():
        assert not shown["pictures"].equal(cut), name
    assert lines[ONE_FRAME]["pictures"][:, 1].equal(cut[:, 1])  # of three frames
    assert others[0].shape[1:] == cut.shape[1:]


def test_a_run_without_crops_says_what_to_do(finished_run, tmp_path):
    with pytest.raises(InputError, match=r"has no crops to look at"):
        write_augmentation_sheet(tmp_path, finished_run.config.vision, tmp_path / "sheet.png")


def test_the_command_leaves_the_picture_in_the_run(own_run):
    folder = own_run().folder
    done = CliRunner().invoke(app, ["look-augmentations", "--run", str(folder), "--seed", "1"])
    assert done.exit_code == 0, done.output
    assert (folder / "augmentations.png").is_file()
