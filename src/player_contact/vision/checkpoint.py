"""What training needs to go on after an interruption: tensors as safetensors, everything else as JSON in the same file."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from player_contact.files import replacing

Parts = dict[str, nn.Module]


def save_checkpoint(path: Path, modules: Parts, optimizer: Optimizer, schedule: LRScheduler, log: list[dict[str, Any]]) -> None:
    """Writes all that changes while training: whole, or not at all. `log` has a line for each epoch that is finished."""
    tensors = {f"{part}/{name}": value for part, module in modules.items() for name, value in module.state_dict().items()}
    of_optimizer = optimizer.state_dict()
    for number, values in of_optimizer["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in values.items()}
    told = {"groups": of_optimizer["param_groups"], "schedule": schedule.state_dict(), "log": log}
    with replacing(path) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, {"training": json.dumps(told)})


def load_checkpoint(path: Path, modules: Parts, optimizer: Optimizer, schedule: LRScheduler) -> list[dict[str, Any]]:
    """Puts everything back as it was, bit by bit, and returns the log; an empty one where there is no checkpoint, or none that can be read: training
    starts again."""
    if not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dictionary
    except (SafetensorError, ValueError, KeyError, TypeError):
        return []
    for part, module in modules.items():
        module.load_state_dict({name.partition("/")[2]: value for name, value in tensors.items() if name.startswith(f"{part}/")})
    learnt = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, number, key = name.split("/")
            state.setdefault(int(number), {})[key] = _laid_out_as(learnt[int(number)], value)
    optimizer.load_state_dict({"state": state, "param_groups": told["groups"]})
    schedule.load_state_dict(told["schedule"])
    return told["log"]


def _laid_out_as(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The value in the order of the parameter's memory, which a fused optimizer takes for granted; a file knows only one order."""
    return torch.empty_like(parameter, device="cpu").copy_(value) if value.shape == parameter.shape else value
