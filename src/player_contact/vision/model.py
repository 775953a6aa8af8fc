"""The model: a picture encoder for every step and view, sensor values beside it, a layer along the track, one logit a step.

Letters: B stretches, T steps, V views, N pictures (those that were seen, of all stretches), C channels, H = W pixels, K sensor values, D features of
the encoder, W values of a picture.
"""

import torch
from torch import Tensor, nn

from player_contact.config import VIEWS, VisionConfig
from player_contact.vision.along import ALONG_TRACK
from player_contact.vision.encoders import make_encoder

TOGETHER = 16  # pictures are encoded in multiples: libraries prepare themselves anew, and keep memory, for every number that they meet


def input_channels(config: VisionConfig, frames: int) -> int:
    """Channels of one picture: a grey frame each, and two for the drawn boxes where they have channels of their own."""
    return frames + (2 if config.boxes == "channel" else 0)


class ContactModel(nn.Module):
    """Scores every step of a stretch. The encoder is shared by steps and views; it sees each picture once."""

    sensor_mean: Tensor
    sensor_scale: Tensor
    shift: Tensor  # [2] of pairs and of players with the ground: scoring adds it to the log odds

    def __init__(self, config: VisionConfig, frames: int, pretrained: bool = False) -> None:
        super().__init__()
        sensors, width = len(config.tabular), config.track_width
        weights = config.weights if pretrained else "none"
        self.encoder, self.features = make_encoder(config.encoder, input_channels(config, frames), config.image_size, config.encoder_options, weights)
        self.register_buffer("sensor_mean", torch.zeros(sensors))
        self.register_buffer("sensor_scale", torch.ones(sensors))
        self.register_buffer("shift", torch.zeros(2))
        beside = config.sensor_width if sensors else 0
        self.sensors = nn.Sequential(nn.Linear(2 * sensors, beside), nn.ReLU(), nn.Linear(beside, beside), nn.ReLU()) if sensors else nn.Identity()
        self.picture = nn.Sequential(nn.LayerNorm(self.features), nn.Dropout(config.dropout), nn.Linear(self.features, width), nn.ReLU())
        self.picture_head = nn.Linear(width, 1)
        self.along_track = ALONG_TRACK[config.along_track](width + beside + len(VIEWS) + 1, width)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * width, 1))

    def forward(self, pictures: Tensor, sensors: Tensor, seen: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """pictures [N, C, H, W] uint8, one for each True of `seen`, in its order; sensors [B, T, K] (NaN: not measured), seen [B, T, V] bool,
        present [B, T] bool -> logits [B, T], and logits [N] of each picture alone, which only training looks at.

        A view that did not see the row counts for nothing; `present` is False at steps that are not asked about.
        """
        x = self.see(pictures)
        return self.follow(x, sensors, seen, present), self._of_each(x)

    def judge(self, pictures: Tensor) -> Tensor:
        """pictures [N, C, H, W] uint8 -> logits [N] of each picture alone, without sensors and other steps."""
        return self._of_each(self.see(pictures))

    def see(self, pictures: Tensor) -> Tensor:
        """pictures [N, C, H, W] -> [N, W]."""
        count = len(pictures)
        if not count:
            return self.sensor_mean.new_zeros(0, self.picture_head.in_features)
        rest = -count % TOGETHER
        if rest:  # filled up by repeating, for statistics over the batch would notice anything else
            pictures = pictures[torch.arange(count + rest, device=pictures.device) % count]
        return self.picture(self.encoder(scaled(pictures)))[:count].float()

    def follow(self, x: Tensor, sensors: Tensor, seen: Tensor, present: Tensor) -> Tensor:
        """x [N, W], the others as in `forward` -> logits [B, T]."""
        pictures = x.new_zeros(*seen.shape, x.shape[-1])
        pictures[seen] = x  # [B, T, V, W]
        x = pictures.sum(2) / seen.sum(2, keepdim=True).clamp(min=1)  # [B, T, W]  mean of the views that saw the row
        x = torch.cat([x, self._measured(sensors), seen.float(), present[..., None].float()], dim=-1)
        with torch.autocast(x.device.type, enabled=False):
            x = self.along_track(x, present)  # [B, T, out]
        return self.head(x).squeeze(-1).float()

    def _of_each(self, x: Tensor) -> Tensor:
        """[N, W] -> [N]."""
        return self.picture_head(x).squeeze(-1).float()

    def _measured(self, sensors: Tensor) -> Tensor:
        """[B, T, K] -> [B, T, sensor_width]; nothing where there are no sensor values at all."""
        if not sensors.shape[-1]:
            return self.sensors(sensors)
        known = ~torch.isnan(sensors)
        values = torch.where(known, (sensors - self.sensor_mean) / self.sensor_scale, 0).clamp(-5, 5)
        return self.sensors(torch.cat([values, known.float()], dim=-1)).float()


def scaled(pictures: Tensor) -> Tensor:
    """[N, C, H, W] uint8 -> float in about -1..1, channels last in memory, which convolutions on a CPU like best."""
    return pictures.contiguous(memory_format=torch.channels_last).float().div(127.5).sub_(1)
