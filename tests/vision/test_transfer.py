import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from player_contact.config import TransferConfig
from player_contact.vision.encoders import make_encoder
from player_contact.vision.model import ContactModel
from player_contact.vision.transfer import encoder_blocks, encoder_stages, parameter_groups, start_epoch, trained_stages
from tests.makers import TINY_VISION

GRADUAL = TransferConfig(frozen_epochs=2, unfreeze_every=3, rate_decay=0.5)
CONFIG = TINY_VISION.model_copy(update={"transfer": GRADUAL, "weights": "w.pth"})


@pytest.fixture
def model():
    torch.manual_seed(1)
    return ContactModel(CONFIG, frames=3)


def learning(model) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "contact_resnet10", "resnet10t", "densenet121", "tf_efficientnet_lite0"])
def test_stages_and_blocks_hold_every_parameter_once_from_the_stem_on(name):
    encoder, _ = make_encoder(name, 5, 64, {})
    every = [key for key, _ in encoder.named_parameters()]
    stages, blocks = encoder_stages(encoder), encoder_blocks(encoder)
    for parts in (stages, blocks):
        assert sorted(key for part in parts for key in part) == sorted(every)
        assert every[0] in parts[0]
        assert every[-1] in parts[-1]
    assert 3 < len(stages) <= len(blocks)


def test_an_encoder_that_timm_can_not_divide_is_divided_by_its_children():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
    assert encoder_stages(plain) == encoder_blocks(plain) == [["0.weight", "0.bias"], ["2.weight", "2.bias"]]


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (TransferConfig(), [5, 5, 5, 5]),
        (TransferConfig(frozen_epochs=2), [0, 0, 5, 5]),
        (TransferConfig(unfreeze_every=1), [1, 2, 3, 4, 5, 5]),
        (GRADUAL, [0, 0, 1, 1, 1, 2, 2, 2, 3]),
    ],
)
def test_stages_join_from_the_end(transfer, expected):
    assert [trained_stages(5, transfer, epoch) for epoch in range(len(expected))] == expected


@given(st.builds(TransferConfig, frozen_epochs=st.integers(0, 5), unfreeze_every=st.integers(0, 4)), st.integers(1, 9), st.integers(0, 60))
def test_what_learns_never_freezes_again(transfer, stages, epoch):
    assert 0 <= trained_stages(stages, transfer, epoch) <= trained_stages(stages, transfer, epoch + 1) <= stages


def test_first_the_new_layers_learn_then_the_last_stage_then_all(model):
    new = {name for name, _ in model.named_parameters() if not name.startswith("encoder.")}
    assert start_epoch(model, CONFIG, 0) == 0
    assert learning(model) == new
    assert start_epoch(model, CONFIG, 2) == 1
    assert {name.split(".")[1] for name in learning(model) - new} == {"layer4"}
    assert start_epoch(model, CONFIG, 99) == 5
    assert len(learning(model)) == len(list(model.parameters()))


def test_a_frozen_encoder_keeps_its_weights_and_its_statistics(model):
    before = copy.deepcopy(model.encoder.state_dict())
    start_epoch(model, CONFIG, 2)  # layer4 alone learns
    optimizer = torch.optim.AdamW(parameter_groups(model, CONFIG), weight_decay=0.1)
    seen = torch.ones(2, 4, 2, dtype=torch.bool)
    pictures = torch.randint(0, 255, (16, 5, 32, 32), dtype=torch.uint8)
    model(pictures, torch.randn(2, 4, 2), seen, seen[..., 0])[0].sum().backward()
    optimizer.step()
    changed = {name.split(".")[0] for name, value in model.encoder.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layer4"}


def test_an_epoch_looks_the_same_whether_or_not_others_came_before_it(model):
    fresh = copy.deepcopy(model)
    for epoch in range(6):
        start_epoch(model, CONFIG, epoch)
    start_epoch(fresh, CONFIG, 5)
    assert learning(model) == learning(fresh)
    assert [module.training for module in model.modules()] == [module.training for module in fresh.modules()]


def test_each_stage_is_half_as_fast_as_the_next_and_every_parameter_is_in_one_group(model):
    groups = parameter_groups(model, CONFIG)
    rate = CONFIG.learning_rate
    assert [group["lr"] for group in groups] == pytest.approx([rate / 2**number for number in range(6)])
    assert [group["name"] for group in groups][:2] == ["new layers", "encoder stage 4"]
    numbered = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(numbered) == sorted(map(id, model.parameters()))
