import re
import shutil
from importlib.metadata import version

import pytest

from player_contact import __version__
from player_contact.inference.bundle import FORMAT, load_bundle, sha256_of
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import BundleError
from player_contact.utils.files import read_json, write_json


def edit_manifest(bundle, **changes) -> None:
    write_json(read_json(bundle / "manifest.json") | changes, bundle / "manifest.json")


def files_of(bundle) -> dict[str, str]:
    return read_json(bundle / "manifest.json")["files"]


def test_a_bundle_holds_a_model_of_every_kind_for_each_fold(bundle):
    loaded = load_bundle(bundle)
    kinds = loaded.screen, loaded.sensors, loaded.blend, loaded.vision_models
    assert [len(models) for models in kinds] == [2, 2, 2, 2]


def test_a_bundle_has_thresholds_and_settings_of_its_run(bundle, finished_run):
    loaded, scores = load_bundle(bundle), read_json(finished_run.folder / "scores.json")
    screen = read_json(finished_run.folder / "screen" / "open_threshold.json")
    assert vars(loaded.thresholds) == scores["thresholds"]
    assert loaded.contact_distance == scores["contact_distance"]
    assert loaded.open_threshold == screen["open_threshold"]
    assert loaded.config == finished_run.config


def test_a_bundle_says_where_it_comes_from(bundle, finished_run):
    manifest = load_bundle(bundle).manifest
    plays = [play for fold in manifest["folds"].values() for play in fold]
    assert manifest["packages"]["torch"] == version("torch")
    assert sorted(plays) == sorted(finished_run.folds["game_play"])
    assert "sideline_gap" in manifest["features"]


def test_a_bundle_is_text_and_safetensors_alone(bundle):
    suffixes = {path.suffix for path in bundle.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".yaml", ".txt", ".safetensors"}


def test_a_vision_model_scores_and_does_not_train(bundle):
    assert not any(model.training for _, model in load_bundle(bundle).vision_models.values())


def test_a_bundle_works_wherever_it_is_copied_to(bundle, own_bundle, tiny_season, tmp_path):
    for folder, name in ((bundle, "one.csv"), (own_bundle, "other.csv")):
        predict_folder(folder, tiny_season.folder, tmp_path / name, 0)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


@pytest.mark.parametrize(
    "name", ["config.yaml", "screen/fold0.txt", "vision/fold1-0.safetensors", "blend/fold1.txt"]
)
def test_a_changed_file_is_named(own_bundle, name):
    with (own_bundle / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=rf"{name} is changed\. Copy the bundle again"):
        load_bundle(own_bundle)


def test_a_missing_file_is_named(own_bundle):
    (own_bundle / "blend" / "fold0.txt").unlink()
    with pytest.raises(BundleError, match=r"blend/fold0\.txt is missing\. Copy the bundle again"):
        load_bundle(own_bundle)


def test_a_folder_that_is_no_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match=rf"^{tmp_path} is no bundle: it has no manifest\.json"):
        load_bundle(tmp_path)


def test_another_format_names_the_version_that_wrote_it(own_bundle):
    edit_manifest(own_bundle, format=FORMAT - 1, player_contact="0.1.2")
    expected = (
        f"{own_bundle} has bundle format {FORMAT - 1}, written by player_contact 0.1.2; "
        f"this version, {__version__}, reads format {FORMAT}"
    )
    with pytest.raises(BundleError, match=f"^{re.escape(expected)}"):
        load_bundle(own_bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", f'{{"format": {FORMAT}}}'])
def test_a_damaged_manifest_is_called_so(own_bundle, text):
    (own_bundle / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        load_bundle(own_bundle)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname"])
def test_a_file_outside_the_bundle_is_never_read(own_bundle, name):
    (own_bundle.parent / "outside.txt").write_text("secret")
    edit_manifest(own_bundle, files=files_of(own_bundle) | {name: "0"})
    with pytest.raises(BundleError, match=rf"names '{name}', which is outside the bundle"):
        load_bundle(own_bundle)


def test_a_bundle_without_models_is_refused(own_bundle):
    edit_manifest(own_bundle, files={})
    with pytest.raises(BundleError, match="holds no models"):
        load_bundle(own_bundle)


def test_weights_that_the_manifest_does_not_list_are_not_loaded(own_bundle):
    vision = own_bundle / "vision"
    shutil.copyfile(vision / "fold0-0.safetensors", vision / "fold9-0.safetensors")
    assert len(load_bundle(own_bundle).vision_models) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_weights_of_another_model_are_refused_with_what_made_them(
    own_bundle, season, tmp_path, workers
):
    """As where another release of timm builds another model under the same name."""
    config = own_bundle / "config.yaml"
    text = config.read_text()
    assert "embed_dim: 16" in text
    config.write_text(text.replace("embed_dim: 16", "embed_dim: 20"))
    edit_manifest(own_bundle, files=files_of(own_bundle) | {"config.yaml": sha256_of(config)})
    made_with = re.escape(f"made with timm {version('timm')} and torch {version('torch')}")
    with pytest.raises(BundleError, match=rf"fold0-0\.safetensors does not fit .*{made_with}"):
        predict_folder(own_bundle, season, tmp_path / "submission.csv", workers)
    assert not (tmp_path / "submission.csv").exists()


def test_a_bundle_that_was_replaced_is_read_anew(own_bundle):
    before = load_bundle(own_bundle).open_threshold
    edit_manifest(own_bundle, open_threshold=before + 0.5)
    assert load_bundle(own_bundle).open_threshold == before + 0.5
