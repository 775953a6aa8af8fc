"""What the networks of the configs for GPUs would do there, tried with tensors without data."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from player_contact.config import Config, load_config
from player_contact.vision.model import PairModel, input_channels
from tests.conftest import ROOT

GPU_MEMORY = {"gpu.yaml": 24, "kaggle.yaml": 16, "gpu_large.yaml": 80}  # GB
OTHER = 0.25  # of the memory: for weights, optimizer, CUDA itself, and what convolutions work in
HALF = {"gpu.yaml": torch.bfloat16, "kaggle.yaml": torch.float16, "gpu_large.yaml": torch.bfloat16}


# The GRU looks where its weights lie when it moves.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer")


@pytest.fixture(autouse=True)
def autocast_for_cuda(monkeypatch):
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *_: True)


@pytest.fixture(params=sorted(GPU_MEMORY))
def name(request):
    return request.param


def config_of(name) -> Config:
    return load_config(ROOT / "configs" / name, ["vision.weights=none"])


def forward(config, vision, images, dtype):
    """Logits of so many images, and the bytes that the backward pass keeps of them."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    model = PairModel(vision, len(config.crops.frame_offsets))
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"):
        model.to_empty(device="cuda")
        channels, size = input_channels(vision, len(config.crops.frame_offsets)), vision.image_size
        batch = torch.zeros(images, channels, size, size, dtype=torch.uint8)
        with (
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cuda", dtype=dtype),
        ):
            pairs = torch.zeros(images, dtype=torch.bool)
            logits = model.image_head(model.embed_images(batch), pairs)
        storages = {t.untyped_storage()._cdata for t in model.parameters()}
    return logits, sum(t.untyped_storage().nbytes() for k, t in kept.items() if k not in storages)


def test_encoders_compute_in_half_precision_and_logits_in_float32(name):
    config = config_of(name)
    for vision in config.vision.ensemble:
        logits, _ = forward(config, vision, 16, HALF[name])
        assert (logits.dtype, logits.device.type, logits.shape) == (torch.float32, "cuda", (16,))


def test_a_part_of_a_batch_fits_into_the_memory_of_the_gpu(name):
    config = config_of(name)
    for vision in config.vision.ensemble:
        (_, few), (_, more) = (forward(config, vision, n, HALF[name]) for n in (16, 32))
        each = (more - few) / 16
        samples = max(vision.image_batch_samples, vision.batch_size) / vision.devices
        images = -(-samples // vision.micro_batches) * vision.clip_length * len(vision.views)
        assert images * each < (1 - OTHER) * 1e9 * GPU_MEMORY[name]
