"""The token family: every player is looked at once, and attention decides who touches whom.

A token is a player at a step; its cost grows with players, not with pairs. Letters of shapes: see
`vision/__init__.py`; R tracks of players and B clips of rows of all samples of a batch, G geometry.
"""

import torch
from torch import Tensor, nn

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.model import ContactModel
from player_contact.vision.temporal import TEMPORAL_LAYERS
from player_contact.vision.token_rows import GEOMETRY

ATTENTION_LAYERS = 2


class TokenModel(ContactModel):
    """Every row by the tokens of its players, who have seen those of all others at the step."""

    def __init__(self, config: VisionConfig, num_frames: int, pretrained: bool = False) -> None:
        embed_dim = config.embed_dim
        dim = 2 * embed_dim
        super().__init__(config, num_frames, 2 * dim, pretrained)
        token_dim = len(VIEWS) * (embed_dim + 1) + self.tabular_dim + len(GEOMETRY)
        self.track = TEMPORAL_LAYERS[config.temporal](token_dim, embed_dim)
        heads = next(heads for heads in (4, 2, 1) if dim % heads == 0)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout=0.1, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(dim)
        self.context = nn.TransformerEncoder(
            layer, ATTENTION_LAYERS, norm=norm, enable_nested_tensor=False
        )
        for one in self.context.layers:  # at first every token stays what it is
            nn.init.zeros_(one.self_attn.out_proj.weight)
            nn.init.zeros_(one.linear2.weight)
        self.pair = nn.Sequential(nn.Linear(2 * dim + 2 * len(GEOMETRY), dim), nn.ReLU())

    def forward(self, images: Tensor, **clips: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, T] of the rows; [N, 2] of each image by itself: a contact with anyone, and
        with the ground. `clips` as of `forward_clips`.

        images  [N, C, H, W] uint8, one for each True of `visible`
        """
        x = self.embed_images(images)
        return self.forward_clips(x, **clips), self._image_logits(x)

    def forward_images(self, images: Tensor, *_: Tensor) -> Tensor:
        """images [N, C, H, W] -> logits [N, 2] of each by itself; arguments as of `PairModel`."""
        return self._image_logits(self.embed_images(images))

    def _image_logits(self, x: Tensor) -> Tensor:
        """[N, E] -> [N, 2]."""
        no = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        return torch.stack([self.image_head(x, no), self.image_head(x, ~no)], dim=-1)

    def forward_clips(
        self,
        x: Tensor,
        visible: Tensor,
        present: Tensor,
        player_tabular: Tensor,
        geometry: Tensor,
        sample: Tensor,
        first: Tensor,
        second: Tensor,
        tabular: Tensor,
        step_mask: Tensor,
        is_ground: Tensor,
    ) -> Tensor:
        """Logits [B, T] of the rows.

        x               [N, E] from `embed_images`, one for each True of `visible`
        visible         [R, T, V] bool: the view has an image of the player
        present         [R, T] bool: the player is in an open row; False is padding
        player_tabular  [R, T, K] features of the player and the ground, NaN: not measured
        geometry        [R, T, G] of `player_geometry`
        sample          [R] int64, ascending: the window of a play; others are not seen
        first, second   [B] int64, tracks of each clip's players; twice the same for the ground
        tabular         [B, T, K] features of the rows
        step_mask       [B, T] bool: False is padding, or a step without an open row
        is_ground       [B, T] bool
        """
        seen = self.join_views(x, visible), self.embed_tabular(player_tabular)
        token = torch.cat([*seen, torch.nan_to_num(geometry), visible.float()], dim=-1)
        with torch.autocast(x.device.type, enabled=False):
            token = self.attend(self.track(token, present), present, sample)  # [R, T, 2 E]
        # By index_select, whose gradient has the same bytes whatever the number of threads.
        one, other = token.index_select(0, first), token.index_select(0, second)
        # Neither of the two depends on the order of a pair.
        joined = one + other, self.join(one, other, geometry[second] - geometry[first])
        masks = torch.stack([step_mask, is_ground], dim=-1).float()
        parts = *joined, self.embed_tabular(tabular), masks
        return self.decide(parts, tabular, step_mask, is_ground)

    def join(self, one: Tensor, other: Tensor, offset: Tensor) -> Tensor:
        """[B, T, 2 E] of what each player is to the other, `offset` [B, T, G] away: of both."""
        known = ~torch.isnan(offset)
        offset, known = torch.where(known, offset, 0), known.to(one.dtype)
        there = self.pair(torch.cat([one, other, offset, known], dim=-1))
        return there + self.pair(torch.cat([other, one, -offset, known], dim=-1))

    def attend(self, token: Tensor, present: Tensor, sample: Tensor) -> Tensor:
        """[R, T, 2 E] -> the same, after tokens have seen those of their sample and step."""
        tracks = torch.bincount(sample)
        place = torch.arange(len(sample), device=sample.device)
        place = place - (tracks.cumsum(0) - tracks)[sample]  # among the tracks of the sample
        shape = len(tracks), int(tracks.max()), token.shape[1]  # padded: [samples, players, T]
        grid, hidden = token.new_zeros(*shape, token.shape[2]), token.new_ones(shape).bool()
        grid[sample, place], hidden[sample, place] = token, ~present
        grid, hidden = grid.transpose(1, 2).flatten(0, 1), hidden.transpose(1, 2).flatten(0, 1)
        hidden = hidden & ~hidden.all(dim=1, keepdim=True)  # nobody: NaN before torch 2.5
        seen = self.context(grid, src_key_padding_mask=hidden)
        return seen.unflatten(0, (shape[0], shape[2])).transpose(1, 2)[sample, place]
