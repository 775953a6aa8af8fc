import dataclasses
import shutil

import pytest

from player_contact.__main__ import app
from player_contact.config import load_config
from player_contact.pipeline import fold_training
from player_contact.pipeline.runner import vision_fingerprint
from player_contact.pipeline.variants import AS_CONFIGURED, compare_variants, default_variants
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import read_json, write_json
from tests.invoke import invoke


def with_vision(config, **changes):
    return config.model_copy(update={"vision": config.vision.model_copy(update=changes)})


def compare(run, configs, folds=0) -> str:
    configs = {AS_CONFIGURED: run.config} | configs
    keys = {name: vision_fingerprint(run, config) for name, config in configs.items()}
    return compare_variants(run, configs, keys, folds)


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the tests' run to write into."""
    shutil.copytree(finished_run.folder, tmp_path / "tiny")
    run = dataclasses.replace(finished_run, folder=tmp_path / "tiny", workers=1)
    yield run
    assert not list(run.folder.glob(".variant-*"))


@pytest.fixture
def vision_mcc(finished_run) -> float:
    scores = read_json(finished_run.folder / "scores.json")["scores"]
    return next(score["mcc"] for score in scores if score["name"] == "vision")


def test_default_variants_can_be_shared_by_devices():
    shared = ["vision.devices=4", "vision.batch_size=16"]
    config = load_config("configs/demo.yaml", shared)
    for text in default_variants(config.vision):
        load_config("configs/demo.yaml", [*shared, *text.split()])


def test_a_variant_is_scored_beside_the_run_as_it_is_configured(run, vision_mcc):
    name = "vision.boxes=none"
    stages = read_json(run.folder / "stages.json")
    write_json({key: stages[key] for key in stages if key != "vision"}, run.folder / "stages.json")
    text = compare(run, {name: with_vision(run.config, boxes="none")})
    result = read_json(run.folder / "variants.json")
    base, other = result["scores"]
    assert (base["name"], base["mcc"]) == (AS_CONFIGURED, pytest.approx(vision_mcc))
    assert (other["name"], other["gain"]) == (name, pytest.approx(other["mcc"] - base["mcc"]))
    assert result["text"] == text
    assert "boxes=none" in text
    assert max(map(len, text.splitlines())) <= 100


def test_equal_variants_are_trained_once_and_what_the_run_trained_not_at_all(run, monkeypatch):
    trained, original = [], fold_training._train

    def train(fabric, task):
        trained.append((task.fold, task.vision.clip_length))
        original(fabric, task)

    # Each play counts as a game, for the tests' season has one game a fold.
    monkeypatch.setattr("player_contact.pipeline.run.game_of", lambda plays: plays)
    monkeypatch.setattr(fold_training, "_train", train)
    shorter = with_vision(run.config, clip_length=1)
    others = {"vision.clip_length=1": shorter, "again": run.config, "twice": shorter}
    text = compare(run, others, folds=1)
    assert trained == [(0, 1)]
    assert "every row of 1 folds" in text
    assert read_json(run.folder / "variants.json")["folds"] == 1


def test_thresholds_are_never_chosen_on_the_only_game(run):
    message = r"^One fold of a single game .* FOLDS=2"
    with pytest.raises(ConfigError, match=message):
        compare(run, {}, folds=1)


def test_the_default_variants_train_on_as_many_steps_an_epoch():
    config, sizes = load_config("configs/demo.yaml"), set()
    for text in default_variants(config.vision):
        vision = load_config("configs/demo.yaml", text.split()).vision
        clips = vision.clips_per_epoch, vision.batch_size, vision.image_batch_samples
        sizes.add(tuple(vision.clip_length * number for number in clips))
    assert len(sizes) == 1


def test_every_default_variant_is_another_model():
    encoder = "vision.encoder=contact_resnet10"
    base = load_config("configs/demo.yaml", [encoder]).vision
    texts = default_variants(base)
    visions = [load_config("configs/demo.yaml", [encoder, *text.split()]).vision for text in texts]
    models = {vision.model_dump_json() for vision in [base, *visions]}
    assert len(models) == len(texts) + 1


def test_an_interrupted_variant_is_resumed_others_removed(run, vision_mcc, monkeypatch):
    (run.folder / ".variant-of-another-code.partial").mkdir()
    another = with_vision(run.config, ema_decay=0.5)  # with the weights of the run's own
    finished = run.folder / f".variant-{vision_fingerprint(run, another)}.partial"
    finished.mkdir()
    for path in (run.folder / "vision").glob("fold*-0.*"):
        shutil.copyfile(path, finished / path.name)
    monkeypatch.setattr(fold_training, "_train", None)  # nothing is trained again
    assert compare(run, {"ema_decay=0.5": another}).count(f"{vision_mcc:.3f}") == 2


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("blend.max_lag=3", "'blend.max_lag=3' changes more than the vision model"),
        ("vision.encoder=resnet10tt", "is not a timm model. Did you mean one of "),
        ("vision.tabular=[distanc]", "'distanc', which is no feature. Did you mean 'distance'"),
    ],
)
def test_a_wrong_variant_is_refused_before_anything_is_trained(
    finished_run, tmp_path, variant, message
):
    words = ["variants", "--config", "configs/demo.yaml", "--input", finished_run.input]
    done = invoke(app, [*words, "--outputs", tmp_path, "--variants", variant])
    assert isinstance(done.exception, ConfigError)
    assert message in str(done.exception)
    assert not list(tmp_path.iterdir())
