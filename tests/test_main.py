import errno
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from player_contact.__main__ import main
from player_contact.utils.files import read_json
from player_contact.utils.progress import STAGE_LINE
from tests.conftest import ROOT

TINY = ROOT / "configs" / "tiny.yaml"
PROGRAMS = ("player_contact", "season_simulator", "run_checks", "benchmarks")


def assert_one_error_line(done, sentence: str) -> None:
    """A code that is not 0, one sentence at the end, and no traceback."""
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert sentence in lines[-1]
    assert "Traceback" not in done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """What `command` does, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["player_contact", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return SimpleNamespace(returncode=ended.value.code, stderr=capsys.readouterr().err)

    return run


@pytest.fixture
def to_predict(bundle, tiny_season):
    """To predict the tiny season into submission.csv."""
    folders = ("--bundle", bundle, "--input", tiny_season.folder)
    return ("predict", *folders, "--output", "submission.csv")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            lambda season: season.drop_column("test_player_tracking.csv", "speed"),
            "test_player_tracking.csv has no column 'speed'",
        ),
        (
            lambda season: (season.folder / "test_video_metadata.csv").unlink(),
            "test_video_metadata.csv is missing",
        ),
        (
            lambda season: season.set_value("test_player_tracking.csv", 9, "speed", "fast"),
            "line 9: 'speed' is 'fast', expected a number",
        ),
    ],
    ids=["missing column", "missing table", "wrong type"],
)
def test_a_damaged_table_leaves_the_old_submission(
    here, to_predict, tiny_season, tmp_path, damage, sentence
):
    damage(tiny_season)
    (tmp_path / "submission.csv").write_text("old")
    assert_one_error_line(here(*to_predict, "--workers", 1), sentence)
    assert (tmp_path / "submission.csv").read_text() == "old"


def test_predict_writes_a_submission_and_prints_counts(command, to_predict, tiny_season, tmp_path):
    done = command(*to_predict, "--workers", 2, "--mend")
    assert done.returncode == 0, done.stderr
    rows = len(tiny_season.table("sample_submission.csv"))
    printed = [line.split() for line in done.stdout.splitlines()]
    assert printed[:2] == [["submission.csv"], ["rows", f"{rows:,}"]]
    assert ["plays", "1"] in printed
    assert "decided by sensors and boxes" in done.stdout
    assert len((tmp_path / "submission.csv").read_text().splitlines()) == rows + 1


def test_a_run_ends_at_its_stage_and_is_not_repeated(command, tiny_season, tmp_path):
    words = ("--config", TINY, "--input", tiny_season.folder, "--outputs", "runs", "--run", "mine")
    first, second = (command("run", *words, "--until", "folds", "--workers", 1) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert STAGE_LINE.match(first.stderr.splitlines()[-1])[1] == "folds"
    assert re.search(r"^folds +0:\d\d  4 plays of \d games; contacts a fold: ", first.stderr, re.M)
    assert "Nothing has changed since the last run." in second.stdout
    assert (tmp_path / "runs" / "mine" / "folds.csv").is_file()


def test_a_damaged_training_table_stops_a_run(command, tiny_season, tmp_path):
    tiny_season.duplicate_line("train_labels.csv", 4)
    done = command("run", "--config", TINY, "--input", tiny_season.folder, "--until", "folds")
    assert_one_error_line(done, "a copy of line 4")
    assert not (tmp_path / "outputs" / "tiny" / "folds.csv").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--config", "nowhere.yaml"), "There is no config"),
        (("run", "--config", TINY, "--set", "vision.encodr=x"), "Did you mean 'vision.encoder'?"),
        (("run", "--until", "dinner"), "--until 'dinner' is no stage. Stages: folds, features,"),
        (("run", "--config", TINY, "--input", "nowhere"), "folder nowhere does not exist"),
        (("predict", "--bundle", "nowhere", "--input", "."), "nowhere is no bundle"),
        (("predict", "--input", "."), "arguments are required: --bundle"),
        (
            ("predict",),
            "--input. Example: python -m player_contact predict --bundle outputs/demo/bu",
        ),
        (("run", "--confg", "x.yaml"), "no option --confg: run knows --cluster, --config, --inp"),
        (("run", "--conf", "x.yaml"), "no option --conf: run knows"),
        (("push", "demo"), "no option demo: push knows --outputs, --run"),
        (("run", "--workers", "two"), "argument --workers: 'two' is no whole number from 0"),
        (("walk",), "invalid choice: 'walk' (choose from"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(here, words, sentence):
    assert_one_error_line(here(*words), sentence)


def test_a_season_is_simulated_once_and_its_folder_printed(command, tmp_path):
    words = ("season", "--config", TINY, "--workers", 1, "--plays", 4, "--video", 0)
    more = ("--set", "season.test_plays=1", "season.median_steps=8")
    first, second = (command(*words, *more, program="season_simulator") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stderr.startswith("simulating 5 plays into ")
    assert STAGE_LINE.match(first.stderr.splitlines()[-1])[1] == "season"
    assert "simulating" not in second.stderr
    (folder,) = (tmp_path / "outputs" / "seasons").iterdir()
    assert first.stdout.strip() == str(folder.relative_to(tmp_path))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_lists_its_commands_and_loads_nothing_heavy(program):
    code = (
        f"import runpy, sys\nsys.argv[1:] = []\nrunpy.run_module({program!r}, run_name='__main__')"
    )
    code = f"try:\n exec({code!r})\nfinally:\n print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert f"usage: python -m {program}" in done.stdout
    assert not {"numpy", "pandas", "torch", "scipy"} & set(done.stderr.split())


def test_the_scores_are_printed_at_the_end_of_a_run(command, own_run):
    run = own_run()
    words = ("--config", run.folder / "config.yaml", "--input", run.input, "--workers", 1)
    done = command("run", *words, "--outputs", run.folder.parent, "--run", "tiny")
    assert done.returncode == 0, done.stderr
    assert "Nothing has changed" in done.stdout
    assert read_json(run.folder / "scores.json")["text"] in done.stdout
    assert f"submission   {run.folder / 'submission.csv'}" in done.stdout


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "submission.csv")


def test_a_full_disk_leaves_the_old_submission(here, bundle, tiny_season, tmp_path, monkeypatch):
    submission = tmp_path / "out" / "submission.csv"
    submission.parent.mkdir()
    submission.write_text("old")
    paths = ("--bundle", bundle, "--input", tiny_season.folder, "--output", submission)
    monkeypatch.setattr("pandas.DataFrame.to_csv", full_disk)
    done = here("predict", *paths, "--workers", 1)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "error: No space is left at submission.csv. What was finished is kept: make room and run "
        "again"
    )
    assert [path.read_text() for path in submission.parent.iterdir()] == ["old"]


def test_ctrl_c_is_one_sentence_too(here, monkeypatch):
    def press_ctrl_c(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("player_contact.kaggle.kaggle_cli.download", press_ctrl_c)
    done = here("data")
    assert done.returncode == 130
    assert done.stderr.splitlines() == [
        "error: Stopped. What was finished is kept: run again to go on"
    ]


@pytest.mark.parametrize("name", ["seasons", "a/b", ".."])
def test_a_run_outside_the_outputs_is_refused(here, name):
    done = here("run", "--config", TINY, "--run", name)
    assert_one_error_line(done, f"A run can't be called {name!r}")
