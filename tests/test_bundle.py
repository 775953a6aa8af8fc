import hashlib
import re
import shutil
from importlib.metadata import version

import pytest

from player_contact.bundle import FORMAT, load_bundle
from player_contact.errors import BundleError
from player_contact.files import read_json, write_json
from player_contact.predict import predict_folder


def edit_manifest(bundle, **changes) -> None:
    write_json(read_json(bundle / "manifest.json") | changes, bundle / "manifest.json")


def test_a_bundle_holds_a_model_of_every_kind_for_each_fold(bundle):
    loaded = load_bundle(bundle)
    assert (len(loaded.screen), len(loaded.blend), len(loaded.vision_models)) == (2, 2, 2)


def test_a_bundle_knows_thresholds_cut_and_settings_of_its_run(bundle, finished_run):
    loaded = load_bundle(bundle)
    ladder, cut = read_json(finished_run.folder / "ladder.json"), read_json(finished_run.folder / "screen" / "cut.json")
    assert (loaded.thresholds.pair, loaded.thresholds.ground) == (ladder["thresholds"]["pair"], ladder["thresholds"]["ground"])
    assert loaded.cut == cut["cut"]
    assert loaded.config == finished_run.config


def test_a_bundle_says_where_it_comes_from(bundle, finished_run):
    manifest = load_bundle(bundle).manifest
    assert manifest["packages"]["torch"] == version("torch")
    assert sorted(play for plays in manifest["folds"].values() for play in plays) == sorted(finished_run.folds["game_play"])
    assert "sideline_gap" in manifest["features"]


def test_a_bundle_is_text_and_safetensors_alone(bundle):
    assert {path.suffix for path in bundle.rglob("*") if path.is_file()} == {".json", ".yaml", ".txt", ".safetensors"}


def test_a_vision_model_scores_and_does_not_train(bundle):
    assert not any(model.training for _, model in load_bundle(bundle).vision_models.values())


def test_a_bundle_works_wherever_it_is_copied_to(bundle, own_bundle, tiny_season, tmp_path):
    for place, name in ((bundle, "one.csv"), (own_bundle, "other.csv")):
        predict_folder(place, tiny_season.folder, tmp_path / name, 1)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


@pytest.mark.parametrize("name", ["config.yaml", "screen/fold0.txt", "vision/fold1-0.safetensors", "blend/fold1.txt"])
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


def test_a_bundle_of_another_format_says_so_and_does_not_call_itself_damaged(own_bundle):
    edit_manifest(own_bundle, format=FORMAT + 1)
    with pytest.raises(BundleError, match=rf"^{own_bundle} has format {FORMAT + 1}, this version reads {FORMAT}"):
        load_bundle(own_bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", f'{{"format": {FORMAT}}}'])
def test_a_damaged_manifest_is_called_so(own_bundle, text):
    (own_bundle / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        load_bundle(own_bundle)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname"])
def test_a_file_outside_the_bundle_is_never_read(own_bundle, name):
    (own_bundle.parent / "outside.txt").write_text("secret")
    edit_manifest(own_bundle, files=read_json(own_bundle / "manifest.json")["files"] | {name: "0"})
    with pytest.raises(BundleError, match=rf"manifest\.json names '{name}', which is outside the bundle"):
        load_bundle(own_bundle)


def test_a_bundle_without_models_is_refused(own_bundle):
    edit_manifest(own_bundle, files={})
    with pytest.raises(BundleError, match="holds no models"):
        load_bundle(own_bundle)


def test_weights_that_the_manifest_does_not_list_are_not_loaded(own_bundle):
    shutil.copyfile(own_bundle / "vision" / "fold0-0.safetensors", own_bundle / "vision" / "fold9-0.safetensors")
    assert len(load_bundle(own_bundle).vision_models) == 2


def test_weights_of_another_model_are_refused_with_what_made_them(own_bundle):
    """As where another release of timm builds another model under the same name."""
    config = own_bundle / "config.yaml"
    config.write_text(config.read_text().replace("track_width: 16", "track_width: 20"))
    files = read_json(own_bundle / "manifest.json")["files"] | {"config.yaml": hashlib.sha256(config.read_bytes()).hexdigest()}
    edit_manifest(own_bundle, files=files)
    with pytest.raises(BundleError, match=rf"fold0-0\.safetensors does not fit the model; it was made with timm {re.escape(version('timm'))}"):
        _ = load_bundle(own_bundle).vision_models


def test_a_bundle_that_was_replaced_is_read_anew(own_bundle):
    before = load_bundle(own_bundle).cut
    edit_manifest(own_bundle, cut=before + 0.5)
    assert load_bundle(own_bundle).cut == before + 0.5
