import numpy as np
import pandas as pd
import pytest

from player_contact.config import load_config
from run_checks.__main__ import app
from run_checks.difficulty import (
    MORE_RANGES,
    RANGES,
    difficulty_text,
    is_within,
    measure_difficulty,
)
from tests.invoke import invoke


@pytest.mark.slow
def test_the_recipes_are_trained_and_scored_on_a_season(season_tables):
    config = load_config("configs/tiny.yaml", [])
    table = measure_difficulty(season_tables, config, truth=0.95, workers=1)
    assert len(table) == len(RANGES) + len(MORE_RANGES)
    assert table["value"].between(-1, 1).all()
    with_interval = table[table["low"].notna()]
    assert len(with_interval) == len(RANGES)
    assert (with_interval["low"] <= with_interval["high"]).all()
    assert table.loc["truth before label noise, all rows", "value"] == 0.95


@pytest.mark.slow
def test_without_a_truth_there_is_no_ceiling(season_tables):
    config = load_config("configs/tiny.yaml", [])
    table = measure_difficulty(season_tables, config, truth=None, workers=1)
    assert not table.index.str.startswith("truth").any()


@pytest.mark.slow
def test_of_few_plays_only_the_statistics_are_printed(season_tables):
    done = invoke(app, ["season-check", "--input", season_tables])
    assert done.exit_code == 0
    assert "ground rows in contact, %" in done.output
    assert "How hard it is takes 40 plays to tell; here are 4." in done.output


def test_what_lies_outside_the_real_range_is_marked():
    columns = ["value", "low", "high", "real_low", "real_high"]
    lines = {
        "easy": (0.9, 0.8, 0.95, 0.6, 0.7),
        "right": (0.65, np.nan, np.nan, 0.6, 0.7),
        "hard": (0.5, 0.4, 0.6, 0.6, 0.7),
    }
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    assert is_within(table).tolist() == [False, True, False]
    easy, right, hard = difficulty_text(table).splitlines()[1:]
    assert easy.endswith("outside")
    assert right.endswith("0.650")
    assert hard.endswith("outside")
