import dataclasses
import shutil

import pytest

from player_contact.features.table import feature_families
from player_contact.pipeline.ablation import ALL, ablate
from player_contact.utils.files import read_json


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """A copy of the finished run to write into."""
    folder = tmp_path_factory.mktemp("ablation") / "tiny"
    shutil.copytree(finished_run.folder, folder)
    return dataclasses.replace(finished_run, folder=folder)


@pytest.fixture(scope="module")
def text(run) -> str:
    return ablate(run)


@pytest.fixture(scope="module")
def mcc(run, text) -> dict[str, float]:
    """The score without each family, and with all of them."""
    result = read_json(run.folder / "ablation.json")
    assert result["text"] == text
    return {score["name"]: score["mcc"] for score in result["scores"]}


@pytest.fixture(scope="module")
def run_mcc(run) -> dict[str, float]:
    scores = read_json(run.folder / "scores.json")["scores"]
    return {score["name"]: score["mcc"] for score in scores}


def test_the_screen_is_scored_with_all_and_without_each_family(text, mcc):
    assert list(mcc) == [ALL, *feature_families()]
    for family, names in feature_families().items():
        assert f"without {family} ({len(names)})" in text


def test_with_all_families_the_score_is_that_of_the_run(mcc, run_mcc):
    assert mcc[ALL] == pytest.approx(run_mcc["screen"])


def test_without_helmets_the_score_is_that_of_the_sensors(mcc, run_mcc):
    assert mcc["helmets"] == pytest.approx(run_mcc["sensors"])


def test_the_gain_of_a_family_is_what_is_lost_without_it(text, mcc):
    line = next(line for line in text.splitlines() if "without kinematics" in line)
    assert text.splitlines()[1].endswith("  MCC the family buys (95 % interval over games)")
    assert f"{mcc[ALL] - mcc['kinematics']:+.3f}" in line
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.usefixtures("text")
def test_the_screen_of_the_run_stays_as_it_was(run, finished_run):
    paths = sorted((finished_run.folder / "screen").iterdir())
    assert [path.name for path in paths] == sorted(
        path.name for path in (run.folder / "screen").iterdir()
    )
    for path in paths:
        assert (run.folder / "screen" / path.name).read_bytes() == path.read_bytes()
