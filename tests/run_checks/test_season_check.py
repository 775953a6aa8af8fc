import numpy as np
import pandas as pd
import pytest

from run_checks.season_check import STATISTICS, ceilings, check_season, check_text


@pytest.mark.slow
def test_every_statistic_is_measured_on_a_simulated_season(season_tables):
    table = check_season(season_tables)
    assert list(table.index) == list(STATISTICS)
    rates = table.index.str.startswith("contact rate")
    assert np.isfinite(table.loc[~rates, "simulated"]).all()


def test_the_truth_is_the_highest_ceiling_and_a_low_joint_tells_who_is_on_the_ground(season_tables):
    found = ceilings(season_tables)
    truth = found.pop("truth before label noise, all rows")
    true_distance = found.pop("threshold on true distance, all rows")
    tracked_distance = found.pop("threshold on tracked distance, all rows")
    lowest_joint = found.pop(
        "threshold on the height of the lowest joint but hands and feet, ground"
    )
    assert not found
    assert lowest_joint > 0.8
    assert truth > true_distance > 0
    assert tracked_distance != true_distance


def test_a_season_without_truth_has_no_ceilings(tiny_season):
    assert ceilings(tiny_season.folder) == {}


def test_what_is_far_off_is_marked_and_counted():
    values = {"near": (10, 11), "off": (10, 14), "far": (10, 31), "unknown": (10, np.nan)}
    table = pd.DataFrame.from_dict(values, orient="index", columns=["real", "simulated"])
    near, off, far, unknown, count, ceiling = check_text(table, {"truth": 0.9}).splitlines()[1:]
    assert "%" not in near
    assert off.endswith("more than 25 % off")
    assert far.endswith("beyond a factor of two")
    assert unknown.endswith("beyond a factor of two")
    assert count == "1 of 4 within 25 %, 2 beyond a factor of two"
    assert ceiling == "MCC, truth: 0.900"
