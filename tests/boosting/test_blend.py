import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.boosting.blend import blend_table, rising_columns
from player_contact.boosting.booster import log_odds
from tests.makers import all_rows, make_play, plays, swapped

REACH = 5


def scores_of(rows, seed=0):
    """screen and vision probabilities; a third of the rows was not looked at."""
    random = np.random.default_rng(seed)
    screen, vision = random.uniform(0.01, 0.99, (2, len(rows))).astype(np.float32)
    vision[random.random(len(rows)) < 1 / 3] = np.nan
    return screen, vision


@given(plays())
def test_swapping_the_players_of_a_pair_changes_nothing(play):
    rows = all_rows(play)
    pd.testing.assert_frame_equal(blend_table(play, swapped(rows), *scores_of(rows), REACH), blend_table(play, rows, *scores_of(rows), REACH))


@given(plays(), st.integers(0, 2**32 - 1))
def test_shuffling_the_rows_permutes_the_table(play, seed):
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    expected = blend_table(play, rows, screen, vision, REACH).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(blend_table(play, rows[order], screen[order], vision[order], REACH), expected)


@pytest.mark.parametrize("lag", [-5, -2, -1, 1, 3])
def test_a_row_sees_its_own_track_at_the_steps_around(lag):
    play = make_play(players=4, steps=12)
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    table = blend_table(play, rows, screen, vision, REACH)
    tracks = len(rows) // 12
    expected = pd.Series(log_odds(screen)).shift(-lag * tracks)
    np.testing.assert_array_equal(table[f"screen_{lag:+d}"], expected)


def test_means_run_over_the_same_number_of_steps_before_and_after():
    play = make_play(players=3, steps=9)
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    track = (rows.first == 0) & (rows.second == 1)
    values = log_odds(screen)[track]
    table = blend_table(play, rows, screen, vision, REACH)[track]
    assert table["screen_mean_3"].iloc[4] == pytest.approx(values[1:8].mean(), rel=1e-5)
    assert table["screen_most_3"].iloc[4] == values[1:8].max()
    assert table["screen_least_3"].iloc[4] == values[1:8].min()


def test_nothing_beyond_the_reach_is_looked_at():
    play = make_play(players=3, steps=15)
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    far = np.abs(rows.step - 7) > REACH
    changed = np.where(far, np.float32(0.5), screen)
    near = rows.step == 7
    pd.testing.assert_frame_equal(blend_table(play, rows, changed, vision, REACH)[near], blend_table(play, rows, screen, vision, REACH)[near])


def test_a_reach_of_zero_sees_the_step_alone():
    play = make_play()
    rows = all_rows(play)
    assert not [name for name in blend_table(play, rows, *scores_of(rows), 0).columns if "+" in name or "mean" in name]


def test_a_row_knows_the_most_its_players_touch_anybody_and_the_ground():
    play = make_play(players=3, steps=1)
    rows = all_rows(play)  # 0-1, 0-2, 1-2, then the ground of 0, 1, 2
    screen = np.array([0.1, 0.7, 0.3, 0.2, 0.6, 0.4], dtype=np.float32)
    first = blend_table(play, rows, screen, np.full(6, np.nan), 0).iloc[0]
    expected = {"touches_low": 0.3, "touches_high": 0.7, "touches_two_low": 0.1, "touches_two_high": 0.1, "ground_low": 0.2, "ground_high": 0.6}
    for name, probability in expected.items():
        assert first[f"screen_{name}"] == log_odds(np.array(probability, dtype=np.float32)), name


def test_a_row_that_vision_did_not_look_at_is_not_known_there():
    play = make_play()
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    np.testing.assert_array_equal(blend_table(play, rows, screen, vision, REACH)["vision"].isna(), np.isnan(vision))


def test_columns_are_the_same_with_and_without_vision_and_rows():
    play = make_play()
    rows = all_rows(play)
    screen, vision = scores_of(rows)
    columns = list(blend_table(play, rows, screen, vision, REACH).columns)
    assert list(blend_table(play, rows, screen, np.full(len(rows), np.nan), REACH).columns) == columns
    assert list(blend_table(play, rows[:0], screen[:0], vision[:0], REACH).columns) == columns


def test_what_screen_and_vision_say_of_the_row_may_only_raise_its_probability():
    play = make_play()
    rows = all_rows(play)
    rising = rising_columns(list(blend_table(play, rows, *scores_of(rows), REACH).columns))
    assert {"screen", "vision", "vision_-2", "screen_mean_3"} <= set(rising)
    assert not {"distance", "step", "speed_low", "screen_ground_low", "vision_touches_high", "vision_touches_two_low"} & set(rising)
