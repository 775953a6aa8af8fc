import pandas as pd
import pytest

from player_contact.competition import constants


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("test_player_tracking.csv", constants.TRACKING_COLUMNS),
        ("test_baseline_helmets.csv", constants.HELMET_COLUMNS),
        ("test_video_metadata.csv", constants.VIDEO_COLUMNS),
        ("train_video_metadata.csv", constants.VIDEO_COLUMNS),
        ("sample_submission.csv", constants.SUBMISSION_COLUMNS),
    ],
)
def test_the_real_files_have_these_columns_in_this_order(real_files, file, columns):
    assert tuple(pd.read_csv(real_files / file, nrows=0).columns) == columns
