"""The settings of a run: typed, documented where they stand, read from YAML, and refused where they are wrong.

`--set` on the command line wins over the file, the file over the one it extends, that one over the defaults below.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from yaml import YAMLError

from player_contact.errors import ConfigError

Shortcut = Literal["identity", "projection_where_needed", "projection", "none"]


View = Literal["Sideline", "Endzone"]
VIEWS: tuple[View, ...] = get_args(View)
LONGEST_STRETCH = 64  # steps


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class SeasonConfig(Section):
    """The simulated season, used where the input folder holds no competition data."""

    seed: int = Field(1, ge=0)
    plays: int = Field(16, ge=4, description="training plays")
    test_plays: int = Field(2, ge=1)
    median_steps: int = Field(74, ge=8, le=172, description="labelled 0.1 s steps of a play; real plays have a median of 74")
    video: bool = True


class BoosterConfig(Section):
    """A LightGBM classifier. The number of rounds is fixed: early stopping on AUC or log loss stops before MCC is best. The run prints the
    out-of-fold MCC after a quarter, a half, three quarters and all of the rounds; choose by that."""

    rounds: int = Field(200, ge=1)
    learning_rate: float = Field(0.05, gt=0, le=1)
    leaves: int = Field(31, ge=2)
    min_rows_in_leaf: int = Field(40, ge=1)
    feature_share: float = Field(0.5, gt=0, le=1)
    row_share: float = Field(0.7, gt=0, le=1)
    l2: float = Field(5.0, ge=0)
    bins: int = Field(255, ge=3, le=255, description="values of a feature that are told apart; fewer train faster")


class ScreenBoosterConfig(BoosterConfig):
    """Hundreds of features, many of them alike: a fifth of them a tree, and 63 values of each, train faster and score no worse."""

    feature_share: float = Field(0.2, gt=0, le=1)
    bins: int = Field(63, ge=3, le=255)


class BlendBoosterConfig(BoosterConfig):
    """Few features, which are good already."""

    rounds: int = Field(100, ge=1)
    leaves: int = Field(7, ge=2)
    min_rows_in_leaf: int = Field(100, ge=1)


class ScreenConfig(Section):
    """The first model: sensors and helmet boxes decide the easy rows."""

    max_distance: float = Field(3.0, gt=0, le=10, description="yards; pairs farther apart count as no contact")
    lost_positives: float = Field(
        0.005, ge=0, lt=1, description="share of the candidates' contacts that the cut may leave without a look at the video"
    )
    booster: ScreenBoosterConfig = ScreenBoosterConfig()


class BoxesConfig(Section):
    """What is done about imperfect helmet boxes."""

    complete: bool = Field(True, description="register the field to the picture, undo swapped names, add boxes that the detector missed")


class CropsConfig(Section):
    """Pictures cut from the video for the rows that the screen leaves open."""

    size: int = Field(72, ge=16, le=512, description="pixels stored; larger than the model's input, so that training can shift and scale")
    helmets_wide: float = Field(5.0, gt=1, description="width of the window in helmet sizes")
    frames: tuple[int, ...] = Field((-6, 0, 6), min_length=1, max_length=128, description="video frames around the step, 59.94 a second")
    longest_gap: int = Field(30, ge=0, description="frames without a box that are filled on a straight line")
    others: int = Field(6, ge=0, le=20, description="how many other players' boxes are kept with a crop")


class AugmentConfig(Section):
    """What training does to a stretch; every frame of it gets the same. Chances are 0..1."""

    flip: float = Field(0.5, ge=0, le=1)
    shift: float = Field(0.06, ge=0, le=0.5, description="share of the picture")
    scale: float = Field(0.12, ge=0, lt=1)
    rotate: float = Field(8, ge=0, le=180, description="degrees")
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    blur: float = Field(0.1, ge=0, le=1, description="chance of blur in a stretch")
    noise: float = Field(0.2, ge=0, le=1, description="chance of noise in a stretch")
    holes: float = Field(0.0, ge=0, le=1, description="chance of grey holes in a stretch")
    mixup: float = Field(
        0.0, ge=0, le=10, description="stretches of a step are laid over each other, or themselves, in shares of Beta(mixup, mixup); 0: never"
    )
    jitter: float = Field(0.0, ge=0, le=1, description="chance that a stretch's pictures are those of the step before or after")
    drop_view: float = Field(0.15, ge=0, le=0.5, description="chance that one of two views is hidden")
    drop_sensors: float = Field(0.3, ge=0, le=1, description="chance that the sensor values of a stretch are hidden")
    drop_steps: float = Field(0.0, ge=0, lt=1, description="chance for each step that its pictures are hidden")
    drop_frames: float = Field(0.0, ge=0, le=1, description="chance for each picture that all its frames show the moment of the step")


class TransferConfig(Section):
    """How training goes on from `vision.weights`: first the new layers alone, then the encoder too, stage by stage from its end."""

    frozen_epochs: int = Field(0, ge=0, description="first epochs, of pictures too, that leave the encoder as it is; all: it is never trained")
    unfreeze_every: int = Field(0, ge=0, description="after those, one more stage every so many epochs; 0: the whole encoder at once")
    rate_decay: float = Field(1.0, gt=0, le=1, description="learning rate of a stage over that of the next one; the new layers have the full one")


class VisionConfig(Section):
    """A ResNet that reads a stretch of a pair's track, fused with sensor values."""

    encoder: str = Field("contact_resnet10_half", description="any timm model, alexnet, googlenet, or our contact_resnet10, 10_half, 18, 34 or 50")
    encoder_options: dict[str, bool | int | float | str | list[Any]] = Field(
        {}, description="keyword arguments of the model, such as drop_path_rate=0.1; of our own: shortcut (`Shortcut` above) and widths (of 4 stages)"
    )
    weights: str = Field(
        "none",
        description="none; timm: its ImageNet weights, downloaded; or a safetensors file or torch checkpoint, its path as the command sees it",
    )
    transfer: TransferConfig = TransferConfig()
    # Encoders halve a picture five times. One that is a single pixel before the last time is beyond what convolutions of bfloat16 on a CPU with AMX
    # are good for: they add what happens to lie in memory to the gradient of their weights.
    image_size: int = Field(64, ge=32, le=512, description="pixels, square")
    boxes: Literal["channel", "painted", "none"] = Field(
        "channel", description="drawn boxes as channels of their own, painted into the picture, or not at all"
    )
    views: tuple[View, ...] = Field(VIEWS, min_length=1, description="which views are looked at")
    steps: int = Field(8, ge=1, le=LONGEST_STRETCH, description="consecutive 0.1 s steps in one forward pass")
    along_track: Literal["recurrent", "convolution", "attention", "none"] = Field("recurrent", description="what joins the steps of a stretch")
    tabular: tuple[str, ...] = Field(
        (
            "distance", "closing_speed", "relative_speed", "distance_least_8", "same_team", "speed_low", "speed_high", "sa_low", "sa_high",
            "speed_mean_8_low", "speed_mean_8_high", "nearest_opponent_low", "players_within_2_high", "step", "sideline_gap", "endzone_gap",
            "sideline_box_height_low", "endzone_box_height_low", "screen",
        ),
        description="columns of the feature table, and `screen`, the screen's log odds; [] for pictures alone",
    )  # fmt: skip
    sensor_width: int = Field(64, ge=1)
    track_width: int = Field(128, ge=1, description="values of a picture; the layer along the track has twice as many")
    dropout: float = Field(0.3, ge=0, lt=1)
    picture_epochs: int = Field(
        6,
        ge=0,
        description="epochs before the others: the encoder learns from the pictures of single rows, as many, in random order",
    )
    picture_batch: int = Field(
        4,
        ge=1,
        description="a training step of pictures holds this many times `steps` single rows; smaller steps learn more from the same pictures",
    )
    epochs: int = Field(4, ge=1, description="epochs of stretches")
    stretches: int = Field(600, ge=1, description="stretches drawn in an epoch, at most once each")
    with_contact: float = Field(0.5, ge=0, le=1, description="share of the drawn stretches that hold a contact, and of the single rows that are one")
    batch: int = Field(8, ge=1, description="stretches in a training step")
    learning_rate: float = Field(2e-3, gt=0)
    stretch_rate: float = Field(0.5, gt=0, le=1, description="learning rate of stretches over that of the pictures before them")
    schedule: Literal["one_cycle", "cosine"] = Field("one_cycle", description="how the learning rate goes: up and down, or down alone")
    weight_decay: float = Field(0.05, ge=0)
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    picture_loss: float = Field(0.5, ge=0, description="weight of the loss of each picture alone, without sensors and neighbouring steps")
    average: float = Field(0.98, ge=0, lt=1, description="decay of the moving average of the weights, which is what is kept")
    watched: int = Field(600, ge=0, description="held-out rows whose loss is logged after each epoch; it chooses nothing")
    overlap: int = Field(4, ge=1, le=LONGEST_STRETCH, description="in how many ways scoring cuts a track into stretches; their mean counts")
    test_flip: bool = Field(False, description="scoring also looks at the mirrored pictures")
    test_shift: int = Field(0, ge=0, description="pixels; scoring also looks at pictures moved so far to the left and to the right")
    seed: int = Field(0, ge=0, description="another one draws other random numbers from the same seed of the run")
    members: tuple[dict[str, Any], ...] = Field(
        (), description="an ensemble: the settings in which each member differs, such as [{seed: 1}, {encoder: resnet18}]; its mean counts"
    )
    compile: bool = Field(False, description="compile the encoder before training; takes a minute, then a step is faster")
    devices: int = Field(
        1, ge=1, le=64, description="GPUs that train one fold together, each on its share of every batch; without GPUs, so many processes"
    )
    loaders: int = Field(0, ge=0, description="processes that prepare stretches for one fold; 0: the training process itself. Changes no result")
    runtime: Literal["torch", "openvino"] = Field("torch", description="what encodes pictures when a CPU scores; OpenVINO is faster, if it is there")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 where the processor multiplies it natively")
    augment: AugmentConfig = AugmentConfig()

    @model_validator(mode="after")
    def _something_to_freeze(self) -> Self:
        if self.weights == "none" and self.transfer.frozen_epochs:
            raise ValueError("vision.transfer.frozen_epochs freezes an encoder that knows nothing: set vision.weights, or 0 frozen epochs")
        return self

    @model_validator(mode="after")
    def _batch_can_be_shared(self) -> Self:
        for name in ("batch", "picture_batch") if self.picture_epochs else ("batch",):
            if getattr(self, name) % self.devices:
                raise ValueError(
                    f"vision.{name} ({getattr(self, name)}) can't be shared by {self.devices} vision.devices: make it a multiple of them"
                )
        return self

    @model_validator(mode="after")
    def _members_are_sound(self) -> Self:
        if any("members" in one for one in self.members):
            raise ValueError("a member of vision.members can't have members of its own")
        if len({one.model_dump_json(exclude={"loaders"}) for one in self.ensemble}) < len(self.ensemble):
            raise ValueError("two of vision.members are the same model: give them another seed, or another setting")
        if len(set(self.views)) < len(self.views):
            raise ValueError(f"vision.views names a view twice: {', '.join(self.views)}")
        return self

    @property
    def ensemble(self) -> "tuple[VisionConfig, ...]":
        """The settings of each model of a fold: these, changed as the members ask; these alone where there are none."""
        if not self.members:
            return (self,)
        own = self.model_dump(mode="json", exclude={"members"})
        return tuple(VisionConfig.model_validate(OmegaConf.to_container(OmegaConf.merge(own, one))) for one in self.members)


class BlendConfig(Section):
    """The last model: screen and vision along neighbouring steps."""

    reach: int = Field(20, ge=0, le=60, description="steps before and after that are looked at")
    booster: BlendBoosterConfig = BlendBoosterConfig()


class ReportConfig(Section):
    """The pages to look at."""

    plays: int = Field(1000, ge=0, description="plays that get a viewer page if they have a video, those with the worst score first; 0: none")


class Config(Section):
    """All settings of a run."""

    seed: int = Field(1, ge=0)
    folds: int = Field(4, ge=2, le=20)
    threads: int = Field(1, ge=1, description="of one fold or one play; part of the result, since sums depend on their order. See also --workers")
    faults: Literal["stop", "skip"] = Field(
        "stop", description="what a damaged training play does: stop the run with one sentence, or be trained on without what is damaged"
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
            if vision.image_size + 2 * vision.test_shift > self.crops.size:
                shifted = f" and twice vision.test_shift ({vision.test_shift})" if vision.test_shift else ""
                raise ValueError(f"vision.image_size ({vision.image_size}){shifted} can't be larger than crops.size ({self.crops.size})")
        return self


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config of a YAML file, what it extends, and `section.key=value` overrides.

    Raises ConfigError: no such file, not YAML, an unknown key (with the nearest known one), a wrong type or range, files that extend each other.
    """
    path = Path(path)
    merged: Any = _with_parents(path, ())
    for text in overrides:
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {text!r}: expected section.key=value, such as vision.steps=8")
        try:
            merged = OmegaConf.merge(merged, OmegaConf.from_dotlist([text]))
        except (OmegaConfBaseException, YAMLError) as error:
            raise ConfigError(f"--set {text!r}: {_first_line(error)}") from None
    return _checked(merged, path.name)


def save_config(config: Config, path: Path) -> None:
    """Writes the resolved whole, so that a result can be traced and repeated."""
    OmegaConf.save(OmegaConf.create(config.model_dump(mode="json")), path)


def _with_parents(path: Path, seen: tuple[Path, ...]) -> DictConfig:
    path = path.resolve()
    if path in seen:
        raise ConfigError(f"{path.name} extends itself through {', '.join(one.name for one in seen)}")
    if not path.is_file():
        others = ", ".join(sorted(one.name for one in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        raise ConfigError(f"There is no config {path}" + (f"; that folder has {others}" if others else ""))
    try:
        own = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not YAML: {_first_line(error)}") from None
    if not isinstance(own, DictConfig):
        raise ConfigError(f"{path.name} must hold `key: value` lines")
    parent = own.pop("extends", None)
    if parent is None:
        return own
    try:
        merged = OmegaConf.merge(_with_parents(path.parent / str(parent), (*seen, path)), own)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path.name} does not fit {parent}: {_first_line(error)}") from None
    assert isinstance(merged, DictConfig)
    return merged


def _checked(merged: Any, name: str) -> Config:
    try:
        return Config.model_validate(OmegaConf.to_container(merged, resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{name}: {_first_line(error)}") from None
    except ValidationError as errors:
        raise ConfigError(f"{name}: {_sentence(errors)}") from None


def _sentence(errors: ValidationError) -> str:
    error = errors.errors()[0]
    if error["type"] == "value_error":  # a sentence of our own
        return str(error["ctx"]["error"])
    place = [str(part) for part in error["loc"]]
    key = ".".join(place)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _known_keys(Config), n=1, cutoff=0.5)
        return f"unknown key {key!r}." + (f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(_known_keys(Config))}.")
    return f"{key!r} is {error['input']!r}: {error['msg'].lower()}"


def _known_keys(section: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
