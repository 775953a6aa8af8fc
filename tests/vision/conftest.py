import pytest
import torch

from player_contact.config import AugmentConfig, VisionConfig
from player_contact.vision.model import ContactModel
from tests.makers import TINY_VISION

NO_AUGMENT = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0))


def tiny(**settings) -> VisionConfig:
    return TINY_VISION.model_copy(update=settings)


def as_if_trained(model: ContactModel) -> ContactModel:
    """The model with heads that say something of each row; at first the screen's logit is all."""
    for head in (model.head, model.image_head):
        for layer in (head.shared, head.ground):
            torch.nn.init.normal_(layer.weight)
    return model


@pytest.fixture(autouse=True)
def one_thread():
    """More would only wait for each other on such small images."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
