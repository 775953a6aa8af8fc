import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.errors import InputError
from player_contact.evaluation.folds import game_of, make_folds


@st.composite
def season_contacts(draw):
    """game_play -> contacts of a season with at least two games, and a number of folds that fits."""
    games = draw(st.lists(st.integers(58_000, 58_600), min_size=2, max_size=12, unique=True))
    plays = [f"{game}_{number:06d}" for game in games for number in range(draw(st.integers(1, 3)))]
    contacts = draw(st.lists(st.integers(0, 300), min_size=len(plays), max_size=len(plays)))
    order = draw(st.permutations(range(len(plays))))
    return pd.Series(contacts, index=plays).iloc[list(order)], draw(st.integers(2, len(games)))


@given(season_contacts(), st.integers(0, 99))
def test_folds_never_share_a_game(case, seed):
    contacts, folds = case
    assert make_folds(contacts, folds, seed).groupby("game")["fold"].nunique().max() == 1


@given(season_contacts(), st.integers(0, 99))
def test_every_play_is_there_once_in_the_given_order_with_its_contacts(case, seed):
    contacts, folds = case
    table = make_folds(contacts, folds, seed)
    assert table["game_play"].tolist() == contacts.index.tolist()
    assert table["contacts"].tolist() == contacts.tolist()


@given(season_contacts(), st.integers(0, 99))
def test_no_fold_is_empty(case, seed):
    contacts, folds = case
    assert set(make_folds(contacts, folds, seed)["fold"]) == set(range(folds))


@given(season_contacts(), st.integers(0, 99))
def test_the_same_seed_gives_the_same_folds_whatever_the_order_of_the_plays(case, seed):
    contacts, folds = case
    one, other = (make_folds(plays, folds, seed).set_index("game_play")["fold"] for plays in (contacts, contacts[::-1]))
    pd.testing.assert_series_equal(one.sort_index(), other.sort_index())


def test_folds_hold_about_the_same_number_of_contacts():
    random = np.random.default_rng(1)
    contacts = pd.Series(random.integers(0, 400, 240), index=[f"{58_000 + number * 5 // 8}_{number:06d}" for number in range(240)])
    load = make_folds(contacts, 5, 1).groupby("fold")["contacts"].sum()
    assert load.max() / load.min() < 1.05


def test_another_seed_makes_other_folds():
    contacts = pd.Series(50, index=[f"{58_000 + number}_000001" for number in range(40)])
    assert not make_folds(contacts, 4, 1)["fold"].equals(make_folds(contacts, 4, 2)["fold"])


def test_more_folds_than_games_are_refused_with_the_way_out():
    contacts = pd.Series([1, 2, 3], index=["58168_000001", "58168_000002", "58171_000001"])
    with pytest.raises(InputError, match=r"^2 games can't make 3 folds\. Set folds to 2 or fewer, or add plays"):
        make_folds(contacts, 3, 1)


def test_the_game_of_a_play_is_its_first_five_digits():
    assert game_of(pd.Series(["58168_003392"])).tolist() == ["58168"]
