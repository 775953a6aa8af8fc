"""Parameters, multiply-adds and speed of encoders, and how gradients fare in our own ResNets."""

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
    *("alexnet", "vgg11_bn", "googlenet", "densenet121", "resnet18", "resnet50", "resnet10t"),
    *("tf_efficientnet_lite0", "mobilenetv4_conv_small"),
    *(f"contact_resnet34:shortcut={shortcut}" for shortcut in SHORTCUTS),
)
CLIPS_PER_BATCH = 4
SECONDS = 3.0  # over which a rate is measured, at least


@dataclass(frozen=True)
class EncoderCost:
    """`multiply_adds` of one image; rows (a step in both views) a second; `gradient` by block."""

    name: str
    parameters: int
    multiply_adds: int
    trained: float
    scored: float
    gradient: dict[str, float]  # empty but for our own ResNets

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def parse_encoder(text: str) -> dict[str, Any]:
    """Settings of `vision`, with random weights, of `name` or `name:option=value,option=value`."""
    name, _, options = text.partition(":")
    pairs = (option.partition("=") for option in options.split(",") if option)
    parsed = {key: yaml.safe_load(value) for key, _, value in pairs}
    return {"encoder": name, "encoder_options": parsed, "weights": "none"}


def with_encoder(config: Config, text: str) -> Config:
    """The config with another encoder, trained from random weights."""
    vision = config.vision.model_dump() | parse_encoder(text) | {"transfer": {}, "members": ()}
    return config.model_validate(config.model_dump() | {"vision": vision})


def encoder_cost(config: Config, text: str) -> EncoderCost:
    """Measured within the whole model as configured, on random images."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from player_contact.vision.device import autocast, inference_device
    from player_contact.vision.model import PairModel, to_channels_last

    config = with_encoder(config, text)
    torch.set_num_threads(config.num_threads)
    torch.manual_seed(config.seed)
    model = PairModel(config.vision, len(config.crops.frame_offsets)).to(inference_device())
    model = to_channels_last(model)
    batch, label = _random_batch(config)
    gradient = gradient_norms(model, batch, label) if text.startswith("contact_resnet") else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train() -> None:
        with autocast(config.vision.precision):
            loss = _loss(model, batch, label)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    @torch.inference_mode()
    def score() -> None:
        with autocast(config.vision.precision):
            model(*batch)[0].float().cpu()

    model.train()
    trained = _rows_per_second(train, label.numel())
    model.eval()
    scored = _rows_per_second(score, label.numel())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.encoder(torch.zeros_like(batch[0][:1], dtype=torch.float32))
    parameters = sum(parameter.numel() for parameter in model.encoder.parameters())
    return EncoderCost(text, parameters, counter.get_total_flops() // 2, trained, scored, gradient)


def _random_batch(config: Config) -> "tuple[tuple[Tensor, ...], Tensor]":
    """What `ContactModel.forward` takes of CLIPS_PER_BATCH clips visible in both views; labels."""
    import torch

    from player_contact.vision.device import inference_device
    from player_contact.vision.model import input_channels

    vision, device = config.vision, inference_device()
    clips = (CLIPS_PER_BATCH, vision.clip_length)
    channels = input_channels(vision, len(config.crops.frame_offsets))
    shape = (2 * math.prod(clips), channels, vision.image_size, vision.image_size)
    batch = (
        torch.randint(0, 256, shape, dtype=torch.uint8, device=device),
        torch.randn(*clips, len(vision.tabular), device=device),
        torch.ones(*clips, 2, dtype=torch.bool, device=device),
        torch.ones(clips, dtype=torch.bool, device=device),
        torch.zeros(clips, dtype=torch.bool, device=device),
    )
    return batch, (torch.rand(clips, device=device) < 0.5).float()


def gradient_norms(
    model: "ContactModel", batch: "tuple[Tensor, ...]", label: "Tensor"
) -> dict[str, float]:
    """Block of the encoder, from the stem on -> L2 norm of its gradient for a batch, in float32."""
    import torch

    from player_contact.vision.transfer import encoder_stages

    model.train()
    model.zero_grad(set_to_none=True)
    _loss(model, batch, label).backward()
    parameters, norms = dict(model.encoder.named_parameters()), {}
    for number, names in enumerate(encoder_stages(model.encoder, coarse=False)):
        block = ".".join(names[0].split(".")[:2]) if number else "stem"
        gradients = [parameters[name].grad for name in names]
        norms[block] = float(torch.stack([g.norm() for g in gradients if g is not None]).norm())
    model.zero_grad(set_to_none=True)
    return norms


def _loss(model: "nn.Module", batch: "tuple[Tensor, ...]", label: "Tensor") -> "Tensor":
    """Of clips and of single images: at first the clips' gradient does not reach the encoder."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    from player_contact.vision.model import per_image

    logits, image_logits = model(*batch)
    clips = binary_cross_entropy_with_logits(logits, label)
    return clips + binary_cross_entropy_with_logits(image_logits, per_image(label, batch[2]))


def _rows_per_second(step: Callable[[], None], rows: int) -> float:
    """Of a step that handles `rows`, after a first one that allocates."""
    step()
    started, done = time.perf_counter(), 0
    while not done or time.perf_counter() - started < SECONDS:
        step()
        done += rows
    return done / (time.perf_counter() - started)


def encoders_text(costs: list[EncoderCost], scores: dict[str, float], config: Config) -> str:
    """The table, and below it the gradient by block where it was measured."""
    width = max(len(cost.name) for cost in costs) + 1
    header = f"{'':{width}}{'M params':>9}{'M mult-adds':>12}{'trained/s':>10}{'scored/s':>10}"
    lines = [
        f"Images of {config.vision.image_size} pixels, {config.num_threads} thread(s); rows are "
        f"steps of both views{'; MCC out of fold' if scores else ''}",
        header + (f"{'MCC':>8}" if scores else ""),
    ]
    for cost in costs:
        size = f"{cost.parameters / 1e6:9.1f}{cost.multiply_adds / 1e6:12.0f}"
        score = f"{scores[cost.name]:8.3f}" if cost.name in scores else ""
        lines.append(f"{cost.name:{width}}{size}{cost.trained:10.1f}{cost.scored:10.1f}{score}")
    measured = [cost for cost in costs if cost.gradient]
    if measured:
        numbers = [f"({number})" for number in range(1, len(measured) + 1)]
        lines += ["", "Norm of the gradient by block before training, one batch of random images"]
        lines += [f"  {n} {cost.name}" for n, cost in zip(numbers, measured, strict=True)]
        lines.append(f"{'':12}" + "".join(f"{number:>10}" for number in numbers))
    for block in dict.fromkeys(block for cost in measured for block in cost.gradient):
        norms = (cost.gradient.get(block) for cost in measured)
        cells = ("" if norm is None else f"{norm:.4f}" for norm in norms)
        lines.append(f"{block:12}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)
