from pathlib import Path

from player_contact.cli.run_commands import SUMMARY, summary_text
from player_contact.utils.files import read_json

NOT_PRINTED = {"candidates", "MCC against the simulated truth"}


def test_what_did_not_happen_is_left_out():
    counts = dict.fromkeys(SUMMARY, 0) | {
        "rows": 12345,
        "plays": 3,
        "plays decided by vision": 2,
        "plays decided by distance": 1,
        "boxes added": 828,
    }
    lines = summary_text(Path("out/submission.csv"), counts).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "out/submission.csv",
        "rows 12,345",
        "called a contact 0",
        "plays 3",
        "decided by vision 2",
        "decided by the distance of the players 1",
        "helmet boxes completed 828",
    ]


def test_every_count_has_a_short_line_and_lines_are_aligned():
    lines = summary_text(Path("submission.csv"), dict.fromkeys(SUMMARY, 4_641_494)).splitlines()
    assert len(lines) == 1 + len(SUMMARY)
    assert len({len(line) for line in lines[1:]}) == 1
    assert max(map(len, lines)) <= 100
    assert all("  4,641,494" in line for line in lines[1:])


def test_no_count_of_predicting_is_forgotten(finished_run):
    counts = set(read_json(finished_run.folder / "submission.json"))
    assert {name for name in counts if " in " not in name} - NOT_PRINTED == set(SUMMARY)
