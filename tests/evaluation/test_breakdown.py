import numpy as np
import pandas as pd

from player_contact.competition.metric import Thresholds
from player_contact.evaluation.breakdown import (
    SEEN,
    by_class,
    by_length,
    called_rows,
    candidate_values,
    position_class,
    run_numbers,
    seen_class,
    seen_columns,
    worst_errors,
)
from player_contact.features.context import role_number

PLAY = "58168_003392"


def table(*tracks: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of tracks: their pair, their labels and their decisions, a digit a step."""
    lines = [
        {
            "contact_id": f"{PLAY}_{step}_{pair}",
            "game_play": PLAY,
            "contact": int(label),
            "final": int(final),
            "fold": 0,
            "blend": 0.9 if final == "1" else 0.1,
        }
        for pair, labels, finals in tracks
        for step, (label, final) in enumerate(zip(labels, finals, strict=True))
    ]
    return pd.DataFrame(lines).sample(frac=1, random_state=1).reset_index(drop=True)


def test_contacts_and_calls_are_counted_by_their_length():
    rows = called_rows(table(("1_2", "0111100", "0011110"), ("1_3", "1000000", "0000011"), ("1_G", "1111111", "0000000")))
    lengths = by_length(rows).set_index("length")
    assert lengths.loc["pairs, 0.4 to 1 s", ["contacts", "noticed", "their steps found"]].tolist() == [1, 1, "75 %"]
    assert lengths.loc["pairs, 0.4 to 1 s", ["calls", "without any contact", "their steps false"]].tolist() == [1, 0, "25 %"]
    assert lengths.loc["pairs, 0.1 to 0.3 s", ["contacts", "noticed", "calls", "without any contact"]].tolist() == [1, 0, 1, 1]
    assert lengths.loc["ground, 0.4 to 1 s", ["contacts", "noticed", "their steps found"]].tolist() == [1, 0, "0 %"]
    assert lengths.loc["ground, 3.1 s and longer", "their steps found"] == "–"


def test_every_contact_row_of_a_run_belongs_to_one_length(finished_run):
    rows = called_rows(pd.read_parquet(finished_run.folder / "oof.parquet"))
    contact = rows[rows["contact"] == 1]
    runs = len(np.unique(run_numbers(contact, np.zeros(len(contact)))))
    assert by_length(rows)["contacts"].sum() == runs


def test_a_run_ends_where_the_pair_the_steps_or_the_value_change():
    rows = called_rows(table(("1_2", "110111", "000000"), ("1_3", "100000", "000000")))
    assert run_numbers(rows, np.zeros(len(rows))).tolist() == [0, 0, 1, 1, 1, 2]
    assert run_numbers(rows, np.array([0, 1, 1, 1, 0, 0])).tolist() == [0, 1, 2, 2, 3, 4]


def test_errors_are_listed_worst_first_with_their_moment():
    rows = called_rows(table(("1_2", "0111100", "0000000"), ("1_3", "0000000", "0000011"), ("1_G", "1111111", "1111111")))
    errors = worst_errors(rows, {0: Thresholds(pair=0.5, ground=0.5)})
    assert errors[["pair", "called", "begin", "end"]].values.tolist() == [["1_2", 0, 1, 4], ["1_3", 1, 5, 6]]
    np.testing.assert_allclose(errors["away"], [1.6, 0.8])


def test_a_missed_stretch_that_turns_into_a_false_one_makes_two_errors():
    rows = called_rows(table(("1_2", "1100", "0011")))
    assert len(worst_errors(rows, {0: Thresholds(0.5, 0.5)})) == 2


def test_a_camera_sees_a_row_with_the_boxes_of_all_its_players():
    nan = np.nan
    candidates = pd.DataFrame(
        [(0, 1.0, 0, 2.0), (0, 1.0, 0.2, 2.0), (0.1, 1.0, nan, nan), (0, nan, 0, nan), (0, nan, nan, nan)], columns=seen_columns()
    ).assign(row=[5, 4, 3, 2, 1])
    ground = np.array([False, False, False, False, True])
    told = [SEEN[place] for place in seen_class(candidates, ground, 7)]
    assert told[1:6] == ["detected by one camera", "boxes in no camera", "completed boxes only", "detected by one camera", "detected by both cameras"]
    assert {told[0], told[6]} == {"no candidate"}


def test_a_pair_bears_both_positions_and_the_ground_that_of_the_player():
    candidates = pd.DataFrame(
        {"role_low": [role_number("C"), role_number("WR"), np.nan], "role_high": [role_number("DE"), role_number("WR"), np.nan]}
    )
    of_row, names = position_class(candidates.assign(row=[2, 0, 1]), np.array([False, True, False]), 4)
    assert [names[place] if place >= 0 else None for place in of_row] == [
        "receiver – ground",
        "unknown – unknown",
        "offensive line – defensive line",
        None,
    ]


def test_the_classes_of_a_run_share_out_its_rows(finished_run):
    oof = pd.read_parquet(finished_run.folder / "oof.parquet")
    values = candidate_values(finished_run.folder / "features", oof["game_play"].unique().tolist(), [*seen_columns(), "role_low", "role_high"])
    ground = oof["contact_id"].str.endswith("_G").to_numpy()[values["row"]]
    seen = by_class(oof, seen_class(values, ground, len(oof)), SEEN, "helmets")
    assert seen["rows"].sum() == len(oof)
    assert seen["contacts"].sum() == oof["contact"].sum()
    of_row, names = position_class(values, ground, len(oof))
    assert by_class(oof, of_row, names, "positions")["rows"].sum() == len(values)
