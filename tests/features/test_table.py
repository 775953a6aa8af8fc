import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.features import kinematics, table
from player_contact.features.table import (
    feature_families,
    feature_names,
    feature_table,
    helmet_columns,
    is_candidate,
    is_tracked,
)
from player_contact.play import CHANNELS, Play, Rows
from tests.makers import all_rows, make_play, mirrored, plays, swapped

SEEDS = st.integers(0, 2**32 - 1)


def assert_same(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, expected, check_exact=False, rtol=1e-3, atol=2e-3)


@given(plays())
def test_swapping_the_players_of_a_pair_changes_no_feature(play):
    rows = all_rows(play)
    assert_same(feature_table(play, swapped(rows)), feature_table(play, rows))


@given(plays())
def test_mirroring_the_field_changes_no_feature(play):
    rows = all_rows(play)
    assert_same(feature_table(mirrored(play), rows), feature_table(play, rows))


@given(plays(), SEEDS, st.sampled_from([0.3, 1.0]))
def test_a_row_does_not_depend_on_the_other_rows(play, seed, share):
    rows = all_rows(play)
    index = np.random.default_rng(seed).permutation(len(rows))[: round(share * len(rows))]
    expected = feature_table(play, rows).iloc[index].reset_index(drop=True)
    pd.testing.assert_frame_equal(feature_table(play, rows[index]), expected)


@settings(max_examples=10)
@given(plays())
def test_every_feature_is_a_float32_and_never_infinite(play):
    features = feature_table(play, all_rows(play))
    assert set(features.dtypes) == {np.dtype(np.float32)}
    assert not np.isinf(features.to_numpy()).any()


def test_no_rows_give_an_empty_table_with_all_columns():
    play = make_play()
    features = feature_table(play, all_rows(play)[:0])
    assert len(features) == 0
    assert list(features.columns) == list(feature_table(play, all_rows(play)).columns)


def registered_play(seed: int) -> Play:
    """Its boxes lie a few pixels off where they are expected."""
    play, random = make_play(seed=seed, players=20), np.random.default_rng(seed)
    views = {}
    for name, view in play.views.items():
        residual = random.normal(size=view.boxes[..., :2].shape).astype(np.float32)
        views[name] = dataclasses.replace(view, residual=residual)
    return dataclasses.replace(play, views=views)


def test_the_helmet_columns_are_those_that_change_with_the_boxes():
    play, other = registered_play(1), registered_play(2)
    rows = all_rows(play)
    before = feature_table(play, rows)
    after = feature_table(dataclasses.replace(play, views=other.views), rows)
    changed = [name for name in before.columns if not before[name].equals(after[name])]
    assert sorted(changed) == sorted(helmet_columns())


@given(plays(), st.floats(0.5, 5))
def test_candidates_are_tracked_ground_rows_and_pairs_within_reach(play, reach):
    rows = all_rows(play)
    distance = feature_table(play, rows)["distance"].to_numpy()
    candidate = is_candidate(play, rows, reach)
    tracked = ~np.isnan(play.position[rows.step, rows.first, 0])
    np.testing.assert_array_equal(candidate[rows.is_ground], tracked[rows.is_ground])
    pair = ~rows.is_ground
    np.testing.assert_array_equal(candidate[pair], distance[pair] <= np.float32(reach))


@pytest.mark.parametrize("untracked", [[1], [0, 1, 2]])
def test_rows_of_untracked_players_are_no_candidates(untracked):
    play = make_play(players=3, steps=1)
    play.position[:] = 10
    play.position[:, untracked] = np.nan
    rows = all_rows(play)
    gone = np.isin(rows.first, untracked) | np.isin(rows.second, untracked)
    np.testing.assert_array_equal(is_tracked(play, rows), ~gone)
    np.testing.assert_array_equal(is_candidate(play, rows, 2.0), ~gone)


def test_near_helmets_of_tracked_players_make_no_candidate():
    play = make_play(players=2, steps=1)
    play.position[:] = np.float32([[10, 10], [40, 40]])
    play.views["Sideline"].boxes[:] = 50
    assert is_candidate(play, all_rows(play), 2.0).tolist() == [False, True, True]


def test_feature_names_are_the_columns_of_the_table():
    play = make_play()
    assert feature_names() == list(feature_table(play, all_rows(play)).columns)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_play_of_hardly_a_step_has_features(steps):
    play = make_play(players=2, steps=steps)
    assert np.isfinite(feature_table(play, all_rows(play))["speed_low"]).all()


def test_every_feature_belongs_to_one_family():
    names = [name for family in feature_families().values() for name in family]
    assert sorted(names) == sorted(feature_names())
    assert len(names) >= 300


def test_a_feature_named_twice_is_refused(monkeypatch):
    twice = [*table.PAIR_FEATURES, ("more", kinematics.pair_kinematics)]
    monkeypatch.setattr(table, "PAIR_FEATURES", twice)
    with pytest.raises(ValueError, match="two features are named 'across_high'"):
        feature_names()


def test_an_untracked_player_is_not_like_one_who_lies_still():
    play = make_play(players=6, steps=30)
    for name in ("position", *CHANNELS):
        getattr(play, name)[:, 2] = np.nan
    rows = all_rows(play)
    features = feature_table(play, rows).drop(columns=helmet_columns())
    untracked = (rows.first == 2) | (rows.second == 2)
    by_player = [name for name in features if name.endswith(("_low", "_high"))]
    by_pair = [name for name in features if features.loc[rows.is_ground, name].isna().all()]
    assert len(by_player) > 200
    assert "same_team" in by_pair
    assert features.loc[untracked & rows.is_ground, by_player].isna().all(axis=None)
    assert features.loc[untracked & ~rows.is_ground, by_pair].isna().all(axis=None)


def test_the_order_of_the_players_changes_no_feature():
    play = make_play(players=20, steps=12)  # three passers among them
    order = np.random.default_rng(3).permutation(20)
    arrays = {name: getattr(play, name)[:, order] for name in ("position", *CHANNELS)}
    arrays |= {name: getattr(play, name)[order] for name in ("home", "role")}
    arrays["views"] = {
        name: dataclasses.replace(view, boxes=view.boxes[:, order])
        for name, view in play.views.items()
    }
    rows, index = all_rows(play), np.argsort(order)
    second = np.where(rows.is_ground, -1, index[rows.second])
    moved = Rows(rows.row, rows.step, index[rows.first], second)
    shuffled = dataclasses.replace(play, **arrays)
    assert_same(feature_table(shuffled, moved), feature_table(play, rows))
