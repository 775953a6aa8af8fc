import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.evaluation.folds import game_of, make_folds
from player_contact.utils.errors import InputError

SEEDS = st.integers(0, 99)


@st.composite
def seasons(draw):
    """Contacts by game_play of at least two games, and a number of folds that fits."""
    games = draw(st.lists(st.integers(58_000, 58_600), min_size=2, max_size=12, unique=True))
    plays = [f"{game}_{number:06d}" for game in games for number in range(draw(st.integers(1, 3)))]
    contacts = draw(st.lists(st.integers(0, 300), min_size=len(plays), max_size=len(plays)))
    order = draw(st.permutations(range(len(plays))))
    return pd.Series(contacts, index=plays).iloc[list(order)], draw(st.integers(2, len(games)))


@given(seasons(), SEEDS)
def test_folds_never_share_a_game_and_none_is_empty(season, seed):
    contacts, folds = season
    table = make_folds(contacts, folds, seed)
    assert table.groupby("game")["fold"].nunique().max() == 1
    assert set(table["fold"]) == set(range(folds))


@given(seasons(), SEEDS)
def test_every_play_keeps_its_order_and_contacts(season, seed):
    contacts, folds = season
    table = make_folds(contacts, folds, seed)
    assert table["game_play"].tolist() == contacts.index.tolist()
    assert table["contacts"].tolist() == contacts.tolist()


@given(seasons(), SEEDS)
def test_the_order_of_the_plays_changes_no_fold(season, seed):
    contacts, folds = season
    first, second = (
        make_folds(plays, folds, seed).set_index("game_play")["fold"].sort_index()
        for plays in (contacts, contacts[::-1])
    )
    pd.testing.assert_series_equal(first, second)


def test_folds_hold_about_the_same_number_of_contacts():
    plays = [f"{58_000 + number * 5 // 8}_{number:06d}" for number in range(240)]
    contacts = pd.Series(np.random.default_rng(1).integers(0, 400, 240), index=plays)
    load = make_folds(contacts, 5, 1).groupby("fold")["contacts"].sum()
    assert load.max() / load.min() < 1.05


def test_another_seed_makes_other_folds():
    contacts = pd.Series(50, index=[f"{58_000 + number}_000001" for number in range(40)])
    assert not make_folds(contacts, 4, 1)["fold"].equals(make_folds(contacts, 4, 2)["fold"])


@pytest.mark.parametrize(
    ("games", "way_out"),
    [
        (3, "Set folds to 3 or fewer, or add plays of other games"),
        (2, "Set folds to 2 or fewer, or add plays of other games"),
        (1, "Add plays of other games"),  # there are no fewer than two folds
    ],
)
def test_more_folds_than_games_are_refused_with_a_way_out(games, way_out):
    contacts = pd.Series(
        1, index=[f"{58_168 + number // 2}_{number}" for number in range(2 * games)]
    )
    with pytest.raises(InputError, match=rf"^{games} games can't make 4 folds\. {way_out}$"):
        make_folds(contacts, 4, 1)


def test_the_game_of_a_play_is_its_first_five_digits():
    assert game_of(pd.Series(["58168_003392"])).tolist() == ["58168"]
