"""Runs the stages whose data, settings or code, or a stage before them, have changed."""

import difflib
import logging
from pathlib import Path
from typing import Any

from player_contact.competition.season import fingerprint, read_season, video_fingerprint
from player_contact.config import Config, save_config
from player_contact.features.table import feature_names
from player_contact.pipeline.run import Run
from player_contact.pipeline.stages import STAGE_NAMES, STAGES, Stage
from player_contact.utils import parallel, progress
from player_contact.utils.errors import ConfigError
from player_contact.utils.files import (
    check_writable,
    ensure_temporary_folder,
    move,
    read_json,
    remove,
    write_json,
)
from player_contact.utils.log_capture import captured
from player_contact.utils.progress import stage_line
from player_contact.utils.resources import track_resources

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 0.5  # between looks at the memory of a stage


def run_pipeline(run: Run, until: str = STAGE_NAMES[-1]) -> list[str]:
    """Runs the stages up to `until` that are not up to date; returns their names.

    An interrupted stage leaves its outputs of before untouched. The next run takes up the plays
    whose crops, and the epochs of vision models, that were finished; other stages start again.
    """
    done_path, ran = run.folder / "stages.json", list[str]()
    done, prints = _done_stages(run), _fingerprints(run, until)
    names = tuple(prints)
    for stage in STAGES[: len(names)]:
        if _is_done(run, stage, prints, done):
            continue
        if not ran:
            parallel.end_workers()  # that simulated the season
            check_writable(done_path)
            ensure_temporary_folder(done_path)
            run.folder.mkdir(parents=True, exist_ok=True)
            save_config(run.config, run.folder / "config.yaml")
            _check_early(run, names)
        done.pop(stage.name, None)
        result = _run_stage(stage, run, prints[stage.name], done)
        done[stage.name] = {"fingerprint": prints[stage.name], **result}
        write_json(done, done_path)
        log.info("%s", stage_line(stage.name, result["seconds"], result["messages"][0]))
        ran.append(stage.name)
    if "bundle" in names:  # whole: these are its settings, whatever others were broken off
        save_config(run.config, run.folder / "config.yaml")
    return ran


def stale_stages(run: Run, until: str = STAGE_NAMES[-1]) -> list[str]:
    """The stages up to `until` that are not up to date: what `run_pipeline` would run."""
    done, prints = _done_stages(run), _fingerprints(run, until)
    return [s.name for s in STAGES[: len(prints)] if not _is_done(run, s, prints, done)]


def _fingerprints(run: Run, until: str) -> dict[str, str]:
    """Of each stage up to `until`."""
    inputs = {f"{split} tables": fingerprint(run.input, split) for split in ("train", "test")}
    for split in ("train", "test"):
        inputs[f"{split} videos"] = video_fingerprint(run.input, split)
    prints: dict[str, str] = {}
    for stage in STAGES[: STAGE_NAMES.index(until) + 1]:
        after, data = [prints[name] for name in stage.after], [inputs[name] for name in stage.data]
        prints[stage.name] = stage.fingerprint(run.config, after, data)
    return prints


def _done_stages(run: Run) -> dict[str, Any]:
    """What stages.json says of each stage that is done, but for those of older versions."""
    path = run.folder / "stages.json"
    done: dict[str, Any] = read_json(path) if path.is_file() else {}
    return {name: entry for name, entry in done.items() if name in STAGE_NAMES}


def _is_done(run: Run, stage: Stage, prints: dict[str, str], done: dict[str, Any]) -> bool:
    is_done = done.get(stage.name, {}).get("fingerprint") == prints[stage.name]
    return is_done and all((run.folder / name).exists() for name in stage.outputs)


def _run_stage(stage: Stage, run: Run, print_: str, done: dict[str, Any]) -> dict[str, Any]:
    """Runs a stage in a folder of its own, then puts its outputs in their places.

    `done` is written in between without the stage: its outputs of before are on their way out.
    What was logged before the stage was killed is kept: one that goes on does not say it again.
    """
    work = run.folder / f".{stage.name}-{print_[:12]}.partial"
    for stale in run.folder.glob(f".{stage.name}-*.partial"):
        if stale != work:
            remove(stale)
    work.mkdir(exist_ok=True)
    kept = work / "messages.json"
    messages: list[str] = read_json(kept) if kept.is_file() else []

    def keep(record: logging.LogRecord) -> None:
        message = record.getMessage()
        is_progress = record.name == progress.__name__ or getattr(record, "live", False)
        if not is_progress and message not in messages:
            messages.append(message)
            write_json(messages, kept)

    with captured(keep), track_resources(SAMPLE_SECONDS) as used:
        summary = stage.run(run, work)
    write_json(done, run.folder / "stages.json")
    for name in stage.outputs:
        move(work / name, run.folder / name)
    remove(work)
    return {
        "seconds": round(used.seconds, 1),
        "peak_mb": round(used.peak_mb),
        "messages": [summary, *messages],
    }


def _check_early(run: Run, names: tuple[str, ...]) -> None:
    """Says now what would otherwise stop the run after hours."""
    if "submission" in names:
        read_season(run.input, "test")
    boxes = run.config.boxes
    if "bundle" in names and boxes.detect != "never" and boxes.detector != "shipped":
        from player_contact.detection.detect import load_detector

        load_detector(Path(boxes.detector))
    if "vision" in names:
        check_vision(run.config)
        if isinstance(run.workers, int):
            from player_contact.vision.device import check_devices

            check_devices(max(member.devices for member in run.config.vision.ensemble))


def check_vision(config: Config) -> None:
    """Raises ConfigError where encoders, weights or features do not exist, or do not fit."""
    from player_contact.vision.encoders import check_encoder
    from player_contact.vision.model import input_channels

    known = (*feature_names(), "screen")
    for member in config.vision.ensemble:
        num_frames = len(config.crops.frame_offsets)
        check_encoder(member, input_channels(member, num_frames), num_frames)
        for name in member.tabular:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ConfigError(f"'vision.tabular' names {name!r}, which is no feature.{hint}")


def vision_fingerprint(run: Run, config: Config) -> str:
    """What decides the vision models that a config would train on a run's crops."""
    stage = STAGES[STAGE_NAMES.index("vision")]
    done = read_json(Path(run.folder) / "stages.json")
    return stage.fingerprint(config, [done[name]["fingerprint"] for name in stage.after], [])
