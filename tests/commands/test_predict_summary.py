from pathlib import Path

from player_contact.commands.runs import SUMMARY, summary_text
from player_contact.files import read_json

NOT_TOLD = {"candidates", "seen in Sideline", "seen in Endzone", "MCC against the simulated truth"}


def test_what_did_not_happen_is_left_out():
    counted = dict.fromkeys(SUMMARY, 0) | {
        "rows": 12345,
        "plays": 3,
        "plays decided by vision": 2,
        "plays decided by distance": 1,
        "boxes added": 828,
    }
    assert [" ".join(line.split()) for line in summary_text(Path("out/submission.csv"), counted).splitlines()] == [
        "out/submission.csv",
        "rows 12,345",
        "called a contact 0",
        "plays 3",
        "decided by vision 2",
        "decided by the distance of the players 1",
        "helmet boxes completed 828",
    ]


def test_every_number_has_its_line_and_lines_are_short_and_end_alike():
    lines = summary_text(Path("submission.csv"), dict.fromkeys(SUMMARY, 4_641_494)).splitlines()
    assert len(lines) == 1 + len(SUMMARY)
    assert len({len(line) for line in lines[1:]}) == 1
    assert max(map(len, lines)) <= 100
    assert all("  4,641,494" in line for line in lines[1:])


def test_nothing_that_predicting_counts_is_forgotten(finished_run):
    assert set(read_json(finished_run.folder / "submission.json")) - NOT_TOLD == set(SUMMARY)
