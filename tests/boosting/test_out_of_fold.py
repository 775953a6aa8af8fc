import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from player_contact.boosting.booster import booster_probability
from player_contact.boosting.out_of_fold import FoldedTable, Training, checkpoints, out_of_fold
from player_contact.competition.metric import best_thresholds
from player_contact.config import BoosterConfig
from player_contact.stored import StoredArray

COLUMNS = {"gap": 0, "noise": 2}


@pytest.fixture
def table():
    random = np.random.default_rng(1)
    parts = [random.normal(size=(rows, 3)).astype(np.float32) for rows in (70, 50, 0, 90, 60, 30)]
    gap = np.concatenate(parts)[:, 0]
    return FoldedTable(parts, np.array([0, 1, 2, 2, 0, 1]), COLUMNS, gap > 0.3, np.arange(300) % 2 == 0, filtered=(100, 3))


@pytest.fixture
def training(tmp_path):
    return Training(BoosterConfig(rounds=10, min_rows_in_leaf=5), seed=1, threads=1, prefix=tmp_path / "fold")


def texts(training) -> list[str]:
    return [training.prefix.with_name(f"fold{fold}.txt").read_text() for fold in range(3)]


def test_a_row_is_scored_by_the_booster_of_its_fold(table, training):
    probability = out_of_fold(table, training, "training", 1).probability
    for fold, text in enumerate(texts(training)):
        inside = table.fold_of_row == fold
        values = pd.DataFrame(np.concatenate(table.parts)[:, list(COLUMNS.values())], columns=list(COLUMNS))
        np.testing.assert_allclose(probability[inside], booster_probability(text, values[inside], 1), rtol=1e-6)


def test_no_label_of_a_fold_reaches_its_booster_and_every_other_does(table, training):
    out_of_fold(table, training, "training", 1)
    before = texts(training)
    out_of_fold(dataclasses.replace(table, label=np.where(table.fold_of_row == 0, ~table.label, table.label)), training, "training", 1)
    assert [one == other for one, other in zip(before, texts(training), strict=True)] == [True, False, False]


def test_workers_change_no_probability(table, training):
    np.testing.assert_array_equal(*(out_of_fold(table, training, "training", workers).probability for workers in (1, 2)))


def test_the_curve_scores_every_row_and_what_was_filtered_out_counts_as_no_contact(table, training):
    trained = out_of_fold(table, training, "training", 1)
    label = np.concatenate([table.label, np.arange(100) < 3])
    probability = np.concatenate([trained.probability, np.zeros(100)])
    thresholds = best_thresholds(table.label, trained.probability, table.ground)
    decided = thresholds.decide(probability, np.concatenate([table.ground, np.zeros(100, dtype=bool)]))
    assert list(trained.curve) == checkpoints(training.settings.rounds) == [2, 5, 7, 10]
    assert trained.curve[10] == pytest.approx(matthews_corrcoef(label, decided))


def test_features_on_disk_give_the_same_booster(table, training, tmp_path):
    expected = out_of_fold(table, training, "training", 1).probability
    for number, part in enumerate(table.parts):
        np.save(tmp_path / f"{number}.npy", part)
    on_disk = dataclasses.replace(table, parts=[StoredArray(tmp_path / f"{number}.npy") for number in range(len(table.parts))])
    for workers in (1, 2):
        np.testing.assert_array_equal(out_of_fold(on_disk, training, "training", workers).probability, expected)


def test_few_rounds_have_fewer_checkpoints():
    assert checkpoints(1) == [1]
    assert checkpoints(2) == [1, 2]
