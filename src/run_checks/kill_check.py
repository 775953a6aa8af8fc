"""`make kill-check`: a tiny run is killed again and again, and ends with the bytes of an
undisturbed run.

Every kill falls into a random stage, the simulation of the season included, at a random time. It
hits all processes or the main one alone, as the system does where memory runs out. Takes minutes.
"""

import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from player_contact.utils.errors import PlayerContactError

CONFIG = Path("configs/tiny.yaml")
COMPARED = ("oof.parquet", "submission.csv", "scores.json", "bundle/manifest.json")
BEGINS = "begins: "
PROGRAM = f"""
import sys
from player_contact.__main__ import main
from player_contact.pipeline import runner
from season_simulator import season_cache

def announce(module, function, name):
    original = getattr(module, function)

    def announced(*args):
        print("{BEGINS}" + name(*args), file=sys.stderr, flush=True)
        return original(*args)

    setattr(module, function, announced)

announce(runner, "_run_stage", lambda stage, *_: stage.name)
announce(season_cache, "write_season", lambda *_: "season")
main()
"""  # player_contact, which says when a stage begins
TEMPORARY = (".partial", ".old", ".unfinished")


class KillCheckError(PlayerContactError):
    """A killed run did not end as an undisturbed one."""


class RunProcess:
    """One call of `player_contact run` in a folder, and when its stages began."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        options = ("--config", str(CONFIG.resolve()), "--workers", "2")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.started: queue.Queue[str | None] = queue.Queue()
        self.start_times: dict[str, float] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if line.startswith(BEGINS):
                stage = line.removeprefix(BEGINS).strip()
                self.start_times[stage] = time.monotonic()
                self.started.put(stage)
        self.started.put(None)

    def wait_for(self, stage: str) -> bool:
        """Whether the stage starts before the process ends."""
        return stage in iter(self.started.get, None)

    def kill(self, main_only: bool, number: int) -> None:
        """Sends the signal to the main process alone, or to all of its group."""
        (os.kill if main_only else os.killpg)(self.process.pid, number)
        self.process.wait()

    def finish(self) -> None:
        """Waits for the process, which must succeed."""
        if self.process.wait():
            raise self.fault(f"the run ended with {self.process.returncode}")

    def fault(self, text: str) -> KillCheckError:
        """An error with the last lines of the run."""
        return KillCheckError("\n  ".join([f"{text}:", *self.lines[-15:]]))


def outputs(folder: Path) -> dict[str, bytes]:
    """The bytes of the COMPARED files."""
    run = folder / "outputs" / CONFIG.stem
    return {name: (run / name).read_bytes() for name in COMPARED}


def compare(folder: Path, expected: dict[str, bytes]) -> None:
    """Raises KillCheckError where bytes differ or temporary files are left."""
    different = [name for name, content in outputs(folder).items() if content != expected[name]]
    paths = (folder / "outputs").rglob("*")
    left = [path.name for path in paths if path.name.endswith(TEMPORARY)]
    if different or left:
        raise KillCheckError(
            f"other bytes in {', '.join(different) or 'no file'}; left behind: "
            f"{', '.join(left) or 'nothing'}"
        )


def stage_seconds(process: RunProcess) -> dict[str, float]:
    """Stage -> how long it took, of a process that has just finished."""
    starts = list(process.start_times.values())
    ends = [*starts[1:], time.monotonic()]
    pairs = zip(process.start_times, starts, ends, strict=True)
    return {stage: end - start for stage, start, end in pairs}


def check_kills(kills: int, seed: int, interrupt: bool) -> None:
    """Compares a run that is killed so often with one that is not; prints what it does.

    `interrupt`: by Ctrl-C. Raises KillCheckError: other bytes, leftovers, an error, a traceback.
    """
    with tempfile.TemporaryDirectory() as name:
        undisturbed, killed = Path(name) / "undisturbed", Path(name) / "killed"
        process = RunProcess(undisturbed)
        process.finish()
        seconds, expected = stage_seconds(process), outputs(undisturbed)
        times = ", ".join(f"{stage} {length:.1f} s" for stage, length in seconds.items())
        print(f"undisturbed: {times}", flush=True)
        number = signal.SIGINT if interrupt else signal.SIGKILL
        draw, completed, last = random.Random(seed), 1, None  # noqa: S311
        while kills:
            stage = draw.choice(_next_stages(list(seconds), last, killed))
            delay, main_only = draw.uniform(0, seconds[stage]), draw.random() < 0.5
            if _kill_in(stage, delay, killed, main_only and not interrupt, number):
                kills, last = kills - 1, stage
                continue
            compare(killed, expected)
            completed, last = completed + 1, None
            print("completed; the same bytes", flush=True)
            shutil.rmtree(killed / "outputs" / CONFIG.stem)
        RunProcess(killed).finish()
        compare(killed, expected)
    print(
        f"{completed} runs completed: {', '.join(COMPARED)} have the bytes of the undisturbed run, "
        "no temporary file is left"
    )


def _next_stages(stages: list[str], last: str | None, folder: Path) -> list[str]:
    """The last kill's stage and later ones, so that the run gets on; a season is made once."""
    if any((folder / "outputs" / "seasons").glob("[!.]*/train_labels.csv")):
        stages.remove("season")
    return stages[stages.index(last) if last in stages else 0 :]


def _kill_in(stage: str, delay: float, folder: Path, main_only: bool, number: int) -> bool:
    """Kills a run so many seconds into a stage; False: it has ended before, and well."""
    process = RunProcess(folder)
    if process.wait_for(stage):
        try:
            process.process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill(main_only, number)
            traceback = any(line.startswith("Traceback") for line in process.lines)
            if number == signal.SIGINT and traceback:
                raise process.fault("a traceback after Ctrl-C") from None
            where = ", main process alone" if main_only else ""
            print(f"killed {delay:.1f} s into {stage}{where}", flush=True)
            return True
    process.finish()
    return False
