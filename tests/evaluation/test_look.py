import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.errors import InputError
from player_contact.evaluation import look
from player_contact.evaluation.look import KINDS, write_contact_sheet
from player_contact.video.store import open_crops, read_contact_ids


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


def test_every_crop_is_named_and_completed_boxes_are_dashed(finished_run, tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    titles, lines = [], []
    title, patch = Axes.set_title, Axes.add_patch
    monkeypatch.setattr(Axes, "set_title", lambda ax, text, **words: titles.append(text) or title(ax, text, **words))
    monkeypatch.setattr(Axes, "add_patch", lambda ax, box: lines.append(box.get_linestyle()) or patch(ax, box))
    write_contact_sheet(finished_run.folder, tmp_path / "sheet.png", columns=2)
    chosen = [row for rows in look._choose(finished_run.folder, 2, 0).values() for row in rows]
    names = [str(read_contact_ids(folder)[place]).split("_") for folder, place in chosen]
    for (_, play, step, one, other), sideline, endzone in zip(names, titles[::2], titles[1::2], strict=True):
        for text, view in ((sideline, "Sideline"), (endzone, "Endzone")):
            assert all(word in text for word in (play, f"step {step}\n", one, other.replace("G", "the ground"), f"{view}: "))
    assert {text.split(": ")[1] for text in titles} == {"contact", "no contact"}
    drawn = [
        (~np.isnan(crops.boxes[place, ..., 0]), crops.detected[place]) for crops, place in ((open_crops(folder), place) for folder, place in chosen)
    ]
    assert len(lines) == sum(int(there.sum()) for there, _ in drawn)
    assert lines.count("-") == sum(int((there & detected).sum()) for there, detected in drawn) < len(lines)


def test_the_picture_lies_in_the_run_it_shows(own_run):
    folder = own_run().folder
    done = CliRunner().invoke(app, ["look-crops", "--run", str(folder)])
    assert done.exit_code == 0, done.output
    assert (folder / "crops.png").is_file()


def test_a_run_of_which_no_camera_saw_anything_is_told_apart(own_run, tmp_path):
    run = own_run()
    for path in (run.folder / "crops").glob("*/seen.npy"):
        np.save(path, np.zeros_like(np.load(path)))
    with pytest.raises(InputError, match=r"was seen by both cameras.*Was its season filmed"):
        write_contact_sheet(run.folder, tmp_path / "sheet.png")
