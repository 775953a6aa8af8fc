"""A run that is not there is told in the same sentence, whatever it was named for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.commands.options import find_run
from player_contact.errors import InputError
from tests.conftest import ROOT

DEMO = str(ROOT / "configs" / "demo.yaml")
OF_A_RUN = ("look-crops", "look-augmentations", "audit", "kernel", "kernel-check", "push", "damage-check", "budget-check")
GOING_ON = (["variants"], ["encoders", "--score"], ["ablation"])


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """A folder of two runs, and of what is none."""
    for name in ("demo/config.yaml", "copied/bundle/manifest.json", "seasons/seed1/train_labels.csv", "bench/encoders.json", ".x/config.yaml"):
        (tmp_path / "outputs" / name).parent.mkdir(parents=True)
        (tmp_path / "outputs" / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return Path("outputs")


def sentence(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError), done.output
    return str(done.exception)


@pytest.mark.parametrize(
    "words",
    [*([word, "--run", "outputs/dmeo"] for word in OF_A_RUN), *([*words, "--config", DEMO, "--name", "dmeo"] for words in GOING_ON)],
    ids=lambda words: words[0],
)
def test_a_run_that_is_not_there_is_told_with_those_there_are_and_how_to_make_one(runs, words):
    before = sorted(runs.rglob("*"))
    assert sentence(*words) == (
        "outputs/dmeo is no run: outputs holds copied, demo (RUN=copied names the first), and `make submission RUN=dmeo` makes a new one"
    )
    assert sorted(runs.rglob("*")) == before


def test_what_only_looks_like_a_run_is_none(runs):
    for name in ("seasons", "bench"):
        with pytest.raises(InputError, match=f"outputs/{name} is no run: outputs holds copied, demo "):
            find_run(runs / name)


def test_where_there_is_no_run_yet_only_the_way_to_one_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence("audit") == "outputs/demo is no run: outputs holds none yet, and `make submission RUN=demo` makes one"
    Path("configs").mkdir()
    Path("configs/gpu.yaml").write_text("")
    with pytest.raises(InputError, match=r"holds none yet, and `make submission CONFIG=configs/gpu.yaml` makes one$"):
        find_run(Path("outputs/gpu"))


@pytest.mark.parametrize("word", ["kernel", "damage-check", "budget-check"])
def test_a_run_without_a_bundle_is_to_be_finished_first(runs, word):
    assert sentence(word, "--run", "outputs/demo") == "outputs/demo has no bundle: finish the run first (make bundle)"


def test_a_run_that_is_there_is_taken(runs):
    assert find_run(runs / "demo") == runs / "demo"
    assert find_run(runs / "copied", holding="bundle") == runs / "copied"


def test_a_bundle_alone_is_not_enough_where_the_whole_run_is_needed(runs):
    with pytest.raises(InputError, match=r"copied has a bundle alone: this needs the whole folder of the run"):
        find_run(runs / "copied", holding="config.yaml")
    assert find_run(runs / "demo", holding="config.yaml") == runs / "demo"
