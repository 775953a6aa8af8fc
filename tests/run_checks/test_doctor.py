import json
from importlib import metadata

import pytest

from player_contact.pipeline.runner import STAGE_NAMES
from run_checks.doctor import Finding, examine, findings_text


def texts(findings, topic: str) -> list[str]:
    return [finding.text for finding in findings if finding.topic == topic]


def write_run(folder, done) -> None:
    folder.mkdir(parents=True)
    (folder / "stages.json").write_text(json.dumps({name: {} for name in done}))
    scores = {"simulated": True, "scores": [{"mcc": 0.5}, {"mcc": 0.7214}]}
    (folder / "scores.json").write_text(json.dumps(scores))


def test_on_a_new_machine_the_first_run_comes_next(tmp_path):
    findings = examine(tmp_path / "input", tmp_path / "outputs")
    assert not any(finding.broken for finding in findings)
    first = "make submission   (configs/demo.yaml, minutes on two cores, simulated data)"
    assert texts(findings, "next") == [first]
    assert texts(findings, "run") == [f"none yet in {tmp_path / 'outputs'}"]
    assert texts(findings, "data") == [f"the folder {tmp_path / 'input'} does not exist"]
    assert texts(findings, "season") == ["none simulated yet; the first run makes one"]
    assert "packages as required" in texts(findings, "packages")[0]


def test_videos_are_counted_and_missing_tables_named(filmed_season, tmp_path):
    folder = filmed_season.folder
    (folder / "train_baseline_helmets.csv").unlink()
    sorted((folder / "train").glob("*_Endzone.mp4"))[0].unlink()
    findings = examine(folder, tmp_path)
    missing = "without train_baseline_helmets.csv"
    assert texts(findings, "data") == [
        f"{folder}, train: {missing}; videos: 4 Sideline, 3 Endzone",
        f"{folder}, test: all four tables; videos: 1 Sideline, 1 Endzone",
    ]
    assert texts(findings, "next")[0].startswith("make submission CONFIG=configs/")


def test_an_empty_folder_has_no_data(tmp_path):
    expected = [f"{tmp_path} has no {split} data" for split in ("train", "test")]
    assert texts(examine(tmp_path, tmp_path), "data") == expected


def test_every_season_has_a_line_with_its_path(tmp_path):
    folders = [tmp_path / "seasons" / f"seed{seed}-120plays-4test" for seed in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "train_labels.csv").touch()
    assert texts(examine(tmp_path / "input", tmp_path), "season") == list(map(str, folders))


def test_lines_are_folded_to_100_characters():
    findings = [
        Finding("device", " ".join(["word"] * 40)),
        Finding("next", "make submission   (demo)"),
        Finding("data", "x" * 120),
    ]
    lines = findings_text(findings).splitlines()
    assert [line[:11].rstrip() for line in lines] == ["device", "", "", "next", "data"]
    assert max(len(line) for line in lines[:4]) <= 100
    assert lines[3:] == ["next       make submission   (demo)", "data       " + "x" * 120]


@pytest.mark.parametrize(
    ("done", "progress", "command"),
    [
        (
            STAGE_NAMES[:3],
            f"3 of {len(STAGE_NAMES)} stages, next crops",
            "make submission RUN=mine",
        ),
        (
            STAGE_NAMES,
            "finished; blend 0.721 out of fold, simulated season",
            "open {}/report/index",
        ),
    ],
)
def test_a_run_goes_on_or_shows_its_report(tmp_path, done, progress, command):
    folder = tmp_path / "mine"
    write_run(folder, done)
    findings = examine(tmp_path / "input", tmp_path)
    assert texts(findings, "run") == [f"{folder}: {progress}"]
    assert texts(findings, "next")[0].startswith(command.format(folder))


def test_a_check_of_the_gpu_goes_on_by_its_own_command(tmp_path):
    write_run(tmp_path / "gpu-check", STAGE_NAMES[:3])
    assert texts(examine(tmp_path / "input", tmp_path), "next") == ["make gpu-check"]


def test_new_data_comes_before_the_report_of_a_simulated_run(tiny_season, tmp_path):
    write_run(tmp_path / "runs" / "demo", STAGE_NAMES)
    (command,) = texts(examine(tiny_season.folder, tmp_path / "runs"), "next")
    assert command.startswith("make submission CONFIG=configs/")


@pytest.mark.parametrize(
    ("requirement", "words"),
    [("no-such-package>=1", "no-such-package is missing"), ("numpy>=99", "numpy ")],
)
def test_missing_and_old_packages_are_broken(tmp_path, monkeypatch, requirement, words):
    required = [*metadata.requires("player-contact"), requirement, 'other>=2; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda _: required)
    findings = examine(tmp_path, tmp_path)
    assert next(finding.text for finding in findings if finding.broken).startswith(words)
    assert texts(findings, "next") == ["make setup"]
    assert "BROKEN: " in findings_text(findings)
    assert "for development: " in findings_text(findings)


def test_the_command_changes_nothing(command, tmp_path):
    done = command("doctor", program="run_checks")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert [line for line in lines if not line.startswith(" ")][-1].startswith("next ")
    assert max(map(len, lines)) <= 100
    assert list(tmp_path.iterdir()) == []
