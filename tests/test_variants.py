import dataclasses
import shutil

import pytest

from player_contact.config import load_config
from player_contact.files import read_json
from player_contact.stages.variants import AS_CONFIGURED, classic_variants, compare_variants


def changed(config, **vision):
    return config.model_copy(update={"vision": config.vision.model_copy(update=vision)})


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the tests' run to write into."""
    shutil.copytree(finished_run.folder, tmp_path / "tiny")
    return dataclasses.replace(finished_run, folder=tmp_path / "tiny")


def test_a_variant_is_scored_beside_the_run_as_it_is_configured(run):
    text = compare_variants(run, {"vision.boxes=none": changed(run.config, boxes="none")})
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
    from player_contact.stages import vision

    original = vision.train_fold
    monkeypatch.setattr(vision, "train_fold", lambda task: (trained.append((task.fold, task.vision.steps)), original(task))[1])
    text = compare_variants(dataclasses.replace(run, workers=1), {"vision.steps=1": changed(run.config, steps=1)}, folds=1)
    assert trained == [(0, run.config.vision.steps), (0, 1)]
    assert "every row of 1 folds" in text


def test_the_classic_ablation_shows_training_as_many_steps_whatever_their_length():
    config = load_config("configs/demo.yaml")
    sizes = set()
    for text in classic_variants(config.vision):
        vision = load_config("configs/demo.yaml", text.split()).vision
        sizes.add((vision.steps * vision.stretches, vision.steps * vision.batch))
    assert len(sizes) == 1


def test_every_classic_variant_is_another_model():
    config = load_config("configs/demo.yaml", ["vision.encoder=contact_resnet10"])
    texts = [["vision.encoder=contact_resnet10", *text.split()] for text in classic_variants(config.vision)]
    variants = [load_config("configs/demo.yaml", text).vision for text in texts]
    assert len({vision.model_dump_json() for vision in [config.vision, *variants]}) == len(variants) + 1
