import numpy as np

from player_contact.evaluation.season_check import REAL, Line, ceilings, check_season, check_text


def test_every_statistic_of_the_real_season_is_measured_on_a_simulated_one(season_tables):
    lines = check_season(season_tables)
    assert [line.name for line in lines] == list(REAL)
    assert all(np.isfinite(line.simulated) for line in lines if "contact rate" not in line.name)


def test_the_truth_is_the_highest_ceiling_and_sensed_distance_the_lowest(season_tables):
    scores = ceilings(season_tables)
    assert list(scores) == ["truth before label noise", "threshold on true distance", "threshold on sensed distance"]
    assert scores["truth before label noise"] > scores["threshold on true distance"] > 0


def test_a_season_without_truth_has_no_ceilings(tiny_season):
    assert ceilings(tiny_season.folder) == {}


def test_what_is_far_off_is_marked_and_counted():
    text = check_text([Line("near", 10, 11), Line("off", 10, 14), Line("far", 10, 31)], {"truth": 0.9})
    near, off, far, count, ceiling = text.splitlines()[1:]
    assert "%" not in near
    assert off.endswith("more than 25 % off")
    assert far.endswith("beyond a factor of two")
    assert count == "1 of 3 within 25 %, 1 beyond a factor of two"
    assert ceiling == "MCC over every row, truth: 0.900"
