"""A bundle: all that predicting needs, in one folder of text, JSON, YAML and safetensors files."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import player_contact
from player_contact.competition.metric import Thresholds
from player_contact.config import Config, VisionConfig, detector_file, load_config, save_config
from player_contact.utils.errors import BundleError, ConfigError
from player_contact.utils.files import atomic_write, read_json, write_json

if TYPE_CHECKING:
    from player_contact.vision.model import ContactModel
    from player_contact.vision.scoring import ImageEmbedder

FORMAT = 11
PACKAGES = ("torch", "timm", "lightgbm", "numpy", "pandas", "opencv-python-headless", "av")
DETECTOR = "helmets.safetensors"  # that finds helmets in videos
MODELS = {  # folder in the bundle -> files of a run
    "screen": "screen/fold*.txt",
    "sensors": "screen/sensors_fold*.txt",
    "vision": "vision/fold*-*.safetensors",
    "blend": "blend/fold*.txt",
}


@dataclass(frozen=True)
class Bundle:
    """A booster and a vision model (an ensemble: several) per fold; predictions are their means.

    screen, blend     texts of the boosters
    sensors           of those that take the screen's place in plays without helmet boxes
    open_threshold    rows whose screen probability is below it are decided without the video
    contact_distance  yards within which pairs are in contact where no model works
    manifest          versions, data, folds, feature names, and the hash of every file
    """

    folder: Path
    config: Config
    screen: list[str]
    sensors: list[str]
    blend: list[str]
    thresholds: Thresholds
    open_threshold: float
    contact_distance: float
    manifest: dict[str, Any]

    @property
    def vision_files(self) -> list[str]:
        """Names of the vision models, in the order in which they are asked."""
        return sorted(name for name in self.manifest["files"] if name.startswith("vision/"))

    @cached_property
    def vision_models(self) -> "dict[str, tuple[VisionConfig, ContactModel]]":
        """File name -> config and model, on the CPU. BundleError where weights do not fit."""
        if not self.vision_files:
            return {}
        from safetensors.torch import load_file

        from player_contact.vision.families import FAMILIES

        models, ensemble = {}, self.config.vision.ensemble
        for name in self.vision_files:
            member = member_of(name)
            family, frames = ensemble[member].family, len(self.config.crops.frame_offsets)
            model = FAMILIES[family].model(ensemble[member], num_frames=frames)
            try:
                model.load_state_dict(load_file(self.folder / name))
            except RuntimeError as error:
                made = self.manifest.get("packages", {})
                text = f"does not fit the model; it was made with timm {made.get('timm')} and torch"
                text += f" {made.get('torch')}"
                first_line = str(error).splitlines()[0]
                raise BundleError(f"{self.folder / name} {text}: {first_line}") from None
            models[name] = (ensemble[member], model.eval())
        return models

    def models_by_use(self, seconds: Callable[[str], float]) -> list[str]:
        """The vision models, those first that add most to the score for their `seconds`.

        Those of a member, one a fold, stand together. What members add one after the other was
        measured out of fold (`member_gains`); one that adds nothing comes last.
        """
        adds: dict[str, float] = self.manifest.get("members", {})

        def use(name: str) -> tuple[float, str]:
            member = member_of(name)
            same = [seconds(other) for other in self.vision_files if member_of(other) == member]
            return -max(adds.get(str(member), 0.0), 0.0) / max(sum(same), 1e-9), str(member)

        return sorted(self.vision_files, key=lambda name: (*use(name), name))

    @cached_property
    def image_embedders(self) -> "dict[str, ImageEmbedder]":
        """File name -> what embeds images for that vision model."""
        from player_contact.vision.scoring import make_image_embedder

        num_frames, threads = len(self.config.crops.frame_offsets), self.config.num_threads
        return {
            name: make_image_embedder(model, vision, num_frames, threads)
            for name, (vision, model) in self.vision_models.items()
        }


def member_of(name: str) -> int:
    """Of a vision model's file: 1 of vision/fold0-1.safetensors, which is of fold 0."""
    return int(Path(name).stem.partition("-")[2])


def write_bundle(folder: Path, config: Config, run: Path, facts: dict[str, Any]) -> None:
    """Collects the models of a run, and what each was trained on in `trained_on.json`; atomically.

    `facts` go into the manifest: thresholds, open_threshold, contact_distance, and where the
    models come from.
    """
    with atomic_write(folder) as temporary:
        temporary.mkdir(parents=True)
        save_config(config, temporary / "config.yaml")
        records = {}
        for stage, pattern in MODELS.items():
            for path in sorted(run.glob(pattern)):
                name = path.name.removeprefix(f"{stage}_")
                (temporary / stage).mkdir(exist_ok=True)
                (temporary / stage / name).write_bytes(path.read_bytes())
                if training_record_path(path).is_file():
                    records[f"{stage}/{name}"] = read_json(training_record_path(path))
        write_json(records, temporary / "trained_on.json")
        detector = detector_file(config.boxes.detector)
        if config.boxes.detect != "never":
            if not detector.is_file():
                raise ConfigError(f"There is no file {detector} of 'boxes.detector'")
            (temporary / DETECTOR).write_bytes(detector.read_bytes())
        files = [path for path in sorted(temporary.rglob("*")) if path.is_file()]
        manifest = {
            "format": FORMAT,
            "player_contact": player_contact.__version__,
            "packages": {name: _version_of(name) for name in PACKAGES},
            **facts,
            "files": {path.relative_to(temporary).as_posix(): sha256_of(path) for path in files},
        }
        write_json(manifest, temporary / "manifest.json")


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def load_bundle(folder: Path) -> Bundle:
    """Reads and checks a bundle; the same one is read once in a process.

    Raises BundleError where it is none, of another format, or a file is missing or changed.
    """
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        text = "it has no manifest.json. A run writes one to outputs/<run>/bundle"
        raise BundleError(f"{folder} is no bundle: {text}")
    return _load(path.parent, path.read_bytes())


@lru_cache(maxsize=1)
def _load(folder: Path, text: bytes) -> Bundle:
    try:
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            version = manifest.get("player_contact", "(of an unknown version)")
            raise BundleError(
                f"{folder} has bundle format {manifest['format']}, written by player_contact "
                f"{version}; this version, {player_contact.__version__}, reads format {FORMAT}. "
                "Train again or use the version that wrote it"
            )
        files, thresholds = dict(manifest["files"]), Thresholds(**manifest["thresholds"])
        open_threshold = float(manifest["open_threshold"])
        contact_distance = float(manifest["contact_distance"])
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        fault = f"manifest.json is damaged ({error}). Copy the bundle again"
        raise BundleError(f"{folder}/{fault}") from None
    for name, digest in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(f"{folder}/manifest.json names {name!r}, which is outside the bundle")
        if not path.is_file() or sha256_of(path) != digest:
            fault = "changed" if path.is_file() else "missing"
            raise BundleError(f"{path} is {fault}. Copy the bundle again")
    screen, sensors, blend = (
        [
            (folder / name).read_text(encoding="utf-8")
            for name in sorted(files)
            if name.startswith(stage)
        ]
        for stage in ("screen/", "sensors/", "blend/")
    )
    if not screen:
        raise BundleError(f"{folder} holds no models")
    config = load_config(folder / "config.yaml")
    numbers = thresholds, open_threshold, contact_distance
    return Bundle(folder, config, screen, sensors, blend, *numbers, manifest)


def training_record_path(model: Path) -> Path:
    """Where what a model file was trained on is recorded."""
    return model.with_suffix(".trained_on.json")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
