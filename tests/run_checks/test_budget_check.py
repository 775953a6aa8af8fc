from concurrent.futures import ThreadPoolExecutor

import pytest

from player_contact.utils.errors import InputError
from run_checks import budget_check
from run_checks.budget_check import BudgetCheck, TimedPrediction, budget_text, check_budget


@pytest.fixture(autouse=True)
def threads_for_processes(monkeypatch):
    """A new process would import everything anew; with 0 workers plays need none either."""
    executor = lambda workers, mp_context: ThreadPoolExecutor(workers)  # noqa: E731
    monkeypatch.setattr(budget_check, "ProcessPoolExecutor", executor)


def test_a_season_is_predicted_in_all_three_ways(bundle, season):
    check = check_budget(bundle, season, 0)
    assert check.full.plays == check.screen.plays == check.limited.plays == 1
    assert (check.full.with_vision, check.screen.with_vision) == (1, 0)
    assert check.budget == pytest.approx(check.full.seconds / 3)
    assert -1 <= check.limited.mcc <= 1


def test_a_season_without_truth_or_videos_is_refused(bundle, season_tables, real_files):
    for folder in (season_tables, real_files):
        with pytest.raises(InputError, match="is no simulated season with videos"):
            check_budget(bundle, folder, 1)


def test_an_exceeded_budget_and_a_worse_score_are_told():
    full, screen = TimedPrediction(60, 6, 6, 0.7), TimedPrediction(9, 6, 0, 0.65)
    good = BudgetCheck(full, screen, 20, TimedPrediction(21.9, 6, 2, 0.66))
    bad = BudgetCheck(full, screen, 20, TimedPrediction(22.1, 6, 2, 0.64))
    assert (good.in_time, good.between, bad.in_time, bad.between) == (True, True, False, False)
    assert "the budget was kept: 110% of it used" in budget_text(good)
    assert "within 20 s                 21.9            2 of 6   0.660" in budget_text(good)
    assert "NOT kept" in budget_text(bad)
    assert "NOT between" in budget_text(bad)


def test_plays_by_fewer_models_are_told():
    full, screen = TimedPrediction(60, 6, 6, 0.7), TimedPrediction(9, 6, 0, 0.65)
    for by_fewer, expected in ((0, False), (3, True)):
        limited = TimedPrediction(19, 6, 5, 0.68, by_fewer)
        text = budget_text(BudgetCheck(full, screen, 20, limited))
        assert ("3 plays by fewer vision models" in text) == expected
