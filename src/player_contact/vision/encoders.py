"""Image encoders by name: timm's registry, to which our modules imported here add theirs."""

import difflib
from inspect import signature
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save
from timm import create_model
from torch import nn

from player_contact.config import VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import atomic_write
from player_contact.vision import resnet, torchvision_encoders  # noqa: F401  they register
from player_contact.vision.pretrained import (
    first_line,
    load_weights,
    read_packaged_weights,
    read_weights,
    rename_in_order,
)

RESERVED_OPTIONS = {"in_chans", "num_classes", "features_only", *signature(create_model).parameters}


def make_encoder(
    name: str, channels: int, size: int, options: dict[str, Any], weights: str = "none"
) -> tuple[nn.Module, int]:
    """The network [N, channels, size, size] -> [N, D], and D. `weights` as `vision.weights`.

    Raises ConfigError: an unknown name, options that the model does not take, images too small for
    it, weights that do not fit.
    """
    encoder = _create_model(name, size, options, in_chans=channels, num_classes=0)
    if weights == "timm":
        load_weights(encoder, _download(name), f"timm's {name}")
    elif weights != "none":
        load_weights(encoder, read_weights(Path(weights)), weights)
    return encoder, _count_features(encoder, name, channels, size)


def check_encoder(config: VisionConfig, channels: int) -> None:
    """Raises what `make_encoder` would raise before it downloads weights; downloads nothing."""
    weights = "none" if config.weights == "timm" else config.weights
    make_encoder(config.encoder, channels, config.image_size, config.encoder_options, weights)
    if config.weights == "timm":
        _check_downloadable(config.encoder)


def rename_weights(source: Path, name: str, output: Path) -> None:
    """Writes the weights in a file or Python package as safetensors, with a timm model's names.

    They must be in that model's order. Raises ConfigError: an unknown model, or a file that is not
    its weights.
    """
    names = _create_model(name, 224, {}).state_dict()
    state = rename_in_order(read_packaged_weights(source), names, str(source))
    with atomic_write(output) as temporary:
        temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}))


def _create_model(name: str, size: int, options: dict[str, Any], **kwargs: Any) -> nn.Module:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=5, cutoff=0.5)
        hint = f" Did you mean one of {', '.join(near)}?" if near else ""
        raise ConfigError(f"'vision.encoder' is {name!r}, which is not a timm model.{hint}")
    if reserved := sorted(RESERVED_OPTIONS & set(options)):
        raise ConfigError(
            f"'vision.encoder_options' can't set {', '.join(reserved)}: other settings decide that"
        )
    try:
        pretrained_cfg = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a tag that timm does not have
        raise ConfigError(f"'vision.encoder' is {name!r}: {first_line(error)}") from None
    if pretrained_cfg is not None and pretrained_cfg.fixed_input_size:  # a vision transformer
        options = {"img_size": size} | options
    try:
        return create_model(name, **options, **kwargs)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        given = ", ".join(f"{key}={value}" for key, value in options.items()) or "none"
        raise ConfigError(
            f"'vision.encoder' {name!r} does not take 'vision.encoder_options' {given}: "
            f"{first_line(error)}"
        ) from None


def _download(name: str) -> dict[str, torch.Tensor]:
    _check_downloadable(name)
    try:
        return create_model(name, pretrained=True).state_dict()
    except Exception as error:
        raise ConfigError(
            f"'vision.weights' is 'timm', but the weights of {name!r} could not be downloaded "
            f"({type(error).__name__}). Without a network, set it to a file"
        ) from error


def _check_downloadable(name: str) -> None:
    pretrained_cfg = timm.get_pretrained_cfg(name)
    if pretrained_cfg is None or not pretrained_cfg.has_weights:
        raise ConfigError(
            "'vision.weights' is 'timm', which has no weights for 'vision.encoder' "
            f"{name!r}. Set it to 'none' or a file"
        )


def _count_features(encoder: nn.Module, name: str, channels: int, size: int) -> int:
    """D, by a forward pass: `num_features` is wrong for models whose head has a hidden layer."""
    encoder.eval()
    try:
        with torch.no_grad():
            features = encoder(torch.zeros(1, channels, size, size))
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"'vision.encoder' {name!r} can't read images of {size} x {size} pixels: "
            f"{first_line(error)}"
        ) from None
    encoder.train()
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        raise ConfigError(
            f"'vision.encoder' {name!r} with these 'vision.encoder_options' gives no vector of "
            "features per image"
        )
    return features.shape[1]
