"""Encoders of timm's registry, to which the modules imported here add torchvision's.

Importing timm, and torchvision with it, takes about as long as importing torch: `encoders` imports
this module only for encoders that are not the project's own.
"""

import difflib
from typing import Any

import timm
from timm import create_model
from torch import Tensor, nn

from player_contact.utils.errors import ConfigError
from player_contact.vision import (  # they register
    torchvision_encoders,  # noqa: F401
    video_encoders,  # noqa: F401
)
from player_contact.vision.pretrained import first_line
from player_contact.vision.resnet import RESNETS

VIDEO = "video_encoders"  # the module of those that convolve over frames


def create_timm_model(name: str, size: int, num_frames: int = 0, **options: Any) -> nn.Module:
    """The model of this name, for images of `size` pixels; video encoders get `num_frames`.

    Raises ConfigError: an unknown name.
    """
    if not timm.is_model(name):
        names = [*timm.list_models(), *RESNETS]
        near = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
        hint = f" Did you mean one of {', '.join(near)}?" if near else ""
        raise ConfigError(f"'vision.encoder' is {name!r}, which is not a timm model.{hint}")
    try:
        pretrained_cfg = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a tag that timm does not have
        raise ConfigError(f"'vision.encoder' is {name!r}: {first_line(error)}") from None
    if pretrained_cfg is not None and pretrained_cfg.fixed_input_size:  # a vision transformer
        options = {"img_size": size} | options
    if name in timm.list_models(module=VIDEO):
        options["num_frames"] = num_frames
    return create_model(name, **options)


def download_weights(name: str) -> dict[str, Tensor]:
    """timm's pretrained weights. Raises ConfigError where there are none, or no network."""
    check_downloadable(name)
    try:
        return create_model(name, pretrained=True).state_dict()
    except Exception as error:
        raise ConfigError(
            f"'vision.weights' is 'timm', but the weights of {name!r} could not be downloaded "
            f"({type(error).__name__}). Without a network, set it to a file"
        ) from error


def check_downloadable(name: str) -> None:
    """Raises ConfigError where timm has no pretrained weights of this name."""
    pretrained_cfg = None if name in RESNETS else timm.get_pretrained_cfg(name)
    if pretrained_cfg is None or not pretrained_cfg.has_weights:
        raise ConfigError(
            "'vision.weights' is 'timm', which has no weights for 'vision.encoder' "
            f"{name!r}. Set it to 'none' or a file"
        )
