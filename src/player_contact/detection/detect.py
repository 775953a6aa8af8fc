"""A trained detector: from its file to the helmets in an image."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH
from player_contact.config import DetectorConfig
from player_contact.detection.detector_model import make_detector
from player_contact.detection.helmets import Helmets
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import atomic_write
from player_contact.vision.device import autocast, inference_device
from player_contact.vision.model import to_channels_last


@dataclass(frozen=True)
class HelmetDetector:
    """A trained detector, and what it was made with."""

    model: nn.Module
    config: DetectorConfig

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, min_score: float | None = None) -> Helmets:
        """The helmets in a gray image [H, W] uint8, of any size, with at least this score."""
        import cv2

        if image.shape != (FRAME_HEIGHT, FRAME_WIDTH):
            size = (FRAME_WIDTH, FRAME_HEIGHT)
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        device = inference_device()
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device).float()[None] / 255
        with autocast("auto"):
            found = self.model.to(device)([pixels])[0]
        boxes, score = (found[name].float().cpu().numpy() for name in ("boxes", "scores"))
        kept = score >= (self.config.score_threshold if min_score is None else min_score)
        boxes[:, 2:] -= boxes[:, :2]
        return Helmets(boxes[kept], score[kept])


def save_detector(detector: HelmetDetector, path: Path) -> None:
    """Writes the weights in half precision, and the settings beside them, as safetensors."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in detector.model.state_dict().items()
    }
    with atomic_write(path) as temporary:
        save_file(state, temporary, {"detector": detector.config.model_dump_json()})


@lru_cache(maxsize=1)
def load_detector(path: Path) -> HelmetDetector:
    """A detector that `save_detector` wrote, read once in a process.

    Raises ConfigError where the file is none.
    """
    if not path.is_file():
        raise ConfigError(f"There is no helmet detector {path}: make one with `make detector`")
    try:
        with safe_open(path, framework="pt") as file:
            stated = json.loads(file.metadata()["detector"])
            if "anchors" not in stated:  # the first detectors had others than are usual now
                raise KeyError("anchors")
            config = DetectorConfig.model_validate(stated)
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = make_detector(config)
        model.load_state_dict(state)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"{path} is not a helmet detector of this version: make one with `make detector`"
        ) from error
    return HelmetDetector(to_channels_last(model).eval(), config)
