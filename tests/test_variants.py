import dataclasses
import re
import shutil

import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.config import load_config
from player_contact.errors import ConfigError
from player_contact.files import read_json
from player_contact.pipeline import vision_fingerprint
from player_contact.stages import variants, vision
from player_contact.stages.variants import AS_CONFIGURED, classic_variants, compare_variants


def changed(config, **vision):
    return config.model_copy(update={"vision": config.vision.model_copy(update=vision)})


def compare(run, configs, folds=0):
    configs = {AS_CONFIGURED: run.config} | configs
    return compare_variants(run, configs, {name: vision_fingerprint(run, config) for name, config in configs.items()}, folds)


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the tests' run to write into."""
    shutil.copytree(finished_run.folder, tmp_path / "tiny")
    return dataclasses.replace(finished_run, folder=tmp_path / "tiny")


def test_a_variant_is_scored_beside_the_run_as_it_is_configured(run):
    text = compare(run, {"vision.boxes=none": changed(run.config, boxes="none")})
    written = read_json(run.folder / "variants.json")
    ladder = {rung["name"]: rung["mcc"] for rung in read_json(run.folder / "ladder.json")["rungs"]}
    base, other = written["rungs"]
    assert (base["name"], base["mcc"]) == (AS_CONFIGURED, pytest.approx(ladder["vision"]))
    assert (other["name"], other["gain"]) == ("vision.boxes=none", pytest.approx(other["mcc"] - base["mcc"]))
    assert written["text"] == text
    assert "boxes=none" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not list(run.folder.glob(".variant-*"))


def test_one_fold_is_trained_where_one_is_asked_for(run, monkeypatch):
    trained = []
    original = vision.train_fold
    monkeypatch.setattr(variants, "game_of", lambda plays: plays)  # the tests' season has one game a fold
    monkeypatch.setattr(vision, "train_fold", lambda task, gpus: (trained.append((task.fold, task.vision.steps)), original(task, gpus))[1])
    text = compare(dataclasses.replace(run, workers=1), {"vision.steps=1": changed(run.config, steps=1), "again": run.config}, folds=1)
    assert trained == [(0, run.config.vision.steps), (0, 1)]
    assert "every row of 1 folds" in text


def test_thresholds_are_never_chosen_on_the_only_game_that_is_scored(run):
    with pytest.raises(ConfigError, match=r"^1 folds hold less than two games: .* Score more folds"):
        compare(run, {}, folds=1)
    assert not list(run.folder.glob(".variant-*"))


def test_the_classic_ablation_shows_training_as_many_steps_whatever_their_length():
    config = load_config("configs/demo.yaml")
    sizes = set()
    for text in classic_variants(config.vision):
        vision = load_config("configs/demo.yaml", text.split()).vision
        sizes.add(tuple(vision.steps * number for number in (vision.stretches, vision.batch, vision.picture_batch)))
    assert len(sizes) == 1


def test_every_classic_variant_is_another_model():
    config = load_config("configs/demo.yaml", ["vision.encoder=contact_resnet10"])
    texts = [["vision.encoder=contact_resnet10", *text.split()] for text in classic_variants(config.vision)]
    variants = [load_config("configs/demo.yaml", text).vision for text in texts]
    assert len({vision.model_dump_json() for vision in [config.vision, *variants]}) == len(variants) + 1


def test_a_variant_that_was_interrupted_goes_on_and_other_leftovers_go(run):
    old = run.folder / ".variant-of-another-code.partial"
    old.mkdir()
    finished = run.folder / f".variant-{vision_fingerprint(run, run.config)}.partial"
    finished.mkdir()
    for path in (run.folder / "vision").glob("fold*-0.*"):
        shutil.copyfile(path, finished / path.name)
    (finished / "fold0-0.json").write_text('[{"epoch": 0, "loss": 0.5, "held_out": 0.5, "learning_rate": 0.1, "gradient_norm": 1.0}]')
    text = compare(dataclasses.replace(run, workers=1), {})
    ladder = {rung["name"]: rung["mcc"] for rung in read_json(run.folder / "ladder.json")["rungs"]}
    assert f"{ladder['vision']:.3f}" in text
    assert not list(run.folder.glob(".variant-*"))


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("blend.reach=3", r"--variant 'blend\.reach=3' changes more than the vision model"),
        ("vision.encoder=resnet10tt", r"is no timm model\. Near: "),
        ("vision.tabular=[distanc]", r"names 'distanc', which is no feature\. Did you mean 'distance'"),
    ],
)
def test_what_can_not_be_compared_is_refused_before_anything_is_trained(finished_run, variant, words, tmp_path):
    words_of = ["variants", "--config", "configs/demo.yaml", "--input", str(finished_run.input), "--output", str(tmp_path), "--variant", variant]
    done = CliRunner().invoke(app, words_of)
    assert isinstance(done.exception, ConfigError)
    assert re.search(words, str(done.exception))
    assert not list(tmp_path.iterdir())
