import pytest
import timm
import torch
from torch import nn

from player_contact.vision.encoders import make_encoder
from player_contact.vision.resnet import ZeroPadded

SHORTCUTS = ("none", "identity", "projection_where_needed", "projection")


def make(shortcut: str, depth: int | str = 18) -> nn.Module:
    torch.manual_seed(1)
    return make_encoder(f"contact_resnet{depth}", 3, 64, {"shortcut": shortcut})[0].eval()


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("depth", [18, 50])
def test_with_the_usual_shortcut_it_computes_what_timms_resnet_computes(depth):
    ours, theirs = make("projection_where_needed", depth), timm.create_model(f"resnet{depth}", num_classes=0).eval()
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures), theirs(pictures))


@pytest.mark.parametrize("depth", [10, 50])
def test_an_identity_costs_no_parameter_and_projections_do(depth):
    none, identity, needed, everywhere = (parameters(make(shortcut, depth)) for shortcut in SHORTCUTS)
    assert none == identity < needed < everywhere


def test_half_as_wide_is_a_quarter_as_many_parameters():
    whole, half = make("projection_where_needed", 10), make("projection_where_needed", "10_half")
    assert parameters(half) == pytest.approx(parameters(whole) / 4, rel=0.02)


@pytest.mark.parametrize(("shortcut", "passes"), [("none", False), ("identity", True), ("projection_where_needed", True), ("projection", True)])
def test_a_shortcut_carries_the_picture_around_convolutions_that_say_nothing(shortcut, passes):
    model = make(shortcut)
    for name, module in model.named_modules():
        if name.endswith((".bn1", ".bn2")):  # of the blocks
            nn.init.zeros_(module.weight)
    one, other = model(torch.randn(1, 3, 64, 64)), model(torch.randn(1, 3, 64, 64))
    assert (not torch.equal(one, other)) == passes


def test_the_padded_identity_keeps_what_was_there_and_adds_zeros():
    x = torch.randn(2, 4, 6, 6)
    padded = ZeroPadded(new_channels=3, stride=2)(x)
    assert torch.equal(padded[:, :4], x[..., ::2, ::2])
    assert not padded[:, 4:].any()
    assert padded.shape == (2, 7, 3, 3)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_no_weight_but_the_shifts_starts_at_zero(shortcut):
    """Where the last scale of each block starts at 0, a plain network would never learn."""
    assert all(parameter.count_nonzero() > 0 for name, parameter in make(shortcut).named_parameters() if not name.endswith("bias"))
