"""The model: one image encoder, shared by steps and views, fused with tabular features over a clip.

An image is a stack of gray frames of one view around a step, with two masks of helmet boxes: of the
row's players (one of them for the ground), and of others near them. Letters of shapes: see
`vision/__init__.py`.
"""

import torch
from torch import Tensor, nn

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.encoders import make_encoder
from player_contact.vision.temporal import TEMPORAL_LAYERS

IMAGE_MULTIPLE = 16  # batches are padded to it, because libraries keep memory for every new size


def input_channels(config: VisionConfig, num_frames: int) -> int:
    """C: an image's gray frames and, by config, two box masks."""
    return num_frames + (2 if config.boxes == "channel" else 0)


class ContactModel(nn.Module):
    """Logits of all steps of a clip. The embedder is `encoder`, then `embed`."""

    tabular_mean: Tensor
    tabular_std: Tensor
    # [2] for pairs and for the ground. Training draws too many contacts: after it, `pipeline` sets
    # this so that the mean probability is the screen's. `predict_logits` adds it, not `forward`.
    logit_shift: Tensor

    def __init__(self, config: VisionConfig, num_frames: int, pretrained: bool = False) -> None:
        super().__init__()
        features, embed_dim = len(config.tabular), config.embed_dim
        tabular_dim = config.tabular_dim if features else 0
        weights = config.weights if pretrained else "none"
        channels = input_channels(config, num_frames)
        self.encoder, encoder_dim = make_encoder(
            config.encoder, channels, config.image_size, config.encoder_options, weights
        )
        self.register_buffer("tabular_mean", torch.zeros(features))
        self.register_buffer("tabular_std", torch.ones(features))
        self.register_buffer("logit_shift", torch.zeros(2))
        if features:
            self.tabular_mlp = nn.Sequential(
                nn.Linear(2 * features, tabular_dim),
                nn.ReLU(),
                nn.Linear(tabular_dim, tabular_dim),
                nn.ReLU(),
            )
        self.embed = nn.Sequential(
            nn.LayerNorm(encoder_dim),
            nn.Dropout(config.dropout),
            nn.Linear(encoder_dim, embed_dim),
            nn.ReLU(),
        )
        self.image_head = nn.Linear(embed_dim, 1)
        fused_dim = embed_dim + tabular_dim + len(VIEWS) + 1
        self.temporal = TEMPORAL_LAYERS[config.temporal](fused_dim, embed_dim)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * embed_dim, 1))

    def forward(
        self, images: Tensor, tabular: Tensor, visible: Tensor, step_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits [B, T] of the steps, and [N] of each image by itself for the auxiliary loss.

        images     [N, C, H, W] uint8 (float32 after mixup), one for each True of `visible`
        tabular    [B, T, K], NaN: not measured
        visible    [B, T, V] bool: the view has an image of the row
        step_mask  [B, T] bool: False is padding, or a step without an open row
        """
        x = self.embed_images(images)
        return self.forward_clips(x, tabular, visible, step_mask), self._image_logits(x)

    def forward_images(self, images: Tensor) -> Tensor:
        """images [N, C, H, W] as in `forward` -> logits [N] of each by itself."""
        return self._image_logits(self.embed_images(images))

    def embed_images(self, images: Tensor) -> Tensor:
        """images [N, C, H, W] as in `forward` -> [N, E]."""
        count = len(images)
        if not count:
            return self.tabular_mean.new_zeros(0, self.image_head.in_features)
        if padding := -count % IMAGE_MULTIPLE:  # by real images: they enter batch statistics
            images = images[torch.arange(count + padding, device=images.device) % count]
        return self.embed(self.encoder(normalize(images)))[:count].float()

    def forward_clips(
        self, x: Tensor, tabular: Tensor, visible: Tensor, step_mask: Tensor
    ) -> Tensor:
        """x [N, E] from `embed_images`, the others as in `forward` -> logits [B, T]."""
        views = x.new_zeros(*visible.shape, x.shape[-1])  # [B, T, V, E]
        views[visible] = x
        x = views.sum(2) / visible.sum(2, keepdim=True).clamp(min=1)  # [B, T, E] mean of views
        masks = visible.float(), step_mask[..., None].float()
        x = torch.cat([x, self._embed_tabular(tabular), *masks], dim=-1)
        with torch.autocast(x.device.type, enabled=False):  # temporal layers stay in float32
            x = self.temporal(x, step_mask)  # [B, T, 2 E]
        return self.head(x).squeeze(-1).float()

    def _image_logits(self, x: Tensor) -> Tensor:
        """[N, E] -> [N]."""
        return self.image_head(x).squeeze(-1).float()

    def _embed_tabular(self, tabular: Tensor) -> Tensor:
        """[B, T, K] -> [B, T, tabular_dim]; [B, T, 0] where K is 0."""
        if not tabular.shape[-1]:
            return tabular
        known = ~torch.isnan(tabular)
        values = torch.where(known, (tabular - self.tabular_mean) / self.tabular_std, 0)
        values = torch.cat([values.clamp(-5, 5), known.float()], dim=-1)
        return self.tabular_mlp(values).float()


def normalize(images: Tensor) -> Tensor:
    """[N, C, H, W] in 0..255 -> float32 in -1..1, in channels_last, the fastest on CPUs."""
    return images.contiguous(memory_format=torch.channels_last).float().div(127.5).sub_(1)
