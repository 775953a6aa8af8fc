from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from player_contact.vision.clips import split_into_clips
from player_contact.vision.dataset import MicroBatch, collate
from player_contact.vision.model import PairModel
from player_contact.vision.sampling import (
    TrainingPhase,
    epoch_dataset,
    image_loss,
    sample_clips,
    sample_rows,
    training_phases,
)
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, tiny

ROWS, LABEL = make_open_rows(tracks=12, steps=8)
IMAGES = TrainingPhase("images", 1, 1, 4)


def sample(label=LABEL, seed=1, **settings):
    return sample_clips(ROWS, label, tiny(**settings), np.random.default_rng(seed))


def count_positive(clips, label=LABEL):
    return sum(label[clip[clip >= 0]].any() for clip in clips)


def test_clips_are_sampled_once_and_by_positive_fraction():
    clips = sample(clips_per_epoch=10, positive_fraction=0.7)
    rows = clips[clips >= 0]
    assert (len(clips), len(set(rows.tolist()))) == (10, len(rows))
    assert count_positive(clips) == 7


def test_few_positives_keep_the_epoch_size():
    label = np.arange(len(LABEL)) == 0
    clips = sample(label, clips_per_epoch=12, positive_fraction=0.9)
    assert len(clips) == 12
    assert count_positive(clips, label) == 1


def test_more_clips_than_exist_means_all_of_them():
    clips = sample(seed=0, clips_per_epoch=1000, clip_length=8)
    assert sorted(clips[clips >= 0].tolist()) == list(range(len(ROWS)))
    assert len(clips) <= 2 * len(split_into_clips(ROWS.track, ROWS.step, 8, 0))


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 12),
    st.integers(1, 9),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_single_rows_are_sampled_once(positives, negatives, clips, length, fraction, seed):
    if not positives + negatives:
        return
    label = np.random.default_rng(seed).permutation(np.arange(positives + negatives) < positives)
    config = tiny(clips_per_epoch=clips, clip_length=length, positive_fraction=fraction)
    samples = sample_rows(label, config, np.random.default_rng(seed))
    rows, count = samples[samples >= 0], min(clips * length, len(label))
    assert samples.shape == (-(-count // length), length)
    assert len(set(rows.tolist())) == len(rows) == count
    assert label[rows].sum() == min(positives, max(round(count * fraction), count - negatives))


def test_single_rows_are_shuffled():
    rows = sample_rows(LABEL, tiny(clips_per_epoch=1000), np.random.default_rng(1))
    assert (np.diff(rows, axis=1) == 1).mean() < 0.1


@pytest.mark.parametrize(
    ("image_epochs", "expected"),
    [
        (0, [TrainingPhase("clips", 2, 2, 4)]),
        (3, [TrainingPhase("images", 3, 4, 2), TrainingPhase("clips", 2, 2, 4, 0.5)]),
    ],
)
def test_phases_without_epochs_are_left_out(image_epochs, expected):
    config = tiny(image_epochs=image_epochs, image_batch_size=8)
    assert training_phases(config, ROWS) == expected


def image_samples(config=TINY_VISION):
    data = epoch_dataset(IMAGES, ROWS, LABEL, config, np.random.default_rng(1), (1,))
    return [data[sample] for sample in range(len(data))]


def test_time_jitter_leaves_single_rows_alone():
    jittered = image_samples(tiny(augment=NO_AUGMENT.model_copy(update={"time_jitter_prob": 1.0})))
    for sample, expected in zip(jittered, image_samples(tiny(augment=NO_AUGMENT)), strict=True):
        assert torch.equal(sample["images"], expected["images"])


def test_image_loss_trains_the_encoder_but_no_clip_layer():
    model = PairModel(TINY_VISION, 3)
    image_loss(model, MicroBatch(collate(image_samples()[:4]))).backward()
    assert all(parameter.grad is not None for parameter in model.encoder.parameters())
    for module in (model.temporal, model.head, model.tabular_mlp):
        assert all(parameter.grad is None for parameter in module.parameters())


def test_batch_without_images_has_zero_loss():
    batch = collate(image_samples()[:1])
    batch |= {"images": batch["images"][:0], "visible": torch.zeros_like(batch["visible"])}
    loss = image_loss(PairModel(TINY_VISION, 3), MicroBatch(batch))
    loss.backward()
    assert loss == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_losses_of_parts_add_up_though_images_lack_targets(seed, first):
    """Of eight images with three targets each; what is not known has no say."""
    rng = np.random.default_rng(seed)
    logits, target = torch.from_numpy(rng.normal(size=(8, 3))), rng.random((8, 3))
    target[rng.random((8, 3)) < 0.4] = np.nan
    visible = torch.zeros(8, 1, 2, dtype=torch.bool)
    visible[:, :, 0] = True

    def loss(start, stop, unknown=np.nan):
        part = torch.from_numpy(np.where(np.isnan(target), unknown, target))[start:stop, None]
        batch = {"images": torch.arange(start, stop), "visible": visible[start:stop]}
        batch |= {"is_ground": visible[start:stop, :, 0], "label": part[..., 0]}
        model = SimpleNamespace(forward_images=lambda images, *_: logits[images])
        share = (stop - start) / 8
        return float(image_loss(model, MicroBatch(batch | {"image_label": part}, share, share)))

    known = ~np.isnan(target)
    one = np.logaddexp(0, np.where(target > -1, logits, 0)) - np.nan_to_num(target) * logits.numpy()
    assert loss(0, 8) == pytest.approx(one[known].sum() / 24)
    assert loss(0, first) + loss(first, 8) == pytest.approx(loss(0, 8))
