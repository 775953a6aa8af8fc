import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from player_contact.features import kinematics, table
from player_contact.features.table import feature_families, feature_names, feature_table, helmet_columns, is_candidate
from player_contact.play import CHANNELS, Rows
from tests.makers import all_rows, make_play, mirrored, plays, swapped


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-3, atol=2e-3)


@given(plays())
def test_swapping_the_players_of_a_pair_changes_no_feature(play):
    rows = all_rows(play)
    assert_same(feature_table(play, swapped(rows)), feature_table(play, rows))


@given(plays())
def test_mirroring_the_field_changes_no_feature(play):
    rows = all_rows(play)
    assert_same(feature_table(mirrored(play), rows), feature_table(play, rows))


@given(plays(), st.integers(0, 2**32 - 1))
def test_shuffling_the_rows_permutes_the_table(play, seed):
    rows = all_rows(play)
    order = np.random.default_rng(seed).permutation(len(rows))
    expected = feature_table(play, rows).iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(feature_table(play, rows[order]), expected)


@given(plays(), st.integers(0, 2**32 - 1))
def test_the_features_of_a_row_do_not_depend_on_which_others_are_asked(play, seed):
    rows = all_rows(play)
    some = np.flatnonzero(np.random.default_rng(seed).random(len(rows)) < 0.3)
    expected = feature_table(play, rows).iloc[some].reset_index(drop=True)
    pd.testing.assert_frame_equal(feature_table(play, rows[some]), expected)


@settings(max_examples=10)
@given(plays())
def test_every_feature_is_a_float32_and_never_infinite(play):
    table = feature_table(play, all_rows(play))
    assert set(table.dtypes) == {np.dtype(np.float32)}
    assert not np.isinf(table.to_numpy()).any()


def test_no_rows_give_an_empty_table_with_all_columns():
    play = make_play()
    table = feature_table(play, all_rows(play)[:0])
    assert len(table) == 0
    assert list(table.columns) == list(feature_table(play, all_rows(play)).columns)


def registered(play):
    """The play as if its boxes lay a few pixels off where they are expected."""
    random = np.random.default_rng(int(play.players[0]))
    views = {
        name: dataclasses.replace(view, residual=random.normal(size=view.boxes[..., :2].shape).astype(np.float32))
        for name, view in play.views.items()
    }
    return dataclasses.replace(play, views=views)


def test_the_helmet_columns_are_those_that_change_with_the_boxes():
    play, other = registered(make_play(seed=1, players=20)), registered(make_play(seed=2, players=20))
    rows = all_rows(play)
    before, after = feature_table(play, rows), feature_table(dataclasses.replace(play, views=other.views), rows)
    changed = [name for name in before.columns if not before[name].equals(after[name])]
    assert sorted(changed) == sorted(helmet_columns())


@given(plays(), st.floats(0.5, 5))
def test_the_candidates_are_the_ground_rows_and_the_pairs_within_reach(play, reach):
    rows = all_rows(play)
    distance = feature_table(play, rows)["distance"].to_numpy()
    candidate = is_candidate(play, rows, reach)
    assert candidate[rows.is_ground].all()
    sensed = ~rows.is_ground & ~np.isnan(distance)
    np.testing.assert_array_equal(candidate[sensed], distance[sensed] <= np.float32(reach))


def test_where_a_player_is_not_tracked_near_helmets_make_a_candidate():
    play = make_play(players=3, steps=3)
    play.position[:, 1] = np.nan
    near, far = [100, 100, 16, 16], [900, 500, 16, 16]
    boxes = np.array([near, [120, 104, 16, 16], far], dtype=np.float32)
    view = dataclasses.replace(
        next(iter(play.views.values())), boxes=np.broadcast_to(boxes, (len(next(iter(play.views.values())).boxes), 3, 4)).copy()
    )
    play = dataclasses.replace(play, views={"Sideline": view})
    rows = Rows(np.zeros(2, int), np.ones(2, int), np.array([0, 1]), np.array([1, 2]))
    assert is_candidate(play, rows, 1.0).tolist() == [True, False]


def test_where_the_sensors_lost_a_player_near_helmets_make_a_candidate():
    play = make_play(players=3, steps=1)
    position = np.full_like(play.position, np.nan)
    boxes = np.full_like(play.views["Sideline"].boxes, np.nan)
    boxes[:] = np.array([[100, 100, 20, 20], [150, 100, 20, 20], [600, 100, 20, 20]])
    blind = dataclasses.replace(play, position=position, views={"Sideline": dataclasses.replace(play.views["Sideline"], boxes=boxes)})
    rows = all_rows(play)  # 0-1, 0-2, 1-2, then the ground
    assert is_candidate(blind, rows, 2.0).tolist() == [True, False, False, True, True, True]


def test_where_the_sensors_know_better_near_helmets_make_no_candidate():
    play = make_play(players=2, steps=1)
    position = np.array([[[10, 10], [40, 40]]], dtype=np.float32)
    views = {"Sideline": dataclasses.replace(play.views["Sideline"], boxes=np.full_like(play.views["Sideline"].boxes, 50))}
    rows = all_rows(play)
    assert is_candidate(dataclasses.replace(play, position=position, views=views), rows, 2.0).tolist() == [False, True, True]


def test_the_names_of_the_features_are_the_columns_of_the_table():
    play = make_play()
    assert feature_names() == list(feature_table(play, all_rows(play)).columns)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_play_of_hardly_a_step_has_features(steps):
    play = make_play(players=2, steps=steps)
    assert np.isfinite(feature_table(play, all_rows(play))["speed_low"]).all()


def test_every_feature_belongs_to_one_family():
    families = feature_families()
    names = [name for family in families.values() for name in family]
    assert sorted(names) == sorted(feature_names())
    assert len(names) >= 300


def test_a_feature_named_twice_is_refused(monkeypatch):
    monkeypatch.setattr(table, "PAIR_FEATURES", [*table.PAIR_FEATURES, ("more", kinematics.approach)])
    with pytest.raises(ValueError, match="two features are named 'across_high'"):
        feature_names()


def test_a_player_who_was_never_tracked_does_not_look_like_one_who_lies_still():
    play = make_play(players=6, steps=30)
    play.position[:, 2] = np.nan
    for name in CHANNELS:
        getattr(play, name)[:, 2] = np.nan
    rows = all_rows(play)
    table = feature_table(play, rows)
    his = (rows.first == 2) | (rows.second == 2)
    sensed = [name for family, names in feature_families().items() if family != "helmets" for name in names]
    of_play = [name for name in sensed if not name.endswith(("_low", "_high")) and table.loc[rows.is_ground, name].notna().any()]
    alone = table.loc[his & rows.is_ground, [name for name in sensed if name not in of_play]]
    assert alone.isna().all(axis=None)
    assert table.loc[his & ~rows.is_ground, "same_team"].isna().all()


def test_the_order_of_the_players_changes_no_feature():
    play = make_play(players=20, steps=12)  # three passers among them
    order = np.random.default_rng(3).permutation(20)
    place = np.argsort(order)
    moved = dataclasses.replace(
        play,
        position=play.position[:, order],
        home=play.home[order],
        role=play.role[order],
        views={name: dataclasses.replace(view, boxes=view.boxes[:, order]) for name, view in play.views.items()},
        **{name: getattr(play, name)[:, order] for name in CHANNELS},
    )
    rows = all_rows(play)
    elsewhere = Rows(rows.row, rows.step, place[rows.first], np.where(rows.is_ground, -1, place[rows.second]))
    assert_same(feature_table(moved, elsewhere), feature_table(play, rows))
