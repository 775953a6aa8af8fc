"""What a time budget costs: plays predicted with all the time they need, without their videos, and within a share of the time."""

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from player_contact.checks.damages import TABLES
from player_contact.competition.metric import count, matthews
from player_contact.errors import InputError
from player_contact.kaggle.rehearsal import check_submission
from player_contact.predict import predict_folder

SHARE = 1 / 3  # of the time that all needs
LATE = 1.1  # a budget may be passed by a tenth


@dataclass(frozen=True)
class Timed:
    """One way to predict: how long it took, how many of the plays vision decided, and its score against the truth."""

    seconds: float
    plays: int
    looked_at: int
    mcc: float


@dataclass(frozen=True)
class BudgetCheck:
    """All that is compared; `budget` in seconds."""

    full: Timed
    screen: Timed
    budget: float
    limited: Timed

    @property
    def in_time(self) -> bool:
        """Whether the budget was kept."""
        return self.limited.seconds <= LATE * self.budget

    @property
    def between(self) -> bool:
        """Whether the score lies between that of the screen and that with all the time."""
        low, high = sorted((self.screen.mcc, self.full.mcc))
        return low <= self.limited.mcc <= high


def check_budget(bundle: Path, season: Path, workers: int) -> BudgetCheck:
    """Predicts a simulated season's test plays three times, each time in a new process. Raises InputError where the season has no truth or no videos,
    and RehearsalError where a submission is not whole."""
    if not (season / "truth" / "test_labels.csv").is_file() or not any((season / "test").glob("*.mp4")):
        raise InputError(f"{season} is no simulated season with videos: there is nothing to score a budget by")
    with tempfile.TemporaryDirectory() as name:
        tables = Path(name) / "tables"
        (tables / "test").mkdir(parents=True)
        for table in TABLES:
            shutil.copyfile(season / table, tables / table)
        output = Path(name) / "submission.csv"
        full = _timed(bundle, season, season, output, workers, float("inf"))
        screen = _timed(bundle, tables, season, output, workers, float("inf"))
        budget = SHARE * full.seconds
        return BudgetCheck(full, screen, budget, _timed(bundle, season, season, output, workers, budget))


def budget_text(check: BudgetCheck) -> str:
    """For a person."""
    lines = [f"{'':24}{'seconds':>8}{'plays looked at':>18}{'MCC':>8}"]
    for name, one in (("all the time it needs", check.full), ("without videos", check.screen), (f"within {check.budget:.0f} s", check.limited)):
        lines.append(f"{name:24}{one.seconds:8.1f}{f'{one.looked_at} of {one.plays}':>18}{one.mcc:8.3f}")
    used = 100 * check.limited.seconds / check.budget
    lines.append(f"the budget was {'kept' if check.in_time else 'NOT kept'}: {used:.0f} % of it used")
    lines.append(f"the score lies {'' if check.between else 'NOT '}between that of the screen and that with all the time")
    return "\n".join(lines)


def _timed(bundle: Path, folder: Path, season: Path, output: Path, workers: int, budget: float) -> Timed:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        seconds, counted = pool.submit(_predict, bundle, folder, output, workers, budget).result()
    submission = check_submission(output, folder / "sample_submission.csv").set_index("contact_id")["contact"]
    truth = pd.read_csv(season / "truth" / "test_labels.csv", usecols=["contact_id", "contact"]).set_index("contact_id")["contact"]
    score = matthews(count(truth.to_numpy() == 1, submission.reindex(truth.index).to_numpy() == 1))
    return Timed(seconds, counted["plays"], counted["plays decided by vision"], float(score))


def _predict(bundle: Path, folder: Path, output: Path, workers: int, budget: float) -> tuple[float, dict]:
    started = time.monotonic()
    counted = predict_folder(bundle, folder, output, workers, budget)
    return time.monotonic() - started, dict(counted)
