import pytest
import torch

from player_contact.errors import ConfigError
from player_contact.vision.model import ContactModel, input_channels, scaled
from tests.makers import TINY_VISION

B, T, V, C = 2, 5, 2, 5


@pytest.fixture(scope="module", params=["recurrent", "convolution", "attention"])
def model(request):
    torch.manual_seed(1)
    return ContactModel(TINY_VISION.model_copy(update={"along_track": request.param}), frames=3).eval()


@pytest.fixture
def batch():
    """pictures [B, T, V, C, H, W], sensors, seen, present: everything there."""
    random = torch.Generator().manual_seed(2)
    pictures = torch.randint(0, 255, (B, T, V, C, 32, 32), dtype=torch.uint8, generator=random)
    sensors = torch.randn(B, T, 2, generator=random)
    return {
        "pictures": pictures,
        "sensors": sensors,
        "seen": torch.ones(B, T, V, dtype=torch.bool),
        "present": torch.ones(B, T, dtype=torch.bool),
    }


@torch.inference_mode()
def score(model, batch, **changed):
    """The logits [B, T] of the steps; the model gets the pictures that were seen."""
    batch = batch | changed
    return model(**(batch | {"pictures": batch["pictures"][batch["seen"]]}))[0]


@torch.inference_mode()
def score_pictures(model, batch, **changed):
    """The logits [B, T, V] of each picture alone, where all were seen."""
    batch = batch | changed
    return model(**(batch | {"pictures": batch["pictures"].flatten(0, 2)}))[1].unflatten(0, (B, T, V))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2), (2, 8)])
@pytest.mark.parametrize("boxes", ["channel", "painted", "none"])
def test_there_is_one_logit_a_step_and_one_a_picture(shape, boxes):
    config = TINY_VISION.model_copy(update={"boxes": boxes})
    model = ContactModel(config, frames=3).eval()
    seen = torch.ones(*shape, V, dtype=torch.bool)
    seen[0, 0, 1] = False
    pictures = torch.zeros((int(seen.sum()), input_channels(config, frames=3), 32, 32), dtype=torch.uint8)
    logits, alone = model(pictures, torch.zeros(*shape, 2), seen, torch.ones(shape, dtype=torch.bool))
    assert (logits.shape, alone.shape) == (shape, (len(pictures),))
    assert logits.dtype == alone.dtype == torch.float32


def test_a_picture_alone_knows_nothing_of_sensors_other_steps_or_the_other_view(model, batch):
    pictures = 255 - batch["pictures"]
    pictures[0, 1, 0] = batch["pictures"][0, 1, 0]
    before = score_pictures(model, batch)
    after = score_pictures(model, batch, pictures=pictures, sensors=batch["sensors"] + 1)
    torch.testing.assert_close(after[0, 1, 0], before[0, 1, 0])
    assert (after != before).sum() > before.numel() / 2


@pytest.mark.parametrize(("boxes", "channels"), [("channel", 5), ("painted", 3), ("none", 3)])
def test_drawn_boxes_add_two_channels(boxes, channels):
    assert input_channels(TINY_VISION.model_copy(update={"boxes": boxes}), frames=3) == channels


def test_the_pictures_of_a_view_that_saw_nothing_change_no_logit(model, batch):
    seen = batch["seen"].clone()
    seen[0, :, 1] = False
    seen[1, 2, 0] = False
    pictures = batch["pictures"].clone()
    pictures[~seen] = 255 - pictures[~seen]
    torch.testing.assert_close(score(model, batch, seen=seen, pictures=pictures), score(model, batch, seen=seen), rtol=0, atol=0)


def test_the_pictures_of_a_view_that_saw_the_row_do_change_its_logits(model, batch):
    pictures = batch["pictures"].clone()
    pictures[0, :, 1] = 255 - pictures[0, :, 1]
    before, after = score(model, batch), score(model, batch, pictures=pictures)
    assert (before[0] != after[0]).all()
    torch.testing.assert_close(after[1], before[1])


def test_what_stands_at_a_missing_step_changes_no_other_logit(model, batch):
    present = batch["present"].clone()
    present[0, 2] = False
    seen = batch["seen"] & present[..., None]
    sensors, pictures = batch["sensors"].clone(), batch["pictures"].clone()
    sensors[0, 2] = float("nan")
    pictures[0, 2] = 0
    one = score(model, batch, present=present, seen=seen)
    other = score(model, batch, present=present, seen=seen, sensors=sensors, pictures=pictures)
    torch.testing.assert_close(one[present], other[present], rtol=0, atol=0)


def test_a_missing_step_leaves_the_other_stretches_alone(model, batch):
    present = batch["present"].clone()
    present[0, 2] = False
    seen = batch["seen"] & present[..., None]
    torch.testing.assert_close(score(model, batch, present=present, seen=seen)[1], score(model, batch)[1])


def test_without_any_picture_and_without_sensors_the_logits_are_numbers(model, batch):
    nothing = score(model, batch, seen=torch.zeros_like(batch["seen"]), sensors=torch.full_like(batch["sensors"], float("nan")))
    assert torch.isfinite(nothing).all()


def test_one_missing_sensor_value_is_not_the_same_as_its_mean(model, batch):
    sensors, mean = batch["sensors"].clone(), batch["sensors"].clone()
    sensors[0, 0, 0], mean[0, 0, 0] = float("nan"), model.sensor_mean[0]
    assert (score(model, batch, sensors=sensors)[0] != score(model, batch, sensors=mean)[0]).any()


def test_the_stretches_of_a_batch_do_not_see_each_other(model, batch):
    alone = torch.cat([score(model, {name: values[[one]] for name, values in batch.items()}) for one in range(B)])
    torch.testing.assert_close(alone, score(model, batch), rtol=1e-4, atol=1e-5)


def test_a_step_sees_the_steps_before_and_after_it(model, batch):
    sensors = batch["sensors"].clone()
    sensors[0, 2] += 1
    before, after = score(model, batch), score(model, batch, sensors=sensors)
    assert (before[0] != after[0]).all()


def test_where_nothing_joins_them_a_step_sees_no_other(batch):
    alone = ContactModel(TINY_VISION.model_copy(update={"along_track": "none"}), frames=3).eval()
    sensors = batch["sensors"].clone()
    sensors[0, 2] += 1
    before, after = score(alone, batch), score(alone, batch, sensors=sensors)
    assert (before != after).nonzero().tolist() == [[0, 2]]


def test_a_picture_says_the_same_among_however_many(model, batch):
    pictures = batch["pictures"].flatten(0, 2)
    with torch.inference_mode():
        all_of_them = model.see(pictures)
        for count in (0, 1, 7, 16):
            torch.testing.assert_close(model.see(pictures[:count]), all_of_them[:count], rtol=1e-4, atol=1e-5)


def test_the_encoder_meets_few_numbers_of_pictures(model, batch):
    met = set()
    handle = model.encoder.register_forward_pre_hook(lambda _, inputs: met.add(len(inputs[0])))
    with torch.inference_mode():
        for count in range(1, 20):
            model.see(batch["pictures"].flatten(0, 2)[:count])
    handle.remove()
    assert met == {16, 32}


def test_without_sensor_values_the_pictures_alone_decide(batch):
    blind = ContactModel(TINY_VISION.model_copy(update={"tabular": ()}), frames=3).eval()
    nothing = batch["sensors"][..., :0]
    before, after = (score(blind, batch, sensors=nothing, pictures=pictures) for pictures in (batch["pictures"], 255 - batch["pictures"]))
    assert (before != after).all()


def test_black_and_white_are_scaled_to_about_minus_one_and_one():
    pixels = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 1, 2)
    assert scaled(pixels).flatten().tolist() == [-1, 1]


def test_scaling_leaves_the_pictures_as_they_were():
    mixed = torch.full((2, 1, 4, 4), 255.0).contiguous(memory_format=torch.channels_last)
    assert (scaled(mixed) == 1).all()
    assert (mixed == 255).all()


def test_an_encoder_that_nobody_knows_is_refused_with_those_near_it():
    with pytest.raises(ConfigError, match=r"^'vision\.encoder' is 'resnet10tt', which is no timm model\. Near: .*resnet10t"):
        ContactModel(TINY_VISION.model_copy(update={"encoder": "resnet10tt"}), frames=3)


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenetv3_small_050"])
def test_an_encoder_is_chosen_by_name(encoder):
    model = ContactModel(TINY_VISION.model_copy(update={"encoder": encoder}), frames=1).eval()
    pictures = torch.zeros((4, 3, 32, 32), dtype=torch.uint8)
    seen = torch.ones(1, 2, 2, dtype=torch.bool)
    assert model(pictures, torch.zeros(1, 2, 2), seen, seen[..., 0])[0].shape == (1, 2)
