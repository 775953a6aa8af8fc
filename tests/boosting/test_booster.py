import numpy as np
import pandas as pd
import pytest

from player_contact.boosting.booster import booster_probability, importance, train_booster
from player_contact.config import BoosterConfig

CONFIG = BoosterConfig(rounds=20, min_rows_in_leaf=5)


def train(table, label, seed=1, rising=()):
    return train_booster([table.to_numpy()], {name: place for place, name in enumerate(table.columns)}, label, CONFIG, seed, 1, rising)


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(1)
    values = pd.DataFrame(random.normal(size=(400, 3)).astype(np.float32), columns=["gap", "speed", "noise"])
    values.loc[::7, "speed"] = np.nan
    return values


@pytest.fixture(scope="module")
def label(table):
    return table["gap"].to_numpy() > 0.5


@pytest.fixture(scope="module")
def booster(table, label):
    return train(table, label)


def test_every_round_is_told_of_and_that_changes_nothing(booster, table, label):
    told = []
    text = train_booster([table.to_numpy()], dict(zip(table.columns, range(3), strict=True)), label, CONFIG, 1, 1, after_round=lambda: told.append(1))
    assert len(told) == CONFIG.rounds
    assert text == booster


def test_what_can_be_told_from_the_features_is_learnt(booster, table, label):
    probability = booster_probability(booster, table, 1)
    assert probability.dtype == np.float32
    assert probability[label].min() > probability[~label].max()


def test_columns_in_another_order_and_more_of_them_change_no_probability(booster, table):
    other = table[["noise", "gap", "speed"]].assign(more=1.0)
    np.testing.assert_array_equal(booster_probability(booster, other, 1), booster_probability(booster, table, 1))


def test_a_missing_column_is_named(booster, table):
    with pytest.raises(KeyError, match="speed"):
        booster_probability(booster, table.drop(columns="speed"), 1)


def test_no_rows_have_no_probabilities(booster, table):
    assert booster_probability(booster, table.iloc[:0], 1).shape == (0,)


@pytest.mark.parametrize(("seed", "same"), [(1, True), (2, False)])
def test_the_same_seed_gives_the_same_text(booster, table, label, seed, same):
    assert (train(table, label, seed) == booster) == same


def test_rows_of_one_class_alone_give_a_booster_that_says_so(table):
    booster = train(table, np.zeros(len(table), dtype=bool))
    assert booster_probability(booster, table, 1).max() < 0.01


def test_the_probability_never_falls_where_a_rising_column_rises(table):
    label = np.random.default_rng(2).random(len(table)) < 0.5
    booster = train(table, label, rising=["gap"])
    grid = pd.DataFrame({"gap": np.linspace(-3, 3, 200), "speed": 0.3, "noise": -0.2})
    probability = booster_probability(booster, grid, 1)
    assert (np.diff(probability) >= 0).all()
    free = booster_probability(train(table, label), grid, 1)
    assert (np.diff(free) < 0).any(), "without the rule it does fall, so the rule has something to do"


def test_what_decides_is_the_most_important(booster):
    gain = importance([booster, booster])
    assert gain.index[0] == "gap"
    assert gain["gap"] > 0.7
    assert gain.sum() == pytest.approx(1)
