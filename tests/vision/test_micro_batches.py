import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning_fabric.utilities.seed import seed_everything

from player_contact.vision.dataset import (
    InferenceDataset,
    MicroBatch,
    TrainDataset,
    collate,
    split_batch,
)
from player_contact.vision.model import ContactModel, PairModel
from player_contact.vision.sampling import clip_loss, image_loss
from player_contact.vision.scoring import embed_rows
from player_contact.vision.train import Trainer, _derive_seed
from tests.makers import TINY_VISION
from tests.vision.conftest import NO_AUGMENT, tiny
from tests.vision.test_checkpoint import KilledError, kill_after
from tests.vision.test_train import LABEL, ROWS, WITH_DROPOUT, equal, train, train_weights

pytestmark = pytest.mark.slow


PLAIN = tiny(augment=NO_AUGMENT)
NARROW = tiny(  # half precision is slow on most CPUs
    encoder="contact_resnet10_small",
    encoder_options={"widths": [8, 8, 8, 8]},
    views=("Sideline",),
    clips_per_epoch=2,
    batch_size=1,
    augment=NO_AUGMENT,
)
ENOUGH = 20  # images: more do not fit into the memory of these tests


def make_batch(clips=8):
    index = np.arange(clips * 4).reshape(clips, 4)
    index[0, 2:] = -1
    data = TrainDataset(ROWS, index, PLAIN, LABEL, (0,))
    return collate([data[sample] for sample in range(clips)])


BATCH = make_batch()


@given(parts=st.integers(1, 12))
def test_parts_are_the_batch_in_order(parts):
    split = split_batch(BATCH, parts)
    assert len(split) == min(parts, 8)
    for name, value in BATCH.items():
        joined = torch.cat([part.batch[name] for part in split])
        torch.testing.assert_close(joined, value, equal_nan=True)
    for part in split:
        assert len(part.batch["images"]) == part.batch["visible"].sum()
    assert sum(part.share_of_steps for part in split) == pytest.approx(1)
    assert sum(part.share_of_images for part in split) == pytest.approx(1)


@pytest.mark.parametrize("phase", ["images", "clips"])
def test_losses_and_gradients_of_the_parts_add_up(phase):
    torch.manual_seed(0)
    model = PairModel(PLAIN, 3).eval()  # batch statistics would differ

    def loss_and_gradients(parts):
        model.zero_grad()
        total = 0.0
        for part in parts:
            loss = image_loss(model, part) if phase == "images" else clip_loss(model, part, 0.5)
            loss.backward()
            total += loss.item()
        return total, [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole, gradients = loss_and_gradients([MicroBatch(BATCH)])
    in_parts, others = loss_and_gradients(split_batch(BATCH, 3))
    assert in_parts == pytest.approx(whole, rel=1e-5)
    torch.testing.assert_close(others, gradients, rtol=1e-3, atol=1e-5)


@pytest.fixture
def little_memory(monkeypatch):
    """Forwards of more than so many images raise as CUDA does; returns the sizes that fitted."""
    sizes, embed = [], ContactModel.embed_images

    def embed_images(self, images):
        if len(images) > ENOUGH:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        sizes.append(len(images))
        return embed(self, images)

    monkeypatch.setattr(ContactModel, "embed_images", embed_images)
    return sizes


def test_training_goes_on_in_parts_where_memory_runs_out(little_memory, caplog):
    config = tiny(batch_size=8, clips_per_epoch=16)
    _, log = train(config)
    assert "memory ran out; on with batches in 4 parts" in caplog.text
    assert "8 parts" not in caplog.text
    assert all(np.isfinite(line.train_loss) for line in log)
    assert max(little_memory) <= ENOUGH


def test_what_ran_out_of_memory_resumes_as_if_uninterrupted(little_memory, tmp_path):
    config = WITH_DROPOUT.model_copy(update={"batch_size": 8, "clip_epochs": 3})
    expected = train_weights(config)
    path = tmp_path / "fold0.checkpoint"
    with pytest.raises(KilledError):
        train(config, on_epoch=kill_after(0), checkpoint=path)
    assert equal(train_weights(config, checkpoint=path), expected)


def test_a_sample_that_does_not_fit_is_an_error(monkeypatch):
    def embed_images(self, images):
        raise MemoryError("Unable to allocate 4 GiB")

    monkeypatch.setattr(ContactModel, "embed_images", embed_images)
    with pytest.raises(MemoryError, match="Unable to allocate"):
        train(TINY_VISION)


def test_other_errors_are_no_lack_of_memory(monkeypatch):
    def backward(self, batch, phase, calls=[]):  # noqa: B006
        calls.append(phase)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Trainer, "_backward", backward)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        train(TINY_VISION)


def test_images_are_scored_in_smaller_batches_where_memory_runs_out(little_memory, caplog):
    model, images = PairModel(PLAIN, 3).eval(), InferenceDataset(ROWS, PLAIN, len(ROWS))[0]
    expected = torch.cat([model.embed_images(part) for part in images.split(ENOUGH)])
    little_memory.clear()
    with torch.inference_mode():
        embeddings = embed_rows(model.embed_images, ROWS, PLAIN)
    torch.testing.assert_close(embeddings, expected, rtol=1e-4, atol=1e-5)
    assert "on with batches of 16 images" in caplog.text
    assert max(little_memory) == 16


def test_half_precision_learns_and_resumes_with_its_loss_scale(tmp_path):
    config = NARROW.model_copy(update={"precision": "fp16"})
    seed_everything(_derive_seed(1, 0), verbose=False)  # as training begins
    before = PairModel(config, 3).state_dict()
    expected, log = train(config)
    assert np.isfinite([line.train_loss for line in log]).all()
    path = tmp_path / "fold0.checkpoint"
    with pytest.raises(KilledError):
        train(config, on_epoch=kill_after(0), checkpoint=path)
    assert not torch.equal(before["head.shared.weight"], expected.head.shared.weight)
    assert equal(train_weights(config, checkpoint=path), expected.state_dict())


@pytest.mark.parametrize(("first", "then"), [("fp32", "fp16"), ("fp16", "fp32")])
def test_training_goes_on_in_another_precision(tmp_path, first, then):
    """As on another GPU, with `auto`."""
    path = tmp_path / "fold0.checkpoint"
    before = NARROW.model_copy(update={"precision": first})
    with pytest.raises(KilledError):
        train(before, on_epoch=kill_after(0), checkpoint=path)
    _, log = train(NARROW.model_copy(update={"precision": then}), checkpoint=path)
    assert [line.epoch for line in log] == [0, 1]
