"""The settings of the helmet detector: its network and its training."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from player_contact.config.section import Section

SHIPPED_DETECTOR = Path(__file__).parents[1] / "detection" / "shipped" / "helmets.safetensors"


def detector_file(name: str) -> Path:
    """The file of a detector: of the one that is "shipped", or the path that is named."""
    return SHIPPED_DETECTOR if name == "shipped" else Path(name)


class DetectorConfig(Section):
    """A torchvision detector on gray frames, and how `make detector` trains it."""

    family: Literal["faster_rcnn", "fcos"] = Field(
        "faster_rcnn",
        description="two stages: proposals, then a decision on each; or one: every place decides",
    )
    encoder: str = Field("contact_resnet10_small", description="one with layer1..layer3")
    encoder_options: dict[str, bool | int | float | str | list[Any]] = Field({})
    channels: int = Field(
        32, ge=32, le=256, multiple_of=32, description="of the feature map, a quarter of the size"
    )
    anchors: tuple[PositiveFloat, ...] = Field(
        (9.0, 13.0, 19.0, 28.0, 41.0),
        min_length=1,
        description="pixels, sides of the squares that faster_rcnn's proposals start from",
    )
    score_threshold: float = Field(0.5, gt=0, lt=1, description="of boxes that count as found")
    min_visible: float = Field(
        0.3, ge=0, le=1, description="share of a helmet from which it is to be found"
    )
    frames_per_view: int = Field(8, ge=1, description="frames of each video to train on")
    tile_size: int = Field(256, ge=64, le=512, description="pixels, side of a training image")
    tiles: int = Field(24_000, ge=1, description="to train on, in all")
    batch_size: int = Field(16, ge=1, description="tiles")
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    grad_clip: float = Field(5.0, gt=0, description="largest gradient norm")
    ema_decay: float = Field(0.99, ge=0, lt=1)
    scale: tuple[float, float] = Field((0.7, 2.2), description="least and most zoom of a tile")
    photometric: bool = Field(True, description="other light, focus, noise and compression")
    clutter_prob: float = Field(0.7, ge=0, le=1, description="tiles with shapes that are none")
    redraw_prob: float = Field(
        0.7, ge=0, le=1, description="tiles whose helmets are drawn anew; 0 for real videos"
    )

    @model_validator(mode="after")
    def _is_trained(self) -> Self:
        if self.tiles < self.batch_size:
            raise ValueError(
                f"detector.tiles ({self.tiles}) must be at least detector.batch_size "
                f"({self.batch_size})"
            )
        return self
