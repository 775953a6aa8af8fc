from concurrent.futures import ThreadPoolExecutor

import pytest

from player_contact.checks import budget
from player_contact.checks.budget import BudgetCheck, Timed, budget_text, check_budget
from player_contact.errors import InputError


class Here(ThreadPoolExecutor):
    """In place of a new process, which would load everything anew."""

    def __init__(self, workers, mp_context=None):
        super().__init__(workers)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setattr(budget, "ProcessPoolExecutor", Here)


def test_a_season_is_predicted_whole_in_all_three_ways(bundle, season):
    check = check_budget(bundle, season, 1)
    assert check.full.plays == check.screen.plays == check.limited.plays == check.full.looked_at == 1
    assert check.screen.looked_at == 0
    assert check.budget == pytest.approx(check.full.seconds / 3)
    assert -1 <= check.limited.mcc <= 1


def test_a_season_without_truth_or_videos_can_not_be_scored(bundle, season_tables, real_files):
    for folder in (season_tables, real_files):
        with pytest.raises(InputError, match="is no simulated season with videos"):
            check_budget(bundle, folder, 1)


def test_what_took_too_long_and_what_scores_worse_is_said_so():
    full, screen = Timed(60, 6, 6, 0.7), Timed(9, 6, 0, 0.65)
    good = BudgetCheck(full, screen, 20, Timed(21.9, 6, 2, 0.66))
    bad = BudgetCheck(full, screen, 20, Timed(22.1, 6, 2, 0.64))
    assert (good.in_time, good.between, bad.in_time, bad.between) == (True, True, False, False)
    assert "the budget was kept: 110 % of it used" in budget_text(good)
    assert "within 20 s                 21.9            2 of 6   0.660" in budget_text(good)
    assert "NOT kept" in budget_text(bad)
    assert "NOT between" in budget_text(bad)
