import random
import subprocess
import sys
import time

import pandas as pd
import pytest

from player_contact.kaggle import submit
from run_checks import submission_check
from run_checks.submission import SubmissionError
from run_checks.submission_check import SubmissionCheckError, check_submissions
from tests.conftest import ROOT
from tests.run_checks import quick_submit


def test_a_submission_is_whole_whatever_disturbs(bundle, filmed_season, monkeypatch):
    assert submit.__name__ == submission_check.PROGRAM
    monkeypatch.setattr(submission_check, "PROGRAM", quick_submit.__name__)
    monkeypatch.chdir(ROOT)
    lines = list(check_submissions(bundle, filmed_season.folder, kills=1, seed=4))
    assert lines[0].startswith("undisturbed: ")
    assert "after the first file: whole; ended" in lines[1]
    assert ".mp4 emptied: whole; ended well" in lines[2]
    short, *fell_back = lines[3].splitlines()
    assert short.endswith("MB of memory, half: whole; ended well")
    assert fell_back, "nothing was killed"


def test_a_submission_that_is_cut_short_is_found(tiny_season, tmp_path):
    prediction = submission_check.Prediction(tmp_path)
    ids = pd.read_csv(tiny_season.folder / "sample_submission.csv")
    ids.iloc[:-1].to_csv(prediction.output, index=False)
    with pytest.raises(SubmissionError, match="does not hold the ids"):
        submission_check._whole(prediction, tiny_season.folder, must_end=False)


def test_a_prediction_that_fails_is_told_with_its_last_lines(tiny_season, tmp_path):
    prediction = submission_check.Prediction(tmp_path, code=1, lines=["no such bundle"])
    with pytest.raises(SubmissionCheckError, match="the notebook ended with 1:\n  no such bundle"):
        submission_check._whole(prediction, tiny_season.folder, must_end=True)


PARENT = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
)


@pytest.mark.parametrize("main", [True, False])
def test_the_main_process_is_killed_or_another(main):
    process = subprocess.Popen([sys.executable, "-c", PARENT], start_new_session=True)
    while not submission_check._children(process.pid):
        time.sleep(0.05)
    others = submission_check._children(process.pid)
    submission_check._kill(process, main=main, delay=0.0, draw=random.Random(1))
    assert process.wait() == (-9 if main else 0)  # the other one lets it end
    if main:
        subprocess.run(["kill", *map(str, others)], check=False)
