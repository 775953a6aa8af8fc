import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from player_contact.config import AugmentConfig
from player_contact.vision.curriculum import Phase, draw_data, draw_rows, draw_stretches, phases_of, pictures_loss
from player_contact.vision.dataset import collate
from player_contact.vision.model import ContactModel
from player_contact.vision.tracks import cut_stretches
from tests.makers import TINY_VISION, make_open_rows

ROWS, LABEL = make_open_rows(tracks=12, steps=8)
PICTURES = Phase("pictures", 1, 1, 4)


def test_an_epoch_draws_each_stretch_at_most_once_and_the_share_with_contact():
    config = TINY_VISION.model_copy(update={"stretches": 10, "with_contact": 0.7})
    drawn = draw_stretches(ROWS, LABEL, config, np.random.default_rng(1))
    rows = drawn[drawn >= 0]
    assert (len(drawn), len(set(rows.tolist()))) == (10, len(rows))
    assert [(LABEL[stretch[stretch >= 0]]).any() for stretch in drawn].count(True) == 7


def test_where_contacts_are_few_an_epoch_keeps_its_size():
    config = TINY_VISION.model_copy(update={"stretches": 12, "with_contact": 0.9})
    label = np.zeros_like(LABEL)
    label[0] = True
    drawn = draw_stretches(ROWS, label, config, np.random.default_rng(1))
    assert len(drawn) == 12
    assert [(label[stretch[stretch >= 0]]).any() for stretch in drawn].count(True) == 1


def test_more_stretches_than_there_are_means_all_of_them():
    config = TINY_VISION.model_copy(update={"stretches": 1000, "steps": 8})
    drawn = draw_stretches(ROWS, LABEL, config, np.random.default_rng(0))
    assert sorted(drawn[drawn >= 0].tolist()) == list(range(len(ROWS)))
    assert len(drawn) <= 2 * len(cut_stretches(ROWS.track, ROWS.step, 8, 0))


@given(
    contacts=st.integers(0, 40), others=st.integers(0, 40), stretches=st.integers(1, 12), steps=st.integers(1, 9),
    share=st.floats(0, 1), seed=st.integers(0, 9),
)  # fmt: skip
def test_single_rows_are_drawn_at_most_once_and_as_many_as_there_are_and_are_asked_for(contacts, others, stretches, steps, share, seed):
    if not contacts + others:
        return
    label = np.random.default_rng(seed).permutation(np.arange(contacts + others) < contacts)
    config = TINY_VISION.model_copy(update={"stretches": stretches, "steps": steps, "with_contact": share})
    drawn = draw_rows(label, config, np.random.default_rng(seed))
    rows = drawn[drawn >= 0]
    wanted = min(stretches * steps, len(label))
    assert drawn.shape == (-(-wanted // steps), steps)
    assert len(set(rows.tolist())) == len(rows) == wanted
    assert label[rows].sum() == min(contacts, max(round(wanted * share), wanted - others))


def test_single_rows_come_in_no_order():
    drawn = draw_rows(LABEL, TINY_VISION.model_copy(update={"stretches": 1000}), np.random.default_rng(1))
    assert (np.diff(drawn, axis=1) == 1).mean() < 0.1


@pytest.mark.parametrize(
    ("pictures", "expected"), [(0, [Phase("stretches", 2, 2, 4)]), (3, [Phase("pictures", 3, 4, 2), Phase("stretches", 2, 2, 4, 0.5)])]
)
def test_phases_without_epochs_are_left_out(pictures, expected):
    assert phases_of(TINY_VISION.model_copy(update={"picture_epochs": pictures, "picture_batch": 2}), ROWS) == expected


def test_a_single_row_never_shows_the_picture_of_another_one():
    plain = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))
    data, still = (
        draw_data(PICTURES, ROWS, LABEL, TINY_VISION.model_copy(update={"augment": augment}), np.random.default_rng(1), (1,))
        for augment in (plain.model_copy(update={"jitter": 1.0}), plain)
    )
    for item in range(len(data)):
        assert torch.equal(data[item]["pictures"], still[item]["pictures"])


def test_pictures_alone_teach_the_encoder_and_nothing_along_the_track():
    model = ContactModel(TINY_VISION, 3)
    data = draw_data(PICTURES, ROWS, LABEL, TINY_VISION, np.random.default_rng(1), (1,))
    pictures_loss(model, collate([data[item] for item in range(4)])).backward()
    assert all(parameter.grad is not None for parameter in model.encoder.parameters())
    assert all(parameter.grad is None for part in (model.along_track, model.head, model.sensors) for parameter in part.parameters())


def test_a_batch_that_nobody_saw_teaches_nothing_and_breaks_nothing():
    model = ContactModel(TINY_VISION, 3)
    data = draw_data(PICTURES, ROWS, LABEL, TINY_VISION, np.random.default_rng(1), (1,))
    batch = collate([data[0]])
    none = batch | {"pictures": batch["pictures"][:0], "seen": torch.zeros_like(batch["seen"])}
    loss = pictures_loss(model, none)
    loss.backward()
    assert loss == 0
