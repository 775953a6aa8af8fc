"""Fine-tuning: gradual unfreezing and layer-wise rates (Howard, Ruder 2018, arXiv:1801.06146)."""

from typing import Any

from pydantic import ValidationError
from torch import nn

from player_contact.config import TransferConfig, VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.vision.encoders import create_encoder, load_shipped
from player_contact.vision.model import ContactModel, input_channels


def as_trained(config: VisionConfig, num_frames: int) -> VisionConfig:
    """The config, with what `shipped` says where the encoder starts from shipped weights that fit.

    Raises ConfigError where that does not go together with the rest.
    """
    if config.weights != "shipped":
        return config
    options = {"in_chans": input_channels(config, num_frames), "num_frames": num_frames}
    encoder = create_encoder(
        config.encoder, config.image_size, config.encoder_options, num_classes=0, **options
    )
    if not load_shipped(encoder, config.encoder):
        return config
    schedule = {
        "image_epochs": config.shipped.image_epochs,
        "learning_rate": config.shipped.lr_scale * config.learning_rate,
        "transfer": config.shipped.transfer.model_dump(),
    }
    try:
        return VisionConfig.model_validate(config.model_dump() | schedule)
    except ValidationError as errors:
        text = errors.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"With what vision.shipped says, {text}") from None


def encoder_stages(encoder: nn.Module, coarse: bool = True) -> list[list[str]]:
    """Parameter names of an encoder's stem and of each stage (coarse) or block, in order.

    As timm's `group_matcher` groups them; an encoder without one is grouped by its children.
    """
    matcher: Any = getattr(encoder, "group_matcher", None)
    if matcher is not None:
        from timm.models import group_parameters

        return list(group_parameters(encoder, matcher(coarse=coarse)).values())
    groups: dict[str, list[str]] = {}
    for name, _ in encoder.named_parameters():
        groups.setdefault(name.partition(".")[0], []).append(name)
    return list(groups.values())


def param_groups(
    model: ContactModel, config: VisionConfig, lr_scale: float = 1.0
) -> list[dict[str, Any]]:
    """Parameter groups: all layers but the encoder's, then its stages from the last to the stem.

    Each encoder stage has the learning rate of the group before it times `layer_decay`.
    """
    lr, decay = lr_scale * config.learning_rate, config.transfer.layer_decay
    encoder = dict(model.encoder.named_parameters())
    encoder_ids = {id(parameter) for parameter in encoder.values()}
    new = [parameter for parameter in model.parameters() if id(parameter) not in encoder_ids]
    stages = encoder_stages(model.encoder)
    return [{"params": new, "lr": lr, "name": "new layers"}] + [
        {
            "params": [encoder[name] for name in stages[stage]],
            "lr": lr * decay ** (len(stages) - stage),
            "name": f"encoder stage {stage}",
        }
        for stage in reversed(range(len(stages)))
    ]


def num_trainable_stages(stages: int, transfer: TransferConfig, epoch: int) -> int:
    """How many of the last encoder stages are trained in an epoch; image epochs count too."""
    if epoch < transfer.freeze_epochs:
        return 0
    if not transfer.unfreeze_every:
        return stages
    return min(1 + (epoch - transfer.freeze_epochs) // transfer.unfreeze_every, stages)


def set_trainable(model: ContactModel, config: VisionConfig, epoch: int) -> int:
    """`model.train()` with encoder stages frozen as the epoch asks; returns how many are not.

    Frozen layers get no gradient, and their batch norm is in evaluation mode.
    """
    stages = encoder_stages(model.encoder)
    count = num_trainable_stages(len(stages), config.transfer, epoch)
    trainable = {name for stage in stages[len(stages) - count :] for name in stage}
    for name, parameter in model.encoder.named_parameters():
        parameter.requires_grad_(name in trainable)
    model.train()
    for module in model.encoder.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
    return count
