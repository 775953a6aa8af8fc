import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from player_contact.config import SHIPPED_DETECTOR, DetectorConfig, load_config
from player_contact.detection.detect import HelmetDetector, load_detector, save_detector
from player_contact.detection.detector_model import make_detector
from player_contact.detection.helmets import average_precision, match_helmets
from player_contact.detection.train_detector import train_detector
from player_contact.detection.training_frames import Frames
from player_contact.utils.errors import ConfigError
from tests.conftest import ROOT

FAMILIES = ("fcos", "faster_rcnn")
TINY = {
    "encoder_options": {"widths": [8, 8, 16, 16]},
    "tile_size": 64,
    "tiles": 240,
    "batch_size": 8,
    "photometric": False,
    "clutter_prob": 0.0,
    "redraw_prob": 0.0,
    "scale": [0.95, 1.05],
    "learning_rate": 4e-3,
    "ema_decay": 0.9,
}

CHANGED = {"tiles": 64, "photometric": True, "clutter_prob": 0.5, "redraw_prob": 0.5}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def discs(seed: int, frames: int = 4) -> Frames:
    """Noise with bright discs, each in a box."""
    random = np.random.default_rng(seed)
    images = random.integers(40, 80, (frames, 96, 128), dtype=np.uint8)
    across, down = np.meshgrid(np.arange(128) + 0.5, np.arange(96) + 0.5)
    boxes = []
    for image in images:
        cells = random.permutation(12)[:5]
        centres = np.stack([32 * (cells % 4) + 16, 32 * (cells // 4) + 16], 1)
        centres = centres + random.uniform(-4, 4, centres.shape)
        for x, y in centres:
            image[(across - x) ** 2 + (down - y) ** 2 < 81] = 210
        boxes.append(np.concatenate([centres - 9, centres + 9], 1).astype(np.float32))
    return Frames(tuple(images), tuple(boxes))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_detector_learns_to_find_what_it_is_shown(family):
    config = DetectorConfig(family=family, **(TINY | {"tiles": 480}))
    detector = HelmetDetector(train_detector(discs(0), config, 1, 1), config)
    unseen, matches = discs(9), []
    for image, boxes in zip(unseen.images, unseen.boxes, strict=True):
        # The detector reads whole frames.
        frame = np.random.default_rng(1).integers(40, 80, (720, 1280), dtype=np.uint8)
        frame[:96, :128] = image
        there = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        helmets = detector(frame, min_score=0.05)
        matches.append(match_helmets(helmets, there, np.ones(len(boxes), bool), 0.5))
    score, is_true = (
        np.concatenate([getattr(one, name) for one in matches]) for name in ("score", "is_true")
    )
    assert average_precision(score, is_true, 20) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_training_gives_the_same_bytes_with_other_workers_and_is_kept(family, tmp_path):
    config = DetectorConfig(family=family, **(TINY | CHANGED))
    models = [train_detector(discs(0), config, 1, 1, workers) for workers in (0, 2)]
    paths = [tmp_path / f"{number}.safetensors" for number in (0, 1)]
    for model, path in zip(models, paths, strict=True):
        save_detector(HelmetDetector(model, config), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    loaded = load_detector(paths[0])
    assert loaded.config == config
    for name, value in models[0].state_dict().items():
        kept = loaded.model.state_dict()[name]
        torch.testing.assert_close(kept, value, atol=2e-3, rtol=2e-3)


def test_an_image_of_another_size_is_read_in_pixels_of_the_usual_one():
    torch.manual_seed(0)
    config = DetectorConfig(**TINY)
    detector = HelmetDetector(make_detector(config).eval(), config)
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (360, 640), dtype=np.uint8)
    large = np.repeat(np.repeat(image, 2, 0), 2, 1)
    small, usual = detector(image, min_score=0.0), detector(large, min_score=0.0)
    assert len(usual.boxes)
    assert usual.boxes[:, 0].max() > 640
    assert abs(len(small.boxes) - len(usual.boxes)) <= 0.5 * len(usual.boxes)


def test_scores_below_the_threshold_are_left_out():
    torch.manual_seed(0)
    config = DetectorConfig(**TINY)
    detector = HelmetDetector(make_detector(config).eval(), config)
    image = np.random.default_rng(0).integers(0, 255, (720, 1280), dtype=np.uint8)
    every = detector(image, min_score=0.0)
    least = float(np.median(every.score))
    some = detector(image, min_score=least)
    assert len(some.boxes) == (every.score >= least).sum() < len(every.boxes)


def test_a_detector_keeps_its_anchors_whatever_is_usual_later(tmp_path):
    torch.manual_seed(0)
    config = DetectorConfig(anchors=(10.0, 60.0), **TINY)
    detector = HelmetDetector(make_detector(config).half().float().eval(), config)
    save_detector(detector, tmp_path / "own.safetensors")
    image = np.random.default_rng(0).integers(0, 255, (720, 1280), dtype=np.uint8)
    loaded = load_detector(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(loaded(image, 0.0).boxes, detector(image, 0.0).boxes)
    assert loaded.model.rpn.anchor_generator.sizes == ((10.0, 60.0),)
    stated = json.dumps(DetectorConfig().model_dump(mode="json", exclude={"anchors"}))
    save_file({"weight": torch.zeros(3)}, tmp_path / "old.safetensors", {"detector": stated})
    with pytest.raises(ConfigError, match="is not a helmet detector of this version") as error:
        load_detector(tmp_path / "old.safetensors")
    assert isinstance(error.value.__cause__, KeyError)


def test_the_maps_of_a_detector_have_the_order_in_which_it_is_fast():
    detector, strides = load_detector(SHIPPED_DETECTOR), []
    (pool,) = (one for one in detector.model.modules() if isinstance(one, torch.nn.MaxPool2d))
    hook = pool.register_forward_pre_hook(lambda _, maps: strides.append(maps[0].stride(1)))
    detector(np.zeros((720, 1280), dtype=np.uint8))
    hook.remove()
    assert strides == [1]  # channels last


def test_an_encoder_without_a_resnets_stages_is_refused():
    with pytest.raises(ConfigError, match=r"'detector\.encoder' 'mobilenetv3_small_050' has no"):
        make_detector(DetectorConfig(encoder="mobilenetv3_small_050"))


def test_a_file_that_is_no_detector_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no helmet detector .*make detector"):
        load_detector(tmp_path / "none.safetensors")
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ConfigError, match="is not a helmet detector of this version"):
        load_detector(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="is not a helmet detector of this version"):
        load_detector(path)


@pytest.mark.parametrize("name", ["helmets", "helmets_fcos"])
def test_a_shipped_detector_is_small_and_made_by_its_config(name):
    path = SHIPPED_DETECTOR.with_name(f"{name}.safetensors")
    assert path.stat().st_size <= 2_000_000
    assert load_detector(path).config == load_config(ROOT / "configs" / f"{name}.yaml").detector
    card = (path.parent / "README.md").read_text(encoding="utf-8")
    assert f"`{path.name}`" in card
    assert "make detector" in card
