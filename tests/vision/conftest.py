import pytest
import torch

from player_contact.config import AugmentConfig, VisionConfig
from tests.makers import TINY_VISION

NO_AUGMENT = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))


def tiny(**settings) -> VisionConfig:
    return TINY_VISION.model_copy(update=settings)


@pytest.fixture(autouse=True)
def one_thread():
    """More would only wait for each other on such small images."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
