"""The stages in order, and what each depends on."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import player_contact
from player_contact.config import Config, detector_file
from player_contact.pipeline import (
    blend_stage,
    crops_stage,
    report_stage,
    result_stages,
    screen_stage,
    vision_stage,
)
from player_contact.pipeline.code_hash import code_hash
from player_contact.pipeline.run import Run


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    run        writes `outputs` into the folder that it is given; returns what to say of them
    after      stages that it reads the outputs of
    settings   what of the config it depends on, as plain values
    data       what of the input it is the first to read
    resources  folders of the package, beside its code, that it depends on
    """

    name: str
    run: Callable[[Run, Path], str]
    outputs: tuple[str, ...]
    after: tuple[str, ...] = ()
    settings: Callable[[Config], Any] = lambda config: None
    data: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def fingerprint(self, config: Config, after: list[str], data: list[str]) -> str:
        """Changes when the stage must run again; `after` and `data` are fingerprints too."""
        digest = hashlib.blake2b(digest_size=16)
        facts = [self.name, self.settings(config), after, data, code_hash(self.run)]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        package = Path(player_contact.__file__).parent
        for folder in self.resources:
            for path in sorted((package / folder).iterdir()):
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


def _training(config: Config) -> list[int]:
    return [config.seed, config.num_threads]


def _hash_of(path: Path | None) -> str | None:
    """Of a file's bytes, if there is one."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else None


def _bundle(config: Config) -> list[Any]:
    return [config.model_dump(exclude={"report"}), _hash_of(detector_file(config.boxes.detector))]


def _vision(config: Config) -> list[Any]:
    models = config.vision.ensemble
    files = [vision.weights_file for vision in models]  # other weights under the same name
    hashes = [_hash_of(path) for path in files]
    settings = [vision.model_dump(exclude={"num_workers", "members"}) for vision in models]
    return [_training(config), settings, hashes]


STAGES = (
    Stage(
        "folds",
        screen_stage.folds_stage,
        ("folds.csv",),
        settings=lambda c: [c.seed, c.folds],
        data=("train tables",),
    ),
    Stage(
        "features",
        screen_stage.features_stage,
        ("features",),
        ("folds",),
        settings=lambda c: [c.screen.max_distance, c.boxes.complete, c.on_fault],
    ),
    Stage(
        "screen",
        screen_stage.screen_stage,
        ("screen",),
        ("features",),
        settings=lambda c: [_training(c), c.screen.model_dump()],
    ),
    Stage(
        "crops",
        crops_stage.crops_stage,
        ("crops",),
        ("screen",),
        settings=lambda c: [
            c.crops.model_dump(),
            c.boxes.complete,
            c.on_fault,
            sorted(c.vision.families),
        ],
        data=("train videos",),
    ),
    Stage("vision", vision_stage.vision_stage, ("vision",), ("crops",), settings=_vision),
    Stage(
        "blend",
        blend_stage.blend_stage,
        ("blend",),
        ("vision",),
        settings=lambda c: [_training(c), c.blend.model_dump()],
    ),
    Stage(
        "scores",
        result_stages.scores_stage,
        ("oof.parquet", "scores.json"),
        ("blend",),
        settings=lambda c: c.seed,
    ),
    Stage(
        "bundle",
        result_stages.bundle_stage,
        ("bundle",),
        ("scores",),
        settings=_bundle,
    ),
    Stage(
        "submission",
        result_stages.submission_stage,
        ("submission.csv", "submission.json"),
        ("bundle",),
        data=("test tables", "test videos"),
    ),
    Stage(
        "report",
        report_stage.report_stage,
        ("report",),
        ("submission",),
        settings=lambda c: c.report.model_dump(),
        resources=("evaluation/templates",),
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
