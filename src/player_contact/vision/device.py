"""Where and in which precision networks calculate."""

import torch

from player_contact.config import VisionConfig


def vision_workers(workers: int) -> int:
    """How many processes may train or score at a time: no more than there are GPUs, where there are any."""
    return min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers


def use_bf16(precision: str) -> bool:
    """Whether to calculate in bfloat16: as asked, or (auto) where the hardware multiplies it natively; elsewhere it is slower than float32."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)  # older ones only emulate it
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch can't tell
    return bool(capabilities.get("avx512_bf16", False))


def scoring(config: VisionConfig) -> tuple[torch.device, torch.autocast]:
    """The device that scores, and the context in which it calculates as the config says."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return device, torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(config.precision))
