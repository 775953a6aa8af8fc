"""A bundle: all that predicting needs, in one folder, readable without this program. Text, JSON, YAML and safetensors; never a pickle."""

import hashlib
import importlib.metadata
import json
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import player_contact
from player_contact.competition.metric import Thresholds
from player_contact.config import Config, VisionConfig, load_config, save_config
from player_contact.errors import BundleError
from player_contact.files import read_json, replacing, write_json

if TYPE_CHECKING:
    from player_contact.vision.model import ContactModel
    from player_contact.vision.score import See

FORMAT = 6
PACKAGES = ("torch", "timm", "lightgbm", "numpy", "pandas", "opencv-python-headless", "av")


@dataclass(frozen=True)
class Bundle:
    """One booster and one vision model a fold (or several, of an ensemble); predictions are means over all.

    cut         rows whose screen probability is below it are decided without the video
    touching    yards within which pairs count as touching where no model can be asked
    manifest    where it comes from: versions, data, folds, feature names, and the hash of every file
    """

    folder: Path
    config: Config
    screen: list[str]
    blend: list[str]
    thresholds: Thresholds
    cut: float
    touching: float
    manifest: dict[str, Any]

    @property
    def has_vision(self) -> bool:
        """Whether there is a vision model at all: a run without any video has none."""
        return any(name.startswith("vision/") for name in self.manifest["files"])

    @cached_property
    def vision_models(self) -> "dict[str, tuple[VisionConfig, ContactModel]]":
        """File name -> a vision model's settings and the model, on the CPU, ready to score. Raises BundleError where this version builds another
        model than the one that was trained."""
        from safetensors.torch import load_file

        from player_contact.vision.model import ContactModel

        models, ensemble = {}, self.config.vision.ensemble
        for name in sorted(name for name in self.manifest["files"] if name.startswith("vision/")):
            vision = ensemble[int(Path(name).stem.partition("-")[2])]  # fold0-1.safetensors: fold 0, member 1
            model = ContactModel(vision, frames=len(self.config.crops.frames))
            try:
                model.load_state_dict(load_file(self.folder / name))
            except RuntimeError as error:
                made = self.manifest.get("packages", {}).get("timm")
                raise BundleError(
                    f"{self.folder / name} does not fit the model; it was made with timm {made}: {str(error).splitlines()[0]}"
                ) from None
            models[name] = (vision, model.eval())
        return models

    @cached_property
    def sights(self) -> "dict[str, See]":
        """File name -> what encodes pictures for that vision model, made once for all plays."""
        from player_contact.vision.score import make_see

        frames, threads = len(self.config.crops.frames), self.config.threads
        return {name: make_see(model, vision, frames, threads) for name, (vision, model) in self.vision_models.items()}


def write_bundle(folder: Path, config: Config, run: Path, thresholds: Thresholds, cut: float, origin: dict[str, Any]) -> None:
    """Collects the models of a run's stages into a bundle, and in `learnt.json` what each was trained on; the folder is whole or not there."""
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        save_config(config, temporary / "config.yaml")
        files = {"config.yaml": digest_of(temporary / "config.yaml")}
        learnt = {}
        for stage, pattern in (("screen", "fold*.txt"), ("vision", "fold*-*.safetensors"), ("blend", "fold*.txt")):
            for path in sorted((run / stage).glob(pattern)):
                (temporary / stage).mkdir(exist_ok=True)
                (temporary / stage / path.name).write_bytes(path.read_bytes())
                files[f"{stage}/{path.name}"] = digest_of(path)
                if learnt_path(path).is_file():
                    learnt[f"{stage}/{path.name}"] = read_json(learnt_path(path))
        write_json(learnt, temporary / "learnt.json")
        files["learnt.json"] = digest_of(temporary / "learnt.json")
        versions = {name: _version(name) for name in PACKAGES}
        manifest = {
            "format": FORMAT,
            "player_contact": player_contact.__version__,
            "packages": versions,
            "thresholds": asdict(thresholds),
            "cut": cut,
        }
        write_json(manifest | origin | {"files": files}, temporary / "manifest.json")


def load_bundle(folder: Path) -> Bundle:
    """Reads and checks a bundle; the same one is read once in a process.

    Raises BundleError where it is no bundle, of another format, or where a file is missing or was changed.
    """
    folder = Path(folder)
    if not (folder / "manifest.json").is_file():
        raise BundleError(f"{folder} is no bundle: it has no manifest.json. A run writes one to outputs/<run>/bundle")
    return _load(folder, (folder / "manifest.json").read_bytes())


@lru_cache(maxsize=1)
def _load(folder: Path, text: bytes) -> Bundle:
    try:
        manifest = json.loads(text)
        made_for = manifest["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}/manifest.json is damaged ({error}). Copy the bundle again") from None
    if made_for != FORMAT:
        raise BundleError(f"{folder} has format {made_for}, this version reads {FORMAT}. Train again or use the version that wrote it")
    try:
        files = dict(manifest["files"])
        thresholds, cut, touching = Thresholds(**manifest["thresholds"]), float(manifest["cut"]), float(manifest["touching"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}/manifest.json is damaged ({error}). Copy the bundle again") from None
    folds = len([name for name in files if name.startswith("screen/")])
    for name, digest in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(f"{folder}/manifest.json names {name!r}, which is outside the bundle")
        if not path.is_file() or digest_of(path) != digest:
            raise BundleError(f"{path} is {'changed' if path.is_file() else 'missing'}. Copy the bundle again")
    if not folds:
        raise BundleError(f"{folder} holds no models")
    texts = {stage: [(folder / name).read_text() for name in sorted(files) if name.startswith(f"{stage}/")] for stage in ("screen", "blend")}
    return Bundle(folder, load_config(folder / "config.yaml"), texts["screen"], texts["blend"], thresholds, cut, touching, manifest)


def learnt_path(model: Path) -> Path:
    """Where it is written what a model file was trained on."""
    return model.with_suffix(".learnt.json")


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
