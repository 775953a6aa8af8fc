import pandas as pd
import pytest

from player_contact.competition import names


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("test_player_tracking.csv", names.TRACKING_COLUMNS),
        ("test_baseline_helmets.csv", names.HELMET_COLUMNS),
        ("test_video_metadata.csv", names.VIDEO_COLUMNS),
        ("train_video_metadata.csv", names.VIDEO_COLUMNS),
        ("sample_submission.csv", names.SUBMISSION_COLUMNS),
    ],
)
def test_the_real_files_have_these_columns_in_this_order(real_files, file, columns):
    assert tuple(pd.read_csv(real_files / file, nrows=0).columns) == columns
