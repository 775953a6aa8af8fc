import pandas as pd
import pytest

from player_contact.inference.predict import predict_folder
from tests.makers import TinySeason, split_files

IDS = split_files("test")[0]


@pytest.fixture
def predict(bundle, tmp_path):
    """Predicts a season's folder; returns the submission and the counts."""

    def run(season: TinySeason, folder=bundle, workers: int = 0, **options):
        path = tmp_path / "submission.csv"
        counts = predict_folder(folder, season.folder, path, workers, **options)
        submission = pd.read_csv(path)
        assert list(submission.columns) == ["contact_id", "contact"]
        assert submission["contact_id"].tolist() == season.table(IDS)["contact_id"].tolist()
        assert set(submission["contact"]) <= {0, 1}
        return submission, counts

    return run
