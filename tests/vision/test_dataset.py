import numpy as np
import pytest
import torch

from player_contact.config import AugmentConfig
from player_contact.video.draw import draw_boxes
from player_contact.vision.augment import centre
from player_contact.vision.dataset import RowDataset, StretchDataset, collate
from player_contact.vision.tracks import cut_stretches
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(steps=7)
STILL = TINY_VISION.model_copy(update={"augment": AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))})
STRETCHES = cut_stretches(ROWS.track, ROWS.step, TINY_VISION.steps, 0)  # stretches of 4 and of 3 steps
GAP = int(np.flatnonzero((STRETCHES < 0).any(1))[0])


def assert_same_item(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True, msg=name)


def make_item(place, config=STILL, seed=(1, 2, 3), stretches=STRETCHES):
    return StretchDataset(ROWS, stretches, config, LABEL, seed)[place]


def changed(**settings):
    """The tests' settings with some of what training does to a stretch, and nothing else."""
    return STILL.model_copy(update={"augment": STILL.augment.model_copy(update=settings)})


def test_an_item_holds_the_rows_of_its_stretch_in_order():
    item = make_item(2)
    pictures = iter(item["pictures"])
    for step, row in enumerate(STRETCHES[2]):
        crops, place = ROWS.crops[ROWS.play[row]], ROWS.place[row]
        np.testing.assert_array_equal(item["seen"][step], crops.seen[place])
        for view in np.flatnonzero(crops.seen[place]):
            np.testing.assert_array_equal(next(pictures)[:3], centre(crops.pictures[place, view], 32))
        np.testing.assert_array_equal(item["sensors"][step], ROWS.sensors[row])
        assert item["label"][step] == LABEL[row]
    assert next(pictures, None) is None


def test_a_step_that_is_not_asked_about_is_absent_and_unseen():
    item = make_item(GAP)
    absent = torch.from_numpy(STRETCHES[GAP] < 0)
    assert torch.equal(item["present"], ~absent)
    assert not item["seen"][absent].any()
    assert not item["label"][absent].any()
    assert torch.isnan(item["sensors"][absent]).all()


def test_the_boxes_have_two_channels_of_their_own_after_the_frames():
    row = STRETCHES[0][0]
    view = int(np.flatnonzero(ROWS.crops[ROWS.play[row]].seen[ROWS.place[row]])[0])
    drawn = np.zeros((1, 2, 36, 36), dtype=np.uint8)
    draw_boxes(drawn, ROWS.crops[ROWS.play[row]].boxes[ROWS.place[row], view][None])
    pictures = make_item(0)["pictures"]
    assert pictures.shape[1:] == (5, 32, 32)
    np.testing.assert_array_equal(pictures[0, 3:], centre(drawn[0], 32))


@pytest.mark.parametrize(("boxes", "differs"), [("painted", True), ("none", False)])
def test_painted_boxes_change_the_pictures_and_no_boxes_leave_them(boxes, differs):
    before = ROWS.crops[0].pictures.copy()
    pictures = RowDataset(ROWS, TINY_VISION.model_copy(update={"boxes": boxes}))[3]
    seen = ROWS.crops[0].seen[ROWS.place[3]]
    assert pictures.shape == (seen.sum(), 3, 32, 32)
    assert (not np.array_equal(pictures, centre(ROWS.crops[0].pictures[ROWS.place[3]][seen], 32))) == differs
    np.testing.assert_array_equal(ROWS.crops[0].pictures, before)


def test_what_is_scored_is_what_training_sees_where_nothing_is_changed():
    rows = RowDataset(ROWS, TINY_VISION)
    assert torch.equal(torch.cat([rows[place] for place in STRETCHES[2]]), make_item(2)["pictures"])


@pytest.mark.parametrize("together", [5, len(ROWS), 1000])
def test_rows_that_are_scored_together_are_the_same_rows(together):
    one_by_one, some = RowDataset(ROWS, TINY_VISION), RowDataset(ROWS, TINY_VISION, together)
    assert len(some) == -(-len(ROWS) // together)
    assert torch.equal(torch.cat([some[item] for item in range(len(some))]), torch.cat([one_by_one[place] for place in range(len(ROWS))]))


def test_a_view_that_is_not_looked_at_sees_nothing():
    item = make_item(2, STILL.model_copy(update={"views": ("Endzone",)}))
    assert not item["seen"][:, 0].any()
    assert torch.equal(item["seen"][:, 1], make_item(2)["seen"][:, 1])
    assert len(item["pictures"]) == item["seen"].sum()


def test_a_mirrored_look_is_the_picture_from_right_to_left_and_a_shifted_one_its_neighbour():
    plain, flipped, shifted = RowDataset(ROWS, TINY_VISION)[0], RowDataset(ROWS, TINY_VISION, flip=True)[0], RowDataset(ROWS, TINY_VISION, shift=2)[0]
    assert torch.equal(flipped.flip(-1), plain)
    assert torch.equal(shifted[..., :-2], plain[..., 2:])


def test_a_batch_has_the_pictures_of_all_its_stretches_one_after_the_other():
    items = [make_item(place) for place in range(3)]
    batch = collate(items)
    assert torch.equal(batch["pictures"], torch.cat([item["pictures"] for item in items]))
    assert torch.equal(batch["seen"][1], items[1]["seen"])
    assert len(batch["pictures"]) == batch["seen"].sum()


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


def test_a_dropped_view_is_hidden_in_the_whole_stretch():
    for place in range(len(STRETCHES)):
        item = make_item(place, changed(drop_view=1.0))
        assert (~item["seen"]).all(dim=0).any()
        assert len(item["pictures"]) == item["seen"].sum()


def test_where_one_view_is_looked_at_it_is_never_dropped():
    one = changed(drop_view=1.0).model_copy(update={"views": ("Endzone",)})
    assert torch.equal(make_item(2, one)["seen"], make_item(2, STILL.model_copy(update={"views": ("Endzone",)}))["seen"])


def test_dropped_sensors_are_hidden_in_the_whole_stretch():
    assert torch.isnan(make_item(0, changed(drop_sensors=1.0))["sensors"]).all()


def test_dropped_steps_lose_their_pictures_and_nothing_else():
    plain, dropped = make_item(2), make_item(2, changed(drop_steps=0.5))
    gone = plain["seen"].any(1) & ~dropped["seen"].any(1)
    assert 0 < gone.sum() < len(gone)
    assert torch.equal(dropped["seen"][~gone], plain["seen"][~gone])
    assert torch.equal(dropped["sensors"], plain["sensors"])
    assert torch.equal(dropped["present"], plain["present"])


def test_dropped_frames_show_the_moment_of_the_step():
    pictures = make_item(2, changed(drop_frames=1.0))["pictures"]
    assert torch.equal(pictures[:, :3], make_item(2)["pictures"][:, [1, 1, 1]])


def test_jittered_pictures_are_those_of_a_neighbouring_step_and_the_labels_stay():
    plain = RowDataset(ROWS, TINY_VISION)
    shows = set()
    for seed in range(8):
        item = make_item(2, changed(jitter=1.0), seed=(seed,))
        assert torch.equal(item["label"], make_item(2)["label"])
        before, _, after = (int(place) for place in STRETCHES[2][:3])
        seen = item["seen"].sum(1)
        second = item["pictures"][seen[0] : seen[0] + seen[1]]
        shows |= {name for name, place in (("before", before), ("after", after)) if torch.equal(second, plain[place])}
    assert shows == {"before", "after"}


def test_everything_that_can_be_dropped_may_be_dropped_at_once():
    item = make_item(GAP, changed(drop_view=1.0, drop_sensors=1.0, drop_steps=0.99, jitter=1.0, drop_frames=1.0))
    assert item["pictures"].shape[1:] == (5, 32, 32)
    assert len(item["pictures"]) == item["seen"].sum()
