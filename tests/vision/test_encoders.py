import subprocess
import sys
from inspect import signature

import pytest
import timm
import torch

from player_contact.config import VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.vision.encoders import RESERVED_OPTIONS, check_encoder, make_encoder

CHANNELS, SIZE = 5, 64
FEATURES = {
    "alexnet": 4096,
    "googlenet": 1024,
    "densenet121": 1024,
    "resnet10t": 512,
    "mobilenetv3_small_050": 1024,  # its num_features is 288
    "vit_tiny_patch16_224": 192,
    "contact_resnet10": 512,
    "contact_resnet10_small": 192,
    "contact_resnet50": 2048,
    "mc3_18": 512,
}


@pytest.fixture(scope="module", params=FEATURES)
def named_encoder(request):
    torch.manual_seed(1)
    encoder, features = make_encoder(request.param, CHANNELS, SIZE, {})
    assert features == FEATURES[request.param]
    return request.param, encoder


def images(count: int = 3) -> torch.Tensor:
    return torch.randn(count, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def test_encoder_gives_a_feature_vector_for_each_image(named_encoder):
    name, encoder = named_encoder
    assert encoder.eval()(images()).shape == (3, FEATURES[name])


@pytest.mark.slow
def test_every_encoder_parameter_gets_a_gradient(named_encoder):
    encoder = named_encoder[1]
    encoder.train().zero_grad()
    encoder(images()).square().mean().backward()
    gradients = {key: parameter.grad for key, parameter in encoder.named_parameters()}
    assert not [k for k, grad in gradients.items() if grad is None or not grad.isfinite().all()]


def test_encoding_does_not_depend_on_the_batch(named_encoder):
    encoder = named_encoder[1].eval()
    with torch.no_grad():
        single, batched = encoder(images()[:1]), encoder(images())[:1]
    torch.testing.assert_close(single, batched, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18"])
def test_a_video_encoder_sees_the_order_of_the_frames_and_the_boxes_in_each(name):
    torch.manual_seed(1)
    encoder = make_encoder(name, 4 + 2, 32, {}, num_frames=4)[0].eval()
    x = torch.randn(2, 6, 32, 32)
    with torch.no_grad():
        features = encoder(x)
        assert features.shape == (2, 512)
        for channels in ([3, 2, 1, 0, 4, 5], [0, 1, 2, 3, 5, 4]):
            assert not torch.allclose(encoder(x[:, channels]), features, atol=1e-3)
        still = x[:, [0, 0, 0, 0, 4, 5]]
        assert torch.allclose(encoder(still[:, [3, 2, 1, 0, 4, 5]]), encoder(still), atol=1e-4)


@pytest.mark.slow
def test_vgg_works_too():
    encoder, features = make_encoder("vgg11", CHANNELS, SIZE, {})
    assert encoder.eval()(images(1)).shape == (1, features) == (1, 4096)


@pytest.mark.parametrize("name", ["alexnet", "contact_resnet10"])
def test_same_seed_same_encoder(name):
    features = []
    for _ in range(2):
        torch.manual_seed(3)
        features.append(make_encoder(name, CHANNELS, SIZE, {})[0].eval()(images(1)))
    assert torch.equal(*features)


OPTIONS = r"'vision\.encoder_options'"


@pytest.mark.parametrize(
    ("name", "size", "options", "message"),
    [
        ("resnet10tt", 64, {}, r"'resnet10tt', which is not a timm model\. Did you .*resnet10t"),
        ("contact_resnet11", 64, {}, r"^'vision\.encoder' is .*Did you .*contact_resnet10"),
        ("resnet18.nobody", 64, {}, r"'resnet18\.nobody': Invalid pretrained tag"),
        (
            "resnet10t",
            64,
            {"shortcut": "none"},
            rf"'resnet10t' does not take {OPTIONS} shortcut=none: .*unexpected keyword",
        ),
        (
            "contact_resnet10",
            64,
            {"shortcut": "long"},
            "shortcut 'long' is not one of identity, projection_where_needed, projection, none",
        ),
        ("contact_resnet10", 64, {"widths": [8, 4, 8, 8]}, "a width of 4 is less than 8"),
        (
            "resnet10t",
            64,
            {"checkpoint_path": "x"},
            rf"{OPTIONS} can't set checkpoint_path: other settings decide that",
        ),
        ("resnet10t", 64, {"global_pool": ""}, "gives no vector of features per image"),
        ("alexnet", 32, {}, r"'alexnet' can't read images of 32 x 32 pixels: "),
    ],
)
def test_unusable_encoder_is_refused(name, size, options, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder(name, CHANNELS, size, options)


def test_options_reach_the_constructor():
    encoder, _ = make_encoder("resnet10t", CHANNELS, SIZE, {"drop_path_rate": 0.5})
    assert any(type(module).__name__ == "DropPath" for module in encoder.modules())


def test_weights_that_timm_lacks_are_refused_without_a_download():
    config = VisionConfig(encoder="contact_resnet10", weights="timm")
    message = r"'timm', which has no weights for 'vision\.encoder' 'contact_resnet10'"
    with pytest.raises(ConfigError, match=message):
        check_encoder(config, CHANNELS)


def test_failed_download_is_refused(monkeypatch):
    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fail)
    message = r"'resnet10t' could not be downloaded \(OSError\)\. Without a network, set it"
    with pytest.raises(ConfigError, match=message):
        make_encoder("resnet10t", CHANNELS, SIZE, {}, "timm")


@pytest.mark.slow
def test_a_model_with_an_encoder_of_our_own_needs_no_timm_which_is_slow_to_import():
    code = """
import sys
from player_contact.config import VisionConfig
from player_contact.vision.model import PairModel
from player_contact.vision.scoring import make_image_embedder
for backend in ("torch", "openvino"):
    config = VisionConfig(encoder="contact_resnet10", weights="none", inference_backend=backend)
    make_image_embedder(PairModel(config, num_frames=3).eval(), config, 3, 1)
print(sorted({"timm", "torchvision"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_timm_calls_its_arguments_is_no_option_of_an_encoder():
    names = set(signature(timm.create_model).parameters) - {"kwargs"}
    assert names <= RESERVED_OPTIONS
    with pytest.raises(ConfigError, match=r"can't set num_frames, size: other settings"):
        make_encoder("resnet10t", CHANNELS, SIZE, {"size": 32, "num_frames": 1})
