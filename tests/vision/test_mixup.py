import numpy as np
import pytest
import torch

from player_contact.config import AugmentConfig
from player_contact.vision.dataset import StretchDataset, collate
from player_contact.vision.mixup import mix
from player_contact.vision.tracks import cut_stretches
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(tracks=8, steps=7)
STRETCHES = cut_stretches(ROWS.track, ROWS.step, TINY_VISION.steps, 0)
STILL = TINY_VISION.model_copy(update={"augment": AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))})


class Chosen:
    """A random state that draws what it was told."""

    def __init__(self, order, share):
        self.order, self.share = np.array(order), share

    def permutation(self, count):
        return self.order[:count]

    def beta(self, _, __, count):
        return np.full(count, self.share)


@pytest.fixture(scope="module")
def batch():
    data = StretchDataset(ROWS, STRETCHES, STILL, LABEL, seed=(1, 2))
    return collate([data[place] for place in range(len(STRETCHES))])


@pytest.fixture(scope="module")
def order(batch):
    return np.roll(np.arange(len(batch["seen"])), 1)


def spread(batch):
    """The pictures where they were seen, [B, T, V, C, H, W]; zeros elsewhere."""
    out = torch.zeros(*batch["seen"].shape, *batch["pictures"].shape[1:])
    out[batch["seen"]] = batch["pictures"].float()
    return out


def test_a_step_is_the_weighted_mean_of_two_that_the_same_views_saw(batch, order):
    mixed, pictures = spread(mix(batch, 0.3, Chosen(order, 0.7))), spread(batch)
    alike = batch["present"] & batch["present"][order] & (batch["seen"] == batch["seen"][order]).all(-1)
    assert alike.any()
    assert not alike.all()
    torch.testing.assert_close(mixed[alike], (0.7 * pictures + 0.3 * pictures[order])[alike])
    torch.testing.assert_close(mixed[~alike], pictures[~alike])


def test_labels_and_sensor_values_are_mixed_where_pictures_are(batch, order):
    mixed = mix(batch, 0.3, Chosen(order, 0.7))
    alike = batch["present"] & batch["present"][order] & (batch["seen"] == batch["seen"][order]).all(-1)
    for name in ("label", "sensors"):
        expected = torch.where(alike.reshape(*alike.shape, *[1] * (batch[name].ndim - 2)), 0.7 * batch[name] + 0.3 * batch[name][order], batch[name])
        torch.testing.assert_close(mixed[name], expected, equal_nan=True)


def test_a_sensor_value_that_only_one_has_stays_its_own(batch, order):
    sensors = batch["sensors"].clone()
    sensors[0, 0, 0] = float("nan")
    mixed = mix(batch | {"sensors": sensors}, 0.3, Chosen(order, 0.7))["sensors"]
    assert torch.equal(torch.isnan(mixed), torch.isnan(sensors))


def test_all_of_its_own_share_leaves_a_batch_as_it_is(batch, order):
    mixed = mix(batch, 0.3, Chosen(order, 1.0))
    for name, values in batch.items():
        torch.testing.assert_close(mixed[name].float(), values.float(), equal_nan=True)


def test_what_was_seen_and_is_present_stays(batch):
    mixed = mix(batch, 0.3, np.random.default_rng(3))
    assert torch.equal(mixed["seen"], batch["seen"])
    assert torch.equal(mixed["present"], batch["present"])
    assert mixed["pictures"].shape == batch["pictures"].shape
