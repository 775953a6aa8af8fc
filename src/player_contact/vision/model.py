"""The model: a picture encoder for every step and view, sensor values beside it, a recurrent layer along the track, one logit a step.

Letters: B stretches, T steps, V views, C channels, H = W pixels, K sensor values, D features of the encoder.
"""

import torch
from torch import Tensor, nn

from player_contact.config import VisionConfig
from player_contact.vision.encoders import make_encoder


def input_channels(config: VisionConfig, frames: int) -> int:
    """Channels of one picture: a grey frame each, and two for the drawn boxes where they have channels of their own."""
    return frames + (2 if config.boxes == "channel" else 0)


class ContactModel(nn.Module):
    """Scores every step of a stretch. The encoder is shared by steps and views."""

    sensor_mean: Tensor
    sensor_scale: Tensor

    def __init__(self, config: VisionConfig, frames: int, pretrained: bool = False) -> None:
        super().__init__()
        sensors = len(config.tabular)
        weights = config.weights if pretrained else "none"
        self.encoder, self.features = make_encoder(config.encoder, input_channels(config, frames), config.image_size, config.encoder_options, weights)
        self.register_buffer("sensor_mean", torch.zeros(sensors))
        self.register_buffer("sensor_scale", torch.ones(sensors))
        self.sensors = nn.Sequential(
            nn.Linear(2 * sensors, config.sensor_width), nn.ReLU(), nn.Linear(config.sensor_width, config.sensor_width), nn.ReLU()
        )
        self.picture = nn.Sequential(nn.LayerNorm(self.features), nn.Dropout(config.dropout), nn.Linear(self.features, config.track_width), nn.ReLU())
        self.picture_head = nn.Linear(config.track_width, 1)
        self.along_track = nn.GRU(config.track_width + config.sensor_width + 3, config.track_width, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * config.track_width, 1))

    def forward(self, pictures: Tensor, sensors: Tensor, seen: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """pictures [B, T, V, C, H, W] uint8, sensors [B, T, K] (NaN: not measured), seen [B, T, V] bool, present [B, T] bool
        -> logits [B, T], and logits [B, T, V] of each picture alone, which only training looks at.

        A view that did not see the row counts for nothing; `present` is False at steps that are not asked about.
        """
        B, T, V = seen.shape
        x = pictures.new_zeros((B, T, V, self.features), dtype=torch.float32)
        if seen.any():
            x[seen] = self.encoder(scaled(pictures[seen])).float()  # [B, T, V, D]; only what was seen is encoded
        x = self.picture(x) * seen[..., None]  # [B, T, V, W]
        alone = self.picture_head(x).squeeze(-1).float()  # [B, T, V]
        x = x.sum(2) / seen.sum(2, keepdim=True).clamp(min=1)  # [B, T, W]  mean of the views that saw the row
        known = ~torch.isnan(sensors)
        values = torch.where(known, (sensors - self.sensor_mean) / self.sensor_scale, 0).clamp(-5, 5)
        s = self.sensors(torch.cat([values, known.float()], dim=-1))  # [B, T, S]
        x = torch.cat([x.float(), s.float(), seen.float().expand(B, T, V), present[..., None].float()], dim=-1)
        with torch.autocast(x.device.type, enabled=False):
            x, _ = self.along_track(x * present[..., None])  # [B, T, 2 W]
        return self.head(x).squeeze(-1).float(), alone


def scaled(pictures: Tensor) -> Tensor:
    """[N, C, H, W] uint8 -> float in about -1..1, channels last in memory, which convolutions on a CPU like best."""
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
