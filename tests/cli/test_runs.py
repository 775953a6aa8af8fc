"""The run that a command names, and the sentence where there is none."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.__main__ import app as benchmarks_app
from player_contact.__main__ import app
from player_contact.cli import runs as runs_module
from player_contact.cli.options import INPUT, OPTIONS
from player_contact.cli.run_commands import _next_commands
from player_contact.cli.runs import find_run, has_data, make_run
from player_contact.utils.errors import InputError
from run_checks.__main__ import app as checks_app
from tests.conftest import ROOT
from tests.invoke import invoke

CONFIG = ["--config", ROOT / "configs" / "demo.yaml"]
COMMANDS = [
    *((app, [name]) for name in ("plot-crops", "plot-augmentations", "kernel", "push")),
    *((checks_app, [f"{name}-check"]) for name in ("kernel", "damage", "budget")),
    (checks_app, ["audit"]),
    (app, ["variants", *CONFIG]),
    (app, ["ablation", *CONFIG]),
    (app, ["run", *CONFIG, "--until", "report"]),
    (benchmarks_app, ["encoders", "--score", *CONFIG]),
]


@pytest.fixture
def outputs(tmp_path, monkeypatch) -> Path:
    """A folder of two runs, and of what is none."""
    for name in (
        "demo/config.yaml",
        "copied/bundle/manifest.json",
        "seasons/seed1/train_labels.csv",
        "bench/encoders.json",
        ".x/config.yaml",
    ):
        (tmp_path / "outputs" / name).parent.mkdir(parents=True)
        (tmp_path / "outputs" / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return Path("outputs")


def find(run: str, needs: str = "") -> Path:
    return find_run(Namespace(run=run, outputs=Path("outputs")), needs)


def sentence(program, words) -> str:
    done = invoke(program, words)
    assert isinstance(done.exception, InputError), done.output
    return str(done.exception)


@pytest.mark.parametrize(("program", "words"), COMMANDS, ids=lambda value: str(value)[:12])
def test_a_missing_run_is_told_with_those_there_are(outputs, program, words):
    before = sorted(outputs.rglob("*"))
    assert sentence(program, [*words, "--run", "dmeo"]) == (
        "outputs/dmeo is no run: outputs holds demo, copied (RUN=demo names the first), and "
        "`make submission RUN=dmeo` makes a new one"
    )
    assert sorted(outputs.rglob("*")) == before


@pytest.mark.parametrize("name", ["seasons", "bench"])
def test_a_folder_of_something_else_is_no_run(outputs, name):
    with pytest.raises(InputError, match=f"outputs/{name} is no run: outputs holds .*demo"):
        find(name)


def test_no_name_is_advised_that_a_run_can_not_have(outputs):
    with pytest.raises(InputError, match="and `make submission` makes a new one"):
        find("seasons")


def test_where_there_is_no_run_the_way_to_one_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence(checks_app, ["audit"]) == (
        "outputs/demo is no run: outputs holds none yet, and `make submission RUN=demo` makes one"
    )
    Path("configs").mkdir()
    Path("configs/gpu.yaml").write_text("")
    with pytest.raises(InputError, match=r"`make submission CONFIG=configs/gpu.yaml` makes one$"):
        find("gpu")


@pytest.mark.parametrize(
    ("program", "name"),
    [(app, "kernel"), (checks_app, "damage-check"), (checks_app, "budget-check")],
    ids=lambda value: str(value)[:12],
)
def test_a_run_without_a_bundle_is_to_be_finished(outputs, program, name):
    assert sentence(program, [name, "--run", "demo"]) == (
        "outputs/demo has no bundle: finish the run first "
        "(make bundle CONFIG=outputs/demo/config.yaml RUN=demo)"
    )


def test_a_run_is_named_or_its_path_given(outputs, tmp_path):
    assert find("demo") == find("outputs/demo") == outputs / "demo"
    assert find("copied", needs="bundle") == outputs / "copied"
    assert find(str(tmp_path / "outputs" / "demo")) == tmp_path / "outputs" / "demo"


@pytest.mark.parametrize(("run", "is_new"), [("dmeo", True), ("demo", False)])
def test_a_new_run_is_told_with_those_there_are(outputs, caplog, run, is_new):
    caplog.set_level("INFO", "player_contact")
    words = ["run", *CONFIG, "--input", "nowhere", "--until", "folds", "--run", run]
    assert "folder nowhere does not exist" in sentence(app, words)
    told = "outputs/dmeo is a new run; outputs holds demo, copied"
    assert [text for text in caplog.messages if "is a new run" in text] == [told] * is_new


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Name either --runs, to score them, or --predictions"),
        (["--runs", "demo", "--predictions", "a.parquet"], "Name either --runs"),
        (["--predictions", "a", "b", "--weights", "1"], "--weights 1: expected 2 numbers"),
        (["--predictions", "a", "b", "--weights", "1", "-1"], "--weights"),
        (["--predictions", "a", "b", "--weights", "0", "0"], "expected 2 numbers of 0 and above"),
        (["--predictions", "a", "--weights", "one"], "--weights: could not convert"),
        (
            ["--runs", "demo", "copied", "--outputs", "outputs"],
            "finish the run first (make scores CONFIG=outputs/demo/config.yaml RUN=demo)",
        ),
    ],
)
def test_an_ensemble_needs_runs_or_predictions_and_a_weight_of_each(outputs, words, told):
    assert told in str(invoke(app, ["ensemble", *words]).exception)


@pytest.mark.parametrize("own", [True, False])
def test_a_run_keeps_its_own_settings_where_no_others_are_named(outputs, monkeypatch, own):
    """`make variants RUN=demo` would otherwise train its folds and its screen anew."""
    (outputs / "demo" / "config.yaml").write_text("folds: 3\n")
    monkeypatch.setattr(runs_module, "simulated_season", lambda *_: outputs)
    args = Namespace(run="demo", set=[], input=INPUT, outputs=outputs, workers=1)
    args.config = OPTIONS["config"][0] if own else ROOT / "configs" / "cpu.yaml"
    assert make_run(args).config.folds == (3 if own else 4)


def test_a_copied_bundle_is_not_a_whole_run(outputs):
    with pytest.raises(InputError, match=r"has a bundle alone: this needs the whole folder"):
        find("copied", needs="config.yaml")
    assert find("demo", needs="config.yaml") == outputs / "demo"


def test_without_the_simulator_data_must_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs_module, "find_spec", lambda _: None)
    words = ["run", *CONFIG, "--until", "folds"]
    assert "season_simulator, which would simulate some, is not installed" in sentence(app, words)


def test_data_that_lie_a_folder_too_deep_are_named(tmp_path):
    assert not has_data(tmp_path)
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "train_labels.csv").write_text("")
    with pytest.raises(InputError, match=r"unpacked/train_labels.csv lies too deep: move"):
        has_data(tmp_path)
    (tmp_path / "train_labels.csv").write_text("")
    assert has_data(tmp_path)


def test_a_run_ends_with_commands_that_find_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "mine"
    assert [words.split("    ")[0] for words in _next_commands(elsewhere)] == [
        f"make predict BUNDLE={elsewhere}/bundle INPUT=folder",
        f"make kernel RUN={elsewhere}",
    ]
    (elsewhere / "crops" / "58168_001064").mkdir(parents=True)
    assert _next_commands(elsewhere)[0].startswith(f"make plot-crops RUN={elsewhere} ")
    demo = _next_commands(Path("outputs/demo"))
    assert demo[0].startswith("make predict BUNDLE=outputs/demo/bundle INPUT=folder ")
    assert demo[1].startswith("make plan CONFIG=configs/cpu.yaml ")


def test_an_ensemble_that_gains_nothing_does_not_say_that_it_decides(finished_run, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for file in ("config.yaml", "scores.json", "oof.parquet"):
            (tmp_path / name / file).symlink_to(finished_run.folder / file)
    text = invoke(app, ["ensemble", "--runs", "a", "b", "--outputs", tmp_path]).output
    assert text.endswith("At this size, ensemble is not clearly better than a.\n")
