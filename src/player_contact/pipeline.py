"""The stages in order. A stage runs only where its data, its settings, its code or a stage before it has changed."""

import difflib
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import player_contact
from player_contact import parallel
from player_contact.competition.season import fingerprint, read_season, video_fingerprint
from player_contact.config import Config, save_config
from player_contact.errors import ConfigError
from player_contact.features.table import feature_names
from player_contact.files import move, read_json, remove, write_json
from player_contact.measuring import measuring
from player_contact.stages import blend, crops, report, result, screen, vision
from player_contact.stages.run import Run

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.5  # at the memory of a stage

BASE = ("competition", "play.py", "odds.py", "files.py", "stored.py", "stages/run.py")  # code that every stage uses
SCREEN = ("stages/screen.py", "features", "helmets.py", "evaluation/folds.py", "boosting/booster.py", "boosting/out_of_fold.py", "stages/evidence.py")


@dataclass(frozen=True)
class Stage:
    """One step of a run: what it writes into the run's folder, and all that it depends on."""

    name: str
    run: Callable[[Run, Path], None]
    outputs: tuple[str, ...]
    after: tuple[str, ...] = ()
    settings: Callable[[Config], Any] = lambda config: None
    code: tuple[str, ...] = ()
    data: tuple[str, ...] = ()  # what of the input it reads first


def _training(config: Config) -> dict[str, Any]:
    return {"seed": config.seed, "threads": config.threads}


def _weights(config: Config) -> list[str | None]:
    """The hashes of the files that encoders start from, if they are files: other weights under the same name train again."""
    paths = [Path(vision.weights) for vision in config.vision.ensemble]
    return [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else None for path in paths]


STAGES = (
    Stage("folds", screen.folds_stage, ("folds.csv",), (), lambda c: [c.seed, c.folds], SCREEN[:1] + SCREEN[3:4], ("train tables",)),
    Stage(
        "features",
        screen.features_stage,
        ("features",),
        ("folds",),
        lambda c: [c.screen.max_distance, c.boxes.model_dump(), c.faults],
        (*SCREEN[:3], "stages/faults.py", "video/registration.py", "video/completion.py"),
    ),
    Stage("screen", screen.screen_stage, ("screen",), ("features",), lambda c: [_training(c), c.screen.model_dump()], SCREEN),
    Stage(
        "crops",
        crops.crops_stage,
        ("crops",),
        ("screen",),
        lambda c: [c.crops.model_dump(), c.boxes.model_dump(), c.faults],
        ("video", "helmets.py", "stages/faults.py", "stages/crops.py"),
        ("train videos",),
    ),
    Stage(
        "vision",
        vision.vision_stage,
        ("vision",),
        ("crops",),
        lambda c: [_training(c), [one.model_dump(exclude={"loaders", "members"}) for one in c.vision.ensemble], _weights(c)],
        ("vision", "video", "stages/vision.py", "stages/evidence.py"),
    ),
    Stage(
        "blend",
        blend.blend_stage,
        ("blend",),
        ("vision",),
        lambda c: [_training(c), c.blend.model_dump()],
        ("boosting", "stages/blend.py", "stages/evidence.py"),
    ),
    Stage(
        "ladder",
        result.ladder_stage,
        ("oof.parquet", "ladder.json"),
        ("blend",),
        lambda c: c.seed,
        ("evaluation/ladder.py", "evaluation/numbers.py", "stages/result.py"),
    ),
    Stage("bundle", result.bundle_stage, ("bundle",), ("ladder",), lambda c: c.model_dump(exclude={"report"}), ("bundle.py",)),
    Stage(
        "submission",
        result.submission_stage,
        ("submission.csv", "submission.json"),
        ("bundle",),
        code=("predict.py", "cascade.py", "pace.py"),
        data=("test tables", "test videos"),
    ),
    Stage(
        "report",
        report.report_stage,
        ("report",),
        ("submission",),
        lambda c: c.report.model_dump(),
        ("evaluation", "stages/report.py"),
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)


def run_pipeline(run: Run, until: str = STAGE_NAMES[-1]) -> list[str]:
    """Runs the stages up to `until` that are not up to date; returns their names.

    An interrupted stage leaves its outputs of before untouched. The next run takes up the plays whose crops, and the epochs of vision models, that
    were finished; other stages take minutes and start again.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    done_path = run.folder / "stages.json"
    done: dict[str, Any] = read_json(done_path) if done_path.is_file() else {}
    prints: dict[str, str] = {}
    ran: list[str] = []
    inputs = {f"{split} tables": fingerprint(run.input, split) for split in ("train", "test")}
    inputs |= {f"{split} videos": video_fingerprint(run.input, split) for split in ("train", "test")}
    names = STAGE_NAMES[: STAGE_NAMES.index(until) + 1]
    for stage in STAGES[: len(names)]:
        prints[stage.name] = _fingerprint(stage, run.config, [prints[name] for name in stage.after], [inputs[name] for name in stage.data])
        if done.get(stage.name, {}).get("fingerprint") == prints[stage.name] and all((run.folder / name).exists() for name in stage.outputs):
            continue
        if not ran:
            parallel.end_workers()  # that simulated the season
            save_config(run.config, run.folder / "config.yaml")
            _check_early(run, names)
        log.info("== %s", stage.name)
        work = run.folder / f".{stage.name}-{prints[stage.name][:12]}.partial"
        for stale in run.folder.glob(f".{stage.name}-*.partial"):
            if stale != work:
                remove(stale)
        work.mkdir(exist_ok=True)
        with _listening(work / "said.json") as said, measuring(SECONDS_BETWEEN_LOOKS) as cost:
            stage.run(run, work)
        done.pop(stage.name, None)
        write_json(done, done_path)
        for name in stage.outputs:
            move(work / name, run.folder / name)
        remove(work)
        done[stage.name] = {"fingerprint": prints[stage.name], "seconds": round(cost.seconds, 1), "peak_mb": round(cost.peak_mb), "said": said}
        write_json(done, done_path)
        ran.append(stage.name)
    if "bundle" in names:  # the run is whole: its settings are these, whatever others were broken off meanwhile
        save_config(run.config, run.folder / "config.yaml")
    return ran


class _Ear(logging.Handler):
    def __init__(self, kept: Path) -> None:
        super().__init__(logging.INFO)
        self.kept = kept
        self.said: list[str] = read_json(kept) if kept.is_file() else []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name != parallel.__name__ and not getattr(record, "live", False) and message not in self.said:  # not how far it is, or each epoch
            self.said.append(message)
            write_json(self.said, self.kept)


@contextmanager
def _listening(kept: Path) -> Iterator[list[str]]:
    """Gives a list of what the package logs meanwhile: what was repaired, what is missing, counts. It is kept with the run for its report. What was
    said before the stage was killed lies in the file `kept`, and is added to: a stage that goes on does not say again what it finished."""
    ear, package = _Ear(kept), logging.getLogger(player_contact.__name__)
    level = package.level
    package.setLevel(logging.INFO)
    package.addHandler(ear)
    try:
        yield ear.said
    finally:
        package.removeHandler(ear)
        package.setLevel(level)


def _check_early(run: Run, names: tuple[str, ...]) -> None:
    """Says now what would otherwise stop the run after hours: faults of the test tables, features and encoders that do not exist."""
    if "submission" in names:
        read_season(run.input, "test")
    if "vision" in names:
        check_vision(run.config)
        if isinstance(run.workers, int):
            from player_contact.vision.device import check_devices

            check_devices(max(member.devices for member in run.config.vision.ensemble))


def check_vision(config: Config) -> None:
    """Raises ConfigError where a vision model names an encoder, weights or features that do not exist or do not fit; builds the encoders for that."""
    from player_contact.vision.encoders import check_encoder
    from player_contact.vision.model import input_channels

    known = (*feature_names(), "screen")
    for member in config.vision.ensemble:
        check_encoder(member, input_channels(member, len(config.crops.frames)))
        for name in member.tabular:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ConfigError(f"'vision.tabular' names {name!r}, which is no feature." + (f" Did you mean {near[0]!r}?" if near else ""))


def vision_fingerprint(run: Run, config: Config) -> str:
    """What decides the vision models that a config would train on a run's crops: settings, weights, crops and code."""
    stage = STAGES[STAGE_NAMES.index("vision")]
    return _fingerprint(stage, config, [read_json(run.folder / "stages.json")[name]["fingerprint"] for name in stage.after], [])


def _fingerprint(stage: Stage, config: Config, before: list[str], data: list[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([stage.name, stage.settings(config), before, data], sort_keys=True).encode())
    package = Path(player_contact.__file__).parent
    for name in (*BASE, *stage.code):
        path = package / name
        for file in sorted(one for one in path.rglob("*") if one.suffix in (".py", ".html", ".js")) if path.is_dir() else [path]:
            digest.update(file.relative_to(package).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
