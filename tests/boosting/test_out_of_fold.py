import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef

from player_contact.boosting.booster import predict_booster
from player_contact.boosting.out_of_fold import FoldedTable, Training, checkpoints, out_of_fold
from player_contact.competition.metric import best_thresholds
from player_contact.config import BoosterConfig
from player_contact.utils.npy_array import NpyArray

COLUMNS = {"gap": 0, "noise": 2}


@pytest.fixture
def table():
    random = np.random.default_rng(1)
    parts = [random.normal(size=(rows, 3)).astype(np.float32) for rows in (70, 50, 0, 90, 60, 30)]
    label = np.concatenate(parts)[:, 0] > 0.3
    fold, is_ground = np.array([0, 1, 2, 2, 0, 1]), np.arange(300) % 2 == 0
    return FoldedTable(parts, fold, COLUMNS, label, is_ground, filtered=(100, 3))


@pytest.fixture
def training(tmp_path):
    config = BoosterConfig(num_boost_round=10, min_data_in_leaf=5)
    return Training(config, seed=1, num_threads=1, prefix=tmp_path / "fold")


def train(table, training, workers=1):
    return out_of_fold(table, training, "training", workers)


def texts(training) -> list[str]:
    return [training.prefix.with_name(f"fold{fold}.txt").read_text() for fold in range(3)]


def test_a_row_is_scored_by_the_booster_of_its_fold(table, training):
    trained = train(table, training)
    values = np.concatenate(table.parts)[:, list(COLUMNS.values())]
    features = pd.DataFrame(values, columns=list(COLUMNS))
    for fold, text in enumerate(texts(training)):
        inside = table.per_row(table.fold) == fold
        expected = predict_booster(text, features[inside], 1)
        np.testing.assert_allclose(trained.probability[inside], expected, rtol=1e-6)


def test_a_booster_is_trained_on_the_labels_of_all_other_folds(table, training):
    assert train(table, training).train_parts == {0: [1, 2, 3, 5], 1: [0, 2, 3, 4], 2: [0, 1, 4, 5]}
    before = texts(training)
    flipped = np.where(table.per_row(table.fold) == 0, ~table.label, table.label)
    train(dataclasses.replace(table, label=flipped), training)
    assert list(map(str.__eq__, before, texts(training))) == [True, False, False]


@pytest.mark.slow
def test_workers_change_no_probability(table, training):
    one, two = (train(table, training, workers).probability for workers in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_the_score_counts_filtered_rows_as_no_contact(table, training):
    trained = train(table, training)
    label = np.concatenate([table.label, np.arange(100) < 3])
    probability = np.concatenate([trained.probability, np.zeros(100)])
    is_ground = np.concatenate([table.is_ground, np.zeros(100, dtype=bool)])
    thresholds = best_thresholds(table.label, trained.probability, table.is_ground)
    expected = matthews_corrcoef(label, thresholds.decide(probability, is_ground))
    assert list(trained.mcc_by_rounds) == [2, 5, 7, 10]
    assert trained.mcc_by_rounds[10] == pytest.approx(expected)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_features_on_disk_give_the_same_booster(table, training, tmp_path, workers):
    expected = train(table, training).probability
    paths = [tmp_path / f"{number}.npy" for number in range(len(table.parts))]
    for path, part in zip(paths, table.parts, strict=True):
        np.save(path, part)
    on_disk = dataclasses.replace(table, parts=[NpyArray(path) for path in paths])
    np.testing.assert_array_equal(train(on_disk, training, workers).probability, expected)


@pytest.mark.parametrize(
    ("rounds", "expected"), [(1, [1]), (2, [1, 2]), (200, [50, 100, 150, 200])]
)
def test_checkpoints_are_quarters_of_the_rounds(rounds, expected):
    assert checkpoints(rounds) == expected
