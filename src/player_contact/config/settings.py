"""Every setting of a run, with its type, range and default; those of vision stand beside it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from player_contact.config.detector_settings import DetectorConfig
from player_contact.config.section import Section
from player_contact.config.vision_settings import VisionConfig


class SeasonConfig(Section):
    """The simulated season, used where the input folder holds no competition data."""

    seed: int = Field(1, ge=0)
    plays: int = Field(16, ge=4, description="training plays")
    test_plays: int = Field(2, ge=1)
    median_steps: int = Field(
        74, ge=8, le=172, description="median of the labelled 0.1 s steps of a play; real plays: 74"
    )
    video: bool = True
    image_every: int = Field(
        1,
        ge=1,
        le=6,
        description="frames from one drawn image of a video to the next, counted from each step; "
        "those between repeat it",
    )


class BoosterConfig(Section):
    """A LightGBM classifier; names are LightGBM's.

    `num_boost_round` is fixed: early stopping on AUC or log loss stops before MCC is best. A run's
    report has the out-of-fold MCC after a quarter, a half and three quarters of it, by which to
    choose.
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

    num_boost_round: int = Field(50, ge=1)
    num_leaves: int = Field(7, ge=2)
    min_data_in_leaf: int = Field(100, ge=1)


class ScreenConfig(Section):
    """The first model, on tracking and helmet boxes: rows that it gives a low probability are no
    contact, and closed; vision gets the others, the open rows."""

    max_distance: float = Field(
        3.0, gt=0, le=10, description="yards; pairs farther apart count as no contact"
    )
    min_recall: float = Field(
        0.995,
        gt=0,
        le=1,
        description="share of the contacts within max_distance that must stay open",
    )
    booster: ScreenBoosterConfig = ScreenBoosterConfig()


class BoxesConfig(Section):
    """What is done about imperfect helmet boxes."""

    complete: bool = Field(True, description="undo swapped ids and add missed boxes")
    detect: Literal["never", "missing", "fill"] = Field(
        "missing",
        description="when predicting, helmets are searched in the video: of views without boxes, "
        "or also of players whom the table lacks (fill)",
    )
    detector: str = Field(
        "shipped", description="of helmets: that of this project, or a file of `make detector`"
    )


class CropsConfig(Section):
    """Square gray images, cut from the video for the open rows and stored."""

    size: int = Field(
        64, ge=16, le=512, description="side in pixels; a sixteenth more is stored on each side"
    )
    pair_window_helmets: float = Field(
        6.5,
        gt=1,
        description="side in helmets: means of a box's width and height; wider where two are apart",
    )
    ground_window_helmets: float = Field(8.5, gt=1, description="the same for the ground's rows")
    frame_offsets: tuple[int, ...] = Field(
        (-6, 0, 6), min_length=1, max_length=128, description="frames around the step; 6 are 0.1 s"
    )
    jpeg_quality: int = Field(
        0, ge=0, le=100, description="of stored images, which JPEG makes smaller; 0: as they are"
    )
    max_gap: int = Field(30, ge=0, description="frames without a box that are interpolated")
    max_other_boxes: int = Field(6, ge=0, le=20, description="boxes of players not in the row")

    @property
    def margin(self) -> int:
        """Pixels stored around the window, on each side, that augmentation moves it over."""
        return round(self.size / 16)

    @property
    def stored_size(self) -> int:
        """Side of the stored images in pixels."""
        return self.size + 2 * self.margin


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
    detector: DetectorConfig = DetectorConfig()
    screen: ScreenConfig = ScreenConfig()
    crops: CropsConfig = CropsConfig()
    vision: VisionConfig = VisionConfig()
    blend: BlendConfig = BlendConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _shift_is_stored(self) -> Self:
        margin = self.crops.margin
        for vision in self.vision.ensemble:
            if vision.tta.shift_pixels > margin:
                raise ValueError(
                    f"vision.tta.shift_pixels ({vision.tta.shift_pixels}) can't be more than the "
                    f"{margin} pixels that are stored around images of crops.size "
                    f"({self.crops.size})"
                )
        return self
