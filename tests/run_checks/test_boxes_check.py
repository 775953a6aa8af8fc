import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.constants import VIEWS
from run_checks.__main__ import app
from run_checks.boxes_check import (
    CLOCK_TOLERANCE,
    MEASURES,
    SWAPPED_SHARE,
    check_boxes,
    swap_ids,
)
from run_checks.measures import COLUMNS, EITHER, measures_text
from tests.invoke import invoke
from tests.makers import make_play

CONTACT_ROWS = "Contact rows with a box for each of their players"


@pytest.fixture(scope="module")
def checked_boxes(season_tables) -> pd.DataFrame:
    return check_boxes(season_tables)


def test_a_simulated_season_has_every_measure(checked_boxes):
    names = [(title, name) for title, measures in MEASURES.items() for name, *_ in measures]
    assert list(checked_boxes.index) == names
    assert np.isfinite(checked_boxes[list(VIEWS)].to_numpy()).all()
    assert checked_boxes[EITHER].notna().sum() == 2


@pytest.mark.parametrize(
    ("title", "before", "after"),
    [
        (
            "The boxes as they are",
            *(f"players with a box {x}, %" for x in ("as detected", "completed")),
        ),
        (CONTACT_ROWS, "as detected, %", "completed, %"),
    ],
)
def test_completion_boxes_more_players(checked_boxes, title, before, after):
    more = checked_boxes.loc[(title, after)] > checked_boxes.loc[(title, before)]
    assert more[checked_boxes.loc[(title, before)].notna()].all()


def test_completion_changes_few_right_ids(checked_boxes):
    wrong = checked_boxes.loc[("Beside the simulation's truth", "right ids that were changed, %")]
    assert (wrong[list(VIEWS)] < 0.5).all()


def test_either_view_has_at_least_the_boxes_of_each(checked_boxes):
    detected = checked_boxes.loc[(CONTACT_ROWS, "as detected, %")]
    assert detected[EITHER] >= detected[list(VIEWS)].max()


def test_long_gaps_are_completed_better_than_linearly(checked_boxes):
    hidden = checked_boxes.loc["Every player hidden for 1.5 s in 4.5 s", "Sideline"]
    assert (
        hidden["completed, median box widths"] < hidden["linear interpolation, median box widths"]
    )
    assert hidden["not completed, %"] < hidden["not interpolated, %"]


def test_the_measured_clock_offset_is_the_true_one(checked_boxes):
    truth = checked_boxes.loc["Beside the simulation's truth", "Sideline"]
    assert 0.065 <= truth["tracking behind the video, true median s"] <= 0.095
    assert abs(truth["measured less true, median s"]) < CLOCK_TOLERANCE


@given(st.integers(0, 1000))
def test_swapped_ids_exchange_two_boxes_of_a_frame(seed):
    boxes = make_play(seed, players=8, steps=60).views["Sideline"].boxes
    mixed, swapped = swap_ids(boxes, np.random.default_rng(seed))
    np.testing.assert_array_equal(mixed[~swapped], boxes[~swapped])
    assert set(swapped.sum(1)) == {0, 2}
    assert SWAPPED_SHARE <= swapped.any(1).mean() < SWAPPED_SHARE + 60 / len(boxes)
    for frame in np.flatnonzero(swapped.any(1)):
        pair = np.flatnonzero(swapped[frame])
        np.testing.assert_array_equal(mixed[frame, pair], boxes[frame, pair[::-1]])


@pytest.mark.slow
def test_real_boxes_are_checked_without_labels_and_truth(real_folder):
    table = check_boxes(real_folder.folder)
    titles = list(MEASURES)[:4]
    assert list(table.index.unique(0)) == titles
    assert table.loc[(titles[1], "completed, median box widths"), "Sideline"] < 0.5
    assert table.loc[(titles[3], "swapped back, %"), "Sideline"] > 50
    assert table.loc[(titles[3], "other boxes that change their id, %")].max() < 1
    pd.testing.assert_frame_equal(check_boxes(real_folder.folder), table)


def test_the_command_prints_the_table(season_tables, checked_boxes):
    done = invoke(app, ["boxes-check", "--input", season_tables, "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert measures_text(checked_boxes) in done.output
    assert all(name in done.output for name in (*COLUMNS, *checked_boxes.index.get_level_values(1)))
    assert max(map(len, done.output.splitlines())) <= 100
