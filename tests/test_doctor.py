import json
from importlib import metadata

import pytest

from player_contact.doctor import Finding, examine, findings_text
from player_contact.pipeline import STAGE_NAMES


def told(findings, topic: str) -> list[str]:
    return [one.text for one in findings if one.topic == topic]


def write_run(folder, done, simulated: bool = True) -> None:
    folder.mkdir(parents=True)
    (folder / "stages.json").write_text(json.dumps({name: {} for name in done}))
    (folder / "ladder.json").write_text(json.dumps({"simulated": simulated, "rungs": [{"mcc": 0.5}, {"mcc": 0.7214}]}))


def test_on_a_new_machine_the_first_run_comes_next(tmp_path):
    findings = examine(tmp_path / "input", tmp_path / "outputs")
    assert not any(one.broken for one in findings)
    assert told(findings, "next") == ["make submission   (configs/demo.yaml, minutes on two cores, simulated data)"]
    assert told(findings, "run") == [f"none yet in {tmp_path / 'outputs'}"]
    assert told(findings, "data") == [f"the folder {tmp_path / 'input'} does not exist"]
    assert told(findings, "season") == ["none simulated yet; the first run makes one"]
    assert "packages as required" in told(findings, "packages")[0]


def test_data_that_is_there_is_counted_and_what_is_missing_is_named(filmed_season, tmp_path):
    (filmed_season.folder / "train_baseline_helmets.csv").unlink()
    sorted((filmed_season.folder / "train").glob("*_Endzone.mp4"))[0].unlink()
    findings = examine(filmed_season.folder, tmp_path)
    assert told(findings, "data") == [
        f"{filmed_season.folder}, train: without train_baseline_helmets.csv; videos: 4 Sideline, 3 Endzone",
        f"{filmed_season.folder}, test: all four tables; videos: 1 Sideline, 1 Endzone",
    ]
    assert told(findings, "next")[0].startswith("make submission CONFIG=configs/")


def test_a_folder_without_data_is_no_folder_that_does_not_exist(tmp_path):
    assert told(examine(tmp_path, tmp_path), "data") == [f"{tmp_path} has no train data", f"{tmp_path} has no test data"]


def test_every_season_has_a_line_with_what_to_name_it_by(tmp_path):
    for number in range(3):
        folder = tmp_path / "seasons" / f"seed{number}-120plays-4test-60steps-video-4216c9"
        folder.mkdir(parents=True)
        (folder / "train_labels.csv").touch()
    seasons = told(examine(tmp_path / "input", tmp_path), "season")
    assert seasons == [str(tmp_path / "seasons" / f"seed{number}-120plays-4test-60steps-video-4216c9") for number in range(3)]


def test_lines_are_folded_to_a_hundred_characters():
    text = findings_text([Finding("device", " ".join(["word"] * 40)), Finding("next", "make submission   (demo)"), Finding("data", "x" * 120)])
    lines = text.splitlines()
    assert [line[:11].rstrip() for line in lines] == ["device", "", "", "next", "data"]
    assert max(len(line) for line in lines[:4]) <= 100
    assert lines[3] == "next       make submission   (demo)"
    assert lines[-1] == "data       " + "x" * 120


def test_a_run_that_was_begun_goes_on(tmp_path):
    write_run(tmp_path / "mine", STAGE_NAMES[:3])
    findings = examine(tmp_path / "input", tmp_path)
    assert told(findings, "run") == [f"{tmp_path / 'mine'}: 3 of {len(STAGE_NAMES)} stages, next crops"]
    assert told(findings, "next")[0].startswith("make submission RUN=mine")


def test_after_a_finished_run_its_report_comes_next(tmp_path):
    write_run(tmp_path / "mine", STAGE_NAMES)
    findings = examine(tmp_path / "input", tmp_path)
    assert told(findings, "run") == [f"{tmp_path / 'mine'}: finished; blend 0.721 out of fold, simulated season"]
    assert told(findings, "next") == [f"open {tmp_path / 'mine' / 'report' / 'index.html'} in a browser"]


def test_data_without_a_run_of_its_own_comes_before_the_report_of_a_simulated_one(tiny_season, tmp_path):
    write_run(tmp_path / "runs" / "demo", STAGE_NAMES)
    assert told(examine(tiny_season.folder, tmp_path / "runs"), "next")[0].startswith("make submission CONFIG=configs/")


@pytest.mark.parametrize(("requirement", "words"), [("no-such-package>=1", "no-such-package is missing"), ("numpy>=99", "numpy ")])
def test_a_package_that_is_missing_or_too_old_is_broken_and_setup_comes_next(tmp_path, monkeypatch, requirement, words):
    required = metadata.requires("player-contact")
    monkeypatch.setattr(metadata, "requires", lambda _: [*required, requirement, 'another-one>=2; extra == "dev"'])
    findings = examine(tmp_path, tmp_path)
    assert next(one.text for one in findings if one.broken).startswith(words)
    assert told(findings, "next") == ["make setup"]
    assert "BROKEN: " in findings_text(findings)
    assert "for development: " in findings_text(findings)


def test_the_command_tells_it_all_and_changes_nothing(command, tmp_path):
    done = command("doctor")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")][-1] == "next"
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert list(tmp_path.iterdir()) == []
