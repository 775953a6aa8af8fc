import importlib
import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
TEXT = (ROOT / "Makefile").read_text()
TARGETS = " ".join(re.findall(r"^([a-z -]+):.*##", TEXT, re.M)).split()
PROGRAMS = ("player_contact", "season_simulator", "run_checks", "benchmarks")
STAGES = ("folds", "features", "screen", "crops", "vision", "blend", "scores", "bundle", "report")


def make(*words: str, cwd=ROOT, dry_run: bool = True) -> subprocess.CompletedProcess[str]:
    """What make would do or does, apart from the make that runs the tests."""
    own = ("MAKE", "MFLAGS")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        ["make", *["--dry-run"][:dry_run], *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
    )


def last_command(*words: str) -> list[str]:
    """The words of the last command that make would run, as a shell splits them."""
    done = make(*words)
    assert done.returncode == 0, done.stderr
    return shlex.split(done.stdout.splitlines()[-1])


def test_variables_become_options_of_the_command():
    assert last_command("submission", "CONFIG=configs/cpu.yaml", "RUN=mine", "KAGGLE_USER=me")[
        1:
    ] == [
        *("-m", "player_contact", "run", "--config", "configs/cpu.yaml"),
        *("--kaggle-user", "me", "--run", "mine"),
    ]


def test_a_list_is_split_at_blanks():
    words = last_command("encoders", "ENCODERS=resnet18 a:b=c", "SET=seed=3 vision.tabular=[]")
    assert words[3:] == [
        *("encoders", "--encoders", "resnet18", "a:b=c"),
        *("--set", "seed=3", "vision.tabular=[]"),
    ]


@pytest.mark.parametrize("value", ["my folder/data", "o'neil", 'say "x"', "a  b", "*.csv", "a;b"])
def test_other_values_survive_whatever_they_hold(value):
    assert last_command("submission", f"INPUT={value}")[-2:] == ["--input", value]


STUB = """#!/bin/sh
echo "$0" "$@" >> calls
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""


@pytest.mark.parametrize("venv", [".venv", "my venv", "o'neil's"])
def test_blanks_stop_no_target_wherever_they_are(tmp_path, venv):
    """In the path of the clone, of Python and of the environment, which is set up once."""
    clone, python = tmp_path / "my clone", tmp_path / "my tools" / "python"
    clone.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copyfile(ROOT / name, clone / name)
    python.parent.mkdir()
    python.write_text(STUB)
    python.chmod(0o755)
    words = [f"PYTHON={python}", f"VENV={venv}"]
    for target in ("help", "setup", "submission"):
        done = make(target, *words, cwd=clone, dry_run=False)
        assert done.returncode == 0, done.stderr
    calls = (clone / "calls").read_text().splitlines()
    assert calls[0] == f"{python} -m venv {venv}"
    assert [line.split()[-1] for line in calls[1:3]] == ["requirements.txt", "."]
    assert calls[3:] == [f"{venv}/bin/python -m player_contact run"]


@pytest.mark.parametrize("home", ["/home/me", "/home/o'neil  b"])
def test_a_home_that_the_shell_left_unexpanded_is_expanded(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    words = last_command("submission", "VENV=~/my ~/v", "INPUT=~/data", "RUN=a ~/b")
    assert words[0] == f"{home}/my ~/v/bin/python"
    assert words[-4:] == ["--input", f"{home}/data", "--run", "a ~/b"]
    commands = make("setup", "PYTHON=~/python", "VENV=~/v").stdout.splitlines()
    assert shlex.split(commands[0]) == [f"{home}/python", "-m", "venv", f"{home}/v"]
    assert shlex.split(commands[-1]) == ["touch", f"{home}/v/.ready"]


def test_an_empty_variable_is_not_passed():
    assert last_command("submission", "RUN=", "INPUT= ")[-1] == "run"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_the_end_of_a_run(stage):
    assert last_command(stage, "RUN=x")[3:] == ["run", "--run", "x", "--until", stage]


@pytest.mark.parametrize("words", [(), ("-j",), ("-j2", "-k"), ("-s", "SHELL=/bin/bash")])
def test_what_make_itself_knows_is_not_passed(words):
    command = last_command("season", "PYTHON=python3.12", "VENV=.other", *words)
    assert command == [".other/bin/python", "-m", "season_simulator", "season"]


@pytest.mark.parametrize("target", ["help", "test", "clean"])
def test_a_target_without_a_command_refuses_variables(target):
    done = make(target, "CONFG=configs/cpu.yaml")
    assert done.returncode == 2
    assert f"{target} knows WORKERS, not CONFG" in done.stderr


def test_a_target_without_a_command_may_come_with_one_that_has_options():
    assert last_command("setup", "submission", "RUN=x")[3:] == ["run", "--run", "x"]


@pytest.mark.parametrize(
    ("words", "number"), [((), "auto"), (("WORKERS=",), "auto"), (("WORKERS=3",), "3")]
)
def test_the_tests_run_in_as_many_processes_as_asked(words, number):
    assert f"-n {number} " in make("test", *words).stdout


def test_bytecode_is_kept_where_the_environment_says_not_to(monkeypatch, tmp_path):
    """As images of containers often do; then every process compiles torch and timm again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    file = tmp_path / "Makefile"
    file.write_text(f"include {ROOT}/Makefile\nshow: ; @echo kept$$PYTHONDONTWRITEBYTECODE\n")
    assert make("--file", str(file), "show", dry_run=False).stdout == "kept\n"


def test_every_target_calls_a_command_that_there_is():
    """And every command but `run`, which is `submission`, has a target of its own name."""
    called = {}
    for target in TARGETS:
        command = re.search(rf"-m ({'|'.join(PROGRAMS)}) ([a-z-]+)", make(target).stdout)
        if command:
            called.setdefault(command[1], set()).add(command[2])
    assert called == {name: commands(name) for name in PROGRAMS}


def commands(program: str) -> set[str]:
    app = importlib.import_module(f"{program}.__main__").app
    return set(app.subparsers.choices)


def test_help_lists_every_target():
    listed = subprocess.run(["make"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert set(TARGETS) <= set(listed.split())
    assert {"setup", "submission", "test", "check", "clean", *STAGES} <= set(TARGETS)


def test_the_makefile_has_at_most_70_lines():
    assert len(TEXT.splitlines()) <= 70
