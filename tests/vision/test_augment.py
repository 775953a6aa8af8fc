import numpy as np
import pytest

from player_contact.config import AugmentConfig
from player_contact.vision.augment import build_augmentation, resize, take_window
from tests.vision.conftest import NO_AUGMENT

STORED, SIZE = 72, 64
TRANSFORMS = {
    "nothing": {},
    "flip": {"flip_prob": 1},
    "shift": {"shift_limit": 0.2},
    "scale": {"scale_limit": 0.3},
    "rotate": {"rotate_limit": 40},
    "brightness": {"brightness_limit": 0.3},
    "contrast": {"contrast_limit": 0.3},
    "noise": {"noise_prob": 1},
    "default": AugmentConfig().model_dump(),
}
SEEDS = range(6)


@pytest.fixture(scope="module", params=TRANSFORMS)
def augment(request):
    return build_augmentation(NO_AUGMENT.model_copy(update=TRANSFORMS[request.param]), SIZE)


def square_and_mask(count=2):
    """Images of a bright square off the middle, and the mask of its box."""
    images = np.full((count, 3, STORED, STORED), 40, dtype=np.uint8)
    masks = np.zeros((count, 3, STORED, STORED), dtype=np.uint8)
    images[:, :, 22:38, 40:54] = 210
    masks[:, 0, 22:38, 40:54] = 255
    return images, masks


@pytest.mark.parametrize("seed", SEEDS)
def test_box_mask_stays_on_its_object(augment, seed):
    images, masks = augment(*square_and_mask(), seed)
    image, mask = images[0, 1], masks[0, 0] > 127
    bright = image > image.min() / 2 + image.max() / 2
    assert mask.sum() > 50
    assert (bright & mask).sum() / (bright | mask).sum() > 0.75


@pytest.mark.parametrize("count", [5, 43, 86, 127])  # up to three calls with 128 channels each
@pytest.mark.parametrize("seed", SEEDS)
def test_all_images_of_a_clip_get_the_same_transform(augment, count, seed):
    images, masks = augment(*square_and_mask(count), seed)
    assert len(images) == len(masks) == count
    np.testing.assert_array_equal(images, np.broadcast_to(images[0], images.shape))
    np.testing.assert_array_equal(masks, np.broadcast_to(masks[0], masks.shape))


@pytest.mark.parametrize(("count", "num_frames"), [(1, 1), (2, 1), (1, 128), (3, 64)])
def test_images_and_frames_keep_their_order(augment, count, num_frames):
    levels = np.random.default_rng(1).integers(30, 220, (count, num_frames, 1, 1), dtype=np.uint8)
    images = levels.repeat(STORED, axis=2).repeat(STORED, axis=3)
    images, masks = augment(images, np.zeros((count, 3, STORED, STORED), dtype=np.uint8), 1)
    assert (images.shape, masks.shape) == ((count, num_frames, SIZE, SIZE), (count, 3, SIZE, SIZE))
    order = np.argsort(levels.ravel(), kind="stable")
    assert (np.diff(np.median(images, axis=(2, 3)).ravel()[order]) >= 0).all()


@pytest.mark.parametrize("count", [0, 2])
def test_output_has_the_configured_size_and_dtype(augment, count):
    images, masks = augment(*square_and_mask(count), 1)
    assert (images.shape, masks.shape) == ((count, 3, SIZE, SIZE), (count, 3, SIZE, SIZE))
    assert images.dtype == masks.dtype == np.uint8


def test_masks_stay_binary(augment):
    _, masks = augment(*square_and_mask(), 3)
    assert set(np.unique(masks)) <= {0, 255}


def test_same_seed_same_transform(augment):
    before = augment(*square_and_mask(), 7)
    augment(*square_and_mask(), 8)
    for array, expected in zip(augment(*square_and_mask(), 7), before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_another_seed_another_transform():
    augment = build_augmentation(AugmentConfig(), SIZE)
    images = [augment(*square_and_mask(), seed)[0] for seed in (1, 2)]
    assert not np.array_equal(*images)


def test_no_augmentation_is_the_window_without_margin():
    arrays = square_and_mask()
    for array, output in zip(arrays, build_augmentation(NO_AUGMENT, SIZE)(*arrays, 1), strict=True):
        np.testing.assert_array_equal(output, take_window(array, (STORED - SIZE) // 2))


def test_shift_replicates_the_border():
    augment = build_augmentation(NO_AUGMENT.model_copy(update={"shift_limit": 0.5}), SIZE)
    images = np.full((1, 3, STORED, STORED), 90, dtype=np.uint8)
    assert (augment(images, np.zeros((1, 3, STORED, STORED), dtype=np.uint8), 2)[0] == 90).all()


@pytest.mark.parametrize("size", [32, 64, 96])
def test_a_window_is_resized_whole(size):
    ramp = np.tile(np.linspace(20, 220, SIZE).round().astype(np.uint8), (2, 3, SIZE, 1))
    images = resize(ramp, size).numpy()
    assert (images.shape, images.dtype) == ((2, 3, size, size), np.uint8)
    expected = np.interp(
        (np.arange(size) + 0.5) * SIZE / size - 0.5, np.arange(SIZE), ramp[0, 0, 0]
    )
    np.testing.assert_allclose(images[1, 2, 0], expected, atol=2)


def test_no_images_are_resized_to_none():
    assert resize(np.empty((0, 5, SIZE, SIZE), dtype=np.uint8), 32).shape == (0, 5, 32, 32)
