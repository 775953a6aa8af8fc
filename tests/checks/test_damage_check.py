import pandas as pd
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.checks import damage_check
from player_contact.checks.damage_check import ACCEPTED, FAULTY, NOT_NEEDED, REFUSED, Outcome, check_damages, is_faulty, outcomes_text
from player_contact.checks.damages import DAMAGES, VIDEO_DAMAGES
from player_contact.errors import InputError

SOME = (
    "a word for a speed",
    "a frame long after the end",
    "ids twice",
    "a gap in the tracking",
    "a byte order mark",
    "a zip archive for a table",
    "an id that is a script",
    "a table that is a link out of the folder",
    "a video: text",
    "the folder of videos is a link to another",
)


def named(*names: str):
    return [damage for damage in DAMAGES if damage.what in names]


def test_there_are_many_damages_and_each_has_a_name_of_its_own():
    names = [damage.what for damage in DAMAGES]
    assert len(names) == len(set(names)) > 90
    assert len(VIDEO_DAMAGES) > 20


def test_each_damage_is_accepted_or_refused_with_a_sentence(bundle, season):
    outcomes = {one.what: one for one in check_damages(bundle, season, named(*SOME))}
    assert {name: (one.plain, one.mended) for name, one in outcomes.items()} == {
        "a word for a speed": (REFUSED, ACCEPTED),
        "a frame long after the end": (ACCEPTED, NOT_NEEDED),
        "ids twice": (REFUSED, REFUSED),
        "a gap in the tracking": (ACCEPTED, NOT_NEEDED),
        "a byte order mark": (ACCEPTED, NOT_NEEDED),
        "a zip archive for a table": (REFUSED, ACCEPTED),
        "an id that is a script": (REFUSED, REFUSED),
        "a table that is a link out of the folder": (REFUSED, ACCEPTED),
        "a video: text": (ACCEPTED, NOT_NEEDED),
        "the folder of videos is a link to another": (ACCEPTED, NOT_NEEDED),
    }
    assert "lack a player's sensor data" in outcomes["a gap in the tracking"].said
    assert "boxes after the end of the video left out" in outcomes["a frame long after the end"].said
    assert "links are not followed" in outcomes["the folder of videos is a link to another"].said
    assert "Sideline.mp4 can't be opened" in outcomes["a video: text"].said
    assert outcomes["a byte order mark"].said == ""


def fail(*_, **__):
    raise KeyError("frame")


def write_half(bundle, season, output, *_, **__):
    pd.read_csv(season / "sample_submission.csv").iloc[:-1].to_csv(output, index=False)


@pytest.mark.parametrize(("broken", "words"), [(fail, "KeyError: 'frame'"), (write_half, "does not hold the ids of asked.csv")])
def test_a_traceback_and_half_a_submission_are_faults(bundle, season, monkeypatch, broken, words):
    monkeypatch.setattr(damage_check, "predict_folder", broken)
    (outcome,) = check_damages(bundle, season, named("a byte order mark"))
    assert (outcome.plain, is_faulty(outcome)) == (FAULTY, True)
    assert words in outcome.said


def test_a_season_without_videos_is_refused(bundle, season_tables):
    with pytest.raises(InputError, match="has no test play with videos to damage"):
        check_damages(bundle, season_tables)


def test_the_command_prints_the_table_and_fails_on_a_fault(finished_run, season, monkeypatch):
    monkeypatch.setattr("player_contact.simulate.folder.season_folder", lambda *_: season)
    outcomes = [Outcome("ids twice", REFUSED, REFUSED, "two rows for one id"), Outcome("a mark", ACCEPTED, NOT_NEEDED, "")]
    monkeypatch.setattr(damage_check, "check_damages", lambda *_: outcomes)
    done = CliRunner().invoke(app, ["damage-check", "--run", str(finished_run.folder)])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == outcomes_text(outcomes)
    assert "2 damages: 1 accepted, each with a whole submission; 1 refused" in done.output
    outcomes.append(Outcome("a word", FAULTY, NOT_NEEDED, "KeyError: 'frame'"))
    assert CliRunner().invoke(app, ["damage-check", "--run", str(finished_run.folder)]).exit_code == 1
