import pytest
import timm
import torch
from torch import nn

from player_contact.vision.encoders import make_encoder
from player_contact.vision.resnet import PaddedIdentity

SHORTCUTS = ("none", "identity", "projection_where_needed", "projection")


def make(shortcut: str, name: int | str = 18) -> nn.Module:
    torch.manual_seed(1)
    return make_encoder(f"contact_resnet{name}", 3, 64, {"shortcut": shortcut})[0].eval()


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("depth", [18, 50])
def test_standard_shortcut_equals_the_resnet_of_timm(depth):
    model = make("projection_where_needed", depth)
    expected = timm.create_model(f"resnet{depth}", num_classes=0).eval()
    model.load_state_dict(expected.state_dict())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(images), expected(images))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [10, 50])
def test_identities_have_no_parameters_and_projections_have(depth):
    none, identity, needed, projection = (count_parameters(make(kind, depth)) for kind in SHORTCUTS)
    assert none == identity < needed < projection


def test_half_the_width_is_a_quarter_of_the_parameters():
    options = {"shortcut": "projection_where_needed", "widths": [32, 64, 128, 256]}
    half = make_encoder("contact_resnet10", 3, 64, options)[0]
    full = make("projection_where_needed", 10)
    assert count_parameters(half) == pytest.approx(count_parameters(full) / 4, rel=0.02)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_shortcut_carries_the_image_around_zero_convolutions(shortcut):
    model = make(shortcut)
    for name, module in model.named_modules():
        if name.endswith((".bn1", ".bn2")):  # of the blocks
            nn.init.zeros_(module.weight)
    features = [model(torch.randn(1, 3, 64, 64)) for _ in range(2)]
    assert torch.equal(*features) == (shortcut == "none")


def test_padded_identity_appends_zero_channels():
    x = torch.randn(2, 4, 6, 6)
    padded = PaddedIdentity(new_channels=3, stride=2)(x)
    assert torch.equal(padded[:, :4], x[..., ::2, ::2])
    assert not padded[:, 4:].any()
    assert padded.shape == (2, 7, 3, 3)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_no_weight_starts_at_zero(shortcut):
    """With zero weights in the last batch norm of each block a plain network would never learn."""
    weights = [p for name, p in make(shortcut).named_parameters() if not name.endswith("bias")]
    assert all(weight.count_nonzero() > 0 for weight in weights)
