"""The model: one image encoder, shared by steps and views, fused with tabular features over a clip.

An image is a stack of gray frames of one view around a step, with three masks of helmet boxes: of
each of the row's players (one for the ground), and of others near them. Letters of shapes: see
`vision/__init__.py`.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.encoders import make_encoder
from player_contact.vision.temporal import TEMPORAL_LAYERS

Model = TypeVar("Model", bound=nn.Module)

IMAGE_MULTIPLE = 16  # batches are padded to it, because libraries keep memory for every new size


def input_channels(config: VisionConfig, num_frames: int) -> int:
    """C: an image's gray frames and, by config, three box masks."""
    return num_frames + (3 if config.boxes == "channel" else 0)


class ContactModel(nn.Module):
    """Logits of all steps of a clip: the screen's, corrected by what an image encoder sees.

    Its two families differ in what they see of a row: `PairModel` in images of the row itself,
    `TokenModel` in those of every player. The embedder is `encoder`, then `embed`.
    """

    tabular_mean: Tensor
    tabular_std: Tensor
    # [2] for pairs and for the ground. Training draws too many contacts: after it, `pipeline` sets
    # this so that the mean probability is the screen's. `predict_logits` adds it, not `forward`.
    logit_shift: Tensor

    def __init__(
        self, config: VisionConfig, num_frames: int, evidence_dim: int, pretrained: bool = False
    ) -> None:
        super().__init__()
        features, embed_dim = len(config.tabular), config.embed_dim
        self.embed_dim = embed_dim
        self.tabular_dim = config.tabular_dim if features else 0
        weights = config.weights if pretrained else "none"
        channels = input_channels(config, num_frames)
        size, options = config.image_size, config.encoder_options
        self.encoder, encoder_dim = make_encoder(
            config.encoder, channels, size, options, weights, num_frames
        )
        self.register_buffer("tabular_mean", torch.zeros(features))
        self.register_buffer("tabular_std", torch.ones(features))
        self.register_buffer("logit_shift", torch.zeros(2))
        if features:
            self.tabular_mlp = nn.Sequential(
                nn.Linear(2 * features, self.tabular_dim),
                nn.ReLU(),
                nn.Linear(self.tabular_dim, self.tabular_dim),
                nn.ReLU(),
            )
        self.embed = nn.Sequential(
            nn.LayerNorm(encoder_dim),
            nn.Dropout(config.dropout),
            nn.Linear(encoder_dim, embed_dim),
            nn.ReLU(),
        )
        self.image_head = TypeHead(embed_dim)
        self.unseen = nn.Parameter(torch.zeros(len(VIEWS), embed_dim))  # of a view without an image
        fused_dim = evidence_dim + self.tabular_dim + 2
        self.temporal = TEMPORAL_LAYERS[config.temporal](fused_dim, embed_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.head = TypeHead(2 * embed_dim)
        # Of tabular features. A step's logit is the screen's and what the head adds, at first 0: on
        # few plays the layers would not learn to decide as well as the screen does.
        self.screen = config.tabular.index("screen") if "screen" in config.tabular else None
        if self.screen is not None:
            nn.init.zeros_(self.head.shared.weight)

    def embed_images(self, images: Tensor) -> Tensor:
        """images [N, C, H, W] as in `forward` -> [N, E]."""
        count = len(images)
        if not count:
            return self.tabular_mean.new_zeros(0, self.embed_dim)
        if padding := -count % IMAGE_MULTIPLE:  # by real images: they enter batch statistics
            images = images[torch.arange(count + padding, device=images.device) % count]
        return self.embed(self.encoder(normalize(images)))[:count].float()

    def join_views(self, x: Tensor, visible: Tensor) -> Tensor:
        """x [N, E] of images, visible [B, T, V] -> [B, T, V * E]; a learnt vector where unseen."""
        views = self.unseen.to(x.dtype).repeat(*visible.shape[:2], 1, 1)  # [B, T, V, E]
        views[visible] = x
        return views.flatten(2)

    def embed_tabular(self, tabular: Tensor) -> Tensor:
        """[B, T, K] -> [B, T, tabular_dim]; [B, T, 0] where K is 0."""
        if not tabular.shape[-1]:
            return tabular
        known = ~torch.isnan(tabular)
        values = torch.where(known, (tabular - self.tabular_mean) / self.tabular_std, 0)
        values = torch.cat([values.clamp(-5, 5), known.float()], dim=-1)
        return self.tabular_mlp(values).float()

    def decide(
        self, parts: tuple[Tensor, ...], tabular: Tensor, step_mask: Tensor, is_ground: Tensor
    ) -> Tensor:
        """Logits [B, T] of clips from parts [B, T, ...] of what is known of each step."""
        x = torch.cat(parts, dim=-1)
        with torch.autocast(x.device.type, enabled=False):  # temporal layers stay in float32
            x = self.temporal(x, step_mask)  # [B, T, 2 E]
        logits = self.head(self.dropout(x), is_ground)
        if self.screen is not None:
            logits = logits + torch.nan_to_num(tabular[..., self.screen])
        return logits


class PairModel(ContactModel):
    """Every row by images of its own, of the pair or of the player on the ground."""

    def __init__(self, config: VisionConfig, num_frames: int, pretrained: bool = False) -> None:
        super().__init__(config, num_frames, len(VIEWS) * (config.embed_dim + 1), pretrained)

    def forward(
        self,
        images: Tensor,
        tabular: Tensor,
        visible: Tensor,
        step_mask: Tensor,
        is_ground: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Logits [B, T] of the steps, and [N] of each image by itself for the auxiliary loss.

        images     [N, C, H, W] uint8 (float32 after mixup), one for each True of `visible`
        tabular    [B, T, K], NaN: not measured
        visible    [B, T, V] bool: the view has an image of the row
        step_mask  [B, T] bool: False is padding, or a step without an open row
        is_ground  [B, T] bool: a player and the ground, not a pair
        """
        x = self.embed_images(images)
        logits = self.forward_clips(x, tabular, visible, step_mask, is_ground)
        return logits, self.image_head(x, per_image(is_ground, visible))

    def forward_images(self, images: Tensor, visible: Tensor, is_ground: Tensor) -> Tensor:
        """Arguments as of `forward` -> logits [N] of each image by itself."""
        return self.image_head(self.embed_images(images), per_image(is_ground, visible))

    def forward_clips(
        self,
        x: Tensor,
        tabular: Tensor,
        visible: Tensor,
        step_mask: Tensor,
        is_ground: Tensor,
    ) -> Tensor:
        """x [N, E] from `embed_images`, the others as in `forward` -> logits [B, T]."""
        masks = visible, torch.stack([step_mask, is_ground], dim=-1)
        tab = self.embed_tabular(tabular)
        parts = self.join_views(x, visible), tab, *(mask.float() for mask in masks)
        return self.decide(parts, tabular, step_mask, is_ground)


class TypeHead(nn.Module):
    """One logit: what pairs and the ground share, and for the ground a difference, at first 0.

    Contacts with the ground are too few to learn a head of its own from nothing.
    """

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.shared, self.ground = nn.Linear(input_dim, 1), nn.Linear(input_dim, 1)
        nn.init.zeros_(self.ground.weight)
        nn.init.zeros_(self.ground.bias)

    def forward(self, x: Tensor, is_ground: Tensor) -> Tensor:
        """[..., D], [...] bool -> [...] float32."""
        logit, difference = self.shared(x).squeeze(-1), self.ground(x).squeeze(-1)
        return (logit + torch.where(is_ground, difference, 0)).float()


def per_image(values: Tensor, visible: Tensor) -> Tensor:
    """values [B, T, ...] of rows -> [N, ...], of each image's row: one for each True of visible
    [B, T, V]."""
    return values[:, :, None].expand(*visible.shape, *values.shape[2:])[visible]


def to_channels_last(model: Model) -> Model:
    """The model with its 2D convolutions in channels_last, in which they are fastest."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


def normalize(images: Tensor) -> Tensor:
    """[N, C, H, W] in 0..255 -> float32 in -1..1, in channels_last, the fastest on CPUs."""
    return images.contiguous(memory_format=torch.channels_last).float().div(127.5).sub_(1)
