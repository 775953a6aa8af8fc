import errno
import sys

import pytest

from player_contact.__main__ import main
from player_contact.files import read_json
from tests.conftest import ROOT, SHRUNK

DEMO = ROOT / "configs" / "demo.yaml"


def settings(*more: str) -> list[str]:
    return [word for setting in (*SHRUNK, *more) for word in ("--set", setting)]


def assert_one_error_line(done, words: str) -> None:
    """A code that is not 0, one sentence, and no traceback."""
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == lines[0]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda season: season.drop_column("test_player_tracking.csv", "speed"), "test_player_tracking.csv has no column 'speed'"),
        (lambda season: (season.folder / "test_video_metadata.csv").unlink(), "test_video_metadata.csv is missing"),
        (lambda season: season.set_value("test_player_tracking.csv", 9, "speed", "fast"), "line 9: 'speed' is 'fast', expected a number"),
    ],
    ids=["missing column", "missing table", "wrong type"],
)
def test_a_broken_table_stops_predict_with_one_sentence_and_keeps_the_old_submission(command, bundle, tiny_season, tmp_path, harm, words):
    harm(tiny_season)
    (tmp_path / "submission.csv").write_text("old")
    done = command("predict", "--bundle", bundle, "--input", tiny_season.folder, "--output", tmp_path / "submission.csv", "--workers", 1)
    assert_one_error_line(done, words)
    assert (tmp_path / "submission.csv").read_text() == "old"


def test_predict_writes_the_submission_and_says_what_it_counted(command, bundle, tiny_season, tmp_path):
    done = command("predict", "--bundle", bundle, "--input", tiny_season.folder, "--output", tmp_path / "mine.csv", "--workers", 2)
    rows = len(tiny_season.table("sample_submission.csv"))
    assert done.returncode == 0
    said = [line.split() for line in done.stdout.splitlines()]
    assert said[0] == [str(tmp_path / "mine.csv")]
    assert said[1] == ["rows", f"{rows:,}"]
    assert ["plays", "1"] in said
    assert "decided by sensors and boxes" in done.stdout
    assert len((tmp_path / "mine.csv").read_text().splitlines()) == rows + 1


def test_a_run_goes_as_far_as_asked_and_says_when_nothing_has_changed(command, tiny_season):
    words = (
        "run",
        "--config",
        DEMO,
        "--input",
        tiny_season.folder,
        "--output",
        "runs",
        "--name",
        "mine",
        "--until",
        "folds",
        "--workers",
        1,
        *settings(),
    )
    first, second = command(*words), command(*words)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "== folds" in first.stderr
    assert "Nothing has changed since the last run." in second.stdout


def test_a_broken_training_table_stops_a_run_with_one_sentence(command, tiny_season, tmp_path):
    tiny_season.duplicate_line("train_labels.csv", 4)
    done = command("run", "--config", DEMO, "--input", tiny_season.folder, "--output", "runs", "--until", "folds", *settings())
    assert_one_error_line(done, "train_labels.csv, lines 4 and")
    assert not (tmp_path / "runs" / "demo" / "folds.csv").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--config", "nowhere.yaml"), "There is no config"),
        (("run", "--config", DEMO, "--set", "vision.encodr=x"), "Did you mean 'vision.encoder'?"),
        (("run", "--config", DEMO, "--until", "dinner"), "--until 'dinner' is no stage. Stages: folds, features,"),
        (("run", "--config", DEMO, "--input", "nowhere"), "The input folder nowhere does not exist"),
        (("predict", "--bundle", "nowhere", "--input", "."), "nowhere is no bundle"),
    ],
)
def test_what_the_user_can_mend_is_said_in_one_sentence(command, words, sentence):
    assert_one_error_line(command(*words), sentence)


def test_a_simulated_season_is_made_once_and_its_folder_is_told(command, tmp_path):
    words = ("season", "--config", DEMO, "--output", tmp_path / "seasons", "--workers", 1)
    small = ("--set", "season.plays=4", "--set", "season.test_plays=1", "--set", "season.median_steps=8", "--set", "season.video=false")
    first, second = command(*words, *small), command(*words, *small)
    assert first.stdout == second.stdout
    assert "== season: simulating 5 plays" in first.stderr
    assert "simulating" not in second.stderr
    (folder,) = (tmp_path / "seasons").iterdir()
    assert first.stdout.strip() == str(folder)


def test_without_words_the_help_is_shown(command):
    assert "predict" in command().stdout + command().stderr


def test_the_ladder_is_printed_at_the_end_of_a_run(command, own_run):
    run = own_run()
    done = command(
        "run", "--config", run.folder / "config.yaml", "--input", run.input, "--output", run.folder.parent, "--name", "tiny", "--workers", 1
    )
    assert done.returncode == 0
    assert "Nothing has changed" in done.stdout
    assert read_json(run.folder / "ladder.json")["text"] in done.stdout
    assert f"submission   {run.folder / 'submission.csv'}" in done.stdout


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "submission.csv")


def test_a_full_disk_is_said_in_one_sentence_and_leaves_the_old_submission(bundle, tiny_season, tmp_path, monkeypatch, capsys):
    submission = tmp_path / "out" / "submission.csv"
    submission.parent.mkdir()
    submission.write_text("old")
    words = ["predict", "--bundle", str(bundle), "--input", str(tiny_season.folder), "--output", str(submission), "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["player_contact", *words])
    monkeypatch.setattr("pandas.DataFrame.to_csv", full_disk)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: The disk is full (submission.csv). What was finished is kept: make room and run again"
    assert [path.read_text() for path in submission.parent.iterdir()] == ["old"]


@pytest.mark.parametrize("name", ["seasons", "a/b", ".."])
def test_a_run_that_would_lie_elsewhere_is_refused(command, name):
    done = command("run", "--config", ROOT / "configs" / "demo.yaml", "--name", name)
    assert (done.returncode, done.stderr.startswith(f"error: A run can't be called {name!r}")) == (2, True), done.stderr
