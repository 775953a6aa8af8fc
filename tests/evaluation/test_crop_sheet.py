import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from player_contact.__main__ import app
from player_contact.evaluation.crop_sheet import KINDS, sample_rows, write_crop_sheet
from player_contact.utils.errors import InputError
from player_contact.video.crop_store import open_crops, read_contact_ids
from tests.invoke import invoke


def test_the_sheet_has_a_line_for_every_kind_of_row(finished_run, tmp_path):
    write_crop_sheet(finished_run.folder, tmp_path / "sheet.png")
    image = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    lines = np.array_split(image, len(KINDS))
    assert all(line.std() > 20 for line in (lines[0], lines[1], lines[3]))


def test_a_seed_draws_the_same_rows_and_another_one_others(finished_run, tmp_path):
    images = []
    for number, seed in enumerate((1, 1, 2)):
        write_crop_sheet(finished_run.folder, tmp_path / f"{number}.png", seed)
        images.append((tmp_path / f"{number}.png").read_bytes())
    assert images[0] == images[1] != images[2]


def test_a_run_without_crops_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"has no crops to plot\. Run `make crops` first"):
        write_crop_sheet(tmp_path, tmp_path / "sheet.png")


def test_crops_are_named_and_completed_boxes_dashed(finished_run, tmp_path, monkeypatch):
    titles, lines = [], []
    title, patch = Axes.set_title, Axes.add_patch
    monkeypatch.setattr(
        Axes, "set_title", lambda ax, *a, **k: titles.append(a[0]) or title(ax, *a, **k)
    )
    monkeypatch.setattr(
        Axes, "add_patch", lambda ax, box: lines.append(box.get_linestyle()) or patch(ax, box)
    )
    write_crop_sheet(finished_run.folder, tmp_path / "sheet.png")
    boxes = detected = 0
    for sample, text in zip(sample_rows(finished_run.folder, 0).itertuples(), titles, strict=True):
        folder = finished_run.folder / "crops" / sample.game_play
        name = str(read_contact_ids(folder)[sample.crop_index])
        play, step, first, second = name.rsplit("_", 3)
        label = "contact" if sample.contact else "no contact"
        second = "the ground" if second == "G" else second
        assert text == f"{play}, step {step}: {label}\n{first} and {second}"
        crops = open_crops(folder)
        boxed = ~np.isnan(crops.boxes[sample.crop_index, ..., 0])
        boxes += boxed.sum()
        detected += (boxed & crops.detected[sample.crop_index]).sum()
    assert len(lines) == boxes > lines.count("-") == detected


def test_the_command_writes_into_the_run(own_run):
    folder = own_run().folder
    result = invoke(app, ["plot-crops", "--run", folder])
    assert result.exit_code == 0, result.output
    assert (folder / "crops.png").is_file()


def test_a_run_without_visible_rows_is_refused(own_run, tmp_path):
    run = own_run()
    for path in (run.folder / "crops").glob("*/visible.npy"):
        np.save(path, np.zeros_like(np.load(path)))
    with pytest.raises(InputError, match=r"was visible in both views.*Was its season filmed"):
        write_crop_sheet(run.folder, tmp_path / "sheet.png")
