import numpy as np
import pytest
import torch

from player_contact.video.draw import draw_boxes
from player_contact.vision.augment import centre
from player_contact.vision.dataset import StretchDataset
from player_contact.vision.tracks import cut_stretches
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(steps=7)
STRETCHES = cut_stretches(ROWS.track, ROWS.step, TINY_VISION.steps, 0)  # stretches of 4 and of 3 steps
GAP = int(np.flatnonzero((STRETCHES < 0).any(1))[0])


def assert_same_item(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True, msg=name)


def test_an_item_holds_the_rows_of_its_stretch_in_order():
    item = StretchDataset(ROWS, STRETCHES, TINY_VISION, LABEL)[2]
    for step, row in enumerate(STRETCHES[2]):
        crops, place = ROWS.crops[ROWS.play[row]], ROWS.place[row]
        np.testing.assert_array_equal(item["pictures"][step, :, :3], centre(crops.pictures[place], 32))
        np.testing.assert_array_equal(item["sensors"][step], ROWS.sensors[row])
        np.testing.assert_array_equal(item["seen"][step], crops.seen[place])
        assert item["label"][step] == LABEL[row]


def test_a_step_that_is_not_asked_about_is_absent_and_unseen():
    item = StretchDataset(ROWS, STRETCHES, TINY_VISION, LABEL)[GAP]
    absent = torch.from_numpy(STRETCHES[GAP] < 0)
    assert torch.equal(item["present"], ~absent)
    assert not item["seen"][absent].any()
    assert not item["label"][absent].any()
    assert torch.isnan(item["sensors"][absent]).all()


def test_the_boxes_have_two_channels_of_their_own_after_the_frames():
    item = StretchDataset(ROWS, STRETCHES, TINY_VISION)[0]
    row = STRETCHES[0][0]
    expected = centre(draw_boxes(ROWS.crops[ROWS.play[row]].boxes[ROWS.place[row], 1], 36), 32)
    assert item["pictures"].shape == (4, 2, 5, 32, 32)
    np.testing.assert_array_equal(item["pictures"][0, 1, 3:], expected)


@pytest.mark.parametrize(("boxes", "changed"), [("painted", True), ("none", False)])
def test_painted_boxes_change_the_pictures_and_no_boxes_leave_them(boxes, changed):
    before = ROWS.crops[0].pictures.copy()
    item = StretchDataset(ROWS, STRETCHES, TINY_VISION.model_copy(update={"boxes": boxes}))[0]
    row = STRETCHES[0][0]
    assert item["pictures"].shape == (4, 2, 3, 32, 32)
    assert (not np.array_equal(item["pictures"][0], centre(ROWS.crops[0].pictures[ROWS.place[row]], 32))) == changed
    np.testing.assert_array_equal(ROWS.crops[0].pictures, before)


def test_an_augmented_item_depends_on_its_seed_and_place_alone():
    forwards = StretchDataset(ROWS, STRETCHES, TINY_VISION, LABEL, seed=(1, 2, 3))
    backwards = StretchDataset(ROWS, STRETCHES, TINY_VISION, LABEL, seed=(1, 2, 3))
    items = [forwards[place] for place in range(4)]
    for place in reversed(range(4)):
        assert_same_item(backwards[place], items[place])


def test_the_same_stretch_drawn_at_another_place_is_changed_otherwise():
    twice = StretchDataset(ROWS, STRETCHES[[2, 2]], TINY_VISION, LABEL, seed=(1, 2, 3))
    assert not torch.equal(twice[0]["pictures"], twice[1]["pictures"])


def test_another_epoch_changes_the_items():
    first, second = (StretchDataset(ROWS, STRETCHES, TINY_VISION, LABEL, seed=(1, 2, epoch))[0] for epoch in (0, 1))
    assert not torch.equal(first["pictures"], second["pictures"])


def test_scoring_changes_nothing_from_one_look_to_the_next():
    data = StretchDataset(ROWS, STRETCHES, TINY_VISION)
    assert_same_item(data[2], data[2])


def test_a_dropped_view_is_hidden_in_the_whole_stretch():
    config = TINY_VISION.model_copy(update={"augment": TINY_VISION.augment.model_copy(update={"drop_view": 1.0})})
    data = StretchDataset(ROWS, STRETCHES, config, LABEL, seed=(1, 2, 3))
    assert all((~data[place]["seen"]).all(dim=0).any() for place in range(len(data)))


def test_dropped_sensors_are_hidden_in_the_whole_stretch():
    config = TINY_VISION.model_copy(update={"augment": TINY_VISION.augment.model_copy(update={"drop_sensors": 1.0})})
    assert torch.isnan(StretchDataset(ROWS, STRETCHES, config, LABEL, seed=(1, 2, 3))[0]["sensors"]).all()
