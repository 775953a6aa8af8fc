import numpy as np
import pytest

from benchmarks import gpu_check
from benchmarks.gpu_check import measure_config, random_rows, require_gpu, speeds_text
from player_contact.config import load_config
from player_contact.utils.errors import InputError
from player_contact.vision.model import ContactModel
from tests.conftest import ROOT


def test_without_a_gpu_there_is_nothing_to_check():
    with pytest.raises(InputError, match="can use no GPU here: nothing to check"):
        require_gpu()


@pytest.mark.slow
def test_every_encoder_of_a_config_has_a_line(monkeypatch):
    """On the CPU, which takes the same way."""
    monkeypatch.setattr(gpu_check, "TRACKS", 4)
    members = "vision.members=[{encoder: resnet10t}, {seed: 1, image_size: 48}]"
    small = ["crops.size=48", "vision.clip_length=8", "vision.batch_size=2", members]
    config = load_config(ROOT / "configs" / "tiny.yaml", small)
    trained, embed = [], ContactModel.embed_images

    def embed_images(self, images):
        trained.extend([len(images)] * self.training)
        return embed(self, images)

    monkeypatch.setattr(ContactModel, "embed_images", embed_images)
    speeds = list(measure_config("tiny", config))
    assert max(trained) <= 2 * 8 * 2  # a batch: clips, steps, views
    assert [speed.encoder for speed in speeds] == ["resnet10t", config.vision.encoder]
    for speed in speeds:
        for rate in (speed.train, speed.train_alone, speed.score, speed.score_alone):
            assert rate.images > 0
            assert np.isnan(rate.memory)
    header, *lines = speeds_text(speeds)
    assert [line.split()[:2] for line in lines] == [["tiny", one.encoder] for one in speeds]
    assert len({len(line) for line in (header, *lines)}) == 1


def test_configs_for_gpus_are_those_that_start_from_imagenet():
    configs = {path.stem: load_config(path, []) for path in (ROOT / "configs").glob("*.yaml")}
    pretrained = {name for name, config in configs.items() if config.vision.weights == "timm"}
    assert pretrained == set(gpu_check.configs_for_gpus(ROOT / "configs"))


def test_random_rows_are_visible_in_both_views():
    rows, label = random_rows(load_config(ROOT / "configs" / "tiny.yaml"), 3, 5)
    assert len(rows) == len(label) == 15
    assert rows.crops[0].visible.all()
    assert 0 < label.sum() < 15
