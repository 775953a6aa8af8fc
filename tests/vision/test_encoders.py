import pytest
import torch

from player_contact.config import VisionConfig
from player_contact.errors import ConfigError
from player_contact.vision.encoders import check_encoder, make_encoder

CHANNELS, SIZE = 5, 64
FEATURES = {
    "alexnet": 4096,
    "googlenet": 1024,
    "densenet121": 1024,
    "resnet10t": 512,
    "mobilenetv3_small_050": 1024,  # says 288 of itself
    "vit_tiny_patch16_224": 192,
    "contact_resnet10": 512,
    "contact_resnet10_half": 256,
    "contact_resnet50": 2048,
}


@pytest.fixture(scope="module", params=FEATURES)
def made(request):
    """Name, encoder and number of features of each."""
    torch.manual_seed(1)
    return request.param, *make_encoder(request.param, CHANNELS, SIZE, {})


def pictures(count: int = 3) -> torch.Tensor:
    return torch.randn(count, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def test_every_encoder_gives_as_many_features_a_picture_as_it_says(made):
    name, encoder, features = made
    assert features == FEATURES[name]
    assert encoder.eval()(pictures()).shape == (3, features)


def test_every_parameter_of_every_encoder_learns(made):
    name, encoder, _ = made
    encoder.train().zero_grad()
    encoder(pictures()).square().mean().backward()
    still = [key for key, parameter in encoder.named_parameters() if parameter.grad is None or not parameter.grad.isfinite().all()]
    assert not still, name


def test_every_encoder_says_the_same_of_a_picture_alone_and_among_others(made):
    encoder = made[1].eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder(pictures()[:1]), encoder(pictures())[:1], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_largest_of_the_classic_line_runs_too():
    encoder, features = make_encoder("vgg11", CHANNELS, SIZE, {})
    assert encoder.eval()(pictures(1)).shape == (1, features) == (1, 4096)


@pytest.mark.parametrize("name", ["alexnet", "contact_resnet10"])
def test_the_same_seed_makes_the_same_encoder(name):
    values = []
    for _ in range(2):
        torch.manual_seed(3)
        values.append(make_encoder(name, CHANNELS, SIZE, {})[0].eval()(pictures(1)))
    assert torch.equal(*values)


@pytest.mark.parametrize(
    ("name", "size", "options", "words"),
    [
        ("resnet10tt", 64, {}, r"'vision\.encoder' is 'resnet10tt', which is no timm model\. Near: .*resnet10t"),
        ("contact_resnet11", 64, {}, r"Near: .*contact_resnet10"),
        ("resnet18.nobody", 64, {}, r"'resnet18\.nobody': Invalid pretrained tag"),
        ("resnet10t", 64, {"shortcut": "none"}, r"'resnet10t' does not take 'vision\.encoder_options' shortcut=none: .*unexpected keyword"),
        ("contact_resnet10", 64, {"shortcut": "long"}, r"shortcut 'long' is none of identity, projection_where_needed, projection, none"),
        ("resnet10t", 64, {"checkpoint_path": "x"}, r"'vision\.encoder_options' can't set checkpoint_path: other settings decide that"),
        ("resnet10t", 64, {"global_pool": ""}, "gives no vector of features a picture"),
        ("alexnet", 32, {}, r"'alexnet' can't read pictures of 32 x 32 pixels: "),
    ],
)
def test_what_an_encoder_can_not_do_is_said_in_a_sentence(name, size, options, words):
    with pytest.raises(ConfigError, match=words):
        make_encoder(name, CHANNELS, size, options)


def test_an_option_reaches_the_constructor():
    encoder, _ = make_encoder("resnet10t", CHANNELS, SIZE, {"drop_path_rate": 0.5})
    assert any(type(module).__name__ == "DropPath" for module in encoder.modules())


def test_weights_that_timm_does_not_have_are_refused_before_anything_is_downloaded():
    config = VisionConfig(encoder="contact_resnet10", weights="timm")
    with pytest.raises(ConfigError, match=r"'vision\.weights' is 'timm', which has no weights for 'vision\.encoder' 'contact_resnet10'"):
        check_encoder(config, CHANNELS)


def test_without_a_network_weights_to_download_are_refused_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(ConfigError, match=r"the weights of 'resnet10t' could not be downloaded \(OSError\)\. Without network give a file"):
        make_encoder("resnet10t", CHANNELS, SIZE, {}, "timm")
