import dataclasses

import numpy as np
import pytest
import torch

from player_contact.vision.dataset import seen_by
from player_contact.vision.model import ContactModel
from player_contact.vision.score import follow_rows, looks, make_see, score_rows, see_rows
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(tracks=6, steps=7)


def changed(**settings):
    return TINY_VISION.model_copy(update=settings)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(4)
    return ContactModel(TINY_VISION, 3).eval()


def test_every_picture_is_encoded_once_however_the_tracks_are_cut(model, monkeypatch):
    encoded = []
    see = model.see
    monkeypatch.setattr(model, "see", lambda pictures: encoded.append(len(pictures)) or see(pictures))
    for overlap in (1, 2, 4):
        score_rows(model, ROWS, changed(overlap=overlap), 1)
    assert encoded == 3 * [int(seen_by(ROWS, np.arange(len(ROWS)), TINY_VISION).sum())]


def test_a_score_is_the_mean_over_the_ways_to_cut_and_to_look(model):
    config = changed(overlap=1, test_flip=True, test_shift=2)
    assert looks(config) == [(0, False), (0, True), (-2, False), (-2, True), (2, False), (2, True)]
    seen = seen_by(ROWS, np.arange(len(ROWS)), config)
    each = [follow_rows(model, see_rows(model.see, ROWS, config, shift, flip), seen, ROWS, config) for shift, flip in looks(config)]
    np.testing.assert_allclose(score_rows(model, ROWS, config, 1), np.mean(each, axis=0), rtol=1e-5)
    assert np.std(each, axis=0).min() > 0


def test_a_score_is_the_mean_over_the_cuts_of_its_track(model, monkeypatch):
    monkeypatch.setattr("player_contact.vision.score.STRETCHES", 5)  # stretches of several cuts lie in one batch
    config = changed(overlap=1)
    seen = seen_by(ROWS, np.arange(len(ROWS)), config)
    seeing = see_rows(model.see, ROWS, config)
    cuts = [dataclasses.replace(ROWS, step=ROWS.step + config.steps * cut // 3) for cut in range(3)]
    each = [follow_rows(model, seeing, seen, rows, config) for rows in cuts]
    np.testing.assert_allclose(follow_rows(model, seeing, seen, ROWS, changed(overlap=3)), np.mean(each, axis=0), rtol=1e-5, atol=1e-6)
    assert np.std(each, axis=0).max() > 0


def test_a_row_gets_the_logit_that_training_would_see(model):
    """Of one whole track, cut in one way, that is as long as a stretch."""
    from player_contact.config import AugmentConfig
    from player_contact.vision.dataset import StretchDataset, collate
    from player_contact.vision.tracks import cut_stretches

    config = changed(overlap=1, augment=AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0)))
    stretches = cut_stretches(ROWS.track, ROWS.step, config.steps, 0)
    data = StretchDataset(ROWS, stretches, config, LABEL, seed=(1,))
    batch = collate([data[place] for place in range(len(data))])
    with torch.inference_mode():
        logits, _ = model(batch["pictures"], batch["sensors"], batch["seen"], batch["present"])
    expected = np.zeros(len(ROWS))
    expected[stretches[stretches >= 0]] = logits.numpy()[stretches >= 0]
    np.testing.assert_allclose(score_rows(model, ROWS, config, 1), expected, rtol=1e-4, atol=1e-5)


def test_rows_that_nobody_saw_are_scored_by_their_sensors(model):
    blind = [dataclasses.replace(crops, seen=np.zeros_like(crops.seen)) for crops in ROWS.crops]
    scores = score_rows(model, dataclasses.replace(ROWS, crops=blind), TINY_VISION, 1)
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 1


def test_openvino_scores_as_torch_does_within_a_thousandth(model):
    pytest.importorskip("openvino")
    see = make_see(model, changed(runtime="openvino"), 3, 1)
    assert see != model.see
    np.testing.assert_allclose(score_rows(model, ROWS, TINY_VISION, 1, see), score_rows(model, ROWS, TINY_VISION, 1), atol=1e-3)


def test_openvino_says_nothing_of_no_pictures(model):
    pytest.importorskip("openvino")
    see = make_see(model, changed(runtime="openvino"), 3, 1)
    pictures = torch.zeros(3, 5, 32, 32, dtype=torch.uint8)
    assert see(pictures).shape == (3, TINY_VISION.track_width)
    assert see(pictures[:0]).shape == (0, TINY_VISION.track_width)


def test_without_openvino_torch_scores_and_says_so(model, monkeypatch, caplog):
    from player_contact.vision import openvino

    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    assert make_see(model, changed(runtime="openvino"), 3, 1) == model.see
    assert "is not installed" in caplog.text


def test_the_shift_of_a_kind_is_added_to_the_rows_of_that_kind_alone(model):
    before = score_rows(model, ROWS, TINY_VISION, 1)
    assert 0 < ROWS.is_ground.sum() < len(ROWS)
    model.shift.copy_(torch.tensor([0.5, -2.0]))
    after = score_rows(model, ROWS, TINY_VISION, 1)
    model.shift.zero_()
    np.testing.assert_allclose(after - before, np.where(ROWS.is_ground, -2.0, 0.5), atol=1e-6)
