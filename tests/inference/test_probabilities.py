"""What the models say of each row, beside the submission."""

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.constants import GROUND_TEXT
from player_contact.inference import cascade
from player_contact.inference.bundle import load_bundle
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import InputError
from tests.makers import TinySeason, split_files

TRACKING = split_files("test")[1]
MODELS = ["screen", "vision", "blend"]


def predicted(bundle, season: TinySeason, folder, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The submission, and the table of probabilities."""
    paths = folder / "submission.csv", folder / "probabilities.parquet"
    predict_folder(bundle, season.folder, paths[0], 0, probabilities=paths[1], **options)
    return pd.read_csv(paths[0]), pd.read_parquet(paths[1])


@pytest.fixture
def tables(bundle, filmed_season, tmp_path):
    return predicted(bundle, filmed_season, tmp_path)


def test_there_is_a_line_a_row_of_the_submission_in_its_order(tables):
    submission, table = tables
    assert [*table.columns] == ["contact_id", *MODELS, "threshold", "decided_by", "contact"]
    pd.testing.assert_frame_equal(table[["contact_id", "contact"]], submission, check_dtype=False)


def test_the_blend_and_its_threshold_give_the_decision(tables, bundle):
    table = tables[1]
    thresholds = load_bundle(bundle).thresholds
    ground = table["contact_id"].str.endswith(f"_{GROUND_TEXT}")
    expected = np.where(ground, thresholds.ground, thresholds.pair).astype(np.float32)
    np.testing.assert_array_equal(table["threshold"], expected)
    called = table["blend"].astype(float) >= np.where(ground, thresholds.ground, thresholds.pair)
    np.testing.assert_array_equal(called, table["contact"] == 1)


def test_each_row_tells_what_decided_it(tables):
    table = tables[1]
    known = table[MODELS].notna()
    by = table["decided_by"]
    np.testing.assert_array_equal(by == cascade.VISION, known["vision"])
    np.testing.assert_array_equal(by == cascade.SCREEN, known["screen"] & ~known["vision"])
    np.testing.assert_array_equal(by == cascade.DISTANCE, ~known["screen"])
    np.testing.assert_array_equal(known["blend"], known["screen"])
    assert by.isin([cascade.VISION, cascade.SCREEN, cascade.DISTANCE]).all()
    assert by.nunique() == 3


def test_where_only_the_distance_is_left_no_model_is_asked(
    bundle, tiny_season, tmp_path, monkeypatch
):
    monkeypatch.setattr(cascade, "feature_table", None)
    submission, table = predicted(bundle, tiny_season, tmp_path)
    assert table[MODELS].isna().all(axis=None)
    assert (table["decided_by"] == cascade.DISTANCE).all()
    assert table["contact"].tolist() == submission["contact"].tolist()


def test_rows_without_tracking_are_decided_by_boxes_or_by_nothing(bundle, tiny_season, tmp_path):
    tracking = tiny_season.table(TRACKING)
    player = tracking["nfl_player_id"].iloc[0]
    tiny_season.write(TRACKING, tracking[tracking["nfl_player_id"] != player])
    table = predicted(bundle, tiny_season, tmp_path)[1]
    ids = table["contact_id"].str.split("_", expand=True)
    lost = table[(ids[3] == player) | (ids[4] == player)]
    assert lost[MODELS].isna().all(axis=None)
    by = lost["decided_by"].astype(str)
    ground = lost["contact_id"].str.endswith(f"_{GROUND_TEXT}")
    assert (by[ground] == cascade.NOTHING).all()
    assert set(by[~ground]) <= {cascade.BOXES, cascade.NOTHING}
    assert cascade.BOXES in set(by)
    assert not lost.loc[by == cascade.NOTHING, "contact"].any()


@pytest.mark.parametrize("name", ["submission.csv", "probabilities.csv"])
def test_a_table_needs_a_parquet_file_of_its_own(bundle, tiny_season, tmp_path, name):
    paths = tmp_path / "submission.csv", tmp_path / name
    with pytest.raises(InputError, match="a file of their own"):
        predict_folder(bundle, tiny_season.folder, paths[0], 0, probabilities=paths[1])
    assert not paths[0].exists()


def test_a_folder_in_place_of_the_table_is_refused_before_any_work(bundle, tiny_season, tmp_path):
    (tmp_path / "probabilities.parquet").mkdir()
    with pytest.raises(InputError, match="probabilities"):
        predicted(bundle, tiny_season, tmp_path)
    assert not (tmp_path / "submission.csv").exists()
