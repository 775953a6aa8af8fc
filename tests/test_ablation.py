import dataclasses
import shutil

import pytest

from player_contact.features.table import feature_families
from player_contact.files import read_json
from player_contact.stages.ablation import WHOLE, ablate


def boosters(run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run.folder / "screen").iterdir()}


@pytest.fixture(scope="module")
def ablated(finished_run, tmp_path_factory):
    """What the ablation said and wrote, and the screen before and after it."""
    folder = tmp_path_factory.mktemp("ablation") / "tiny"
    shutil.copytree(finished_run.folder, folder)
    run = dataclasses.replace(finished_run, folder=folder)
    before = boosters(run)
    return ablate(run), read_json(folder / "ablation.json"), before, boosters(run)


def test_the_screen_is_scored_whole_and_without_each_family(ablated):
    text, written, _, _ = ablated
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


def test_what_a_family_buys_is_the_score_that_is_lost_without_it(ablated):
    line = next(line for line in ablated[0].splitlines() if "without kinematics" in line)
    rungs = {rung["name"]: rung for rung in ablated[1]["rungs"]}
    assert f"{rungs[WHOLE]['mcc'] - rungs['kinematics']['mcc']:+.3f}" in line


def test_the_screen_of_the_run_stays_as_it_was(ablated):
    assert ablated[2] == ablated[3]
