import numpy as np
import pytest
import torch

from player_contact.vision.clips import split_into_clips
from player_contact.vision.dataset import TrainDataset, collate
from player_contact.vision.mixup import mixup
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, tiny

ROWS, LABEL = make_open_rows(tracks=8, steps=7)
CLIPS = split_into_clips(ROWS.track, ROWS.step, TINY_VISION.clip_length, 0)
ORDER = np.roll(np.arange(len(CLIPS)), 1)


class FixedRng:
    """Pairs each clip with the one before it, with a given weight."""

    def __init__(self, weight):
        self.weight = weight

    def permutation(self, count):
        return ORDER

    def beta(self, _, __, count):
        return np.full(count, self.weight)


@pytest.fixture(scope="module")
def batch():
    data = TrainDataset(ROWS, CLIPS, tiny(augment=NO_AUGMENT), LABEL, seed=(1, 2))
    return collate([data[clip] for clip in range(len(CLIPS))])


@pytest.fixture(scope="module")
def mixable(batch):
    """[B, T] bool: both clips have the step, of the same type and visible in the same views."""
    visible, step_mask, is_ground = (batch[n] for n in ("visible", "step_mask", "is_ground"))
    same = (visible == visible[ORDER]).all(-1) & (is_ground == is_ground[ORDER])
    return step_mask & step_mask[ORDER] & same


def to_grid(batch):
    """The images as [B, T, V, C, H, W]; zeros where they are not visible."""
    grid = torch.zeros(*batch["visible"].shape, *batch["images"].shape[1:])
    grid[batch["visible"]] = batch["images"].float()
    return grid


def test_images_are_mixed_where_the_same_views_are_visible(batch, mixable):
    mixed, images = to_grid(mixup(batch, 0.3, FixedRng(0.7))), to_grid(batch)
    assert mixable.any()
    assert not mixable.all()
    expected = 0.7 * images + 0.3 * images[ORDER]
    torch.testing.assert_close(mixed[mixable], expected[mixable])
    torch.testing.assert_close(mixed[~mixable], images[~mixable])


@pytest.mark.parametrize("name", ["label", "tabular"])
def test_labels_and_features_are_mixed_where_images_are(batch, mixable, name):
    mixed, values = mixup(batch, 0.3, FixedRng(0.7))[name], batch[name]
    mask = mixable.reshape(*mixable.shape, *[1] * (values.ndim - 2))
    expected = torch.where(mask, 0.7 * values + 0.3 * values[ORDER], values)
    torch.testing.assert_close(mixed, expected, equal_nan=True)


def test_feature_of_only_one_clip_is_not_mixed(batch):
    tabular = batch["tabular"].clone()
    tabular[0, 0, 0] = float("nan")
    mixed = mixup(batch | {"tabular": tabular}, 0.3, FixedRng(0.7))["tabular"]
    assert torch.equal(torch.isnan(mixed), torch.isnan(tabular))


def test_weight_one_changes_nothing(batch):
    mixed = mixup(batch, 0.3, FixedRng(1.0))
    for name, values in batch.items():
        torch.testing.assert_close(mixed[name].float(), values.float(), equal_nan=True)


def test_mixup_keeps_the_masks(batch):
    mixed = mixup(batch, 0.3, np.random.default_rng(3))
    assert torch.equal(mixed["visible"], batch["visible"])
    assert torch.equal(mixed["step_mask"], batch["step_mask"])
    assert mixed["images"].shape == batch["images"].shape
