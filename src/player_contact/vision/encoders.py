"""Image encoders by name: the project's own ResNets, and those of timm's registry."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from player_contact.config import SHIPPED_WEIGHTS, VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import atomic_write
from player_contact.vision.pretrained import (
    ENCODER,
    encoder_of,
    first_line,
    load_weights,
    read_packaged_weights,
    read_weights,
    rename_in_order,
)
from player_contact.vision.resnet import RESNETS, make_resnet

log = logging.getLogger(__name__)

RESERVED_OPTIONS = {  # ours, the networks', and those of timm's `create_model`
    *("size", "num_frames", "in_chans", "num_classes", "features_only", "model_name"),
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
    *("scriptable", "exportable", "no_jit"),
}


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
    shape = {"in_chans": channels, "num_frames": num_frames, "num_classes": 0}
    encoder = create_encoder(name, size, options, **shape)
    if weights == "shipped":
        if not load_shipped(encoder, name):
            names = " and ".join(
                sorted(path.stem for path in SHIPPED_WEIGHTS.glob("*.safetensors"))
            )
            text = "no shipped weights fit %s with these channels and options (there are those of "
            log.warning(text + "%s): it starts from random ones", name, names)
    elif weights == "timm":
        from player_contact.vision.timm_encoders import download_weights

        load_weights(encoder, download_weights(name), f"timm's {name}")
    elif weights != "none":
        load_weights(encoder, read_weights(Path(weights)), weights)
    return encoder, _count_features(encoder, name, channels, size)


def check_encoder(config: VisionConfig, channels: int, num_frames: int = 0) -> None:
    """Raises what `make_encoder` would raise before it downloads weights; downloads nothing."""
    weights = "none" if config.weights == "timm" else config.weights
    size, options = config.image_size, config.encoder_options
    make_encoder(config.encoder, channels, size, options, weights, num_frames)
    if config.weights == "timm":
        from player_contact.vision.timm_encoders import check_downloadable

        check_downloadable(config.encoder)


def load_shipped(encoder: nn.Module, name: str) -> bool:
    """Loads the weights that come with the project; False: there are none that fit."""
    path = SHIPPED_WEIGHTS / f"{name}.safetensors"
    try:
        load_weights(encoder, read_weights(path), path.name)
    except ConfigError:
        return False
    return True


def rename_weights(source: Path, name: str, output: Path) -> None:
    """Writes the weights in a file or Python package as safetensors, with a timm model's names.

    They must be in that model's order. Of a model trained here, such as a bundle's, the encoder is
    written, in half precision. Raises ConfigError: an unknown model, or a file that is not its
    weights.
    """
    state = read_packaged_weights(source)
    if own := encoder_of(state):
        plain: Any = create_encoder(name, 224, {}, num_classes=0)
        first = f"{plain.pretrained_cfg['first_conv']}.weight"  # its channels may be any
        shapes, expected = (
            {key: value.shape for key, value in weights.items() if key != first}
            for weights in (own, plain.state_dict())
        )
        if shapes != expected:
            raise ConfigError(f"{source} holds another encoder than {name}: name its own, ENCODER=")
        save_encoder(own, output)
    else:
        names = create_encoder(name, 224, {}).state_dict()
        _write(rename_in_order(state, names, str(source)), output)


def save_encoder(state: dict[str, torch.Tensor], output: Path) -> None:
    """Writes an encoder trained here in half precision, as `load_weights` takes it."""
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    _write({f"{ENCODER}{key}": value for key, value in half.items()}, output)


def _write(state: dict[str, torch.Tensor], output: Path) -> None:
    with atomic_write(output) as temporary:
        temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}))


def create_encoder(name: str, size: int, options: dict[str, Any], **kwargs: Any) -> nn.Module:
    """The network of this name with random weights, for images of `size` pixels.

    `kwargs` are timm's, and `num_frames` as in `make_encoder`. Raises ConfigError: an unknown name,
    or options that the model does not take.
    """
    if reserved := sorted(RESERVED_OPTIONS & set(options)):
        raise ConfigError(
            f"'vision.encoder_options' can't set {', '.join(reserved)}: other settings decide that"
        )
    create: Callable[..., nn.Module]
    if name in RESNETS:
        kwargs.pop("num_frames", None)
        create, given = make_resnet, {k: v for k, v in options.items() if v is not None}
    else:
        from player_contact.vision.timm_encoders import create_timm_model

        create, given = partial(create_timm_model, size=size), options
    try:
        return create(name, **given, **kwargs)
    except ConfigError:
        raise
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        text = ", ".join(f"{key}={value}" for key, value in options.items()) or "none"
        raise ConfigError(
            f"'vision.encoder' {name!r} does not take 'vision.encoder_options' {text}: "
            f"{first_line(error)}"
        ) from None


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
