import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
TEXT = (ROOT / "Makefile").read_text()


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """What make would do, asked apart from the make that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "--dry-run", *words], capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def known() -> list[str]:
    return re.search(r"^KNOWN := (.*)$", TEXT, re.M)[1].split()


def test_a_variable_that_no_target_knows_is_refused_in_one_sentence_with_those_there_are():
    done = make("submission", "CONFG=configs/cpu.yaml", "SET=a.b=c d.e=f")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"There is no variable CONFG here, only {' '.join(known())}; what is meant" in line
    assert "There is no variable ONE config here, only " in make("help", "ONE=1", "config=x").stderr


@pytest.mark.parametrize("words", [(), ("-j",), ("-j2", "-k"), ("-s", "PYTHON=python3.12"), ("SHELL=/bin/bash",)])
def test_what_make_itself_knows_is_not_refused(words):
    done = make("help", *words)
    assert done.returncode == 0, done.stderr


def test_every_variable_that_a_target_reads_is_known_and_every_known_one_is_read():
    own = set(re.findall(r"^([A-Z_]+) :?= ", TEXT, re.M))
    read = set(re.findall(r"\$\((?:(?:if|or|and|foreach \w+),)?(?:\$\()?([A-Z_]+)\b", TEXT)) | set(re.findall(r"\$\(([A-Z_]+)\)", TEXT))
    assert read - own - {"MAKEFILE_LIST"} == set(known()) - {"VENV"}
    assert known() == sorted(known())


def test_all_of_them_together_are_taken():
    done = make("submission", *(f"{name}=x" for name in known() if name not in ("PYTHON", "VENV")))
    assert done.returncode == 0, done.stderr
