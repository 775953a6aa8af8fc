"""The encoder in OpenVINO: on a CPU it scores faster than torch. Installed by those who ask for it: `pip install openvino`."""

import logging
import warnings
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from player_contact.vision.device import use_bf16
from player_contact.vision.model import TOGETHER, ContactModel, scaled

log = logging.getLogger(__name__)


class Sight(nn.Module):
    """`ContactModel.see` without the filling up, which a compiled network does not need."""

    def __init__(self, model: ContactModel) -> None:
        super().__init__()
        self.encoder, self.picture = model.encoder, model.picture

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, C, H, W] uint8 -> [N, W]."""
        return self.picture(self.encoder(scaled(pictures)))


class OpenVinoSight:
    """Called as `ContactModel.see`; values differ from it by the order of sums alone (float32), or by the rounding of bfloat16."""

    def __init__(self, model: ContactModel, channels: int, size: int, threads: int, precision: str) -> None:
        import openvino

        self.width = model.picture_head.in_features
        example = torch.zeros(TOGETHER, channels, size, size, dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about the tracing that OpenVINO asks it for
            network = openvino.convert_model(Sight(model.eval()), example_input=example, input=[([-1, channels, size, size], openvino.Type.u8)])
        hint = "bf16" if use_bf16(precision) else "f32"
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": hint}
        self.network = openvino.Core().compile_model(network, "CPU", settings)

    def __call__(self, pictures: Tensor) -> Tensor:
        """[N, C, H, W] uint8 -> [N, W]."""
        if not len(pictures):
            return torch.zeros(0, self.width)  # of nothing the compiled network would say what it said last
        return torch.from_numpy(self.network(pictures.numpy())[0].copy())


def can_use_openvino() -> bool:
    """Whether it is installed and would be faster: not where there is a GPU. Says so where it is not there."""
    if torch.cuda.is_available():
        return False
    if find_spec("openvino") is None:
        log.warning("'vision.runtime' is 'openvino', which is not installed: torch scores instead, as right, but slower. `pip install openvino`")
        return False
    return True
