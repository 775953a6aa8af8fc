import dataclasses

import numpy as np
import pandas as pd
import pytest

from player_contact.boosting.booster import booster_probability
from player_contact.boosting.out_of_fold import FoldedTable, Training, out_of_fold
from player_contact.config import BoosterConfig

COLUMNS = ["gap", "noise"]


@pytest.fixture
def table():
    random = np.random.default_rng(1)
    values = random.normal(size=(300, 2)).astype(np.float32)
    return FoldedTable(values, COLUMNS, values[:, 0] > 0.3, np.arange(300) % 3)


@pytest.fixture
def training(tmp_path):
    return Training(BoosterConfig(rounds=10, min_rows_in_leaf=5), seed=1, threads=1, prefix=tmp_path / "fold")


def texts(training) -> list[str]:
    return [training.prefix.with_name(f"fold{fold}.txt").read_text() for fold in range(3)]


def test_a_row_is_scored_by_the_booster_of_its_fold(table, training):
    probability = out_of_fold(table, training, "training", 1)
    for fold, text in enumerate(texts(training)):
        inside = table.fold == fold
        expected = booster_probability(text, pd.DataFrame(table.values[inside], columns=COLUMNS), 1)
        np.testing.assert_array_equal(probability[inside], expected)


def test_no_label_of_a_fold_reaches_its_booster_and_every_other_does(table, training):
    out_of_fold(table, training, "training", 1)
    before = texts(training)
    out_of_fold(dataclasses.replace(table, label=np.where(table.fold == 0, ~table.label, table.label)), training, "training", 1)
    assert [one == other for one, other in zip(before, texts(training), strict=True)] == [True, False, False]


def test_workers_change_no_probability(table, training):
    np.testing.assert_array_equal(*(out_of_fold(table, training, "training", workers) for workers in (1, 2)))
