import numpy as np
import pytest

from player_contact.config import AugmentConfig
from player_contact.vision.augment import centre, make_augment

STORED, SIZE = 72, 64
NOTHING = dict.fromkeys(AugmentConfig.model_fields, 0)
CHANGES = {
    "nothing": {},
    "flip": {"flip": 1},
    "shift": {"shift": 0.2},
    "scale": {"scale": 0.3},
    "rotate": {"rotate": 40},
    "brightness": {"brightness": 0.3},
    "contrast": {"contrast": 0.3},
    "noise": {"noise": 1},
    "all of the default": AugmentConfig().model_dump(),
}
SEEDS = range(6)


@pytest.fixture(scope="module", params=CHANGES)
def augment(request):
    return make_augment(AugmentConfig(**(NOTHING | CHANGES[request.param])), SIZE)


def square_and_its_box(images=2):
    """Pictures of a bright square off the middle, and the box of it."""
    pictures = np.full((images, 3, STORED, STORED), 40, dtype=np.uint8)
    drawn = np.zeros((images, 2, STORED, STORED), dtype=np.uint8)
    pictures[:, :, 22:38, 40:54] = 210
    drawn[:, 0, 22:38, 40:54] = 255
    return pictures, drawn


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_box_stays_on_what_it_marks(augment, seed):
    pictures, drawn = augment(*square_and_its_box(), seed)
    bright, marked = pictures[0, 1] > pictures[0, 1].min() / 2 + pictures[0, 1].max() / 2, drawn[0, 0] > 127
    assert marked.sum() > 50
    assert (bright & marked).sum() / (bright | marked).sum() > 0.75


@pytest.mark.parametrize("seed", SEEDS)
def test_every_picture_of_a_stretch_is_changed_alike(augment, seed):
    pictures, drawn = augment(*square_and_its_box(5), seed)
    for image in range(1, 5):
        np.testing.assert_array_equal(pictures[image], pictures[0])
        np.testing.assert_array_equal(drawn[image], drawn[0])


@pytest.mark.parametrize("images", [43, 86, 127])
@pytest.mark.parametrize("seed", SEEDS)
def test_more_pictures_than_opencv_takes_as_channels_are_changed_alike_too(augment, images, seed):
    pictures, drawn = augment(*square_and_its_box(images), seed)
    assert len(pictures) == len(drawn) == images
    np.testing.assert_array_equal(pictures, np.broadcast_to(pictures[0], pictures.shape))
    np.testing.assert_array_equal(drawn, np.broadcast_to(drawn[0], drawn.shape))


@pytest.mark.parametrize(("images", "frames"), [(1, 1), (2, 1), (1, 128), (3, 64)])
def test_any_number_of_pictures_and_frames_keeps_its_place(augment, images, frames):
    random = np.random.default_rng(1)
    pictures = np.repeat(random.integers(30, 220, (images, frames, 1, 1), dtype=np.uint8), STORED, axis=2).repeat(STORED, axis=3)
    changed, marks = augment(pictures, np.zeros((images, 2, STORED, STORED), dtype=np.uint8), 1)
    assert (changed.shape, marks.shape) == ((images, frames, SIZE, SIZE), (images, 2, SIZE, SIZE))
    level, before = np.median(changed, axis=(2, 3)).ravel(), pictures[..., 0, 0].ravel()
    assert (np.diff(level[np.argsort(before, kind="stable")]) >= 0).all()  # brightness and contrast keep the order of flat frames


def test_no_pictures_stay_no_pictures(augment):
    pictures, drawn = augment(*square_and_its_box(0), 1)
    assert (pictures.shape, drawn.shape) == ((0, 3, SIZE, SIZE), (0, 2, SIZE, SIZE))


def test_what_comes_out_has_the_asked_size_and_the_type_of_pictures(augment):
    pictures, drawn = augment(*square_and_its_box(), 1)
    assert (pictures.shape, drawn.shape) == ((2, 3, SIZE, SIZE), (2, 2, SIZE, SIZE))
    assert pictures.dtype == drawn.dtype == np.uint8


def test_drawn_boxes_stay_black_and_white(augment):
    _, drawn = augment(*square_and_its_box(), 3)
    assert set(np.unique(drawn)) <= {0, 255}


def test_the_same_seed_makes_the_same_change_whatever_was_changed_before(augment):
    first = augment(*square_and_its_box(), 7)
    augment(*square_and_its_box(), 8)
    for one, other in zip(augment(*square_and_its_box(), 7), first, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_makes_another_change():
    augment = make_augment(AugmentConfig(), SIZE)
    assert not np.array_equal(augment(*square_and_its_box(), 1)[0], augment(*square_and_its_box(), 2)[0])


def test_no_change_at_all_is_the_middle_that_scoring_sees():
    pictures, drawn = square_and_its_box()
    changed = make_augment(AugmentConfig(**NOTHING), SIZE)(pictures, drawn, 1)
    np.testing.assert_array_equal(changed[0], centre(pictures, SIZE))
    np.testing.assert_array_equal(changed[1], centre(drawn, SIZE))


def test_a_shift_brings_no_black_border():
    pictures = np.full((1, 3, STORED, STORED), 90, dtype=np.uint8)
    augment = make_augment(AugmentConfig(**(NOTHING | {"shift": 0.5})), SIZE)
    assert (augment(pictures, np.zeros((1, 2, STORED, STORED), dtype=np.uint8), 2)[0] == 90).all()
