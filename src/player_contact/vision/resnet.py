"""ResNets (He et al. 2015, arXiv:1512.03385) with a choice of shortcuts.

`identity`, `projection_where_needed`, `projection` are options A, B and C of the paper; `none` is a
plain network. With B, the usual one, weights of timm and torchvision fit: parameters have the same
names, and the 3x3 convolution of a bottleneck has the stride.
"""

from collections.abc import Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from player_contact.config import Shortcut

WIDTHS = (64, 128, 256, 512)  # channels of the four stages
# On CPUs with AVX2 alone, oneDNN's strided 1x1 convolution of fewer channels, in channels_last,
# writes beyond its memory (torch 2.14).
MIN_WIDTH = 8

CONFIG = {"first_conv": "conv1", "classifier": "fc", "std": (0.229, 0.224, 0.225)}
RESNETS: dict[str, dict[str, Any]] = {
    "contact_resnet10": {"layers": (1, 1, 1, 1)},
    "contact_resnet10_small": {"layers": (1, 1, 1, 1), "widths": (32, 64, 128, 192)},
    "contact_resnet18": {"layers": (2, 2, 2, 2)},
    "contact_resnet34": {"layers": (3, 4, 6, 3)},
    "contact_resnet50": {"layers": (3, 4, 6, 3), "bottleneck": True},
}


def make_resnet(name: str, **options: Any) -> "ContactResNet":
    """The ResNet of this name, with options of `ContactResNet`.

    `pretrained_cfg` says, as timm's models do, how weights fit that come from timm.
    """
    model: Any = ContactResNet(**(RESNETS[name] | options))
    model.pretrained_cfg = CONFIG | {"architecture": name}
    return model


class PaddedIdentity(nn.Module):
    """Option A: a strided identity, with zeros in the new channels; no parameters."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C + new_channels, H / stride, W / stride]."""
        return pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(kind: Shortcut, in_chs: int, out_chs: int, stride: int) -> nn.Module | None:
    """The layer parallel to a block's convolutions, None for kind "none"."""
    if kind == "none":
        return None
    same = in_chs == out_chs and stride == 1
    if kind == "projection" or (kind == "projection_where_needed" and not same):
        conv = nn.Conv2d(in_chs, out_chs, 1, stride, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(out_chs))
    return nn.Identity() if same else PaddedIdentity(out_chs - in_chs, stride)


class Block(nn.Module):
    """A basic block (two 3x3 convolutions) or a bottleneck (1x1, 3x3, 1x1), and its shortcut."""

    def __init__(
        self, in_chs: int, width: int, stride: int, bottleneck: bool, shortcut: Shortcut
    ) -> None:
        super().__init__()
        self.out_chs = width * (4 if bottleneck else 1)
        convs = [(3, stride, width), (3, 1, self.out_chs)]  # kernel size, stride, output channels
        if bottleneck:
            convs = [(1, 1, width), (3, stride, width), (1, 1, self.out_chs)]
        self.num_convs, chs = len(convs), in_chs
        for i, (k, s, outs) in enumerate(convs, start=1):
            self.add_module(f"conv{i}", nn.Conv2d(chs, outs, k, s, k // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(outs))
            chs = outs
        self.downsample = make_shortcut(shortcut, in_chs, self.out_chs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_chs, H, W] -> [N, out_chs, H / stride, W / stride]."""
        y = x
        for i in range(1, self.num_convs + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.num_convs:
                y = torch.relu(y)
        return torch.relu(y if self.downsample is None else y + self.downsample(x))


class ContactResNet(nn.Module):
    """[N, in_chans, H, W] -> [N, num_classes], or [N, D] features where num_classes is 0."""

    def __init__(
        self,
        layers: tuple[int, ...],
        bottleneck: bool = False,
        shortcut: Shortcut = "projection_where_needed",
        widths: Sequence[int] = WIDTHS,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if shortcut not in get_args(Shortcut):
            raise ValueError(f"shortcut {shortcut!r} is not one of {', '.join(get_args(Shortcut))}")
        if min(widths) < MIN_WIDTH:
            raise ValueError(f"a width of {min(widths)} is less than {MIN_WIDTH}")
        self.conv1 = nn.Conv2d(in_chans, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        chs, self.num_stages = widths[0], len(widths)
        for i, (width, depth) in enumerate(zip(widths, layers, strict=True), start=1):
            blocks: list[Block] = []
            for block in range(depth):
                stride = 2 if i > 1 and block == 0 else 1
                blocks.append(Block(chs, width, stride, bottleneck, shortcut))
                chs = blocks[-1].out_chs
            self.add_module(f"layer{i}", nn.Sequential(*blocks))
        self.num_features = self.head_hidden_size = chs
        self.num_classes = num_classes
        self.fc = nn.Linear(chs, num_classes) if num_classes else nn.Identity()
        # The last batch norm of a block keeps weight 1: with timm's zero_init_last (weight 0) the
        # output of a network without shortcuts would be 0.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, D] or [N, num_classes]."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))  # [N, widths[0], H / 4, W / 4]
        for i in range(1, self.num_stages + 1):
            x = getattr(self, f"layer{i}")(x)  # [N, stage's channels, H / 2^(i + 1), ...]
        return self.fc(x.mean((2, 3)))

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Parameters of the stem and of each stage (coarse) or block, as timm groups them."""
        blocks = r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"
        return {"stem": r"^conv1|bn1", "blocks": blocks}
