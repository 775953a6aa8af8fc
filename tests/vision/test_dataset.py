import numpy as np
import pytest
import torch

from player_contact.video.draw import draw_boxes
from player_contact.vision.augment import take_window
from player_contact.vision.clips import split_into_clips
from player_contact.vision.dataset import InferenceDataset, TrainDataset, collate
from tests.makers import TINY_VISION, make_open_rows
from tests.vision.conftest import NO_AUGMENT, tiny

ROWS, LABEL = make_open_rows(steps=7)
CLIPS = split_into_clips(ROWS.track, ROWS.step, TINY_VISION.clip_length, 0)  # 4 and 3 steps
GAP = int(np.flatnonzero((CLIPS < 0).any(1))[0])


def make_sample(clip, seed=(1, 2, 3), views=TINY_VISION.views, **augment):
    config = tiny(augment=NO_AUGMENT.model_copy(update=augment), views=views)
    return TrainDataset(ROWS, CLIPS, config, LABEL, seed)[clip]


def row_crops(row):
    """The crops of a play, and the index of the row in them."""
    return ROWS.crops[ROWS.play_index[row]], ROWS.crop_index[row]


def test_sample_holds_the_rows_of_its_clip_in_order():
    sample = make_sample(2)
    images = iter(sample["images"])
    for step, row in enumerate(CLIPS[2]):
        crops, index = row_crops(row)
        np.testing.assert_array_equal(sample["visible"][step], crops.visible[index])
        for view in np.flatnonzero(crops.visible[index]):
            expected = take_window(crops.images[index, view], 2)
            np.testing.assert_array_equal(next(images)[:3], expected)
        np.testing.assert_array_equal(sample["tabular"][step], ROWS.tabular[row])
        assert sample["label"][step] == LABEL[row]
        assert sample["is_ground"][step] == ROWS.is_ground[row]
    assert next(images, None) is None


def test_step_without_a_row_is_masked():
    sample = make_sample(GAP)
    masked = torch.from_numpy(CLIPS[GAP] < 0)
    assert torch.equal(sample["step_mask"], ~masked)
    assert not sample["visible"][masked].any()
    assert not sample["label"][masked].any()
    assert torch.isnan(sample["tabular"][masked]).all()


def test_box_masks_are_three_channels_after_the_frames():
    crops, index = row_crops(CLIPS[0][0])
    view = int(np.flatnonzero(crops.visible[index])[0])
    masks = np.zeros((1, 3, 36, 36), dtype=np.uint8)
    draw_boxes(masks, crops.boxes[index, view][None])
    images = make_sample(0)["images"]
    assert images.shape[1:] == (6, 32, 32)
    np.testing.assert_array_equal(images[0, 3:], take_window(masks[0], 2))


@pytest.mark.parametrize(("boxes", "differs"), [("painted", True), ("none", False)])
def test_only_painted_boxes_change_the_frames(boxes, differs):
    crops, index = row_crops(3)
    before, visible = crops.images.copy(), crops.visible[index]
    images = InferenceDataset(ROWS, tiny(boxes=boxes))[3]
    assert images.shape == (visible.sum(), 3, 32, 32)
    expected = take_window(crops.images[index][visible], 2)
    assert (not np.array_equal(images, expected)) == differs
    np.testing.assert_array_equal(crops.images, before)


def test_inference_images_equal_unaugmented_training_images():
    data = InferenceDataset(ROWS, TINY_VISION)
    assert torch.equal(torch.cat([data[row] for row in CLIPS[2]]), make_sample(2)["images"])


@pytest.mark.parametrize("batch_size", [5, len(ROWS), 1000])
def test_image_batches_hold_the_same_rows(batch_size):
    single, batched = (
        InferenceDataset(ROWS, TINY_VISION),
        InferenceDataset(ROWS, TINY_VISION, batch_size),
    )
    assert len(batched) == -(-len(ROWS) // batch_size)
    images = [torch.cat([data[i] for i in range(len(data))]) for data in (single, batched)]
    assert torch.equal(*images)


def test_view_that_is_not_configured_is_invisible():
    sample = make_sample(2, views=("Endzone",))
    assert not sample["visible"][:, 0].any()
    assert torch.equal(sample["visible"][:, 1], make_sample(2)["visible"][:, 1])
    assert len(sample["images"]) == sample["visible"].sum()


def test_tta_flips_and_shifts_the_image():
    plain, flipped, shifted = (
        InferenceDataset(ROWS, TINY_VISION, **variant)[0]
        for variant in ({}, {"flip": True}, {"shift": 2})
    )
    assert torch.equal(flipped.flip(-1), plain)
    assert torch.equal(shifted[..., :-2], plain[..., 2:])


def test_batch_concatenates_the_images_of_its_clips():
    samples = [make_sample(clip) for clip in range(3)]
    batch = collate(samples)
    assert torch.equal(batch["images"], torch.cat([sample["images"] for sample in samples]))
    assert torch.equal(batch["visible"][1], samples[1]["visible"])
    assert len(batch["images"]) == batch["visible"].sum()


def test_augmented_sample_depends_on_seed_and_index_alone():
    data = [TrainDataset(ROWS, CLIPS, TINY_VISION, LABEL, seed=(1, 2, 3)) for _ in range(2)]
    samples = [data[0][clip] for clip in range(4)]
    for clip in reversed(range(4)):
        torch.testing.assert_close(data[1][clip], samples[clip], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("epochs", "clips"), [((0, 0), (0, 1)), ((0, 1), (0, 0))])
def test_another_epoch_or_index_is_augmented_differently(epochs, clips):
    images = [
        TrainDataset(ROWS, CLIPS[[2, 2]], TINY_VISION, LABEL, seed=(1, 2, epoch))[clip]["images"]
        for epoch, clip in zip(epochs, clips, strict=True)
    ]
    assert not torch.equal(*images)


def test_view_dropout_hides_a_view_in_the_whole_clip():
    for clip in range(len(CLIPS)):
        sample = make_sample(clip, view_dropout_prob=1.0)
        assert (~sample["visible"]).all(dim=0).any()
        assert len(sample["images"]) == sample["visible"].sum()


def test_view_dropout_keeps_the_only_view():
    dropped, plain = (make_sample(2, views=("Endzone",), view_dropout_prob=p) for p in (1.0, 0.0))
    assert torch.equal(dropped["visible"], plain["visible"])


def test_tabular_dropout_hides_all_features_of_the_clip():
    assert torch.isnan(make_sample(0, tabular_dropout_prob=1.0)["tabular"]).all()


def test_image_dropout_hides_images_and_nothing_else():
    plain, sample = make_sample(2), make_sample(2, image_dropout_prob=0.5)
    dropped = plain["visible"].any(1) & ~sample["visible"].any(1)
    assert 0 < dropped.sum() < len(dropped)
    assert torch.equal(sample["visible"][~dropped], plain["visible"][~dropped])
    assert torch.equal(sample["tabular"], plain["tabular"])
    assert torch.equal(sample["step_mask"], plain["step_mask"])


def test_freezing_frames_repeats_the_middle_frame():
    images = make_sample(2, freeze_frames_prob=1.0)["images"]
    assert torch.equal(images[:, :3], make_sample(2)["images"][:, [1, 1, 1]])


def test_time_jitter_shows_a_neighbouring_step_and_keeps_labels():
    data, plain, neighbours = InferenceDataset(ROWS, TINY_VISION), make_sample(2), set()
    for seed in range(8):
        sample = make_sample(2, seed=(seed,), time_jitter_prob=1.0)
        assert torch.equal(sample["label"], plain["label"])
        first, second = sample["visible"].sum(1)[:2]
        images = sample["images"][first : first + second]  # of the second step
        neighbours |= {step for step in (0, 2) if torch.equal(images, data[CLIPS[2][step]])}
    assert neighbours == {0, 2}


def test_all_dropouts_at_once_are_allowed():
    names = ("view_dropout_prob", "tabular_dropout_prob", "time_jitter_prob", "freeze_frames_prob")
    sample = make_sample(GAP, image_dropout_prob=0.99, **dict.fromkeys(names, 1.0))
    assert sample["images"].shape[1:] == (6, 32, 32)
    assert len(sample["images"]) == sample["visible"].sum()
