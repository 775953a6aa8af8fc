"""What joins the steps of a stretch, by name: a recurrent layer, convolutions along time, attention, or nothing.

Each is built from the number of values that come in and a width, takes x [B, T, inputs] and present [B, T] bool, and gives
[B, T, 2 width]. What stands at a step that is not present reaches no other step.
"""

import torch
from torch import Tensor, nn

from player_contact.config import LONGEST_STRETCH


class Recurrent(nn.Module):
    """Gated recurrent units in both directions (Cho et al. 2014, arXiv:1406.1078)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layer = nn.GRU(inputs, width, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, 2 width]."""
        return self.layer(x * present[..., None])[0]


class Convolution(nn.Module):
    """Residual blocks of convolutions along time that look 1, 2 and 4 steps to each side, 7 in all (Bai et al. 2018, arXiv:1803.01271)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Linear(inputs, 2 * width)
        self.blocks = nn.ModuleList(nn.Conv1d(2 * width, 2 * width, 3, padding=far, dilation=far) for far in (1, 2, 4))
        self.norms = nn.ModuleList(nn.LayerNorm(2 * width) for _ in self.blocks)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, 2 width]."""
        x = self.entry(x)
        for norm, block in zip(self.norms, self.blocks, strict=True):
            y = norm(x) * present[..., None]
            x = x + torch.relu(block(y.transpose(1, 2)).transpose(1, 2))
        return x


class Attention(nn.Module):
    """Two layers of a transformer's encoder with learnt places (Vaswani et al. 2017, arXiv:1706.03762)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Linear(inputs, 2 * width)
        self.place = nn.Parameter(0.02 * torch.randn(LONGEST_STRETCH, 2 * width))
        heads = next(count for count in (4, 2, 1) if 2 * width % count == 0)
        layer = nn.TransformerEncoderLayer(2 * width, heads, 4 * width, dropout=0.1, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(2 * width), enable_nested_tensor=False)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, 2 width]."""
        x = self.entry(x) + self.place[: x.shape[1]]
        return self.layers(x, src_key_padding_mask=~present)


class Alone(nn.Module):
    """Every step by itself."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, 2 * width)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """[B, T, inputs] -> [B, T, 2 width]."""
        return torch.relu(self.layer(x))


ALONG_TRACK = {"recurrent": Recurrent, "convolution": Convolution, "attention": Attention, "none": Alone}
