"""A small residual network whose shortcut is a setting, registered with timm as contact_resnet10, 10_half, 18, 34 and 50.

He et al. 2015 (arXiv:1512.03385). Parameters bear the names that timm and torchvision give them, so with the shortcut of the standard network its
weights fit. As there, the 3x3 convolution of a bottleneck is the one that strides.
"""

from collections.abc import Sequence
from typing import Any, get_args

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torch.nn.functional import pad

from player_contact.config import Shortcut

WIDTHS = (64, 128, 256, 512)  # channels of the four stages

_FILE = {"num_classes": 1000, "input_size": (3, 224, 224), "first_conv": "conv1", "classifier": "fc"}
default_cfgs = generate_default_cfgs({f"contact_resnet{name}": _FILE for name in ("10", "10_half", "18", "34", "50")})


class ZeroPadded(nn.Module):
    """Option A of the paper: every `stride`-th pixel, and zeros for the channels that are new. It has no parameters."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C + new, H / stride, W / stride]."""
        return pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(kind: Shortcut, channels: int, out: int, stride: int) -> nn.Module | None:
    """What is added to a block's output: its input, padded or projected by config; None: nothing, a plain network."""
    if kind == "none":
        return None
    if kind == "projection" or (kind == "projection_where_needed" and (channels != out or stride != 1)):
        return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    return ZeroPadded(out - channels, stride) if channels != out or stride != 1 else nn.Identity()


class Block(nn.Module):
    """Two 3x3 convolutions, or (bottleneck) 1x1, 3x3 and 1x1 with four times as many channels at the end; and the shortcut around them."""

    def __init__(self, channels: int, width: int, stride: int, bottleneck: bool, shortcut: Shortcut) -> None:
        super().__init__()
        out = width * (4 if bottleneck else 1)
        # kernel, stride, output channels of each convolution
        plan = ((1, 1, width), (3, stride, width), (1, 1, out)) if bottleneck else ((3, stride, width), (3, 1, out))
        self.convolutions, last = len(plan), channels
        for number, (kernel, step, outputs) in enumerate(plan, start=1):
            self.add_module(f"conv{number}", nn.Conv2d(last, outputs, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{number}", nn.BatchNorm2d(outputs))
            last = outputs
        self.downsample = make_shortcut(shortcut, channels, out, stride)
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, out, H / stride, W / stride]."""
        y = x
        for number in range(1, self.convolutions + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.convolutions:
                y = torch.relu(y)
        if self.downsample is not None:
            y = y + self.downsample(x)
        return torch.relu(y)


class ContactResNet(nn.Module):
    """[N, in_chans, H, W] -> [N, num_classes], or [N, D] features where num_classes is 0."""

    def __init__(
        self,
        layers: tuple[int, ...],
        bottleneck: bool,
        shortcut: Shortcut = "projection_where_needed",
        widths: Sequence[int] = WIDTHS,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if shortcut not in get_args(Shortcut):
            raise ValueError(f"shortcut {shortcut!r} is none of {', '.join(get_args(Shortcut))}")
        self.conv1 = nn.Conv2d(in_chans, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, self.stages = widths[0], len(widths)
        for number, (width, blocks) in enumerate(zip(widths, layers, strict=True), start=1):
            stage = []
            for place in range(blocks):
                stage.append(Block(channels, width, 2 if number > 1 and place == 0 else 1, bottleneck, shortcut))
                channels = stage[-1].out
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.num_features = self.head_hidden_size = channels
        self.num_classes = num_classes
        self.fc = nn.Linear(channels, num_classes) if num_classes else nn.Identity()
        # He et al. 2015 (arXiv:1502.01852). The last scale of a block starts at 1: at 0, as timm has it, a network without shortcuts would be dead.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, D] or [N, num_classes]."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))  # [N, widths[0], H / 4, W / 4]
        for number in range(1, self.stages + 1):
            x = getattr(self, f"layer{number}")(x)  # [N, width, H / 2^(number + 1), W / 2^(number + 1)]
        return self.fc(x.mean((2, 3)))

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Which parameters belong to the stem, and which to which stage (coarse) or block, as timm asks its models."""
        return {"stem": r"^conv1|bn1", "blocks": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"}


def _make(name: str, layers: tuple[int, ...], bottleneck: bool, pretrained: bool, options: dict[str, Any]) -> nn.Module:
    return build_model_with_cfg(ContactResNet, name, pretrained, **{"layers": layers, "bottleneck": bottleneck, **options})


@register_model
def contact_resnet10(pretrained: bool = False, **options: Any) -> nn.Module:
    """One basic block a stage."""
    return _make("contact_resnet10", (1, 1, 1, 1), False, pretrained, options)


@register_model
def contact_resnet10_half(pretrained: bool = False, **options: Any) -> nn.Module:
    """One basic block a stage, half as wide: a quarter of the work."""
    return _make("contact_resnet10_half", (1, 1, 1, 1), False, pretrained, {"widths": tuple(width // 2 for width in WIDTHS), **options})


@register_model
def contact_resnet18(pretrained: bool = False, **options: Any) -> nn.Module:
    """Two basic blocks a stage."""
    return _make("contact_resnet18", (2, 2, 2, 2), False, pretrained, options)


@register_model
def contact_resnet34(pretrained: bool = False, **options: Any) -> nn.Module:
    """Three, four, six and three basic blocks."""
    return _make("contact_resnet34", (3, 4, 6, 3), False, pretrained, options)


@register_model
def contact_resnet50(pretrained: bool = False, **options: Any) -> nn.Module:
    """Three, four, six and three bottlenecks."""
    return _make("contact_resnet50", (3, 4, 6, 3), True, pretrained, options)
