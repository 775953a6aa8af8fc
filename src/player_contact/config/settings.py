"""Every setting of a run, with its type, range and default."""

from typing import Any, Literal, Self, get_args

from omegaconf import OmegaConf
from pydantic import BaseModel, ConfigDict, Field, model_validator

# Options A, B (of most ResNets) and C of the ResNet paper, section 4.1; none: a plain network.
Shortcut = Literal["identity", "projection_where_needed", "projection", "none"]
View = Literal["Sideline", "Endzone"]
VIEWS: tuple[View, ...] = get_args(View)
MAX_CLIP_LENGTH = 64  # steps


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class SeasonConfig(Section):
    """The simulated season, used where the input folder holds no competition data."""

    seed: int = Field(1, ge=0)
    plays: int = Field(16, ge=4, description="training plays")
    test_plays: int = Field(2, ge=1)
    median_steps: int = Field(
        74, ge=8, le=172, description="median of the labelled 0.1 s steps of a play; real plays: 74"
    )
    video: bool = True


class BoosterConfig(Section):
    """A LightGBM classifier; names are LightGBM's.

    `num_boost_round` is fixed: early stopping on AUC or log loss stops before MCC is best. A run
    prints the out-of-fold MCC after a quarter, a half and three quarters of it; choose by that.
    """

    num_boost_round: int = Field(200, ge=1)
    learning_rate: float = Field(0.05, gt=0, le=1)
    num_leaves: int = Field(31, ge=2)
    min_data_in_leaf: int = Field(40, ge=1)
    feature_fraction: float = Field(0.5, gt=0, le=1)
    bagging_fraction: float = Field(0.7, gt=0, le=1)
    lambda_l2: float = Field(5.0, ge=0)
    max_bin: int = Field(255, ge=3, le=255)


class ScreenBoosterConfig(BoosterConfig):
    """Hundreds of features, many alike: small fractions and few bins are faster, not worse."""

    feature_fraction: float = Field(0.2, gt=0, le=1)
    max_bin: int = Field(63, ge=3, le=255)


class BlendBoosterConfig(BoosterConfig):
    """Few features, which are good already."""

    num_boost_round: int = Field(100, ge=1)
    num_leaves: int = Field(7, ge=2)
    min_data_in_leaf: int = Field(100, ge=1)


class ScreenConfig(Section):
    """The first model: tracking and helmet boxes decide the easy rows; vision gets the others."""

    max_distance: float = Field(
        3.0, gt=0, le=10, description="yards; pairs farther apart count as no contact"
    )
    min_recall: float = Field(
        0.995, gt=0, le=1, description="share of the contacts that must be among the open rows"
    )
    booster: ScreenBoosterConfig = ScreenBoosterConfig()


class BoxesConfig(Section):
    """What is done about imperfect helmet boxes."""

    complete: bool = Field(True, description="undo swapped ids and add missed boxes")


class CropsConfig(Section):
    """Square gray images, cut from the video for the open rows and stored."""

    size: int = Field(72, ge=16, le=512, description="pixels; vision.image_size are cut from them")
    window_helmets: float = Field(5.0, gt=1, description="width in the video, in helmet sizes")
    frame_offsets: tuple[int, ...] = Field(
        (-6, 0, 6), min_length=1, max_length=128, description="frames around the step; 6 are 0.1 s"
    )
    max_gap: int = Field(30, ge=0, description="frames without a box that are interpolated")
    max_other_boxes: int = Field(6, ge=0, le=20, description="boxes of players not in the row")


class AugmentConfig(Section):
    """Augmentation; all images of a clip get the same, but for the last two. _prob: probability."""

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
    tabular_dropout_prob: float = Field(0.3, ge=0, le=1, description="a clip's features are hidden")
    image_dropout_prob: float = Field(0.0, ge=0, lt=1, description="a step's images are hidden")
    freeze_frames_prob: float = Field(
        0.0, ge=0, le=1, description="all frames of an image are the one at the step: no motion"
    )


class TransferConfig(Section):
    """Fine-tuning of the encoder from `vision.weights`: gradual unfreezing, layer-wise rates."""

    freeze_epochs: int = Field(0, ge=0, description="first epochs that leave the encoder as it is")
    unfreeze_every: int = Field(
        0, ge=0, description="then one more encoder stage every so many epochs; 0: all at once"
    )
    layer_decay: float = Field(1.0, gt=0, le=1, description="learning rate over the next stage's")


class TtaConfig(Section):
    """Test-time augmentation: a logit is the mean over all combinations."""

    offsets: int = Field(
        4, ge=1, le=MAX_CLIP_LENGTH, description="ways to cut a track into clips, evenly apart"
    )
    flip: bool = Field(False, description="also the mirrored images")
    shift_pixels: int = Field(0, ge=0, description="also images moved so far left, and right")


class VisionConfig(Section):
    """The second model: an image encoder fused with tabular features, over clips of a track."""

    encoder: str = Field(
        "contact_resnet10_half",
        description="a timm model, alexnet, googlenet, contact_resnet10, 10_half, 18, 34, 50",
    )
    encoder_options: dict[str, bool | int | float | str | list[Any]] = Field(
        {}, description="keyword arguments of that model; of contact_resnet: shortcut, widths"
    )
    weights: str = Field(
        "none", description="none; timm: its ImageNet weights; or a safetensors file or checkpoint"
    )
    transfer: TransferConfig = TransferConfig()
    # Encoders halve an image five times. Convolutions of bfloat16 on a CPU with AMX read memory
    # that nobody wrote where an image is a single pixel before the last time.
    image_size: int = Field(64, ge=32, le=512, description="pixels that the encoder gets")
    boxes: Literal["channel", "painted", "none"] = Field(
        "channel", description="helmet boxes as mask channels, drawn into the image, or left out"
    )
    views: tuple[View, ...] = Field(VIEWS, min_length=1)
    clip_length: int = Field(
        8, ge=1, le=MAX_CLIP_LENGTH, description="consecutive 0.1 s steps in one forward pass"
    )
    temporal: Literal["gru", "conv", "attention", "none"] = "gru"
    tabular: tuple[str, ...] = Field(  # low, high: of the two players; 8: of 8 steps to each side
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
    image_batch_size: int = Field(32, ge=1, description="rows; down to a multiple of clip_length")
    clip_epochs: int = Field(4, ge=1, description="then these: the whole model, on clips")
    clips_per_epoch: int = Field(
        600, ge=1, description="at most; times clip_length, it caps the rows of an image epoch"
    )
    positive_fraction: float = Field(
        0.5, ge=0, le=1, description="of an epoch's clips that hold a contact, or of its rows"
    )
    batch_size: int = Field(8, ge=1, description="clips")
    learning_rate: float = Field(2e-3, gt=0)
    clip_lr_scale: float = Field(0.5, gt=0, le=1, description="of learning_rate, in clip epochs")
    scheduler: Literal["one_cycle", "cosine"] = "one_cycle"
    weight_decay: float = Field(0.05, ge=0)
    grad_clip: float = Field(1.0, gt=0, description="largest gradient norm")
    aux_loss_weight: float = Field(0.5, ge=0, description="of the loss of single images")
    ema_decay: float = Field(0.98, ge=0, lt=1, description="of the weights' average, which is kept")
    val_rows: int = Field(600, ge=0, description="for the logged val_loss; no early stopping")
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
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 where the processor multiplies it natively"
    )
    augment: AugmentConfig = AugmentConfig()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.weights == "none" and self.transfer.freeze_epochs:
            raise ValueError(
                "vision.transfer.freeze_epochs would freeze an encoder with random weights: set "
                "vision.weights, or 0 freeze_epochs"
            )
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


class BlendConfig(Section):
    """The last model: LightGBM stacked on screen and vision, at the step and around it."""

    max_lag: int = Field(20, ge=0, le=60, description="steps that it looks back and ahead, at most")
    booster: BlendBoosterConfig = BlendBoosterConfig()


class ReportConfig(Section):
    """The pages to look at."""

    viewer_plays: int = Field(
        1000, ge=0, description="filmed plays that get a viewer page, the worst first; 0: none"
    )


class Config(Section):
    """All settings of a run."""

    seed: int = Field(1, ge=0)
    folds: int = Field(4, ge=2, le=20)
    num_threads: int = Field(
        1, ge=1, description="of each process (see --workers); rounding depends on it"
    )
    on_fault: Literal["raise", "skip"] = Field(
        "raise", description="a damaged training play stops the run, or is trained on without"
    )
    season: SeasonConfig = SeasonConfig()
    boxes: BoxesConfig = BoxesConfig()
    screen: ScreenConfig = ScreenConfig()
    crops: CropsConfig = CropsConfig()
    vision: VisionConfig = VisionConfig()
    blend: BlendConfig = BlendConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        for vision in self.vision.ensemble:
            shift = vision.tta.shift_pixels
            if vision.image_size + 2 * shift > self.crops.size:
                shifted = f" and twice vision.tta.shift_pixels ({shift})" if shift else ""
                raise ValueError(
                    f"vision.image_size ({vision.image_size}){shifted} can't be larger than "
                    f"crops.size ({self.crops.size})"
                )
        return self
