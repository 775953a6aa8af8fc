"""What the networks of the configs for GPUs would do there, tried with tensors without data."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from player_contact.config import load_config
from player_contact.vision.model import PairModel, input_channels
from tests.conftest import ROOT

GPU_MEMORY = {"gpu.yaml": 24, "kaggle.yaml": 16, "gpu_large.yaml": 80}  # GB
OTHER = 0.25  # of the memory: for weights, optimizer, CUDA itself, and what convolutions work in
HALF = {"gpu.yaml": torch.bfloat16, "kaggle.yaml": torch.float16, "gpu_large.yaml": torch.bfloat16}


# The GRU looks where its weights lie when it moves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the data pointer"),
    pytest.mark.slow,
]


def forward(model, channels, size, images, dtype):
    """Logits of so many images, and the bytes that the backward pass keeps of them."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    batch = torch.zeros(images, channels, size, size, dtype=torch.uint8)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cuda", dtype=dtype),
    ):
        pairs = torch.zeros(images, dtype=torch.bool)
        logits = model.image_head(model.embed_images(batch), pairs)
    storages = {t.untyped_storage()._cdata for t in model.parameters()}
    return logits, sum(t.untyped_storage().nbytes() for k, t in kept.items() if k not in storages)


@pytest.fixture(scope="module", params=sorted(GPU_MEMORY))
def measured(request):
    """A config's name, and of each of its networks: settings, logits of 16 images, and the bytes
    that one image more takes."""
    config = load_config(ROOT / "configs" / request.param, ["vision.weights=none"])
    frames, networks = len(config.crops.frame_offsets), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
        patch.setattr("torch.cuda.is_bf16_supported", lambda *_: True)
        for vision in config.vision.ensemble:
            shape = input_channels(vision, frames), vision.image_size
            with torch.device("meta"):
                model = PairModel(vision, frames)
            with FakeTensorMode(allow_non_fake_inputs=True), torch.device("cuda"):
                model.to_empty(device="cuda")
                logits, few = forward(model, *shape, 16, HALF[request.param])
                _, more = forward(model, *shape, 32, HALF[request.param])
            networks.append((vision, logits, (more - few) / 16))
    return request.param, networks


def test_encoders_compute_in_half_precision_and_logits_in_float32(measured):
    for _, logits, _ in measured[1]:
        assert (logits.dtype, logits.device.type, logits.shape) == (torch.float32, "cuda", (16,))


def test_a_part_of_a_batch_fits_into_the_memory_of_the_gpu(measured):
    name, networks = measured
    for vision, _, each in networks:
        assert each > 0
        samples = max(vision.image_batch_samples, vision.batch_size) / vision.devices
        images = -(-samples // vision.micro_batches) * vision.clip_length * len(vision.views)
        assert images * each < (1 - OTHER) * 1e9 * GPU_MEMORY[name]
