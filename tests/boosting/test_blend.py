import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.boosting.blend import WINDOWS, blend_table, rising_columns
from player_contact.odds import log_odds
from tests.makers import all_rows, make_play, plays, swapped

REACH = 5


def scores_of(rows, seed=0):
    """screen and vision probabilities; a third of the rows was not looked at."""
    random = np.random.default_rng(seed)
    screen, vision = random.uniform(0.01, 0.99, (2, len(rows))).astype(np.float32)
    vision[random.random(len(rows)) < 1 / 3] = np.nan
    return screen, vision


def table_of(play, rows, seed=0, reach=REACH) -> pd.DataFrame:
    return blend_table(play, rows, *scores_of(rows, seed), reach)


@given(plays())
def test_swapping_the_players_of_a_pair_changes_nothing(play):
    rows = all_rows(play)
    pd.testing.assert_frame_equal(table_of(play, swapped(rows)), table_of(play, rows))


@given(plays(), st.integers(0, 2**32 - 1))
def test_shuffling_the_rows_permutes_the_table(play, seed):
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    expected = blend_table(play, rows, screen, vision, REACH).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(blend_table(play, rows[order], screen[order], vision[order], REACH), expected)


def test_a_row_that_vision_saw_has_the_log_odds_of_both():
    play = make_play()
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    table, seen = table_of(play, rows), ~np.isnan(vision)
    np.testing.assert_array_equal(table["screen"], log_odds(screen))
    np.testing.assert_array_equal(table["vision"][seen], log_odds(vision)[seen])
    assert (table["vision_known"][seen] == 1).all()


def test_a_row_that_vision_did_not_see_has_the_log_odds_of_the_screen_alone():
    play = make_play()
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    table, unseen = table_of(play, rows), np.isnan(vision)
    np.testing.assert_array_equal(table["vision"][unseen], log_odds(screen)[unseen])
    assert (table["vision_known"][unseen] == 0).all()


@pytest.mark.parametrize("half", [1, 3])
def test_a_mean_runs_along_the_pair_s_own_track_as_far_ahead_as_back(half):
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    table = table_of(play, rows)[(rows.first == 0) & (rows.second == 1)]
    assert table[f"vision_mean_{half}"].iloc[4] == pytest.approx(table["vision"].iloc[4 - half : 5 + half].mean(), rel=1e-5)


def test_a_step_at_which_the_pair_is_no_candidate_does_not_enter_the_mean():
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    kept = rows.step != 5
    track = (rows.first == 0) & (rows.second == 1)
    table = blend_table(play, rows[kept], screen[kept], vision[kept], REACH)[track[kept]]
    assert table["vision_mean_1"].iloc[4] == pytest.approx(table["vision"].iloc[3:5].mean(), rel=1e-5)


def test_nothing_beyond_the_reach_is_looked_at():
    play = make_play(players=3, steps=15)
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    changed = np.where(np.abs(rows.step - 7) > REACH, np.float32(0.5), screen)
    before, after = (blend_table(play, rows, values, vision, REACH)[rows.step == 7] for values in (screen, changed))
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize(("reach", "windows"), [(0, []), (4, [1, 3]), (60, list(WINDOWS))])
def test_the_reach_says_which_windows_there_are(reach, windows):
    play = make_play()
    columns = table_of(play, all_rows(play), reach=reach).columns
    assert [int(name.rpartition("_")[2]) for name in columns if "mean" in name] == windows


def test_columns_are_the_same_with_and_without_vision_and_rows():
    play = make_play()
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    columns = list(blend_table(play, rows, screen, vision, REACH).columns)
    assert list(blend_table(play, rows, screen, np.full(len(rows), np.nan), REACH).columns) == columns
    assert list(blend_table(play, rows[:0], screen[:0], vision[:0], REACH).columns) == columns


def test_what_screen_and_vision_say_may_only_raise_the_probability():
    play = make_play()
    assert rising_columns(list(table_of(play, all_rows(play)).columns)) == ["screen", "vision", "vision_mean_1", "vision_mean_3", "vision_mean_5"]
