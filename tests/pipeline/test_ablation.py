import dataclasses
import shutil

import pytest

from player_contact.boosting.blend_features import blend_feature_families
from player_contact.features.table import feature_families
from player_contact.pipeline.ablation import ALL, ODDS, ablate_blend, ablate_screen
from player_contact.utils.files import read_json


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """A copy of the finished run to write into."""
    folder = tmp_path_factory.mktemp("ablation") / "tiny"
    shutil.copytree(finished_run.folder, folder)
    return dataclasses.replace(finished_run, folder=folder)


@pytest.fixture(scope="module")
def text(run) -> str:
    return ablate_screen(run)


@pytest.fixture(scope="module")
def blend_text(run) -> str:
    return ablate_blend(run)


def scores_of(run, name: str, text: str) -> dict[str, float]:
    """The score without each family, and with all of them."""
    result = read_json(run.folder / name)
    assert result["text"] == text
    return {score["name"]: score["mcc"] for score in result["scores"]}


@pytest.fixture(scope="module")
def mcc(run, text) -> dict[str, float]:
    return scores_of(run, "ablation.json", text)


@pytest.fixture(scope="module")
def run_mcc(run) -> dict[str, float]:
    scores = read_json(run.folder / "scores.json")["scores"]
    return {score["name"]: score["mcc"] for score in scores}


def test_the_screen_is_scored_with_all_and_without_each_family(text, mcc):
    assert list(mcc) == [ALL, *feature_families()]
    for family, names in feature_families().items():
        assert f"without {family} ({len(names)})" in text


def test_the_blend_is_scored_without_each_family_but_the_odds(run, blend_text, run_mcc):
    mcc, families = scores_of(run, "ablation_blend.json", blend_text), blend_feature_families(3)
    assert list(mcc) == [ALL, *(family for family in families if family != ODDS)]
    assert mcc[ALL] == pytest.approx(run_mcc["blend"])
    for family in mcc.keys() - {ALL}:
        assert f"without {family} ({len(families[family])})" in blend_text


def test_with_all_families_the_score_is_that_of_the_run(mcc, run_mcc):
    assert mcc[ALL] == pytest.approx(run_mcc["screen"])


def test_without_helmets_the_score_is_that_of_the_sensors(mcc, run_mcc):
    assert mcc["helmets"] == pytest.approx(run_mcc["sensors"])


def test_the_gain_of_a_family_is_what_is_lost_without_it(text, mcc):
    line = next(line for line in text.splitlines() if "without kinematics" in line)
    assert text.splitlines()[1].endswith("  MCC the family buys (95 % interval over games)")
    assert f"{mcc[ALL] - mcc['kinematics']:+.3f}" in line
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.usefixtures("text", "blend_text")
@pytest.mark.parametrize("stage", ["screen", "blend"])
def test_the_models_of_the_run_stay_as_they_were(run, finished_run, stage):
    paths = sorted((finished_run.folder / stage).iterdir())
    assert [path.name for path in paths] == sorted(
        path.name for path in (run.folder / stage).iterdir()
    )
    for path in paths:
        assert (run.folder / stage / path.name).read_bytes() == path.read_bytes()
