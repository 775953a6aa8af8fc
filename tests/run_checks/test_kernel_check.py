import platform
import re
import shutil
from dataclasses import replace
from importlib.metadata import version

import pandas as pd
import pytest

from player_contact.kaggle.kernel import upload_of, write_kernel
from player_contact.utils.files import read_json, write_json
from run_checks.kernel_check import (
    KernelCheck,
    KernelCheckError,
    check_kernel,
    image_text,
    kernel_check_text,
)
from run_checks.mounts import AS_LINKS, ZIPPED
from run_checks.submission import SubmissionError, check_submission

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(finished_run, tmp_path_factory):
    """A run's upload, whose wheel takes seconds to build."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    shutil.copytree(finished_run.folder / "bundle", run / "bundle")
    write_kernel(run)
    return run


@pytest.fixture
def upload(built, tmp_path):
    """A copy that the test may edit."""
    return upload_of(shutil.copytree(built, tmp_path / "tiny"))


def test_the_notebook_predicts_offline_from_its_wheel_alone(upload, season, tmp_path):
    check = check_kernel(upload, season, tmp_path / "kaggle")
    assert (check.plays, check.filmed) == (1, 1)
    assert check.contacts > 0
    assert any(line.startswith("vision: 1 of 1 plays") for line in check.lines)
    assert check.mounts.split(", ") == ["as today", AS_LINKS, ZIPPED]
    assert check.image.startswith(f"python {platform.python_version()}, torch {version('torch')}")
    assert check.image.endswith("lacks nothing that is uploaded")
    assert not any("can't import" in line for line in check.lines)
    assert 0 < check.start < check.seconds
    timing = r"a play took [\d.]+ s of a process: start [\d.]+, boxes .*vision [\d.]+, blend [\d.]+"
    assert re.search(rf"^of which       {timing}$", kernel_check_text(check), re.M)


def edit_code(upload, old: str, new: str) -> None:
    path = next(upload.kernel.glob("*.ipynb"))
    notebook = read_json(path)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace(old, new).splitlines(keepends=True)
    write_json(notebook, path)


CONNECT = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("import os\n", f"import os\n{CONNECT}", "unreachable|timed out"),
        (
            "wheels = sorted",
            "(competition / 'mine.txt').write_text('x')\nwheels = sorted",
            "Read-only file system|Permission denied",
        ),
        ("*wheels]", "]", "You must give at least one requirement"),
    ],
    ids=["network", "writing into the input", "no wheel"],
)
def test_a_notebook_that_needs_more_fails(upload, season, tmp_path, old, new, words):
    edit_code(upload, old, new)
    with pytest.raises(KernelCheckError, match=words):
        check_kernel(upload, season, tmp_path / "kaggle")


def test_a_notebook_that_finds_no_zipped_folders_fails(upload, season, tmp_path):
    edit_code(upload, "bundle.zip", "another.zip")
    message = (
        f"Inputs mounted otherwise, {ZIPPED}: the notebook failed.*\n.*No input holds a bundle"
    )
    with pytest.raises(KernelCheckError, match=f"(?s){message}"):
        check_kernel(upload, season, tmp_path / "kaggle")


def test_what_the_image_lacks_of_the_upload_is_named(upload):
    for name in ("av-18.1.0-cp311-abi3-x.whl", "typing_inspect-0.9.0-py3-none-any.whl"):
        (upload.dataset / "wheels" / name).touch()
    text = image_text({"python": "3.12.13", "typing-inspect": "0.9.0"}, upload)
    assert text.startswith("python 3.12.13, torch is missing, ")
    assert text.endswith("; lacks av")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda table: table.iloc[::-1], "not hold the ids of ids.csv in their order: line 2"),
        (lambda table: table.iloc[:-1], "2 rows, expected 3 rows"),
        (lambda table: table.assign(contact="0.5"), "holds '0.5' where a contact is 0 or 1"),
        (lambda table: table.set_axis(["contact_id", "x"], axis=1), "columns contact_id, x"),
    ],
)
def test_a_submission_that_kaggle_would_refuse_is_refused(tmp_path, edit, words):
    table = pd.DataFrame({"contact_id": ["a", "b", "c"], "contact": ["0", "1", "0"]})
    table.to_csv(tmp_path / "ids.csv", index=False)
    edit(table).to_csv(tmp_path / "submission.csv", index=False)
    with pytest.raises(SubmissionError, match=words):
        check_submission(tmp_path / "submission.csv", tmp_path / "ids.csv")


def test_the_text_tells_the_time_limit_and_the_network():
    check = KernelCheck(
        image="python 3.12.13",
        mounts="as today",
        plays=6,
        filmed=4,
        rows=60_000,
        contacts=700,
        start=20.0,
        seconds=100.0,
        megabytes=40.3,
        isolated=False,
        lines=[],
    )
    text = kernel_check_text(check)
    assert "20 s of installation and reading, then 20.0 s for each of 4 plays" in text
    assert "61 such plays  about 20 min of 9 h" in text
    assert "network        NOT cut off" in text
    assert "TOO LONG" in kernel_check_text(replace(check, seconds=2400.0))
