import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.boosting.blend_features import (
    WINDOWS,
    blend_families,
    blend_table,
    increasing_columns,
)
from player_contact.play import Rows
from player_contact.utils.logits import logit
from tests.makers import all_rows, make_play, plays, swapped

MAX_LAG = 5


def probabilities(rows):
    """Screen and vision; a third of the rows is not open."""
    random = np.random.default_rng(0)
    screen, vision = random.uniform(0.01, 0.99, (2, len(rows))).astype(np.float32)
    vision[random.random(len(rows)) < 1 / 3] = np.nan
    return screen, vision


def table_of(play, rows, screen, vision, max_lag=MAX_LAG) -> pd.DataFrame:
    return blend_table(play, rows, screen, vision, max_lag)


def make_table(play, rows, max_lag=MAX_LAG) -> pd.DataFrame:
    return table_of(play, rows, *probabilities(rows), max_lag)


@given(plays())
def test_swapping_the_players_of_a_pair_changes_nothing(play):
    rows = all_rows(play)
    pd.testing.assert_frame_equal(make_table(play, swapped(rows)), make_table(play, rows))


@given(plays(), st.integers(0, 2**32 - 1))
def test_shuffling_the_rows_permutes_the_table(play, seed):
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    table = table_of(play, rows[order], screen[order], vision[order])
    expected = make_table(play, rows).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)


def test_a_row_has_both_logits_or_that_of_the_screen_twice():
    play = make_play()
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    table, known = make_table(play, rows), ~np.isnan(vision)
    np.testing.assert_array_equal(table["screen"], logit(screen))
    np.testing.assert_array_equal(table["vision"], logit(np.where(known, vision, screen)))
    np.testing.assert_array_equal(table["vision_known"], known)


@pytest.mark.parametrize("half", [1, 3])
def test_a_mean_covers_the_pair_s_steps_before_and_after(half):
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    table = make_table(play, rows)[(rows.first == 0) & (rows.second == 1)]
    expected = table["vision"].iloc[4 - half : 5 + half].mean()
    assert table[f"vision_mean_{half}"].iloc[4] == pytest.approx(expected, rel=1e-5)


def test_a_step_without_the_candidate_does_not_enter_the_mean():
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    kept = rows.step != 5
    pair = ((rows.first == 0) & (rows.second == 1))[kept]
    table = table_of(play, rows[kept], screen[kept], vision[kept])[pair]
    expected = table["vision"].iloc[3:5].mean()
    assert table["vision_mean_1"].iloc[4] == pytest.approx(expected, rel=1e-5)


def test_no_step_beyond_the_largest_window_is_used():
    play = make_play(players=3, steps=15)
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    changed = np.where(np.abs(rows.step - 7) > MAX_LAG, np.float32(0.5), screen)
    before, after = (
        table_of(play, rows, values, vision)[rows.step == 7] for values in (screen, changed)
    )
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize(("max_lag", "windows"), [(0, []), (4, [1, 3]), (60, list(WINDOWS))])
def test_max_lag_decides_which_windows_there_are(max_lag, windows):
    play = make_play()
    columns = make_table(play, all_rows(play), max_lag).columns
    assert [int(name.rpartition("_")[2]) for name in columns if "vision_mean" in name] == windows


def test_columns_are_the_same_without_vision_and_without_rows():
    play = make_play()
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    columns = list(make_table(play, rows).columns)
    blind = table_of(play, rows, screen, np.full(len(rows), np.nan))
    assert list(blind.columns) == columns
    assert list(table_of(play, rows[:0], screen[:0], vision[:0]).columns) == columns


def test_odds_of_the_row_and_their_means_are_increasing():
    play = make_play()
    increasing = increasing_columns(list(make_table(play, all_rows(play)).columns))
    assert increasing == ["screen", "vision", "vision_mean_1", "vision_mean_3", "vision_mean_5"]


def test_least_and_most_and_spread_are_of_the_steps_around():
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    pair = make_table(play, rows)[(rows.first == 0) & (rows.second == 1)]
    near = pair["vision"].iloc[2:7]
    row = pair.iloc[4]
    assert row[["vision_least_2", "vision_most_2", "vision_spread_2"]].tolist() == pytest.approx(
        [near.min(), near.max(), near.std(ddof=0)], rel=1e-4
    )


def test_a_contact_knows_its_age_and_how_long_it_lasts():
    play = make_play(players=2, steps=10)
    rows = all_rows(play)
    likely = (rows.second == 1) & (rows.step >= 3) & (rows.step < 7)
    screen = np.where(likely, 0.9, 0.1)
    table = table_of(play, rows, screen, np.full(len(rows), np.nan))[rows.second == 1]
    assert table["since_no_contact"].tolist() == [0, 0, 0, 1, 2, 3, 4, 0, 0, 0]
    assert table["until_no_contact"].tolist() == [0, 0, 0, 4, 3, 2, 1, 0, 0, 0]
    assert table["until_contact"].iloc[:4].tolist() == [3, 2, 1, 0]


def test_the_play_knows_how_many_contacts_are_expected_at_the_step():
    play = make_play(players=3, steps=1)
    rows = Rows(*(np.array(x) for x in ([0, 1, 2, 3], [0] * 4, [0, 0, 1, 0], [1, 2, 2, -1])))
    table = table_of(play, rows, np.array([0.9, 0.2, 0.4, 0.7]), np.full(4, np.nan))
    assert table["expected_pairs"].tolist() == pytest.approx([1.5] * 4, rel=1e-4)
    assert table["expected_ground"].tolist() == pytest.approx([0.7] * 4, rel=1e-4)


def test_steps_count_from_the_snap_to_the_last_row():
    play = make_play(players=2, steps=10)
    play = dataclasses.replace(play, steps=np.arange(10, dtype=np.int32) - 4)
    rows = all_rows(play)
    rows = rows[(rows.step >= 4) & (rows.step < 8)]
    table = table_of(play, rows, np.full(len(rows), 0.5), np.full(len(rows), np.nan))
    np.testing.assert_array_equal(table["step"], rows.step - 4)
    np.testing.assert_array_equal(table["steps_left"], 7 - rows.step)


def test_every_column_belongs_to_one_family():
    play = make_play()
    rows = all_rows(play)
    families = blend_families(play, rows, *probabilities(rows), MAX_LAG)
    assert list(families) == ["odds", "windows", "time", "play"]
    names = [name for columns in families.values() for name in columns]
    assert names == list(make_table(play, rows).columns)
    assert len(set(names)) == len(names)
