import re
import sys
from pathlib import Path

import pytest

from player_contact.cli.options import OPTIONS
from run_checks.kaggle_image import (
    CURRENT,
    PYTHON,
    REQUIREMENTS,
    ImageError,
    image_python,
    python_like_the_image,
)
from tests.conftest import ROOT

# Stands for Python: makes environments of itself, and installs what it writes down.
STUB = """#!/bin/sh
[ "$1" = -c ] && exit {starts}
echo "$@" >> {calls}
if [ "$2" = venv ]; then
  mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && touch "$4/pyvenv.cfg"
elif [ {installs} != 0 ]; then
  echo "No matching distribution found for torch" >&2
  exit 1
fi
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """Puts a Python of the image's version on the path; a function that lists its calls."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    calls = tmp_path / "calls"

    def put(starts: int = 0, installs: int = 0):
        text = STUB.format(starts=starts, installs=installs, calls=calls)
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / PYTHON).write_text(text)
        (tmp_path / "bin" / PYTHON).chmod(0o755)
        return lambda: calls.read_text().splitlines() if calls.exists() else []

    return put


@pytest.fixture
def requirements(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("run_checks.kaggle_image.project_root", lambda: tmp_path)
    path = tmp_path / REQUIREMENTS
    path.write_text("torch==2.10.0\n")
    return path


def test_the_versions_are_set_up_once_and_again_when_they_change(stub, requirements, tmp_path):
    calls, folder = stub(), tmp_path / "image"
    assert image_python(str(folder)) == folder / "bin" / "python"
    venv, install = calls()
    assert venv == f"-m venv --clear {folder}"
    assert install.endswith(f"install --requirement {requirements}")
    image_python(str(folder))
    assert len(calls()) == 2
    requirements.write_text("torch==2.11.0\n")
    image_python(str(folder))
    assert len(calls()) == 4


def test_versions_that_can_not_be_had_are_tried_again(stub, requirements, tmp_path):
    stub(installs=1)
    message = f"^{REQUIREMENTS} failed: No matching distribution found for torch$"
    with pytest.raises(ImageError, match=message):
        image_python(str(tmp_path / "image"))
    calls = stub()
    before = len(calls())
    image_python(str(tmp_path / "image"))
    assert len(calls()) == before + 2


def test_a_folder_with_something_else_is_left_alone(stub, requirements, tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "mine.txt").touch()
    with pytest.raises(ImageError, match=r"is no environment of Python\. Name another folder"):
        image_python(str(tmp_path / "image"))
    assert (tmp_path / "image" / "mine.txt").is_file()


def test_a_python_that_is_missing_or_does_not_start_is_stood_for(stub, caplog):
    assert python_like_the_image() == sys.executable
    stub(starts=127)
    assert python_like_the_image() == sys.executable
    assert caplog.messages[-1].startswith(f"{PYTHON} is not on the path: Python 3.")
    stub()
    assert Path(python_like_the_image()).name == PYTHON


def test_the_current_environment_needs_nothing(requirements):
    assert image_python(CURRENT) == Path(sys.executable)


def test_what_the_dataset_brings_is_not_among_the_images_packages():
    names = re.findall(r"^([\w-]+)==", (ROOT / REQUIREMENTS).read_text(), re.M)
    assert {"torch", "timm", "pandas", "lightgbm"} <= set(names)
    lacking = {name.replace("_", "-") for name in OPTIONS["wheels"][0]}
    assert not lacking & {name.replace("_", "-") for name in names}
