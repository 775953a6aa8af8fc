import cv2
import numpy as np
import pytest

from player_contact.__main__ import app
from player_contact.evaluation.augmentation_sheet import (
    NO_AUGMENT,
    ORIGINAL,
    TRANSFORMS,
    augmented_clips,
    write_augmentation_sheet,
)
from player_contact.utils.errors import InputError
from tests.invoke import invoke


def test_every_augmentation_of_images_has_a_line(finished_run, tmp_path):
    path = tmp_path / "sheet.png"
    write_augmentation_sheet(finished_run.folder, finished_run.config.vision, path)
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    lines = np.array_split(image, len(TRANSFORMS) + 3)
    assert all(line.std() > 20 for line in lines)
    assert set(TRANSFORMS) == set(NO_AUGMENT) - {"tabular_dropout_prob", "mixup_alpha"}


@pytest.mark.parametrize("seed", range(3))
def test_every_line_differs_from_the_original(finished_run, seed):
    items = augmented_clips(finished_run.folder, finished_run.config.vision, seed)
    images = {name: item["images"] for name, item in items.items()}
    original, configured = images.pop(ORIGINAL), images.pop("all, as configured")
    assert not [name for name, changed in images.items() if changed.equal(original)]
    assert images["freeze_frames_prob"][:, 1].equal(original[:, 1])  # of three frames
    assert configured.shape[1:] == original.shape[1:]


def test_a_run_without_crops_is_refused(finished_run, tmp_path):
    with pytest.raises(InputError, match=r"has no crops to plot"):
        write_augmentation_sheet(tmp_path, finished_run.config.vision, tmp_path / "sheet.png")


def test_the_command_writes_into_the_run(own_run):
    folder = own_run().folder
    result = invoke(app, ["plot-augmentations", "--run", folder, "--seed", "1"])
    assert result.exit_code == 0, result.output
    assert (folder / "augmentations.png").is_file()
