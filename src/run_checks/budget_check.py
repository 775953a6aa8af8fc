"""What a time budget costs: test plays predicted without a limit, without videos, and in time."""

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from player_contact.competition.metric import count, matthews
from player_contact.inference.predict import predict_folder
from player_contact.inference.vision_pass import FEWER_MODELS
from player_contact.utils.errors import InputError
from run_checks.damages import IDS, TABLES
from run_checks.submission import check_submission

SHARE = 1 / 3  # budget, of the time without a limit
TOLERANCE = 1.1  # a budget may be exceeded by a tenth


@dataclass(frozen=True)
class TimedPrediction:
    """Seconds, plays, those of them decided by vision, and the score against the truth; how many of
    those by fewer models than there are."""

    seconds: float
    plays: int
    with_vision: int
    mcc: float
    by_fewer: int = 0


@dataclass(frozen=True)
class BudgetCheck:
    """`budget` in seconds, and the three predictions."""

    full: TimedPrediction
    screen: TimedPrediction
    budget: float
    limited: TimedPrediction

    @property
    def in_time(self) -> bool:
        """Whether the budget was kept."""
        return self.limited.seconds <= TOLERANCE * self.budget

    @property
    def between(self) -> bool:
        """Whether the score lies between those of the screen alone and of all plays' vision."""
        low, high = sorted((self.screen.mcc, self.full.mcc))
        return low <= self.limited.mcc <= high


def check_budget(bundle: Path, season: Path, workers: int) -> BudgetCheck:
    """Predicts a simulated season's test plays three times, each time in a new process.

    Raises InputError: no truth or no videos; SubmissionError: an incomplete submission.
    """
    videos = (season / "test").glob("*.mp4")
    if not (season / "truth" / "test_labels.csv").is_file() or not any(videos):
        raise InputError(
            f"{season} is no simulated season with videos: there is nothing to score a budget by"
        )
    with tempfile.TemporaryDirectory() as name:
        tables, output = Path(name) / "tables", Path(name) / "submission.csv"
        (tables / "test").mkdir(parents=True)
        for table in TABLES:
            shutil.copyfile(season / table, tables / table)

        def predict(folder: Path, budget: float = float("inf")) -> TimedPrediction:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                timed = pool.submit(_timed, bundle, folder, output, workers, budget)
                seconds, counts = timed.result()
            mcc = _score(output, season)
            with_vision, by_fewer = counts["plays decided by vision"], counts[FEWER_MODELS]
            return TimedPrediction(seconds, counts["plays"], with_vision, mcc, by_fewer)

        full, screen = predict(season), predict(tables)
        budget = SHARE * full.seconds
        return BudgetCheck(full, screen, budget, predict(season, budget))


def budget_text(check: BudgetCheck) -> str:
    """A table of the three predictions, and two sentences."""
    lines = [f"{'':24}{'seconds':>8}{'plays with vision':>18}{'MCC':>8}"]
    for name, row in (
        ("without a limit", check.full),
        ("without videos", check.screen),
        (f"within {check.budget:.0f} s", check.limited),
    ):
        plays = f"{row.with_vision} of {row.plays}"
        lines.append(f"{name:24}{row.seconds:8.1f}{plays:>18}{row.mcc:8.3f}")
    if check.limited.by_fewer:
        lines.append(f"{check.limited.by_fewer} plays by fewer vision models than there are")
    used = check.limited.seconds / check.budget
    lines += [
        f"the budget was {'kept' if check.in_time else 'NOT kept'}: {used:.0%} of it used",
        f"the score lies {'' if check.between else 'NOT '}between that of the screen and that "
        "without a limit",
    ]
    return "\n".join(lines)


def _timed(
    bundle: Path, folder: Path, output: Path, workers: int, budget: float
) -> tuple[float, dict[str, int]]:
    started = time.monotonic()
    counts = predict_folder(bundle, folder, output, workers, budget)
    return time.monotonic() - started, dict(counts)


def _score(output: Path, season: Path) -> float:
    """Matthews correlation of a submission for the season's test plays."""
    predicted = check_submission(output, season / IDS).set_index("contact_id")["contact"]
    truth = pd.read_csv(season / "truth" / "test_labels.csv").set_index("contact_id")["contact"]
    decided = predicted.reindex(truth.index).to_numpy() == 1
    return float(matthews(count(truth.to_numpy() == 1, decided)))
