"""The settings of the vision model, of its training and of its scoring."""

from pathlib import Path
from typing import Any, Literal, Self, get_args

from omegaconf import OmegaConf
from pydantic import Field, model_validator

from player_contact.config.section import Section

# Options A, B (of most ResNets) and C of the ResNet paper, section 4.1; none: a plain network.
Shortcut = Literal["identity", "projection_where_needed", "projection", "none"]
View = Literal["Sideline", "Endzone"]
VIEWS: tuple[View, ...] = get_args(View)
MAX_CLIP_LENGTH = 64  # steps
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "vision" / "shipped"


class AugmentConfig(Section):
    """Augmentation, drawn once for a sample: for all images of a clip or, in image epochs, of
    clip_length rows; image_dropout_prob for each step, freeze_frames_prob for each image. Of tokens
    it is drawn for each player's track, but flip_prob for the window."""

    flip_prob: float = Field(0.5, ge=0, le=1)
    shift_limit: float = Field(0.06, ge=0, le=0.5, description="share of the image")
    scale_limit: float = Field(0.12, ge=0, lt=1)
    rotate_limit: float = Field(8, ge=0, le=180, description="degrees")
    brightness_limit: float = Field(0.2, ge=0, le=1)
    contrast_limit: float = Field(0.2, ge=0, le=1)
    blur_prob: float = Field(0.1, ge=0, le=1)
    noise_prob: float = Field(0.2, ge=0, le=1)
    coarse_dropout_prob: float = Field(0.0, ge=0, le=1)
    mixup_alpha: float = Field(0.0, ge=0, le=10, description="of Beta(alpha, alpha); 0: no mixup")
    time_jitter_prob: float = Field(0.0, ge=0, le=1, description="images one step early or late")
    view_dropout_prob: float = Field(0.15, ge=0, le=0.5, description="one view is hidden")
    tabular_dropout_prob: float = Field(
        0.3,
        ge=0,
        le=1,
        description="a clip's features are hidden; of tokens a player's, and those of his rows",
    )
    image_dropout_prob: float = Field(0.0, ge=0, lt=1, description="a step's images are hidden")
    freeze_frames_prob: float = Field(
        0.0, ge=0, le=1, description="all frames of an image are its middle one: no motion"
    )


class TransferConfig(Section):
    """Fine-tuning of the encoder from `vision.weights`: gradual unfreezing, layer-wise rates."""

    freeze_epochs: int = Field(0, ge=0, description="first epochs that leave the encoder as it is")
    unfreeze_every: int = Field(
        0, ge=0, description="then one more encoder stage every so many epochs; 0: all at once"
    )
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="each stage's learning rate is this times that of the stage after it",
    )


class ShippedTransferConfig(TransferConfig):
    """Fine-tuning from shipped weights: heads first, then the encoder, each stage slower."""

    freeze_epochs: int = Field(5, ge=0, description="first epochs that leave the encoder as it is")
    layer_decay: float = Field(0.5, gt=0, le=1)


class ShippedConfig(Section):
    """How a model is trained whose encoder starts from the shipped weights, which know contacts:
    this replaces image_epochs, learning_rate (by lr_scale) and transfer, which are of others."""

    image_epochs: int = Field(0, ge=0)
    lr_scale: float = Field(0.5, gt=0, le=1, description="of learning_rate")
    transfer: ShippedTransferConfig = ShippedTransferConfig()


class TtaConfig(Section):
    """Test-time augmentation: a logit is the mean over all combinations."""

    offsets: int = Field(
        4,
        ge=1,
        le=MAX_CLIP_LENGTH,
        description="ways to cut a track into clips; at most clip_length",
    )
    flip: bool = Field(False, description="also the mirrored images")
    shift_pixels: int = Field(
        0, ge=0, description="also windows moved so many stored pixels left, and right"
    )


class VisionConfig(Section):
    """The second model: an image encoder fused with tabular features, over clips of a track."""

    family: Literal["pairs", "tokens"] = Field(
        "pairs",
        description="images of every row; or of every player once, and attention among players",
    )
    encoder: str = Field(
        "contact_resnet10_small",
        description="a timm model, alexnet, googlenet, contact_resnet10, 10_small, 18, 34, 50",
    )
    encoder_options: dict[str, bool | int | float | str | list[Any]] = Field(
        {}, description="keyword arguments of that model; of contact_resnet: shortcut, widths"
    )
    weights: str = Field(
        "none",
        description="none; shipped: of this project; timm: its ImageNet weights; or a file: "
        "safetensors or .pth",
    )
    transfer: TransferConfig = TransferConfig()
    shipped: ShippedConfig = ShippedConfig()
    # At least 32: of less, a single pixel may be left before the last of five halvings: there
    # oneDNN's bfloat16 convolutions read uninitialised memory on CPUs with AMX.
    image_size: int = Field(64, ge=32, le=512, description="pixels that windows are resized to")
    boxes: Literal["channel", "painted", "none"] = Field(
        "channel",
        description="helmet boxes: filled in mask channels, outlined in all frames, or not",
    )
    views: tuple[View, ...] = Field(VIEWS, min_length=1)
    clip_length: int = Field(
        8, ge=1, le=MAX_CLIP_LENGTH, description="consecutive 0.1 s steps in one forward pass"
    )
    temporal: Literal["gru", "conv", "attention", "none"] = "gru"
    tabular: tuple[str, ...] = Field(
        # _low, _high: of the values of two players; _8: over 8 steps to each side; gap, height: of
        # helmet boxes in that view, in helmets
        (
            "distance", "closing_speed", "relative_speed", "distance_min_8", "same_team",
            "speed_low", "speed_high", "sa_low", "sa_high", "speed_mean_8_low",
            "speed_mean_8_high", "nearest_opponent_low", "players_within_2_high", "step",
            "sideline_gap", "endzone_gap", "sideline_box_height_low", "endzone_box_height_low",
            "screen",
        ),
        description="tabular features; `screen` is the screen's logit; []: images alone",
    )  # fmt: skip
    tabular_dim: int = Field(64, ge=1, description="of the MLP of tabular features")
    embed_dim: int = Field(128, ge=1, description="of an image's embedding, and of the GRU")
    dropout: float = Field(0.3, ge=0, lt=1)
    image_epochs: int = Field(6, ge=0, description="first: the encoder, on rows in random order")
    image_batch_size: int = Field(
        32, ge=1, description="rows; rounded to a multiple of clip_length"
    )
    clip_epochs: int = Field(4, ge=1, description="then these: the whole model, on clips")
    clips_per_epoch: int = Field(
        600, ge=1, description="at most; an image epoch has at most clip_length times as many rows"
    )
    positive_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="of an epoch's clips or rows: those with a contact; not of tokens' windows, "
        "of which an epoch has all",
    )
    batch_size: int = Field(8, ge=1, description="clips")
    micro_batches: int = Field(
        1,
        ge=1,
        description="parts of a batch that go through the model one after another, for less "
        "memory; twice as many where it runs out",
    )
    learning_rate: float = Field(2e-3, gt=0)
    clip_lr_scale: float = Field(
        0.5, gt=0, le=1, description="of learning_rate, after image epochs"
    )
    scheduler: Literal["one_cycle", "cosine"] = "one_cycle"
    weight_decay: float = Field(0.05, ge=0)
    grad_clip: float = Field(1.0, gt=0, description="largest gradient norm")
    aux_loss_weight: float = Field(0.5, ge=0, description="of the loss of single images")
    ema_decay: float = Field(0.98, ge=0, lt=1, description="of the weights' average, the result")
    val_rows: int = Field(
        600, ge=0, description="random ones of the fold, for val_loss, which is only logged"
    )
    tta: TtaConfig = TtaConfig()
    seed: int = Field(0, ge=0, description="another value: another model in the same run")
    members: tuple[dict[str, Any], ...] = Field(
        (), description="an ensemble: how each differs, as [{seed: 1}, {encoder: resnet18}]"
    )
    compile: bool = Field(False, description="torch.compile the encoder")
    devices: int = Field(
        1, ge=1, le=64, description="GPUs that train one fold by DDP (without GPUs: processes)"
    )
    num_workers: int = Field(0, ge=0, description="of a DataLoader; changes no result")
    inference_backend: Literal["torch", "openvino"] = "torch"  # of the encoder on a CPU
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        description="auto: bf16 where the hardware multiplies it natively, fp16 on other GPUs",
    )
    augment: AugmentConfig = AugmentConfig()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for name in ("freeze_epochs", "unfreeze_every"):
            if self.weights == "none" and getattr(self.transfer, name):
                text = "would freeze an encoder with random weights: set vision.weights, or 0"
                raise ValueError(f"vision.transfer.{name} {text} {name}")
        shared = {"batch_size": (self.batch_size, self.devices)}
        if self.image_epochs:
            unit = self.devices * self.clip_length
            shared["image_batch_size"] = (self.image_batch_samples * self.clip_length, unit)
        for name, (size, unit) in shared.items():
            if size % unit:
                raise ValueError(
                    f"vision.{name} ({getattr(self, name)}) can't be shared by {self.devices} "
                    f"vision.devices: make it a multiple of {unit}"
                )
        of_tokens = self.family == "tokens" and not self.members  # which are checked themselves
        if of_tokens and (self.augment.mixup_alpha or self.augment.time_jitter_prob):
            raise ValueError(
                "vision.family tokens has no mixup and no time jitter: set mixup_alpha and "
                "time_jitter_prob of its vision.augment to 0, of a member as {family: tokens, "
                "augment: {mixup_alpha: 0, time_jitter_prob: 0}}"
            )
        if any("members" in member for member in self.members):
            raise ValueError("a member of vision.members can't have members of its own")
        models = {one.model_dump_json(exclude={"num_workers"}) for one in self.ensemble}
        if len(models) < len(self.ensemble):
            raise ValueError(
                "two of vision.members are the same model: give them another seed or setting"
            )
        if len(set(self.views)) < len(self.views):
            raise ValueError(f"vision.views names a view twice: {', '.join(self.views)}")
        return self

    @property
    def families(self) -> frozenset[str]:
        """Of the models of a fold."""
        return frozenset(one.family for one in self.ensemble)

    @property
    def weights_file(self) -> Path | None:
        """The file, which may be missing, that the encoder starts from, if it starts from one."""
        if self.weights == "shipped":
            return SHIPPED_WEIGHTS / f"{self.encoder}.safetensors"
        return None if self.weights in ("none", "timm") else Path(self.weights)

    @property
    def image_batch_samples(self) -> int:
        """The image epochs' batch size in samples of `clip_length` rows."""
        return max(1, self.image_batch_size // self.clip_length)

    @property
    def ensemble(self) -> "tuple[VisionConfig, ...]":
        """The settings of each model of a fold: as the members ask, or these alone."""
        if not self.members:
            return (self,)
        own = self.model_dump(mode="json", exclude={"members"})
        merged = [OmegaConf.to_container(OmegaConf.merge(own, one)) for one in self.members]
        return tuple(VisionConfig.model_validate(one) for one in merged)
