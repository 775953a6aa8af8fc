import numpy as np
import pandas as pd
import pytest

from player_contact.features.table import feature_families
from player_contact.files import read_json
from player_contact.stages.ablation import WHOLE, ablate


@pytest.fixture(scope="module")
def ablated(finished_run):
    text = ablate(finished_run)
    yield text, read_json(finished_run.folder / "ablation.json")
    (finished_run.folder / "ablation.json").unlink()


def test_the_screen_is_scored_whole_and_without_each_family(ablated):
    text, written = ablated
    assert written["text"] == text
    assert [rung["name"] for rung in written["rungs"]] == [WHOLE, *feature_families()]
    assert all(f"without {family}" in text for family in feature_families())


def test_the_whole_screen_has_the_score_of_the_ladder(ablated, finished_run):
    ladder = {rung["name"]: rung["mcc"] for rung in read_json(finished_run.folder / "ladder.json")["rungs"]}
    assert ablated[1]["rungs"][0]["mcc"] == pytest.approx(ladder["screen"])


def test_without_helmets_the_score_is_that_of_the_sensors(ablated, finished_run):
    ladder = {rung["name"]: rung["mcc"] for rung in read_json(finished_run.folder / "ladder.json")["rungs"]}
    without = {rung["name"]: rung["mcc"] for rung in ablated[1]["rungs"]}
    assert without["helmets"] == pytest.approx(ladder["sensors"])


def test_a_family_that_is_missed_buys_something(ablated):
    line = next(line for line in ablated[0].splitlines() if "without kinematics" in line)
    rungs = {rung["name"]: rung for rung in ablated[1]["rungs"]}
    assert f"{rungs[WHOLE]['mcc'] - rungs['kinematics']['mcc']:+.3f}" in line


def test_the_boosters_of_the_run_stay_as_they_were(ablated, finished_run):
    oof = pd.read_parquet(finished_run.folder / "screen" / "oof.parquet")
    assert np.isfinite(oof["screen"]).all()
    assert not list(finished_run.folder.glob("*partial*"))
