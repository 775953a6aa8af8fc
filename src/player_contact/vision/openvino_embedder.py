"""`ContactModel.embed_images` in OpenVINO, faster than torch on a CPU. `pip install openvino`."""

import logging
import warnings
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from player_contact.vision.device import resolve_precision, usable_gpus
from player_contact.vision.model import IMAGE_MULTIPLE, ContactModel, normalize

log = logging.getLogger(__name__)


class UnpaddedEmbedder(nn.Module):
    """`ContactModel.embed_images` without padding, which a compiled network does not need."""

    def __init__(self, model: ContactModel) -> None:
        super().__init__()
        self.encoder, self.embed = model.encoder, model.embed

    def forward(self, images: Tensor) -> Tensor:
        """[N, C, H, W] uint8 -> [N, E]."""
        return self.embed(self.encoder(normalize(images)))


class OpenVinoEmbedder:
    """In place of `ContactModel.embed_images`; equal up to rounding, in float32 or bfloat16."""

    def __init__(
        self, model: ContactModel, channels: int, size: int, threads: int, precision: str
    ) -> None:
        import openvino

        self.embed_dim = model.embed_dim
        example = torch.zeros(IMAGE_MULTIPLE, channels, size, size, dtype=torch.uint8)
        shape = [-1, channels, size, size]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's tracing
            network = openvino.convert_model(
                UnpaddedEmbedder(model.eval()),
                example_input=example,
                input=[(shape, openvino.Type.u8)],
            )
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if resolve_precision(precision) == "bf16" else "f32",
        }
        self.network = openvino.Core().compile_model(network, "CPU", settings)

    def __call__(self, images: Tensor) -> Tensor:
        """[N, C, H, W] uint8 -> [N, E]."""
        if not len(images):  # the network would return its last output
            return torch.zeros(0, self.embed_dim)
        return torch.from_numpy(self.network(images.numpy())[0].copy())


def should_use_openvino() -> bool:
    """Whether it is installed (warns where not) and there is no GPU, which would be faster."""
    if usable_gpus():
        return False
    if find_spec("openvino") is None:
        log.warning(
            "'vision.inference_backend' is 'openvino', which is not installed: torch is used, with "
            "the same result up to rounding, but slower. `pip install openvino`"
        )
        return False
    return True
