"""`make kill-check`: a tiny run is killed at random moments and started again; what comes out must be what an undisturbed run gives.

Not a test of the suite, for it takes many minutes. Every kill falls into a stage drawn at random, the simulation of the season included, at a random
moment of it, and hits either the whole group of processes or the main one alone, as the system does where memory runs out.
"""

import argparse
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

from tests.conftest import ROOT, SHRUNK

SEASON = ("season.plays=4", "season.test_plays=1", "season.median_steps=24")
NAME = "tiny"
COMPARED = ("oof.parquet", "submission.csv", "ladder.json", "bundle/manifest.json")


class Process:
    """One call of `player_contact run`, and the moments at which its stages began."""

    def __init__(self, folder: Path) -> None:
        words = ["run", "--config", ROOT / "configs" / "demo.yaml", "--output", "outputs", "--name", NAME, "--workers", "2"]
        words += [word for one in (*SHRUNK, *SEASON) for word in ("--set", one)]
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "player_contact", *map(str, words)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self.began: queue.Queue[str | None] = queue.Queue()
        self.moments: dict[str, float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if line.startswith("== "):
                stage = line[3:].split(":")[0].strip()
                self.moments[stage] = time.monotonic()
                self.began.put(stage)
        self.began.put(None)

    def wait_for(self, stages: set[str]) -> str | None:
        """The first of `stages` that begins; None where the process ends before."""
        while (stage := self.began.get()) is not None:
            if stage in stages:
                return stage
        return None

    def kill(self, alone: bool, number: int) -> None:
        """Sends the signal to the main process alone, or to all of its group."""
        (os.kill if alone else os.killpg)(self.process.pid, number)
        self.process.wait()

    def finish(self) -> None:
        """Waits for a good end."""
        self.process.wait()
        if self.process.returncode:
            sys.exit(f"FAULT: the run ended with {self.process.returncode}:\n  " + "\n  ".join(self.said[-15:]))


def outputs(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "outputs" / NAME / name).read_bytes() for name in COMPARED}


def compare(folder: Path, expected: dict[str, bytes]) -> None:
    different = [name for name, content in outputs(folder).items() if content != expected[name]]
    left = [path for path in (folder / "outputs").rglob("*") if path.name.endswith((".partial", ".old", ".unfinished"))]
    if different or left:
        sys.exit(f"FAULT: other bytes in {', '.join(different) or 'no file'}; left behind: {', '.join(path.name for path in left) or 'nothing'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interrupt", action="store_true", help="Ctrl-C in place of kill -9")
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    number, word = (signal.SIGINT, "Ctrl-C") if asked.interrupt else (signal.SIGKILL, "kill")
    with tempfile.TemporaryDirectory() as name:
        calm, struck = Path(name) / "calm", Path(name) / "struck"
        started = time.monotonic()
        process = Process(calm)
        process.finish()
        moments = list(process.moments.items())
        ends = [moment for _, moment in moments[1:]] + [time.monotonic()]
        lasts = {stage: end - moment for (stage, moment), end in zip(moments, ends, strict=True)}
        expected = outputs(calm)
        print(f"undisturbed: {time.monotonic() - started:.0f} s; " + ", ".join(f"{stage} {last:.1f} s" for stage, last in lasts.items()), flush=True)
        kills = whole = 0
        last: str | None = None
        while kills < asked.kills:
            # A later stage than the last kill's, or the same one again: so that the run gets on. The season is made once.
            order = [stage for stage in lasts if stage != "season" or not list((struck / "outputs" / "seasons").glob("*steps-video-??????"))]
            stage = draw.choice(order[order.index(last) if last in order else 0 :])
            process = Process(struck)
            if process.wait_for({stage}) is None:
                process.finish()
            else:
                moment = draw.uniform(0, lasts[stage])
                alone = draw.random() < 0.5 and not asked.interrupt
                try:
                    process.process.wait(moment)
                    process.finish()
                except subprocess.TimeoutExpired:
                    process.kill(alone, number)
                    if asked.interrupt and any(line.startswith("Traceback") for line in process.said):
                        sys.exit("FAULT: a traceback after Ctrl-C:\n  " + "\n  ".join(process.said[-15:]))
                    kills, last = kills + 1, stage
                    print(f"{word} {kills}: {moment:.1f} s into {stage}{', main process alone' if alone else ''}", flush=True)
                    continue
            compare(struck, expected)
            whole, last = whole + 1, None
            print("through; the same bytes", flush=True)
            shutil.rmtree(struck / "outputs" / NAME)
        Process(struck).finish()
        compare(struck, expected)
        print(
            f"{kills} times {word}, {whole + 1} runs through: {', '.join(COMPARED)} have the bytes of the undisturbed run, nothing half done is left"
        )


if __name__ == "__main__":
    main()
