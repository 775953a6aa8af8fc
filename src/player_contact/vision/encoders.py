"""Image encoders by name: timm's registry, to which our modules imported here add theirs."""

import difflib
import logging
from inspect import signature
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save
from timm import create_model
from torch import nn

from player_contact.config import SHIPPED_WEIGHTS, VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import atomic_write
from player_contact.vision import (  # they register
    resnet,  # noqa: F401
    torchvision_encoders,  # noqa: F401
    video_encoders,  # noqa: F401
)
from player_contact.vision.pretrained import (
    ENCODER,
    encoder_of,
    first_line,
    load_weights,
    read_packaged_weights,
    read_weights,
    rename_in_order,
)

log = logging.getLogger(__name__)

VIDEO = "video_encoders"  # the module of those that convolve over frames
RESERVED_OPTIONS = {"in_chans", "num_classes", "features_only", *signature(create_model).parameters}


def make_encoder(
    name: str,
    channels: int,
    size: int,
    options: dict[str, Any],
    weights: str = "none",
    num_frames: int = 0,
) -> tuple[nn.Module, int]:
    """The network [N, channels, size, size] -> [N, D], and D. `weights` as `vision.weights`.

    The first `num_frames` channels, or all of them, are frames, which video encoders convolve over.
    Raises ConfigError: an unknown name, options that the model does not take, images too small for
    it, weights that do not fit. Where none that are shipped do, it says so and starts without.
    """
    kwargs = {"num_frames": num_frames} if name in timm.list_models(module=VIDEO) else {}
    encoder = _create_model(name, size, options, in_chans=channels, num_classes=0, **kwargs)
    if weights == "shipped":
        _load_shipped(encoder, name)
    elif weights == "timm":
        load_weights(encoder, _download(name), f"timm's {name}")
    elif weights != "none":
        load_weights(encoder, read_weights(Path(weights)), weights)
    return encoder, _count_features(encoder, name, channels, size)


def check_encoder(config: VisionConfig, channels: int, num_frames: int = 0) -> None:
    """Raises what `make_encoder` would raise before it downloads weights; downloads nothing."""
    weights = "none" if config.weights == "timm" else config.weights
    size, options = config.image_size, config.encoder_options
    make_encoder(config.encoder, channels, size, options, weights, num_frames)
    if config.weights == "timm":
        _check_downloadable(config.encoder)


def _load_shipped(encoder: nn.Module, name: str) -> None:
    path = SHIPPED_WEIGHTS / f"{name}.safetensors"
    try:
        load_weights(encoder, read_weights(path), path.name)
    except ConfigError:
        shipped = " and ".join(sorted(path.stem for path in SHIPPED_WEIGHTS.glob("*.safetensors")))
        text = "no shipped weights fit %s with these channels and options (there are those of %s): "
        log.warning(text + "it starts from random ones", name, shipped)


def rename_weights(source: Path, name: str, output: Path) -> None:
    """Writes the weights in a file or Python package as safetensors, with a timm model's names.

    They must be in that model's order. Of a model trained here, such as a bundle's, the encoder is
    written, in half precision. Raises ConfigError: an unknown model, or a file that is not its
    weights.
    """
    state = read_packaged_weights(source)
    if own := encoder_of(state):
        plain: Any = _create_model(name, 224, {}, num_classes=0)
        first = f"{plain.pretrained_cfg['first_conv']}.weight"  # its channels may be any
        shapes, expected = (
            {key: value.shape for key, value in weights.items() if key != first}
            for weights in (own, plain.state_dict())
        )
        if shapes != expected:
            raise ConfigError(f"{source} holds another encoder than {name}: name its own, ENCODER=")
        half = {k: v.half() if v.is_floating_point() else v for k, v in own.items()}
        _write({f"{ENCODER}{key}": value for key, value in half.items()}, output)
    else:
        names = _create_model(name, 224, {}).state_dict()
        _write(rename_in_order(state, names, str(source)), output)


def _write(state: dict[str, torch.Tensor], output: Path) -> None:
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
