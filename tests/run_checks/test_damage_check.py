import pandas as pd
import pytest

from player_contact.utils.errors import InputError
from run_checks import damage_check
from run_checks.__main__ import app
from run_checks.damage_check import (
    ACCEPTED,
    DAMAGES,
    FAULTY,
    NOT_NEEDED,
    REFUSED,
    Outcome,
    check_damages,
    outcomes_text,
)
from run_checks.video_damages import FOLDER_DAMAGES
from tests.invoke import invoke

EXPECTED = {  # plain, mended, part of the message
    "a word for a speed": (REFUSED, ACCEPTED, "speed"),
    "a frame long after the end": (ACCEPTED, NOT_NEEDED, "boxes after"),
    "duplicate ids": (REFUSED, REFUSED, "contact_id"),
    "a gap in the tracking": (ACCEPTED, NOT_NEEDED, "lack a player's "),
    "a byte order mark": (ACCEPTED, NOT_NEEDED, ""),
    "times saved by pandas": (ACCEPTED, NOT_NEEDED, ""),
    "times of all rows in words": (REFUSED, ACCEPTED, "datetime"),
    "blanks after commas": (ACCEPTED, NOT_NEEDED, ""),
    "quotes around every value": (ACCEPTED, NOT_NEEDED, ""),
    "teams in capitals": (ACCEPTED, NOT_NEEDED, ""),
    "a name twice in the header": (REFUSED, ACCEPTED, "has 2 columns"),
    "empty cells for all x": (REFUSED, ACCEPTED, "no value in the column 'x_position'"),
    "tracking cut off after a few values of a line": (REFUSED, ACCEPTED, "holds 5 values"),
    "a player without tracking": (ACCEPTED, NOT_NEEDED, "have no tracking data"),
    "a play without tracking": (REFUSED, ACCEPTED, "has no rows"),
    "a play without tracking and boxes": (REFUSED, ACCEPTED, "has no rows"),
    "all boxes right of the image": (ACCEPTED, NOT_NEEDED, "outside of the image"),
    "a zip archive for a table": (REFUSED, ACCEPTED, "tracking"),
    "an id that is a script": (REFUSED, REFUSED, "script"),
    "a table that is a link out of the folder": (REFUSED, ACCEPTED, "link"),
    "a video: text": (ACCEPTED, NOT_NEEDED, "Sideline.mp4 can't be opened"),
    "the folder of videos is a link to another": (ACCEPTED, NOT_NEEDED, "links are not followed"),
}
MARK = {"a byte order mark": DAMAGES["a byte order mark"]}


def test_there_are_many_damages():
    assert len(DAMAGES) > 115
    assert len(FOLDER_DAMAGES) > 20


def test_a_damage_is_accepted_or_refused_with_a_sentence(bundle, season):
    outcomes = check_damages(bundle, season, {name: DAMAGES[name] for name in EXPECTED})
    for outcome in outcomes:
        plain, mended, words = EXPECTED[outcome.damage]
        assert (outcome.damage, outcome.plain, outcome.mended) == (outcome.damage, plain, mended)
        assert words in outcome.message
        assert bool(words) == bool(outcome.message)


def fail(*_, **__):
    raise KeyError("frame")


def write_half(bundle, season, output, *_, **__):
    pd.read_csv(season / "sample_submission.csv").iloc[:-1].to_csv(output, index=False)


@pytest.mark.parametrize(
    ("predict", "words"),
    [(fail, "KeyError: 'frame'"), (write_half, "does not hold the ids of ids.csv")],
)
def test_tracebacks_and_half_submissions_are_faults(bundle, season, monkeypatch, predict, words):
    monkeypatch.setattr(damage_check, "predict_folder", predict)
    (outcome,) = check_damages(bundle, season, MARK)
    assert (outcome.plain, outcome.is_faulty) == (FAULTY, True)
    assert words in outcome.message


def test_a_season_without_videos_is_refused(bundle, season_tables):
    with pytest.raises(InputError, match="has no test play with videos to damage"):
        check_damages(bundle, season_tables)


def test_the_command_prints_the_table_and_fails_on_a_fault(finished_run, season, monkeypatch):
    monkeypatch.setattr("season_simulator.season_cache.season_folder", lambda *_: season)
    outcomes = [
        Outcome("duplicate ids", REFUSED, REFUSED, "two rows for one id"),
        Outcome("a mark", ACCEPTED, NOT_NEEDED, ""),
    ]
    monkeypatch.setattr(damage_check, "check_damages", lambda *_: outcomes)
    done = invoke(app, ["damage-check", "--run", finished_run.folder])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == outcomes_text(outcomes)
    assert "2 damages: 1 accepted, each with a complete submission; 1 refused" in done.output
    outcomes.append(Outcome("a word", FAULTY, NOT_NEEDED, "KeyError: 'frame'"))
    assert invoke(app, ["damage-check", "--run", finished_run.folder]).exit_code == 1
