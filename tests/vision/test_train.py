import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from player_contact.config import TransferConfig, VisionConfig
from player_contact.vision.clips import OpenRows
from player_contact.vision.model import ContactModel, PairModel
from player_contact.vision.sampling import TrainingPhase
from player_contact.vision.scoring import predict_logits
from player_contact.vision.train import (
    TrainingJob,
    build_optimizer,
    fit_standardizer,
    train_model,
)
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, tiny

ROWS, LABEL = make_open_rows(tracks=12, steps=8)
CONVERGING = tiny(
    encoder="contact_resnet10_small",
    tabular=("distance", "step"),  # no screen, which says nothing of these rows
    clip_epochs=6,
    clips_per_epoch=24,
    batch_size=8,
    learning_rate=0.02,
    ema_decay=0.5,
    augment=NO_AUGMENT,
)
WITH_DROPOUT = tiny(dropout=0.3)


def train(config, seed=(1, 0), **kwargs):
    return train_model(TrainingJob(ROWS, LABEL, config, 3, seed, 1), **kwargs)


def train_weights(config, seed=(1, 0), **kwargs) -> dict[str, torch.Tensor]:
    return train(config, seed, **kwargs)[0].state_dict()


def equal(weights, others) -> bool:
    return all(torch.equal(value, others[name]) for name, value in weights.items())


def select(index) -> OpenRows:
    names = ("track", "step", "tabular", "play_index", "crop_index")
    return dataclasses.replace(ROWS, **{name: getattr(ROWS, name)[index] for name in names})


@pytest.fixture(scope="module")
def trained():
    """A model that tells images with horizontal stripes from those with vertical ones, and log."""
    return train(CONVERGING)


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.mark.slow
def test_loss_decreases_on_a_learnable_problem(trained):
    _, epochs = trained
    assert epochs[-1].train_loss < 0.5 * epochs[0].train_loss


def test_trained_model_separates_contacts(model):
    logits = predict_logits(model, ROWS, CONVERGING, 1)
    assert logits[LABEL].min() > logits[~LABEL].max()


def test_log_has_a_line_for_each_epoch():
    reported = []
    _, log = train(TINY_VISION, on_epoch=reported.append)
    assert reported == log
    assert [line.epoch for line in log] == [0, 1]


@pytest.fixture(scope="module")
def dropout_weights():
    """Trained with seed 1, fold 0, and all that is random."""
    return train_weights(WITH_DROPOUT)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "same"), [((1, 0), True), ((1, 1), False), ((2, 0), False)])
def test_seed_and_fold_determine_the_weights(dropout_weights, seed, same):
    torch.rand(3)  # earlier random numbers do not matter
    assert equal(dropout_weights, train_weights(WITH_DROPOUT, seed)) == same


@pytest.mark.parametrize("encoder", ["resnet10t", "contact_resnet10_small"])
@pytest.mark.slow
def test_weights_do_not_depend_on_uninitialized_memory(encoder):
    metadata = VisionConfig.model_fields["image_size"].metadata
    smallest = next(rule.ge for rule in metadata if hasattr(rule, "ge"))
    config = tiny(encoder=encoder, precision="bf16", image_size=smallest)
    weights = []
    for junk in (0.0, 1e30, float("nan")):
        freed = [torch.full((size,), junk) for size in (100, 10_000, 300_000) for _ in range(20)]
        del freed
        weights.append(train_weights(config))
    assert all(equal(weights[0], others) for others in weights[1:])


@pytest.mark.slow
def test_dataloader_workers_change_no_weight():
    assert equal(*(train_weights(tiny(num_workers=count)) for count in (0, 1)))


@pytest.mark.slow
def test_averaged_weights_are_kept():
    """The average starts at the first update; with decay 0 it is the last weights."""
    heads = [train(tiny(ema_decay=decay))[0].head.shared.weight for decay in (0.999999, 0.0)]
    assert not torch.allclose(*heads)


def test_logits_do_not_depend_on_the_order_of_rows(model):
    order = np.random.default_rng(1).permutation(len(ROWS))
    shuffled = predict_logits(model, select(order), CONVERGING, 1)
    expected = predict_logits(model, ROWS, CONVERGING, 1)[order]
    np.testing.assert_allclose(shuffled, expected, atol=1e-3)


def test_every_row_has_a_logit_of_its_own(model):
    logits = predict_logits(model, ROWS, CONVERGING, 1)
    assert logits.dtype == np.float32
    assert len(set(logits.tolist())) == len(ROWS)


def test_logits_of_a_track_do_not_depend_on_other_tracks(model):
    track = ROWS.track == 3
    alone = predict_logits(model, select(track), CONVERGING, 1)
    expected = predict_logits(model, ROWS, CONVERGING, 1)[track]
    np.testing.assert_allclose(alone, expected, atol=1e-3)


def test_no_rows_no_logits(model):
    assert predict_logits(model, select(slice(0, 0)), CONVERGING, 1).shape == (0,)


def test_clips_of_a_single_step_can_be_trained_and_scored():
    config = tiny(clip_length=1, clip_epochs=1)
    assert np.isfinite(predict_logits(train(config)[0], ROWS, config, 1)).all()


def test_standardizer_ignores_missing_values():
    model = PairModel(TINY_VISION, 3)
    fit_standardizer(model, np.array([[1, 5], [3, np.nan], [np.nan, 5]], dtype=np.float32))
    assert model.tabular_mean.tolist() == [2, 5]
    assert model.tabular_std.tolist() == [1, 1]  # a constant feature keeps its unit


@pytest.mark.parametrize("epochs", [1, 4, 5, 6])
def test_very_short_schedule_works(epochs):
    _, log = train(tiny(clip_epochs=epochs, clips_per_epoch=1, batch_size=1))
    assert len(log) == epochs


def test_validation_changes_no_weight(dropout_weights):
    logits = []

    def validate(model):
        logits.append(predict_logits(model, ROWS, WITH_DROPOUT, 1))
        return 0.25

    model, log = train(WITH_DROPOUT, validate=validate)
    assert [line.val_loss for line in log] == [0.25, 0.25]
    assert not np.array_equal(*logits)
    assert equal(model.state_dict(), dropout_weights)


@pytest.mark.parametrize(
    "settings",
    [
        {"temporal": "conv"},
        {"temporal": "attention"},
        {"temporal": "none"},
        {"scheduler": "cosine"},
    ],
)
@pytest.mark.slow
def test_every_temporal_layer_and_scheduler_learns(settings):
    _, log = train(CONVERGING.model_copy(update=settings))
    assert log[-1].train_loss < 0.7 * log[0].train_loss


@pytest.mark.parametrize(("freeze_epochs", "same"), [(2, True), (1, False)])
def test_encoder_is_trained_after_its_frozen_epochs(tmp_path, freeze_epochs, same):
    torch.manual_seed(3)
    start = PairModel(TINY_VISION, 3).encoder.state_dict()
    file = tmp_path / "encoder.safetensors"
    save_file(start, file)
    transfer = TransferConfig(freeze_epochs=freeze_epochs)
    model, _ = train(tiny(clip_epochs=2, weights=str(file), transfer=transfer, ema_decay=0.0))
    assert equal(start, model.encoder.state_dict()) == same


@pytest.mark.slow
def test_images_train_the_encoder_before_clips_train_the_rest():
    update = {"image_epochs": 6, "clip_epochs": 4, "aux_loss_weight": 0.0}
    config = CONVERGING.model_copy(update=update)
    model, log = train(config, validate=lambda _: 0.5)
    assert [line.phase for line in log] == ["images"] * 6 + ["clips"] * 4
    assert log[5].train_loss < 0.5 * log[0].train_loss
    np.testing.assert_equal([line.val_loss for line in log[5:]], [np.nan, *[0.5] * 4])
    logits = predict_logits(model, ROWS, config, 1)
    assert logits[LABEL].min() > logits[~LABEL].max()


@pytest.mark.parametrize("lr_scale", [1.0, 0.25])
def test_phase_scales_the_learning_rate(lr_scale):
    transfer = TransferConfig(layer_decay=0.5)
    config = tiny(scheduler="cosine", learning_rate=0.01, transfer=transfer)
    phase = TrainingPhase("clips", 2, 5, 4, lr_scale)
    optimizer, scheduler = build_optimizer(PairModel(config, 3), config, phase)
    new_layers, last_stage, *_ = scheduler.get_last_lr()
    assert (new_layers, last_stage) == pytest.approx((0.01 * lr_scale, 0.005 * lr_scale))
    for _ in range(10):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr()[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_image_epochs_complete_their_own_schedule():
    _, log = train(tiny(image_epochs=2, image_batch_size=4))
    rates = [line.learning_rate for line in log if line.phase == "images"]
    assert rates[0] > 1e-4 > 1e-7 > rates[1]


@pytest.mark.parametrize("image_epochs", [0, 1])
def test_images_and_clips_are_encoded_in_bf16(monkeypatch, image_epochs):
    enabled, embed_images = [], ContactModel.embed_images

    def spy(model, images):
        enabled.append(torch.is_autocast_enabled("cpu"))
        return embed_images(model, images)

    monkeypatch.setattr(ContactModel, "embed_images", spy)
    train(tiny(precision="bf16", image_epochs=image_epochs, clip_epochs=1))
    assert enabled
    assert all(enabled)


@pytest.mark.slow
def test_a_video_encoder_trains_and_scores():
    config = tiny(encoder="mc3_18", clip_epochs=1, image_epochs=1, clips_per_epoch=4)
    model, _ = train_model(TrainingJob(ROWS, LABEL, config, 3, (1, 0), 1))
    logits = predict_logits(model, ROWS, config, 1)
    assert np.isfinite(logits).all()
    assert len(np.unique(logits)) > len(ROWS) / 2
