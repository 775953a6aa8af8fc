import numpy as np
import pandas as pd
import pytest

from player_contact.boosting.booster import (
    importance,
    predict_booster,
    staged_probabilities,
    train_booster,
)
from player_contact.config import BoosterConfig
from player_contact.utils.logits import logit, sigmoid

CONFIG = BoosterConfig(num_boost_round=20, min_data_in_leaf=5)


def train(table, label, seed=1, config=CONFIG, **options):
    columns = {name: index for index, name in enumerate(table.columns)}
    return train_booster([table.to_numpy()], columns, label, config, seed, 1, **options)


@pytest.fixture(scope="module")
def table():
    values = np.random.default_rng(1).normal(size=(400, 3)).astype(np.float32)
    table = pd.DataFrame(values, columns=["gap", "speed", "noise"])
    table.loc[::7, "speed"] = np.nan
    return table


@pytest.fixture(scope="module")
def label(table):
    return table["gap"].to_numpy() > 0.5


@pytest.fixture(scope="module")
def booster(table, label):
    return train(table, label)


def test_after_round_is_called_every_round_and_changes_nothing(booster, table, label):
    calls = []
    assert train(table, label, after_round=lambda: calls.append(1)) == booster
    assert len(calls) == CONFIG.num_boost_round


def test_every_setting_reaches_lightgbm(table, label):
    values = {
        "num_boost_round": 3, "learning_rate": 0.07, "num_leaves": 6, "min_data_in_leaf": 11,
        "feature_fraction": 0.6, "bagging_fraction": 0.9, "lambda_l2": 2.5, "max_bin": 31,
    }  # fmt: skip
    text = train(table, label, config=BoosterConfig(**values))
    assert text.count("Tree=") == values.pop("num_boost_round")
    for name, value in values.items():
        assert f"[{name}: {value}]" in text


def test_a_label_that_the_features_decide_is_predicted(booster, table, label):
    probability = predict_booster(booster, table, 1)
    assert probability.dtype == np.float32
    assert probability[label].min() > probability[~label].max()


def test_other_orders_of_columns_and_more_of_them_change_nothing(booster, table):
    shuffled = table[["noise", "gap", "speed"]].assign(more=1.0)
    expected = predict_booster(booster, table, 1)
    np.testing.assert_array_equal(predict_booster(booster, shuffled, 1), expected)


def test_a_missing_column_is_named(booster, table):
    with pytest.raises(KeyError, match="speed"):
        predict_booster(booster, table.drop(columns="speed"), 1)


def test_no_rows_have_no_probabilities(booster, table):
    assert predict_booster(booster, table.iloc[:0], 1).shape == (0,)


@pytest.mark.parametrize(("seed", "same"), [(1, True), (2, False)])
def test_the_same_seed_gives_the_same_text(booster, table, label, seed, same):
    assert (train(table, label, seed) == booster) == same


def test_a_booster_of_one_class_predicts_that_class(table):
    booster = train(table, np.zeros(len(table), dtype=bool))
    assert predict_booster(booster, table, 1).max() < 0.01


def test_the_probability_never_falls_along_an_increasing_column(table):
    label = np.random.default_rng(2).random(len(table)) < 0.5
    grid = pd.DataFrame({"gap": np.linspace(-3, 3, 200), "speed": 0.3, "noise": -0.2})
    constrained = predict_booster(train(table, label, increasing=["gap"]), grid, 1)
    assert (np.diff(constrained) >= 0).all()
    free = predict_booster(train(table, label), grid, 1)
    assert (np.diff(free) < 0).any(), "it falls without the constraint"


def test_the_feature_that_decides_is_the_most_important(booster):
    gain = importance([booster, booster])
    assert gain.index[0] == "gap"
    assert gain["gap"] > 0.7
    assert gain.sum() == pytest.approx(1)


def test_trees_that_start_from_odds_correct_them_where_they_are_wrong():
    """The odds are right for half of the rows, and turned round for those of `turned`."""
    rng = np.random.default_rng(3)
    label, turned = rng.random(4_000) < 0.3, rng.random(4_000) < 0.5
    odds = np.where(label == turned, -2.0, 2.0)
    table = pd.DataFrame({"odds": odds, "turned": turned}).astype(np.float32)
    config = CONFIG.model_copy(update={"feature_fraction": 1.0, "num_boost_round": 100})
    model = train(table, label, config=config, start="odds")
    probability = predict_booster(model, table, 1, "odds")
    assert ((probability > 0.5) == label).mean() > 0.99
    unchanged = predict_booster(model, table, 1)  # what the trees add, without the odds
    np.testing.assert_allclose(logit(probability), logit(unchanged) + table["odds"], atol=0.01)


def test_trees_without_a_reason_leave_the_odds_that_they_start_from():
    rng = np.random.default_rng(4)
    odds = rng.normal(0, 2, 4_000)
    label = rng.random(4_000) < sigmoid(odds)
    table = pd.DataFrame({"odds": odds, "noise": rng.random(4_000)}).astype(np.float32)
    started = predict_booster(train(table, label, start="odds"), table, 1, "odds")
    anew = predict_booster(train(table, label), table, 1)
    off, off_anew = (np.abs(values - sigmoid(odds)).mean() for values in (started, anew))
    assert off < 0.7 * off_anew


def test_each_stage_of_a_booster_starts_from_the_odds():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(600, 2)).astype(np.float32)
    label, columns = rng.random(600) < 0.4, {"odds": 0, "other": 1}
    config = BoosterConfig(num_boost_round=10, min_data_in_leaf=10)
    text = train_booster([values], columns, label, config, 1, 1, start="odds")
    staged = staged_probabilities(text, [values[:400], values[400:]], columns, [5, 10], 1, "odds")
    table = pd.DataFrame(values, columns=[*columns])
    np.testing.assert_allclose(staged[-1], predict_booster(text, table, 1, "odds"), rtol=1e-5)
    assert not np.allclose(staged[0], staged[1])
