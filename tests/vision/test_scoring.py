import dataclasses

import numpy as np
import pytest
import torch

from player_contact.config import TtaConfig
from player_contact.vision import openvino_embedder
from player_contact.vision.clips import split_into_clips
from player_contact.vision.dataset import TrainDataset, collate, visible_views
from player_contact.vision.model import PairModel
from player_contact.vision.scoring import (
    embed_rows,
    make_image_embedder,
    predict_from_embeddings,
    predict_logits,
    tta_variants,
)
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, as_if_trained, tiny

ROWS, LABEL = make_open_rows(tracks=6, steps=7)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(4)
    return as_if_trained(PairModel(TINY_VISION, 3)).eval()


def test_every_image_is_embedded_once(model, monkeypatch):
    counts, embed_images = [], model.embed_images
    monkeypatch.setattr(
        model, "embed_images", lambda images: counts.append(len(images)) or embed_images(images)
    )
    for offsets in (1, 2, 4):
        predict_logits(model, ROWS, tiny(tta=TtaConfig(offsets=offsets)), 1)
    assert counts == 3 * [visible_views(ROWS, np.arange(len(ROWS)), TINY_VISION).sum()]


def test_prediction_is_the_mean_over_flips_and_shifts(model):
    config = tiny(tta=TtaConfig(offsets=1, flip=True, shift_pixels=2))
    variants = [(shift, flip) for shift in (0, -2, 2) for flip in (False, True)]
    assert tta_variants(config) == variants
    embeddings = [embed_rows(model.embed_images, ROWS, config, *variant) for variant in variants]
    logits = [predict_from_embeddings(model, x, ROWS, config) for x in embeddings]
    expected = np.mean(logits, axis=0)
    np.testing.assert_allclose(predict_logits(model, ROWS, config, 1), expected, rtol=1e-5)
    assert np.std(logits, axis=0).min() > 0


def test_prediction_is_the_mean_over_offsets(model, monkeypatch):
    monkeypatch.setattr("player_contact.vision.scoring.CLIPS_PER_BATCH", 5)  # of several offsets
    config = tiny(tta=TtaConfig(offsets=1))
    embeddings = embed_rows(model.embed_images, ROWS, config)
    offsets = [config.clip_length * i // 3 for i in range(3)]
    moved = [dataclasses.replace(ROWS, step=ROWS.step + offset) for offset in offsets]
    logits = [predict_from_embeddings(model, embeddings, rows, config) for rows in moved]
    mean = predict_from_embeddings(model, embeddings, ROWS, tiny(tta=TtaConfig(offsets=3)))
    np.testing.assert_allclose(mean, np.mean(logits, axis=0), rtol=1e-5, atol=1e-6)
    assert np.std(logits, axis=0).max() > 0


def test_prediction_equals_the_training_forward_pass(model):
    config = tiny(tta=TtaConfig(offsets=1), augment=NO_AUGMENT)
    clips = split_into_clips(ROWS.track, ROWS.step, config.clip_length, 0)
    data = TrainDataset(ROWS, clips, config, LABEL, seed=(1,))
    batch = collate([data[i] for i in range(len(data))])
    with torch.inference_mode():
        names = ("images", "tabular", "visible", "step_mask", "is_ground")
        logits, _ = model(*(batch[name] for name in names))
    expected = np.zeros(len(ROWS))
    expected[clips[clips >= 0]] = logits.numpy()[clips >= 0]
    predicted = predict_logits(model, ROWS, config, 1)
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)


def test_invisible_rows_are_scored_by_their_features(model):
    crops = [dataclasses.replace(c, visible=np.zeros_like(c.visible)) for c in ROWS.crops]
    logits = predict_logits(model, dataclasses.replace(ROWS, crops=crops), TINY_VISION, 1)
    assert np.isfinite(logits).all()
    assert len(np.unique(logits)) > 1


@pytest.fixture
def openvino_embed(model):
    pytest.importorskip("openvino")
    return make_image_embedder(model, tiny(inference_backend="openvino"), 3, 1)


@pytest.mark.slow
def test_openvino_predicts_what_torch_does(model, openvino_embed):
    assert openvino_embed != model.embed_images
    logits = [predict_logits(model, ROWS, TINY_VISION, 1, e) for e in (openvino_embed, None)]
    np.testing.assert_allclose(*logits, atol=1e-3)


@pytest.mark.slow
def test_openvino_embeds_no_images_to_no_embeddings(openvino_embed):
    images = torch.zeros(3, 6, 32, 32, dtype=torch.uint8)
    assert openvino_embed(images).shape == (3, TINY_VISION.embed_dim)
    assert openvino_embed(images[:0]).shape == (0, TINY_VISION.embed_dim)


def test_missing_openvino_falls_back_to_torch_with_a_warning(model, monkeypatch, caplog):
    monkeypatch.setattr(openvino_embedder, "find_spec", lambda name: None)
    assert (
        make_image_embedder(model, tiny(inference_backend="openvino"), 3, 1) == model.embed_images
    )
    assert "is not installed" in caplog.text


def test_logit_shift_is_added_by_kind_of_row(model):
    before = predict_logits(model, ROWS, TINY_VISION, 1)
    assert 0 < ROWS.is_ground.sum() < len(ROWS)
    model.logit_shift.copy_(torch.tensor([0.5, -2.0]))
    after = predict_logits(model, ROWS, TINY_VISION, 1)
    model.logit_shift.zero_()
    np.testing.assert_allclose(after - before, np.where(ROWS.is_ground, -2.0, 0.5), atol=1e-6)
