import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.boosting.blend_features import WINDOWS, blend_table, increasing_columns
from player_contact.utils.logits import logit
from tests.makers import all_rows, make_play, plays, swapped

MAX_LAG = 5


def probabilities(rows):
    """Screen and vision; a third of the rows is not open."""
    random = np.random.default_rng(0)
    screen, vision = random.uniform(0.01, 0.99, (2, len(rows))).astype(np.float32)
    vision[random.random(len(rows)) < 1 / 3] = np.nan
    return screen, vision


def make_table(play, rows, max_lag=MAX_LAG) -> pd.DataFrame:
    return blend_table(play, rows, *probabilities(rows), max_lag)


@given(plays())
def test_swapping_the_players_of_a_pair_changes_nothing(play):
    rows = all_rows(play)
    pd.testing.assert_frame_equal(make_table(play, swapped(rows)), make_table(play, rows))


@given(plays(), st.integers(0, 2**32 - 1))
def test_shuffling_the_rows_permutes_the_table(play, seed):
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    table = blend_table(play, rows[order], screen[order], vision[order], MAX_LAG)
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
    table = blend_table(play, rows[kept], screen[kept], vision[kept], MAX_LAG)[pair]
    expected = table["vision"].iloc[3:5].mean()
    assert table["vision_mean_1"].iloc[4] == pytest.approx(expected, rel=1e-5)


def test_no_step_beyond_the_largest_window_is_used():
    play = make_play(players=3, steps=15)
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    changed = np.where(np.abs(rows.step - 7) > MAX_LAG, np.float32(0.5), screen)
    before, after = (
        blend_table(play, rows, values, vision, MAX_LAG)[rows.step == 7]
        for values in (screen, changed)
    )
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize(("max_lag", "windows"), [(0, []), (4, [1, 3]), (60, list(WINDOWS))])
def test_max_lag_decides_which_windows_there_are(max_lag, windows):
    play = make_play()
    columns = make_table(play, all_rows(play), max_lag).columns
    assert [int(name.rpartition("_")[2]) for name in columns if "mean" in name] == windows


def test_columns_are_the_same_without_vision_and_without_rows():
    play = make_play()
    rows = all_rows(play)
    screen, vision = probabilities(rows)
    columns = list(make_table(play, rows).columns)
    blind = blend_table(play, rows, screen, np.full(len(rows), np.nan), MAX_LAG)
    assert list(blind.columns) == columns
    assert list(blend_table(play, rows[:0], screen[:0], vision[:0], MAX_LAG).columns) == columns


def test_all_columns_but_vision_known_are_increasing():
    play = make_play()
    increasing = increasing_columns(list(make_table(play, all_rows(play)).columns))
    assert increasing == ["screen", "vision", "vision_mean_1", "vision_mean_3", "vision_mean_5"]
