import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from player_contact.config import AugmentConfig, TransferConfig, VisionConfig
from player_contact.vision.curriculum import Phase
from player_contact.vision.device import use_bf16
from player_contact.vision.model import ContactModel
from player_contact.vision.score import score_rows
from player_contact.vision.tracks import OpenRows
from player_contact.vision.train import make_optimizer, set_sensor_scale, train_model
from tests.conftest import ROOT
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(tracks=12, steps=8)
PLAIN = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))
LEARNING = TINY_VISION.model_copy(update={"epochs": 6, "stretches": 24, "batch": 8, "learning_rate": 0.01, "average": 0.5, "augment": PLAIN})
SMALLEST = next(rule.ge for rule in VisionConfig.model_fields["image_size"].metadata if hasattr(rule, "ge"))
WITH_DROPOUT = TINY_VISION.model_copy(update={"dropout": 0.3})
ARRAYS = ("track", "step", "sensors", "play", "place")


def chosen(places) -> OpenRows:
    """Some of the rows, in the order given."""
    return dataclasses.replace(ROWS, **{name: getattr(ROWS, name)[places] for name in ARRAYS})


@pytest.fixture(scope="module")
def trained():
    """A model that has learnt to tell lying stripes from standing ones, and its log."""
    return train_model(ROWS, LABEL, LEARNING, 3, seed=(1, 0), threads=1)


def test_the_loss_goes_down_on_a_problem_that_can_be_learnt(trained):
    _, epochs = trained
    assert epochs[-1].loss < 0.5 * epochs[0].loss


def test_a_contact_scores_higher_than_none_after_training(trained):
    model, _ = trained
    scores = score_rows(model, ROWS, LEARNING, 1)
    assert scores[LABEL].min() > scores[~LABEL].max()


def test_the_log_has_a_line_an_epoch_as_it_was_reported():
    reported = []
    _, epochs = train_model(ROWS, LABEL, TINY_VISION, 3, (1, 0), 1, reported.append)
    assert reported == epochs
    assert [line.epoch for line in epochs] == [0, 1]


@pytest.fixture(scope="module")
def drawn_model():
    """A model of seed 1 and fold 0, trained with all that is drawn at random."""
    return train_model(ROWS, LABEL, WITH_DROPOUT, 3, (1, 0), 1)[0]


@pytest.mark.parametrize(("seed", "same"), [((1, 0), True), ((1, 1), False), ((2, 0), False)])
def test_the_same_seed_and_fold_give_the_same_weights_and_scores(drawn_model, seed, same):
    torch.rand(3)  # what happened before must not matter
    other, _ = train_model(ROWS, LABEL, WITH_DROPOUT, 3, seed, 1)
    weights = [torch.cat([value.flatten().double() for value in model.state_dict().values()]) for model in (drawn_model, other)]
    assert torch.equal(*weights) == same
    assert np.array_equal(score_rows(drawn_model, ROWS, WITH_DROPOUT, 1), score_rows(other, ROWS, WITH_DROPOUT, 1)) == same


@pytest.mark.parametrize("encoder", ["resnet10t", "contact_resnet10_half"])
def test_no_weight_depends_on_what_lay_in_memory_before(encoder):
    config = TINY_VISION.model_copy(update={"encoder": encoder, "precision": "bf16", "image_size": SMALLEST})
    trained = []
    for junk in (0.0, 1e30, float("nan")):
        lying = [torch.full((size,), junk) for size in (100, 10_000, 300_000) for _ in range(20)]
        del lying
        trained.append(train_model(ROWS, LABEL, config, 3, (1, 0), 1)[0].state_dict())
    for name, value in trained[0].items():
        assert all(torch.equal(value, other[name]) for other in trained[1:]), name


def test_loaders_change_no_weight():
    models = [train_model(ROWS, LABEL, TINY_VISION.model_copy(update={"loaders": loaders}), 3, (1, 0), 1)[0] for loaders in (0, 1)]
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_kept_is_the_average_of_the_weights():
    still = TINY_VISION.model_copy(update={"average": 0.999999})
    moving = TINY_VISION.model_copy(update={"average": 0.0})
    # The average starts at the first update and hardly moves from it; without one the last weights are kept.
    heads = [train_model(ROWS, LABEL, config, 3, (1, 0), 1)[0].head[1].weight for config in (still, moving)]
    assert not torch.allclose(*heads)


def test_a_row_scores_the_same_in_whatever_order_the_rows_come(trained):
    model, _ = trained
    order = np.random.default_rng(1).permutation(len(ROWS))
    shuffled = score_rows(model, chosen(order), LEARNING, 1)
    np.testing.assert_allclose(shuffled, score_rows(model, ROWS, LEARNING, 1)[order], atol=1e-3)


def test_every_row_has_a_score_of_its_own(trained):
    scores = score_rows(trained[0], ROWS, LEARNING, 1)
    assert scores.dtype == np.float32
    assert len(set(scores.tolist())) == len(ROWS)


def test_a_track_scores_the_same_without_the_others(trained):
    model, _ = trained
    one = ROWS.track == 3
    np.testing.assert_allclose(score_rows(model, chosen(one), LEARNING, 1), score_rows(model, ROWS, LEARNING, 1)[one], atol=1e-3)


def test_no_rows_have_no_scores(trained):
    assert score_rows(trained[0], chosen(slice(0, 0)), LEARNING, 1).shape == (0,)


def test_single_steps_can_be_trained_and_scored():
    config = TINY_VISION.model_copy(update={"steps": 1, "epochs": 1})
    model, _ = train_model(ROWS, LABEL, config, 3, (1, 0), 1)
    assert np.isfinite(score_rows(model, ROWS, config, 1)).all()


def test_the_sensors_scale_is_that_of_the_known_training_values():
    model = ContactModel(TINY_VISION, 3)
    sensors = np.array([[1, 5], [3, np.nan], [np.nan, 5]], dtype=np.float32)
    set_sensor_scale(model, sensors)
    assert model.sensor_mean.tolist() == [2, 5]
    assert model.sensor_scale.tolist() == [1, 1]  # a value that never changes keeps its unit


@pytest.mark.parametrize(("precision", "expected"), [("bf16", True), ("fp32", False)])
def test_a_precision_that_was_asked_for_is_used(precision, expected):
    assert use_bf16(precision) is expected


@pytest.mark.parametrize("epochs", [1, 4, 5, 6])
def test_a_training_of_a_few_steps_ends_well(epochs):
    config = TINY_VISION.model_copy(update={"epochs": epochs, "stretches": 1, "batch": 1})
    _, lines = train_model(ROWS, LABEL, config, 3, (1, 0), 1)
    assert len(lines) == epochs


class KilledError(Exception):
    pass


def kill_after(epoch):
    """As if the process ended once an epoch was reported."""

    def report(line):
        if line.epoch == epoch:
            raise KilledError

    return report


@pytest.mark.parametrize(("schedule", "pictures"), [("one_cycle", 0), ("cosine", 0), ("one_cycle", 1), ("one_cycle", 2)])
def test_a_training_that_was_killed_twice_ends_with_the_weights_and_the_log_of_one_that_was_not(tmp_path, schedule, pictures):
    config = WITH_DROPOUT.model_copy(
        update={"picture_epochs": pictures, "epochs": 4 - pictures, "schedule": schedule, "augment": AugmentConfig(mixup=0.3, drop_steps=0.2)}
    )
    whole, log = train_model(ROWS, LABEL, config, 3, (1, 0), 1)
    path = tmp_path / "fold0.checkpoint"
    for epoch in (0, 2):
        with pytest.raises(KilledError):
            train_model(ROWS, LABEL, config, 3, (1, 0), 1, kill_after(epoch), checkpoint=path)
    resumed = []
    pieced, log_of_pieces = train_model(ROWS, LABEL, config, 3, (1, 0), 1, resumed.append, checkpoint=path)
    assert [line.epoch for line in resumed] == [3]
    assert [dataclasses.replace(line, held_out=0) for line in log_of_pieces] == [dataclasses.replace(line, held_out=0) for line in log]
    for name, value in whole.state_dict().items():
        assert torch.equal(pieced.state_dict()[name], value), name


TRAINING = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from player_contact.vision.train import train_model
from tests.vision.test_train import LABEL, ROWS, WITH_DROPOUT
config = WITH_DROPOUT.model_copy(update={"epochs": 6})
model, _ = train_model(ROWS, LABEL, config, 3, (1, 0), 1, checkpoint=Path(sys.argv[1]))
save_file({name: value.contiguous() for name, value in model.state_dict().items()}, sys.argv[2])
"""


def train_in_a_process(checkpoint, weights) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", TRAINING, str(checkpoint), str(weights)], cwd=ROOT)


@pytest.mark.alone
def test_a_process_that_is_killed_twice_in_the_middle_of_an_epoch_loses_nothing(tmp_path):
    assert train_in_a_process(tmp_path / "whole.checkpoint", tmp_path / "whole.safetensors").wait() == 0
    checkpoint = tmp_path / "fold0.checkpoint"
    for _ in range(2):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = train_in_a_process(checkpoint, tmp_path / "pieces.safetensors")
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "pieces.safetensors").exists()
    assert train_in_a_process(checkpoint, tmp_path / "pieces.safetensors").wait() == 0
    assert (tmp_path / "pieces.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no tensors at all", b"half"])
def test_a_checkpoint_that_can_not_be_read_starts_again(tmp_path, content):
    path = tmp_path / "fold0.checkpoint"
    whole, _ = train_model(ROWS, LABEL, TINY_VISION, 3, (1, 0), 1, checkpoint=path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == b"half" else content)
    again, lines = train_model(ROWS, LABEL, TINY_VISION, 3, (1, 0), 1, checkpoint=path)
    assert len(lines) == TINY_VISION.epochs
    assert all(torch.equal(again.state_dict()[name], value) for name, value in whole.state_dict().items())


def test_watching_changes_no_weight(drawn_model):
    seen = []

    def watch(model):
        seen.append(score_rows(model, ROWS, WITH_DROPOUT, 1))
        return 0.25

    watched, lines = train_model(ROWS, LABEL, WITH_DROPOUT, 3, (1, 0), 1, watch=watch)
    assert [line.held_out for line in lines] == [0.25, 0.25]
    assert not np.array_equal(*seen)
    for name, value in drawn_model.state_dict().items():
        assert torch.equal(watched.state_dict()[name], value), name


@pytest.mark.parametrize("settings", [{"along_track": "convolution"}, {"along_track": "attention"}, {"along_track": "none"}, {"schedule": "cosine"}])
def test_every_kind_of_model_and_schedule_learns(settings):
    _, epochs = train_model(ROWS, LABEL, LEARNING.model_copy(update=settings), 3, (1, 0), 1)
    assert epochs[-1].loss < 0.7 * epochs[0].loss


@pytest.mark.parametrize(("frozen", "same"), [(2, True), (1, False)])
def test_an_encoder_learns_only_after_its_frozen_epochs(tmp_path, frozen, same):
    torch.manual_seed(3)
    start = ContactModel(TINY_VISION, 3).encoder.state_dict()
    save_file(start, tmp_path / "encoder.safetensors")
    config = TINY_VISION.model_copy(
        update={"weights": str(tmp_path / "encoder.safetensors"), "transfer": TransferConfig(frozen_epochs=frozen), "average": 0.0}
    )
    assert config.epochs == 2
    ended = train_model(ROWS, LABEL, config, 3, (1, 0), 1)[0].encoder.state_dict()
    assert all(torch.equal(ended[name], value) for name, value in start.items()) == same


def test_the_encoder_learns_from_single_pictures_before_anything_else_learns():
    config = LEARNING.model_copy(update={"picture_epochs": 6, "epochs": 2, "picture_loss": 0.0, "learning_rate": 0.01})
    model, lines = train_model(ROWS, LABEL, config, 3, (1, 0), 1, watch=lambda _: 0.5)
    assert [line.phase for line in lines] == ["pictures"] * 6 + ["stretches"] * 2
    assert lines[5].loss < 0.5 * lines[0].loss
    assert [line.held_out for line in lines[5:]] == [pytest.approx(np.nan, nan_ok=True), 0.5, 0.5]
    scores = score_rows(model, ROWS, config, 1)
    assert scores[LABEL].min() > scores[~LABEL].max()


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_a_phase_learns_at_its_share_of_the_rate(share):
    config = TINY_VISION.model_copy(update={"schedule": "cosine", "learning_rate": 0.01, "transfer": TransferConfig(rate_decay=0.5)})
    optimizer, schedule = make_optimizer(ContactModel(config, 3), config, Phase("stretches", 2, 5, 4, share))
    rates = schedule.get_last_lr()
    assert rates[0] == pytest.approx(0.01 * share)
    assert rates[1] == pytest.approx(0.005 * share)  # the encoder's last stage
    for _ in range(10):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr()[0] == pytest.approx(0, abs=1e-9)


def test_pictures_are_learnt_to_the_end_of_their_schedule_in_steps_of_their_own_size():
    _, epochs = train_model(ROWS, LABEL, TINY_VISION.model_copy(update={"picture_epochs": 2, "picture_batch": 1}), 3, (1, 0), 1)
    rates = [line.learning_rate for line in epochs if line.phase == "pictures"]
    assert rates[0] > 1e-4 > 1e-7 > rates[1]


@pytest.mark.parametrize("pictures", [0, 1])
def test_pictures_and_stretches_are_encoded_in_the_precision_that_was_asked_for(monkeypatch, pictures):
    seen_in, see = [], ContactModel.see
    monkeypatch.setattr(ContactModel, "see", lambda model, batch: seen_in.append(torch.is_autocast_enabled("cpu")) or see(model, batch))
    train_model(ROWS, LABEL, TINY_VISION.model_copy(update={"precision": "bf16", "picture_epochs": pictures, "epochs": 1}), 3, (1, 0), 1)
    assert seen_in
    assert all(seen_in)
