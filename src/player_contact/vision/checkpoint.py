"""Checkpoints of a training run: tensors as safetensors, all else as JSON in its metadata."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from player_contact.utils.files import atomic_write

Modules = dict[str, nn.Module]
Values = dict[str, Any]  # what JSON can hold


def save_checkpoint(
    path: Path, modules: Modules, optimizer: Optimizer, scheduler: LRScheduler, values: Values
) -> None:
    """Writes the state of a training run, and some values, atomically."""
    state = optimizer.state_dict()
    parts = {name: module.state_dict() for name, module in modules.items()}
    parts |= {f"optimizer/{index}": values for index, values in state["state"].items()}
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part, values in parts.items()
        for name, value in values.items()
    }
    groups = state["param_groups"]
    metadata = {"param_groups": groups, "scheduler": scheduler.state_dict(), "values": values}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {"training": json.dumps(metadata)})


def load_checkpoint(
    path: Path, modules: Modules, optimizer: Optimizer, scheduler: LRScheduler
) -> Values | None:
    """Restores all state bit-exactly and returns the values; None without a readable file."""
    if not path.is_file():
        return None
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()["training"])
            for key in file.keys():  # noqa: SIM118  it is not a dict
                part, _, name = key.rpartition("/")
                parts.setdefault(part, {})[name] = file.get_tensor(key)
    except (SafetensorError, ValueError, KeyError, TypeError):
        return None
    for name, module in modules.items():
        module.load_state_dict(parts[name])
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        index: {name: _restore_layout(parameter, value) for name, value in values.items()}
        for index, parameter in enumerate(parameters)
        if (values := parts.get(f"optimizer/{index}"))
    }
    # Another GPU may need an optimizer of another kind than the one that was interrupted.
    own = {name: optimizer.defaults[name] for name in ("fused", "foreach")}
    groups = [group | own for group in metadata["param_groups"]]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    scheduler.load_state_dict(metadata["scheduler"])
    return metadata["values"]


def _restore_layout(parameter: Tensor, value: Tensor) -> Tensor:
    """Optimizer state in its parameter's memory format, which a fused optimizer relies on."""
    same = value.shape == parameter.shape
    return torch.empty_like(parameter, device="cpu").copy_(value) if same else value
