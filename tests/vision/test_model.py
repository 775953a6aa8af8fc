import pytest
import torch

from player_contact.utils.errors import ConfigError
from player_contact.vision.model import PairModel, input_channels, normalize
from tests.vision.conftest import as_if_trained, tiny

B, T, V, C = 2, 5, 2, 6


def make_model(num_frames=3, **settings) -> PairModel:
    torch.manual_seed(1)
    return as_if_trained(PairModel(tiny(**settings), num_frames)).eval()


@pytest.fixture(scope="module", params=["gru", "conv", "attention"])
def model(request):
    return make_model(temporal=request.param)


@pytest.fixture
def batch():
    """Arguments of the model, but images [B, T, V, C, H, W] of all steps and views."""
    rng = torch.Generator().manual_seed(2)
    return {
        "images": torch.randint(0, 255, (B, T, V, C, 32, 32), dtype=torch.uint8, generator=rng),
        "tabular": torch.randn(B, T, 2, generator=rng),
        "visible": torch.ones(B, T, V, dtype=torch.bool),
        "step_mask": torch.ones(B, T, dtype=torch.bool),
        "is_ground": torch.tensor([[False], [True]]).expand(B, T),
    }


@torch.inference_mode()
def score(model, batch, **changes):
    """[B, T] logits, from the visible images."""
    batch = batch | changes
    return model(**(batch | {"images": batch["images"][batch["visible"]]}))[0]


@torch.inference_mode()
def score_images(model, batch, **changes):
    """[B, T, V] logits of the images, all visible."""
    batch = batch | changes
    return model(**(batch | {"images": batch["images"].flatten(0, 2)}))[1].unflatten(0, (B, T, V))


def changed(values, index, value):
    """A copy with another value at the index."""
    values = values.clone()
    values[index] = value
    return values


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2), (2, 8)])
@pytest.mark.parametrize("boxes", ["channel", "painted", "none"])
def test_one_logit_per_step_and_one_per_image(shape, boxes):
    model, channels = make_model(boxes=boxes), input_channels(tiny(boxes=boxes), num_frames=3)
    visible = changed(torch.ones(*shape, V, dtype=torch.bool), (0, 0, 1), False)
    images = torch.zeros((int(visible.sum()), channels, 32, 32), dtype=torch.uint8)
    step_mask = torch.ones(shape, dtype=torch.bool)
    inputs = images, torch.zeros(*shape, 2), visible, step_mask, torch.zeros_like(step_mask)
    logits, image_logits = model(*inputs)
    assert (logits.shape, image_logits.shape) == (shape, (len(images),))
    assert logits.dtype == image_logits.dtype == torch.float32


def test_image_logit_depends_on_that_image_alone(model, batch):
    images = 255 - batch["images"]
    images[0, 1, 0] = batch["images"][0, 1, 0]
    before = score_images(model, batch)
    after = score_images(model, batch, images=images, tabular=batch["tabular"] + 1)
    torch.testing.assert_close(after[0, 1, 0], before[0, 1, 0])
    assert (after != before).sum() > before.numel() / 2


@pytest.mark.parametrize(("boxes", "channels"), [("channel", 6), ("painted", 3), ("none", 3)])
def test_box_masks_add_three_channels(boxes, channels):
    assert input_channels(tiny(boxes=boxes), num_frames=3) == channels


def test_invisible_images_change_no_logit(model, batch):
    visible = changed(batch["visible"], (0, slice(None), 1), False)
    visible[1, 2, 0] = False
    images = torch.where(visible[..., None, None, None], batch["images"], 255 - batch["images"])
    after, before = (
        score(model, batch, visible=visible, images=x) for x in (images, batch["images"])
    )
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_visible_images_change_the_logits_of_their_clip(model, batch):
    images = batch["images"].clone()
    images[0, :, 1] = 255 - images[0, :, 1]
    before, after = score(model, batch), score(model, batch, images=images)
    assert (before[0] != after[0]).all()
    torch.testing.assert_close(after[1], before[1])


def test_values_at_a_masked_step_change_no_logit(model, batch):
    step_mask = changed(batch["step_mask"], (0, 2), False)
    masks = {"step_mask": step_mask, "visible": batch["visible"] & step_mask[..., None]}
    tabular = changed(batch["tabular"], (0, 2), float("nan"))
    images = changed(batch["images"], (0, 2), 0)
    before = score(model, batch, **masks)
    after = score(model, batch, **masks, tabular=tabular, images=images)
    torch.testing.assert_close(after[step_mask], before[step_mask], rtol=0, atol=0)
    torch.testing.assert_close(before[1], score(model, batch)[1])  # another clip


def test_without_images_and_features_the_logits_are_finite(model, batch):
    visible = torch.zeros_like(batch["visible"])
    tabular = torch.full_like(batch["tabular"], float("nan"))
    assert torch.isfinite(score(model, batch, visible=visible, tabular=tabular)).all()


def test_pairs_and_the_ground_are_decided_differently(model, batch):
    is_ground = ~batch["is_ground"]
    for scored in (score, score_images):
        assert (scored(model, batch) != scored(model, batch, is_ground=is_ground)).all()


def test_the_two_views_are_told_apart(model, batch):
    images = batch["images"].flip(2)
    assert (score(model, batch, images=images) != score(model, batch)).all()


@pytest.mark.parametrize("tabular", [("distance", "screen"), ("screen", "distance")])
def test_an_untrained_model_says_what_the_screen_says(batch, tabular):
    torch.manual_seed(1)
    model = PairModel(tiny(tabular=tabular), num_frames=3).eval()
    with torch.no_grad():
        model.head.shared.bias.zero_()
    screen = batch["tabular"][..., tabular.index("screen")]
    torch.testing.assert_close(score(model, batch), screen)
    hidden = torch.full_like(batch["tabular"], torch.nan)
    assert not score(model, batch, tabular=hidden).any()


def test_missing_feature_differs_from_its_mean(model, batch):
    missing, mean = (
        changed(batch["tabular"], (0, 0, 0), value)
        for value in (float("nan"), model.tabular_mean[0])
    )
    assert (score(model, batch, tabular=missing)[0] != score(model, batch, tabular=mean)[0]).any()


def test_clips_of_a_batch_are_independent(model, batch):
    logits = [score(model, {key: x[[i]] for key, x in batch.items()}) for i in range(B)]
    torch.testing.assert_close(torch.cat(logits), score(model, batch), rtol=1e-4, atol=1e-5)


def test_step_uses_the_steps_before_and_after_it(model, batch):
    tabular = changed(batch["tabular"], (0, 2), batch["tabular"][0, 2] + 1)
    assert (score(model, batch)[0] != score(model, batch, tabular=tabular)[0]).all()


def test_no_temporal_layer_keeps_steps_independent(batch):
    model = make_model(temporal="none")
    tabular = changed(batch["tabular"], (0, 2), batch["tabular"][0, 2] + 1)
    differs = score(model, batch) != score(model, batch, tabular=tabular)
    assert differs.nonzero().tolist() == [[0, 2]]


def test_embedding_does_not_depend_on_the_number_of_images(model, batch):
    images = batch["images"].flatten(0, 2)
    with torch.inference_mode():
        expected = model.embed_images(images)
        for count in (0, 1, 7, 16):
            embeddings = model.embed_images(images[:count])
            torch.testing.assert_close(embeddings, expected[:count], rtol=1e-4, atol=1e-5)


def test_encoder_gets_padded_batches(model, batch):
    sizes = set()
    hook = model.encoder.register_forward_pre_hook(lambda _, inputs: sizes.add(len(inputs[0])))
    with torch.inference_mode():
        for count in range(1, 20):
            model.embed_images(batch["images"].flatten(0, 2)[:count])
    hook.remove()
    assert sizes == {16, 32}


def test_model_without_tabular_features_uses_the_images(batch):
    model, batch = make_model(tabular=()), batch | {"tabular": batch["tabular"][..., :0]}
    assert (score(model, batch) != score(model, batch, images=255 - batch["images"])).all()


def test_normalize_scales_pixels_to_minus_one_and_one():
    pixels = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 1, 2)
    assert normalize(pixels).flatten().tolist() == [-1, 1]


def test_normalize_leaves_its_input_unchanged():
    images = torch.full((2, 1, 4, 4), 255.0).contiguous(memory_format=torch.channels_last)
    assert (normalize(images) == 1).all()
    assert (images == 255).all()


def test_unknown_encoder_is_refused_with_similar_names():
    message = r"^'vision\.encoder' is 'resnet10tt', which is not a timm model\. Did you .*resnet10t"
    with pytest.raises(ConfigError, match=message):
        make_model(encoder="resnet10tt")


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenetv3_small_050"])
def test_encoder_is_chosen_by_name(encoder):
    images = torch.zeros((4, 4, 32, 32), dtype=torch.uint8)
    visible = torch.ones(1, 2, 2, dtype=torch.bool)
    masks = visible, visible[..., 0], visible[..., 0]
    logits, _ = make_model(1, encoder=encoder)(images, torch.zeros(1, 2, 2), *masks)
    assert logits.shape == (1, 2)
