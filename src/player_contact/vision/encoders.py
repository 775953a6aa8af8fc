"""Picture encoders by name: timm's, and those that importing this module adds to its registry."""

import difflib
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save
from torch import nn

from player_contact.config import VisionConfig
from player_contact.errors import ConfigError
from player_contact.files import replacing
from player_contact.vision import classic, resnet  # noqa: F401  they register their models
from player_contact.vision.weights import first_line, load_weights, read_packed_weights, read_weights, renamed

OURS = {"in_chans", "num_classes", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "features_only"}


def make_encoder(name: str, channels: int, size: int, options: dict[str, Any], weights: str = "none") -> tuple[nn.Module, int]:
    """[N, channels, size, size] -> [N, D], and D. `weights` is 'none', 'timm' or a file, as `vision.weights`.

    Raises ConfigError: an unknown name, options that the model does not take, pictures too small for it, weights that do not fit.
    """
    encoder = _build(name, size, options, in_chans=channels, num_classes=0)
    if weights == "timm":
        load_weights(encoder, _downloaded(name), f"timm's {name}")
    elif weights != "none":
        load_weights(encoder, read_weights(Path(weights)), weights)
    return encoder, _count_features(encoder, name, channels, size)


def check_encoder(config: VisionConfig, channels: int) -> None:
    """Raises what `make_encoder` would raise later; downloads nothing."""
    make_encoder(config.encoder, channels, config.image_size, config.encoder_options, "none" if config.weights == "timm" else config.weights)
    if config.weights == "timm":
        _check_downloadable(config.encoder)


def rename_weights(source: Path, name: str, output: Path) -> None:
    """Writes the weights of a file or package, whose tensors come in the order of a timm model's, as a safetensors file with that model's names.

    Raises ConfigError: an unknown model, or a file that is not its weights.
    """
    state = renamed(read_packed_weights(source), _build(name, 224, {}).state_dict(), str(source))
    with replacing(output) as temporary:
        temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}))


def _build(name: str, size: int, options: dict[str, Any], **ours: Any) -> nn.Module:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=5, cutoff=0.5)
        raise ConfigError(f"'vision.encoder' is {name!r}, which is no timm model." + (f" Near: {', '.join(near)}" if near else ""))
    taken = sorted(OURS & set(options))
    if taken:
        raise ConfigError(f"'vision.encoder_options' can't set {', '.join(taken)}: other settings decide that")
    try:
        facts = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a tag that timm does not have
        raise ConfigError(f"'vision.encoder' is {name!r}: {first_line(error)}") from None
    fixed = {"img_size": size} if facts is not None and facts.fixed_input_size else {}  # transformers have a place for every patch
    try:
        return timm.create_model(name, **(fixed | options), **ours)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        given = ", ".join(f"{key}={value}" for key, value in (fixed | options).items())
        raise ConfigError(f"'vision.encoder' {name!r} does not take 'vision.encoder_options' {given or 'none'}: {first_line(error)}") from None


def _downloaded(name: str) -> dict[str, torch.Tensor]:
    _check_downloadable(name)
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:
        raise ConfigError(
            f"'vision.weights' is 'timm', but the weights of {name!r} could not be downloaded ({type(error).__name__}). Without network give a file"
        ) from error


def _check_downloadable(name: str) -> None:
    facts = timm.get_pretrained_cfg(name)
    if facts is None or not facts.has_weights:
        raise ConfigError(f"'vision.weights' is 'timm', which has no weights for 'vision.encoder' {name!r}. Give 'none' or a file")


def _count_features(encoder: nn.Module, name: str, channels: int, size: int) -> int:
    """D, as one picture shows it: what models say of themselves differs from what comes out where they end in layers of their own."""
    encoder.eval()
    try:
        with torch.no_grad():
            features = encoder(torch.zeros(1, channels, size, size))
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"'vision.encoder' {name!r} can't read pictures of {size} x {size} pixels: {first_line(error)}") from None
    encoder.train()
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        raise ConfigError(f"'vision.encoder' {name!r} with these 'vision.encoder_options' gives no vector of features a picture")
    return features.shape[1]
