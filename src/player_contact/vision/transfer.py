"""Transfer learning: which parts of an encoder learn in which epoch, and how fast.

Gradual unfreezing with a learning rate for each stage, as in Howard and Ruder 2018 (arXiv:1801.06146).
"""

from typing import Any

from timm.models import group_parameters
from torch import nn

from player_contact.config import TransferConfig, VisionConfig
from player_contact.vision.model import ContactModel


def encoder_stages(encoder: nn.Module) -> list[list[str]]:
    """The names of an encoder's parameters by stage, from the stem to the last; each name is in one of them.

    As timm's `group_matcher` divides its models; an encoder without one by its children, in their order.
    """
    matcher: Any = getattr(encoder, "group_matcher", None)
    if matcher is not None:
        return list(group_parameters(encoder, matcher(coarse=True)).values())
    children = dict.fromkeys(name.partition(".")[0] for name, _ in encoder.named_parameters())
    return [[name for name, _ in encoder.named_parameters() if name.partition(".")[0] == child] for child in children]


def encoder_blocks(encoder: nn.Module) -> list[list[str]]:
    """The same, a block at a time where timm's `group_matcher` tells them apart."""
    matcher: Any = getattr(encoder, "group_matcher", None)
    return list(group_parameters(encoder, matcher(coarse=False)).values()) if matcher is not None else encoder_stages(encoder)


def parameter_groups(model: ContactModel, config: VisionConfig, share: float = 1.0) -> list[dict[str, Any]]:
    """The groups of an optimizer: `params`, `lr` and `name`; first all that is not the encoder, at that share of the learning rate, then its
    stages from the last to the stem, each slower than the one before it by `rate_decay`. Every parameter is in one group, frozen or not.
    """
    full = share * config.learning_rate
    encoder = dict(model.encoder.named_parameters())
    inside = {id(parameter) for parameter in encoder.values()}
    others = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    groups: list[dict[str, Any]] = [{"params": others, "lr": full, "name": "new layers"}]
    stages = encoder_stages(model.encoder)
    for number in reversed(range(len(stages))):
        rate = full * config.transfer.rate_decay ** (len(stages) - number)
        groups.append({"params": [encoder[name] for name in stages[number]], "lr": rate, "name": f"encoder stage {number}"})
    return groups


def trained_stages(stages: int, transfer: TransferConfig, epoch: int) -> int:
    """How many of an encoder's stages learn in an epoch, counted from its end."""
    if epoch < transfer.frozen_epochs:
        return 0
    if not transfer.unfreeze_every:
        return stages
    return min(1 + (epoch - transfer.frozen_epochs) // transfer.unfreeze_every, stages)


def start_epoch(model: ContactModel, config: VisionConfig, epoch: int) -> int:
    """Puts a model into training as its epoch wants it: what is frozen takes no gradient, and neither its statistics (batch normalisation) nor its
    dropout move. Call it in the place of `model.train()`. Depends on nothing but the epoch. Returns how many of the encoder's stages learn.
    """
    stages = encoder_stages(model.encoder)
    trained = trained_stages(len(stages), config.transfer, epoch)
    learning = {name for stage in stages[len(stages) - trained :] for name in stage}
    for name, parameter in model.encoder.named_parameters():
        parameter.requires_grad_(name in learning)
    model.train()
    _rest(model.encoder)
    return trained


def _rest(module: nn.Module) -> None:
    """Evaluation for every part all of whose parameters are frozen."""
    parameters = list(module.parameters())
    if parameters and not any(one.requires_grad for one in parameters):
        module.eval()
        return
    for child in module.children():
        _rest(child)
