"""Layers over the steps of a clip, by the names of `vision.temporal`.

Each takes x [B, T, input_dim] and step_mask [B, T] bool, and returns [B, T, 2 * hidden_dim]. What x
has where step_mask is False reaches no other step.
"""

import torch
from torch import Tensor, nn

from player_contact.config import MAX_CLIP_LENGTH


class TemporalGRU(nn.Module):
    """A bidirectional GRU (Cho et al. 2014, arXiv:1406.1078)."""

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_dim, hidden_dim, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, step_mask: Tensor) -> Tensor:
        """[B, T, input_dim] -> [B, T, 2 * hidden_dim]."""
        return self.gru(x * step_mask[..., None])[0]


class TemporalConv(nn.Module):
    """Residual blocks of dilated convolutions (Bai et al. 2018, arXiv:1803.01271), not causal."""

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        dim = 2 * hidden_dim
        self.input_proj = nn.Linear(input_dim, dim)
        self.convs = nn.ModuleList(
            nn.Conv1d(dim, dim, 3, padding=dilation, dilation=dilation) for dilation in (1, 2, 4)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in self.convs)

    def forward(self, x: Tensor, step_mask: Tensor) -> Tensor:
        """[B, T, input_dim] -> [B, T, 2 * hidden_dim]."""
        x = self.input_proj(x)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = norm(x) * step_mask[..., None]
            x = x + torch.relu(conv(y.transpose(1, 2)).transpose(1, 2))
        return x


class TemporalAttention(nn.Module):
    """Two transformer encoder layers (Vaswani et al. 2017, arXiv:1706.03762)."""

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        dim = 2 * hidden_dim
        self.input_proj = nn.Linear(input_dim, dim)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(MAX_CLIP_LENGTH, dim))
        heads = next(heads for heads in (4, 2, 1) if dim % heads == 0)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout=0.1, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(dim)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=norm, enable_nested_tensor=False)

    def forward(self, x: Tensor, step_mask: Tensor) -> Tensor:
        """[B, T, input_dim] -> [B, T, 2 * hidden_dim]."""
        x = self.input_proj(x) + self.pos_embed[: x.shape[1]]
        return self.encoder(x, src_key_padding_mask=~step_mask)


class NoTemporal(nn.Module):
    """Every step by itself."""

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_dim, 2 * hidden_dim)

    def forward(self, x: Tensor, step_mask: Tensor) -> Tensor:
        """[B, T, input_dim] -> [B, T, 2 * hidden_dim]."""
        return torch.relu(self.linear(x))


TEMPORAL_LAYERS = {
    "gru": TemporalGRU,
    "conv": TemporalConv,
    "attention": TemporalAttention,
    "none": NoTemporal,
}
