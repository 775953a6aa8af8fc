import numpy as np
import pandas as pd
import pytest

from player_contact.competition.metric import Thresholds
from player_contact.evaluation.breakdown import (
    HELMET_FEATURES,
    HELMETS,
    by_class,
    by_distance,
    by_duration,
    by_play,
    candidate_features,
    event_ids,
    helmet_codes,
    position_codes,
    positive_rows,
    worst_errors,
)
from player_contact.features.context import role_code

PLAY = "58168_003392"
THRESHOLDS = {0: Thresholds(pair=0.5, ground=0.5)}


@pytest.fixture(scope="module")
def oof(finished_run) -> pd.DataFrame:
    return pd.read_parquet(finished_run.folder / "oof.parquet")


def rows_of(*tracks: tuple[str, str, str]) -> pd.DataFrame:
    """`positive_rows` of tracks: pair, labels and decisions, a digit a step."""
    rows = [
        (f"{PLAY}_{step}_{pair}", PLAY, int(label), int(final), 0, 0.9 if final == "1" else 0.1)
        for pair, labels, finals in tracks
        for step, (label, final) in enumerate(zip(labels, finals, strict=True))
    ]
    columns = ["contact_id", "game_play", "contact", "final", "fold", "blend"]
    return positive_rows(pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=1))


def test_events_are_counted_by_their_duration():
    rows = rows_of(
        ("1_2", "0111100", "0011110"),
        ("1_3", "1000000", "0000011"),
        ("1_G", "1111111", "0000000"),
    )
    table = by_duration(rows).set_index("duration")
    assert table.loc["pairs, 0.4 to 1 s"].tolist() == [1, 1, "75 %", 1, 0, "75 %"]
    assert table.loc["pairs, 0.1 to 0.3 s"].tolist() == [1, 0, "0 %", 1, 1, "0 %"]
    assert table.loc["ground, 0.4 to 1 s"].tolist() == [1, 0, "0 %", 0, 0, "–"]
    assert table.loc["ground, 3.1 s and longer", "recall of their steps"] == "–"


def test_a_season_without_any_contact_has_no_events():
    assert by_duration(rows_of(("1_2", "00", "00")))["contacts"].tolist() == [0] * 8


def test_long_events_do_not_overflow():
    rows = rows_of(*((f"1_{player}", "1" * 60, "1" * 60) for player in range(2, 6)))
    table = by_duration(rows).set_index("duration")
    assert table.loc["pairs, 3.1 s and longer"].tolist() == [4, 4, "100 %", 4, 0, "100 %"]


def test_every_labelled_event_has_one_duration(oof):
    rows = positive_rows(oof)
    contacts = rows[rows["contact"] == 1]
    assert by_duration(rows)["contacts"].sum() == event_ids(contacts).max() + 1


def test_an_event_ends_where_pair_steps_or_value_change():
    rows = rows_of(("1_2", "110111", "100010"), ("1_3", "100000", "000000"))
    assert event_ids(rows).tolist() == [0, 0, 1, 1, 1, 2]
    assert event_ids(rows, "final").tolist() == [0, 1, 2, 3, 4, 5]


def test_errors_are_listed_worst_first_with_their_steps():
    rows = rows_of(
        ("1_2", "0111100", "0000000"),
        ("1_3", "0000000", "0000011"),
        ("1_G", "1111111", "1111111"),
    )
    errors = worst_errors(rows, THRESHOLDS)
    columns = ["pair", "predicted", "first_step", "last_step"]
    assert errors[columns].values.tolist() == [["1_2", 0, 1, 4], ["1_3", 1, 5, 6]]
    np.testing.assert_allclose(errors["excess"], [1.6, 0.8])


def test_a_miss_that_turns_into_a_false_contact_is_two_errors():
    assert len(worst_errors(rows_of(("1_2", "1100", "0011")), THRESHOLDS)) == 2


def test_a_view_counts_with_the_boxes_of_all_players():
    nan = np.nan
    candidates = pd.DataFrame(
        [
            (0, 1.0, 0, 2.0),
            (0, 1.0, 0.2, 2.0),
            (0.1, 1.0, nan, nan),
            (0, nan, 0, nan),
            (0, nan, nan, nan),
        ],
        columns=HELMET_FEATURES,
    ).assign(row=[5, 4, 3, 2, 1])
    ground = np.array([False, False, False, False, True])
    assert [HELMETS[code] for code in helmet_codes(candidates, ground, 7)] == [
        "no candidate",
        "detected in one view",
        "boxes in no view",
        "completed boxes only",
        "detected in one view",
        "detected in both views",
        "no candidate",
    ]


def test_a_pair_has_both_positions_and_the_ground_one():
    low, high = ("C", "WR"), ("DE", "WR")
    candidates = pd.DataFrame(
        {
            "role_low": [*map(role_code, low), np.nan],
            "role_high": [*map(role_code, high), np.nan],
            "row": [2, 0, 1],
        }
    )
    codes, names = position_codes(candidates, np.array([False, True, False]), 4)
    assert [names[code] for code in codes[:3]] == [
        "receiver – ground",
        "unknown – unknown",
        "offensive line – defensive line",
    ]
    assert codes[3] == -1


def test_the_classes_of_a_run_partition_its_rows(oof, finished_run):
    plays = oof["game_play"].unique().tolist()
    candidates = candidate_features(finished_run.folder / "features", plays)
    ground = oof["contact_id"].str.endswith("_G").to_numpy()[candidates["row"]]
    helmets = by_class(oof, helmet_codes(candidates, ground, len(oof)), HELMETS, "helmets")
    assert helmets["rows"].sum() == len(oof)
    assert helmets["contacts"].sum() == oof["contact"].sum()
    positions = by_class(oof, *position_codes(candidates, ground, len(oof)), "positions")
    assert positions["rows"].sum() == len(candidates)


def test_the_distances_partition_all_rows(oof):
    ground = oof["contact_id"].str.endswith("_G").to_numpy()
    table = by_distance(oof, ground)
    assert table["rows"].sum() == len(oof)
    assert table["contacts"].sum() == oof["contact"].sum()
    assert table.set_index("yards").loc["ground", "rows"] == ground.sum()


def test_a_pair_is_counted_at_its_distance():
    proximity = [1 / (1 + yards) for yards in (0.75, 1.25, 2.5)]
    rows = pd.DataFrame({"contact": [1, 0, 1], "final": [1, 0, 0], "proximity": proximity})
    table = by_distance(rows, np.zeros(3, dtype=bool)).set_index("yards")
    assert table.loc["0.5 to 1", ["rows", "TP"]].tolist() == [1, 1]
    assert table.loc["1 to 1.5", ["rows", "contacts"]].tolist() == [1, 0]
    assert table.loc["2 to 3", ["rows", "FN"]].tolist() == [1, 1]


def test_plays_are_listed_worst_first(oof):
    table = by_play(oof)
    assert table.loc[table["contacts"] > 0, "MCC"].is_monotonic_increasing
    assert sorted(table["game_play"]) == sorted(oof["game_play"].unique())
    assert (table["TP"] + table["FN"] == table["contacts"]).all()


def test_plays_without_contacts_come_last():
    rows = {"a": ("1", "1"), "none": ("0", "0"), "false": ("0", "1"), "missed": ("1", "0")}
    plays = [name for name in rows for _ in range(2)]
    label, final = (
        [int(value) for row in rows.values() for value in (row[i], "0")] for i in (0, 1)
    )
    oof = pd.DataFrame({"game_play": plays, "fold": 0, "contact": label, "final": final})
    assert by_play(oof)["game_play"].tolist() == ["missed", "a", "false", "none"]


def test_a_play_without_contacts_or_predictions_is_right(oof):
    assert set(by_play(oof.assign(contact=0, final=0))["MCC"]) == {1}
