"""Where and in which precision networks calculate."""

import torch

from player_contact.config import VisionConfig


def vision_processes(workers: int) -> int:
    """How many processes of this machine may train or score at a time: no more than there are GPUs, where there are any."""
    return min(workers, torch.cuda.device_count()) if torch.cuda.is_available() else workers


def take_gpu(number: int) -> None:
    """Makes this process calculate on the GPU whose turn it is for the task of that number, so that tasks side by side get one each."""
    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


def own_gpu() -> list[int] | int:
    """What Fabric calls the device of this process: the GPU that it took, or one device of what there is."""
    return [torch.cuda.current_device()] if torch.cuda.is_available() else 1


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
