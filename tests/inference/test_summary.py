from player_contact.inference.summary import HELMETS, OTHERS, PLAYS, ROWS, summary_text
from player_contact.utils.files import read_json

SUMMARY = ROWS | PLAYS | HELMETS | OTHERS


def test_what_did_not_happen_is_left_out():
    counts = dict.fromkeys(SUMMARY, 0) | {
        "rows": 1000,
        "candidates": 100,
        "with vision": 20,
        "plays": 3,
        "plays decided by vision": 2,
        "plays decided by distance": 1,
        "helmets found": 200,
        "helmets named": 190,
        "boxes added": 1828,
    }
    assert [" ".join(line.split()) for line in summary_text(counts).splitlines()] == [
        "rows 1,000",
        "decided by the distance of the players 900 90.0%",
        "decided by sensors and boxes 80 8.0%",
        "decided with vision 20 2.0%",
        "called a contact 0 0.0%",
        "plays 3",
        "decided with vision 2 66.7%",
        "decided by the distance of the players 1 33.3%",
        "helmets found in videos 200",
        "named by the tracking 190 95.0%",
        "helmet boxes completed 1,828",
    ]


def test_the_short_one_is_of_rows_alone_where_all_went_well():
    counts = {"rows": 50, "candidates": 9, "plays": 2, "plays decided by vision": 2}
    counts |= {"boxes added": 7, "with vision": 4}
    short = summary_text(counts, short=True)
    assert summary_text(counts).startswith(f"{short}\nplays ")
    assert len(short.splitlines()) == 5
    ill = counts | {"plays decided by vision": 1, "plays without video": 1}
    assert summary_text(ill, short=True) == summary_text(ill)


def test_a_season_decided_by_distance_alone_is_summed_up():
    text = summary_text({"plays": 1, "rows": 50, "plays decided by distance": 1, "contacts": 5})
    assert "decided by the distance of the players             50   100.0%" in text


def test_rows_without_tracking_are_decided_by_boxes():
    text = summary_text({"plays": 1, "rows": 50, "rows without tracking": 50, "contacts": 5})
    assert "without tracking, decided by boxes                 50   100.0%" in text
    assert "distance" not in text


def test_rows_left_at_no_contact_are_not_decided_by_distance():
    text = summary_text({"plays": 1, "rows": 50, "rows left at no contact": 50})
    assert " ".join(text.split()).startswith("rows 50 left at no contact 50 100.0% called")
    assert "distance" not in text


def test_lines_are_aligned_and_fit_a_terminal():
    counts = dict.fromkeys(SUMMARY, 4_641_494) | {"candidates": 9_000_000}
    lines = summary_text(counts).splitlines()
    assert {line.index("  4,641,494") for line in lines if "  4,641,494" in line} == {44}
    assert max(map(len, lines)) <= 80


def test_no_count_of_predicting_is_forgotten(finished_run):
    counts = set(read_json(finished_run.folder / "submission.json"))
    others = {"candidates", "open", "MCC against the simulated truth"}
    assert {name for name in counts if " in " not in name} - others <= set(SUMMARY)
