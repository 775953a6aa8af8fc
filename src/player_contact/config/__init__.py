"""The settings of a run: typed, read from YAML, and refused where they are wrong."""

# ruff: noqa: F401  this is where others import them from
from player_contact.config.detector_settings import SHIPPED_DETECTOR, DetectorConfig, detector_file
from player_contact.config.loading import load_config, save_config
from player_contact.config.settings import (
    BlendConfig,
    BoosterConfig,
    Config,
    CropsConfig,
    ScreenBoosterConfig,
    SeasonConfig,
)
from player_contact.config.vision_settings import (
    MAX_CLIP_LENGTH,
    SHIPPED_WEIGHTS,
    VIEWS,
    AugmentConfig,
    ShippedConfig,
    Shortcut,
    TransferConfig,
    TtaConfig,
    View,
    VisionConfig,
)
