import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from player_contact.config import ShippedConfig, TransferConfig, load_config
from player_contact.utils.errors import ConfigError
from player_contact.vision.encoders import make_encoder
from player_contact.vision.model import PairModel
from player_contact.vision.transfer import (
    as_trained,
    encoder_stages,
    num_trainable_stages,
    param_groups,
    set_trainable,
)
from tests.conftest import ROOT
from tests.vision.conftest import tiny

GRADUAL = TransferConfig(freeze_epochs=2, unfreeze_every=3, layer_decay=0.5)
CONFIG = tiny(transfer=GRADUAL, weights="w.pth")
ENCODERS = (
    "alexnet",
    "googlenet",
    "contact_resnet10",
    "resnet10t",
    "densenet121",
    "tf_efficientnet_lite0",
)


@pytest.fixture
def model():
    torch.manual_seed(1)
    return PairModel(CONFIG, num_frames=3)


def trainable(model) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("name", ENCODERS)
def test_stages_and_blocks_hold_every_parameter_once(name):
    encoder, _ = make_encoder(name, 5, 64, {})
    names = [key for key, _ in encoder.named_parameters()]
    stages, blocks = encoder_stages(encoder), encoder_stages(encoder, coarse=False)
    for groups in (stages, blocks):
        assert sorted(key for group in groups for key in group) == sorted(names)
        assert names[0] in groups[0]
        assert names[-1] in groups[-1]
    assert 3 < len(stages) <= len(blocks)


@pytest.mark.parametrize("coarse", [True, False])
def test_encoder_without_group_matcher_is_grouped_by_children(coarse):
    encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
    expected = [["0.weight", "0.bias"], ["2.weight", "2.bias"]]
    assert encoder_stages(encoder, coarse) == expected


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (TransferConfig(), [5, 5, 5, 5]),
        (TransferConfig(freeze_epochs=2), [0, 0, 5, 5]),
        (TransferConfig(unfreeze_every=1), [1, 2, 3, 4, 5, 5]),
        (GRADUAL, [0, 0, 1, 1, 1, 2, 2, 2, 3]),
    ],
)
def test_stages_are_unfrozen_from_the_end(transfer, expected):
    assert [num_trainable_stages(5, transfer, epoch) for epoch in range(len(expected))] == expected


@given(
    st.builds(TransferConfig, freeze_epochs=st.integers(0, 5), unfreeze_every=st.integers(0, 4)),
    st.integers(1, 9),
    st.integers(0, 60),
)
def test_trainable_stages_never_freeze_again(transfer, stages, epoch):
    before, after = (num_trainable_stages(stages, transfer, e) for e in (epoch, epoch + 1))
    assert 0 <= before <= after <= stages


def test_new_layers_train_first_then_the_last_stage_then_all(model):
    new = {name for name, _ in model.named_parameters() if not name.startswith("encoder.")}
    assert set_trainable(model, CONFIG, 0) == 0
    assert trainable(model) == new
    assert set_trainable(model, CONFIG, 2) == 1
    assert {name.split(".")[1] for name in trainable(model) - new} == {"layer4"}
    assert set_trainable(model, CONFIG, 99) == 5
    assert len(trainable(model)) == len(list(model.parameters()))


def test_frozen_stages_keep_weights_and_batch_statistics(model):
    before = copy.deepcopy(model.encoder.state_dict())
    set_trainable(model, CONFIG, 2)  # layer4 alone
    optimizer = torch.optim.AdamW(param_groups(model, CONFIG), weight_decay=0.1)
    visible = torch.ones(2, 4, 2, dtype=torch.bool)
    images = torch.randint(0, 255, (16, 6, 32, 32), dtype=torch.uint8)
    masks = visible, visible[..., 0], visible[..., 0]
    model(images, torch.randn(2, 4, 2), *masks)[0].sum().backward()
    optimizer.step()
    after = model.encoder.state_dict()
    assert {n.split(".")[0] for n in after if not torch.equal(after[n], before[n])} == {"layer4"}


def test_trainable_state_does_not_depend_on_earlier_epochs(model):
    fresh = copy.deepcopy(model)
    for epoch in range(6):
        set_trainable(model, CONFIG, epoch)
    set_trainable(fresh, CONFIG, 5)
    assert trainable(model) == trainable(fresh)
    assert [m.training for m in model.modules()] == [m.training for m in fresh.modules()]


def test_layer_decay_halves_the_learning_rate_per_stage(model):
    groups = param_groups(model, CONFIG)
    rates = [CONFIG.learning_rate / 2**number for number in range(6)]
    assert [group["lr"] for group in groups] == pytest.approx(rates)
    assert [group["name"] for group in groups][:2] == ["new layers", "encoder stage 4"]
    ids = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(ids) == sorted(map(id, model.parameters()))


def test_what_starts_from_shipped_weights_is_trained_as_they_ask():
    config = load_config(ROOT / "configs" / "demo.yaml", []).vision
    trained = as_trained(config, 3)
    assert trained.image_epochs == config.shipped.image_epochs
    assert trained.transfer.model_dump() == config.shipped.transfer.model_dump()
    assert trained.learning_rate == config.learning_rate * config.shipped.lr_scale
    others = {"image_epochs", "learning_rate", "transfer"}
    assert trained.model_dump(exclude=others) == config.model_dump(exclude=others)


def test_a_setting_of_shipped_weights_leaves_its_neighbours_as_they_are():
    settings = ["vision.shipped.transfer.freeze_epochs=2"]
    shipped = load_config(ROOT / "configs" / "demo.yaml", settings).vision.shipped
    assert shipped.transfer.freeze_epochs == 2
    assert shipped.transfer.layer_decay == ShippedConfig().transfer.layer_decay < 1


def test_a_schedule_of_shipped_weights_that_devices_can_not_share_is_refused():
    update = {"image_epochs": 0, "devices": 2, "image_batch_size": 8, "batch_size": 16}
    config = load_config(ROOT / "configs" / "demo.yaml", []).vision
    config = config.model_copy(update=update | {"shipped": ShippedConfig(image_epochs=2)})
    with pytest.raises(ConfigError, match=r"vision\.shipped says, .*can't be shared by 2"):
        as_trained(config, 3)


@pytest.mark.parametrize(
    ("settings", "frames"),
    [({"weights": "none"}, 3), ({"encoder": "resnet10t"}, 3), ({"boxes": "none"}, 3), ({}, 1)],
)
def test_what_starts_from_other_weights_is_trained_as_configured(settings, frames):
    config = load_config(ROOT / "configs" / "demo.yaml", []).vision.model_copy(update=settings)
    assert as_trained(config, frames) == config
