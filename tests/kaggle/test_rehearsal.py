import re
from dataclasses import replace

import pandas as pd
import pytest

from player_contact.files import read_json, write_json
from player_contact.kaggle.kernel import write_kernel
from player_contact.kaggle.rehearsal import Rehearsal, RehearsalError, check_submission, rehearsal_text, rehearse


@pytest.fixture
def upload(own_run):
    return write_kernel(own_run().folder)


def test_the_notebook_predicts_hidden_plays_offline_from_its_wheel_alone(upload, season, tmp_path):
    seen = rehearse(upload, season, tmp_path / "kaggle")
    assert (seen.plays, seen.filmed) == (1, 1)
    assert seen.contacts > 0
    assert any(line.startswith("vision: 1 of 1 plays") for line in seen.said)
    assert 0 < seen.started < seen.seconds
    assert re.search(
        r"^of which       a play took [\d.]+ s of a process: start [\d.]+, boxes .*vision [\d.]+, blend [\d.]+$", rehearsal_text(seen), re.M
    )


def edit_code(upload, old: str, new: str) -> None:
    path = next(upload.kernel.glob("*.ipynb"))
    notebook = read_json(path)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace(old, new).splitlines(keepends=True)
    write_json(notebook, path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("import os\n", "import os\nimport socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)\n", "unreachable|timed out"),
        ("wheels = sorted", "(competition / 'mine.txt').write_text('x')\nwheels = sorted", "Read-only file system|Permission denied"),
        ("*wheels]", "]", "You must give at least one requirement"),
    ],
    ids=["network", "writing into the input", "no wheel"],
)
def test_a_notebook_that_needs_what_kaggle_does_not_give_fails_the_rehearsal(upload, season, tmp_path, old, new, words):
    edit_code(upload, old, new)
    with pytest.raises(RehearsalError, match=words):
        rehearse(upload, season, tmp_path / "kaggle")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda table: table.iloc[::-1], "does not hold the ids of asked.csv in their order: line 2"),
        (lambda table: table.iloc[:-1], "2 rows, expected 3 rows"),
        (lambda table: table.assign(contact="0.5"), "holds '0.5' where a contact is 0 or 1"),
        (lambda table: table.rename(columns={"contact": "target"}), "has the columns contact_id, target"),
    ],
)
def test_a_submission_that_kaggle_would_refuse_is_refused(tmp_path, harm, words):
    table = pd.DataFrame({"contact_id": ["a", "b", "c"], "contact": ["0", "1", "0"]})
    table.to_csv(tmp_path / "asked.csv", index=False)
    harm(table).to_csv(tmp_path / "submission.csv", index=False)
    with pytest.raises(RehearsalError, match=words):
        check_submission(tmp_path / "submission.csv", tmp_path / "asked.csv")


def test_the_text_tells_what_the_competition_would_take_and_whether_the_network_was_cut():
    seen = Rehearsal(plays=6, filmed=4, rows=60_000, contacts=700, started=20.0, seconds=100.0, megabytes=40.3, cut_off=False, said=[])
    text = rehearsal_text(seen)
    assert "20 s of installation and reading, then 20.0 s for each of 4 plays" in text
    assert "61 such plays  about 20 min of 9 h" in text
    assert "network        NOT cut off" in text
    assert "TOO LONG" in rehearsal_text(replace(seen, seconds=2400.0))
