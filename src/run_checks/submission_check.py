"""A whole submission is there whatever is killed, broken or short: the notebook's work, disturbed.

Its main process or one of those that it started is killed at random moments after the first file;
a video is emptied; and with half of the memory that it takes, the largest process is killed each
time, as the system does where memory runs out.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from player_contact.utils.errors import PlayerContactError
from run_checks.submission import check_submission

PROGRAM = "player_contact.kaggle.submit"
BUDGET = "1h"
SAMPLE_SECONDS = 0.1
FALLBACK_WORDS = ("failed", "decided by", "lacked vision", "memory ran out", "scored without")
SHOWN_LINES = 2  # of a log, on what fell back


class SubmissionCheckError(PlayerContactError):
    """A disturbed prediction left no whole submission."""


@dataclass
class Prediction:
    """One call of PROGRAM in a folder of its own.

    first    s until the first file
    seconds  until it ended
    memory   bytes of all processes together, at the most
    """

    folder: Path
    first: float = 0.0
    seconds: float = 0.0
    memory: int = 0
    code: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def output(self) -> Path:
        """The submission."""
        return self.folder / "submission.csv"


def check_submissions(bundle: Path, season: Path, kills: int, seed: int) -> Iterator[str]:
    """Yields what was done and what fell back; raises SubmissionCheckError or SubmissionError."""
    draw = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = partial(_predict, bundle, season)
        calm = run(folder / "calm")
        rows = _whole(calm, season, must_end=True)
        yield (
            f"undisturbed: {rows} rows, the first file after {calm.first:.1f} s, all after "
            f"{calm.seconds:.1f} s"
        )
        for number in range(kills):
            main, delay = draw.random() < 0.5, draw.uniform(0, calm.seconds - calm.first)
            disturb = partial(_kill, main=main, delay=delay, draw=draw)
            killed = run(folder / f"kill{number}", disturb)
            _whole(killed, season, must_end=not main)
            victim = "the main process" if main else "another process"
            yield _report(killed, f"killed {victim} {delay:.1f} s after the first file")
        broken = folder / "season"
        shutil.copytree(season, broken)
        video = sorted((broken / "test").glob("*.mp4"))[0]
        video.write_bytes(b"")
        emptied = _predict(bundle, broken, folder / "emptied")
        _whole(emptied, season, must_end=True)
        yield _report(emptied, f"{video.name} emptied")
        short = run(folder / "short", limit=calm.memory // 2)
        _whole(short, season, must_end=True)
        yield _report(short, f"{calm.memory / 2e6:.0f} MB of memory, half")


def _predict(
    bundle: Path,
    season: Path,
    folder: Path,
    disturb: Callable[[subprocess.Popen], None] | None = None,
    limit: int = 0,
) -> Prediction:
    """Predicts a season's test plays; `disturb` gets the process once the first file is there."""
    folder.mkdir()
    prediction, started = Prediction(folder), time.monotonic()
    command = [sys.executable, "-m", PROGRAM, "--budget", BUDGET]
    command += ["--bundle", str(bundle), "--input", str(season), "--output", str(prediction.output)]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    while process.poll() is None:
        if not prediction.first and prediction.output.is_file():
            prediction.first = time.monotonic() - started
            if disturb:
                disturb(process)
                process.wait()
                break
        memory = {one: _memory(one) for one in (process.pid, *_children(process.pid))}
        total = sum(memory.values())
        prediction.memory = max(prediction.memory, total)
        del memory[process.pid]  # it waits for the others
        if limit and total > limit and prediction.first and memory:
            with contextlib.suppress(ProcessLookupError):
                os.kill(max(memory, key=lambda one: memory[one]), signal.SIGKILL)
        time.sleep(SAMPLE_SECONDS)
    prediction.code, prediction.seconds = process.wait(), time.monotonic() - started
    with contextlib.suppress(ProcessLookupError):  # what the main process left behind
        os.killpg(process.pid, signal.SIGKILL)
    prediction.lines = (folder / "log").read_text(encoding="utf-8").splitlines()
    return prediction


def _kill(process: subprocess.Popen, main: bool, delay: float, draw: random.Random) -> None:
    """After so many seconds; of the others one at random, as soon as there is one."""
    until = time.monotonic() + delay
    while process.poll() is None and time.monotonic() < until:
        time.sleep(SAMPLE_SECONDS / 10)
    while process.poll() is None:
        if victims := [process.pid] if main else _children(process.pid):
            os.kill(draw.choice(victims), signal.SIGKILL)
            return
        time.sleep(SAMPLE_SECONDS / 10)


def _children(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:  # it has ended
        return []


def _memory(pid: int) -> int:
    """Bytes; 0 of a process that has ended."""
    import psutil

    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def _whole(prediction: Prediction, season: Path, must_end: bool) -> int:
    """How many rows the submission has. Raises where it is not whole."""
    if must_end and prediction.code:
        last = "\n  ".join(prediction.lines[-8:])
        raise SubmissionCheckError(f"the notebook ended with {prediction.code}:\n  {last}")
    return len(check_submission(prediction.output, season / "sample_submission.csv"))


def _report(prediction: Prediction, what: str) -> str:
    """What was done, how it ended, and the log's first lines on what fell back."""
    lines = [line for line in prediction.lines if not line.startswith(" ")]  # not the summary
    told = [line for line in lines if any(word in line for word in FALLBACK_WORDS)]
    ended = "ended well" if not prediction.code else f"ended with {prediction.code}"
    return "\n    ".join([f"{what}: whole; {ended}", *told[:SHOWN_LINES]])
