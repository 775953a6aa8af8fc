"""What encoders cost: parameters, multiply-adds, rows a second; and how the gradient fares along the depth of our own ResNets."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import yaml

from player_contact.config import Config

if TYPE_CHECKING:
    from torch import Tensor, nn

    from player_contact.vision.model import ContactModel

SHORTCUTS = ("none", "identity", "projection_where_needed", "projection")
ENCODERS = (
    "alexnet", "vgg11_bn", "googlenet", "densenet121", "resnet18", "resnet50", "resnet10t", "tf_efficientnet_lite0", "mobilenetv4_conv_small",
    *(f"contact_resnet34:shortcut={shortcut}" for shortcut in SHORTCUTS),
)  # fmt: skip
STRETCHES = 4  # in a step that is timed
SECONDS = 3.0  # a rate is measured over at least so long


@dataclass(frozen=True)
class EncoderCost:
    """One line of the table. `multiply_adds` is of one picture, rows are steps of both views; `gradient` is by block, for our own ResNets alone."""

    name: str
    parameters: int
    multiply_adds: int
    trained: float
    scored: float
    gradient: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def parse_encoder(text: str) -> dict[str, Any]:
    """`name` or `name:option=value,option=value` as settings of `VisionConfig`; random weights."""
    name, _, options = text.partition(":")
    pairs = (option.partition("=") for option in options.split(",") if option)
    return {"encoder": name, "encoder_options": {key: yaml.safe_load(value) for key, _, value in pairs}, "weights": "none"}


def with_encoder(config: Config, text: str) -> Config:
    """The config with another encoder that starts from random weights, all of it trained from the first epoch."""
    vision = config.vision.model_dump() | parse_encoder(text) | {"transfer": {}, "members": ()}
    return config.model_validate(config.model_dump() | {"vision": vision})


def encoder_cost(config: Config, text: str) -> EncoderCost:
    """Measures one encoder within the whole model, at the config's size, channels, steps, threads and precision, on random pictures."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from player_contact.vision.device import use_bf16
    from player_contact.vision.model import ContactModel, input_channels

    config = with_encoder(config, text)
    vision, frames = config.vision, len(config.crops.frames)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = ContactModel(vision, frames).to(device).to(memory_format=torch.channels_last)
    shape = (STRETCHES, vision.steps, 2)
    channels, size = input_channels(vision, frames), vision.image_size
    batch = (
        torch.randint(0, 256, (math.prod(shape), channels, size, size), dtype=torch.uint8, device=device),
        torch.randn(*shape[:2], len(vision.tabular), device=device),
        torch.ones(shape, dtype=torch.bool, device=device),
        torch.ones(shape[:2], dtype=torch.bool, device=device),
    )
    label = (torch.rand(shape[:2], device=device) < 0.5).float()
    gradient = gradient_norms(model, batch, label) if text.startswith("contact_resnet") else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(vision.precision)):
            loss = _loss(model, batch, label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def score() -> None:
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(vision.precision)):
            model(*batch)[0].float().cpu()

    model.train()
    trained = _rate(train, shape[0] * shape[1])
    model.eval()
    scored = _rate(score, shape[0] * shape[1])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.encoder(torch.zeros(1, channels, size, size, device=device))
    parameters = sum(parameter.numel() for parameter in model.encoder.parameters())
    return EncoderCost(text, parameters, counter.get_total_flops() // 2, trained, scored, gradient)


def gradient_norms(model: "ContactModel", batch: "tuple[Tensor, ...]", label: "Tensor") -> dict[str, float]:
    """Block of the encoder -> L2 norm of the gradient of its parameters for one batch, from the stem to the last block. In float32."""
    import torch

    from player_contact.vision.transfer import encoder_blocks

    model.train()
    model.zero_grad(set_to_none=True)
    _loss(model, batch, label).backward()
    gradients = {name: parameter.grad for name, parameter in model.encoder.named_parameters() if parameter.grad is not None}
    norms = {}
    for number, names in enumerate(encoder_blocks(model.encoder)):
        block = "stem" if number == 0 else ".".join(names[0].split(".")[:2])
        norms[block] = float(torch.stack([gradients[name].norm() for name in names if name in gradients]).norm())
    model.zero_grad(set_to_none=True)
    return norms


def _loss(model: "nn.Module", batch: "tuple[Tensor, ...]", label: "Tensor") -> "Tensor":
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(model(*batch)[0].float(), label)


def _rate(step: Callable[[], None], rows: int) -> float:
    """Rows a second of a step that handles `rows`; the first, which allocates, is not counted."""
    step()
    started, done = time.perf_counter(), 0
    while not done or time.perf_counter() - started < SECONDS:
        step()
        done += rows
    return done / (time.perf_counter() - started)


def encoders_text(costs: list[EncoderCost], scores: dict[str, float], config: Config) -> str:
    """The table, and below it the gradient along depth where it was measured; both fit 100 columns."""
    wide = max(len(cost.name) for cost in costs) + 1
    title = f"Pictures of {config.vision.image_size} pixels, {config.threads} thread(s); rows are steps of both views"
    header = f"{'':{wide}}{'M params':>9}{'M mult-adds':>12}{'trained/s':>10}{'scored/s':>10}"
    lines = [title + ("; MCC out of fold" if scores else ""), header + (f"{'MCC':>8}" if scores else "")]
    for cost in costs:
        line = f"{cost.name:{wide}}{cost.parameters / 1e6:9.1f}{cost.multiply_adds / 1e6:12.0f}{cost.trained:10.1f}{cost.scored:10.1f}"
        lines.append(line + (f"{scores[cost.name]:8.3f}" if cost.name in scores else ""))
    measured = [cost for cost in costs if cost.gradient]
    if measured:
        names = {f"({number})": cost.name for number, cost in enumerate(measured, start=1)}
        lines += [
            "",
            "Norm of the gradient by block before training, one batch of random pictures",
            *(f"  {key} {name}" for key, name in names.items()),
        ]
        lines.append(f"{'':12}" + "".join(f"{key:>10}" for key in names))
        for block in dict.fromkeys(block for cost in measured for block in cost.gradient):
            values = (cost.gradient.get(block) for cost in measured)
            lines.append(f"{block:12}" + "".join(f"{value:10.4f}" if value is not None else f"{'':10}" for value in values))
    return "\n".join(lines)
