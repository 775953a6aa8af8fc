import dataclasses
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from player_contact.pipeline import runner
from player_contact.pipeline.code_hash import IGNORED
from player_contact.pipeline.run import Run
from player_contact.pipeline.stages import STAGES
from player_contact.utils.files import read_json, write_json


def _file(run: Run) -> Path:
    """Beside the run, whose folder holds nothing but its stages' outputs."""
    return run.folder.with_name(f"{run.folder.name}-calls.json")


def run_and_record_calls(run: Run) -> None:
    """Runs all stages, and writes which of the package's functions each calls in this process."""
    calls: dict[str, list[tuple[str, str]]] = {}
    stages = [dataclasses.replace(one, run=_recording(one.run, one.name, calls)) for one in STAGES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "STAGES", stages)
        runner.run_pipeline(run)
    write_json(calls, _file(run))


def recorded_calls(run: Run) -> dict[str, set[tuple[str, str]]]:
    """Stage -> (module, name of the function or of its class) that it called."""
    calls = read_json(_file(run))
    return {name: {tuple(call) for call in called} for name, called in calls.items()}


def _recording(
    run_stage: Callable[[Run, Path], str], name: str, calls: dict[str, list[tuple[str, str]]]
) -> Callable[[Run, Path], str]:
    @functools.wraps(run_stage)
    def traced(run: Run, out: Path) -> str:
        called, seen = set[tuple[str, str]](), {}

        def trace(frame, *_):
            if id(frame.f_code) in seen or _keeps_messages(frame):
                return
            seen[id(frame.f_code)] = frame.f_code  # kept, or another one might get its number
            module = frame.f_globals.get("__name__", "")
            if module.startswith("player_contact.") and module not in IGNORED:
                called.add((module, frame.f_code.co_qualname.split(".")[0]))

        before = sys.gettrace()
        sys.settrace(trace)  # calls alone: a profile would be called for returns and built-ins too
        try:
            return run_stage(run, out)
        finally:
            sys.settrace(before)
            calls[name] = sorted(called)

    return traced


def _keeps_messages(frame: FrameType | None) -> bool:
    """Whether the frame is of the pipeline's own work, for what a stage logs."""
    while frame is not None and frame.f_code is not runner._run_stage.__code__:
        if frame.f_code.co_qualname.startswith("_run_stage."):
            return True
        frame = frame.f_back
    return False
