import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.competition.names import VIEWS
from player_contact.evaluation.boxes_check import CLOCK_AIM, EITHER, SWAPPED_SHARE, TABLE, boxes_text, plant_swaps
from player_contact.stages.boxes import check_boxes
from tests.makers import make_play


@pytest.fixture(scope="module")
def lines(season_tables):
    return check_boxes(season_tables)


@pytest.fixture
def simulated(lines):
    """Title and name of every line of a simulated season's table, with its values."""
    return by_title(lines)


def by_title(lines) -> dict[tuple[str, str], dict[str, float]]:
    out, title = {}, ""
    for line in lines:
        title = title if line.values else line.name
        if line.values:
            out[title, line.name.strip()] = line.values
    return out


def test_a_simulated_season_has_every_line(simulated):
    assert list(simulated) == [(title, name.strip()) for title, measures in TABLE for name, _, _ in measures]
    assert all(np.isfinite(list(values.values())).all() for values in simulated.values())


def test_completion_boxes_more_players_and_takes_no_right_name(simulated):
    for title, names in (
        ("The boxes as they are", ("players with a box as detected, %", "players with a box completed, %")),
        ("Contact rows with a box for each of their players", ("as detected, %", "completed, %")),
    ):
        before, after = (simulated[title, name] for name in names)
        assert all(after[column] > before[column] for column in before)
    seen = simulated["Contact rows with a box for each of their players", "as detected, %"]
    assert seen[EITHER] >= max(seen[view] for view in VIEWS)
    assert all(share < 0.5 for share in simulated["Beside the simulation's truth", "right names that were taken, %"].values())


def test_long_gaps_are_completed_better_than_by_a_straight_line_and_more_often(simulated):
    title = "Every player hidden for 1.5 s in 4.5 s"
    for ours, line in (("completed, median box widths", "straight line, median box widths"), ("not completed, %", "no straight line, %")):
        assert simulated[title, ours]["Sideline"] < simulated[title, line]["Sideline"]


def test_the_clock_found_is_the_true_one(simulated):
    truth = {name: values["Sideline"] for (title, name), values in simulated.items() if title == "Beside the simulation's truth"}
    assert 0.08 <= truth["sensors behind the picture, true median s"] <= 0.11
    assert abs(truth["found less true, median s"]) < CLOCK_AIM


@given(st.integers(0, 1000))
def test_planted_swaps_exchange_boxes_and_touch_no_others(seed):
    boxes = make_play(seed, players=8, steps=60).views["Sideline"].boxes
    mixed, planted = plant_swaps(boxes, np.random.default_rng(seed))
    np.testing.assert_array_equal(mixed[~planted], boxes[~planted])
    assert set(planted.sum(1)) == {0, 2}
    assert SWAPPED_SHARE <= planted.any(1).mean() < SWAPPED_SHARE + 60 / len(boxes)
    for frame in np.flatnonzero(planted.any(1)):
        one, other = np.flatnonzero(planted[frame])
        np.testing.assert_array_equal(mixed[frame, [one, other]], boxes[frame, [other, one]])


def test_real_boxes_are_checked_without_labels_and_without_truth(real_folder):
    lines = check_boxes(real_folder.folder)
    found = by_title(lines)
    assert {title for title, _ in found} == {title for title, _ in TABLE[:4]}
    assert found["A random fifth of the boxes hidden", "completed, median box widths"]["Sideline"] < 0.5
    assert found["Names exchanged in 5 % of the frames", "given back, %"]["Sideline"] > 50
    assert max(found["Names exchanged in 5 % of the frames", "other boxes that change their name, %"].values()) < 1
    assert check_boxes(real_folder.folder) == lines


def test_the_command_prints_the_table(season_tables, lines):
    done = CliRunner().invoke(app, ["boxes-check", "--input", str(season_tables), "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert boxes_text(lines) in done.output
    assert all(line.name in done.output for line in lines)
    assert max(map(len, done.output.splitlines())) <= 100
