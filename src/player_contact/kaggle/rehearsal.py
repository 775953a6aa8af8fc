"""The notebook run as Kaggle would run it: inputs that can't be written to, an environment without the source tree, no network, plays nobody saw."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from player_contact.competition.season import Season, read_season
from player_contact.errors import InputError, PlayerContactError
from player_contact.files import read_json
from player_contact.kaggle.kernel import COMPETITION, Upload, code_of
from player_contact.pace import span_text

HIDDEN_PLAYS, HOURS = 61, 9  # of the competition's rerun
TABLES = ("sample_submission.csv", "test_player_tracking.csv", "test_baseline_helmets.csv", "test_video_metadata.csv")
# Own namespaces: no network device but a loopback that is down, and the input mounted without write permission, as it is for root too.
CUT_OFF = ("unshare", "--map-root-user", "--mount", "--net", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"')
BEGUN = " rows to predict"  # ends the line with which prediction begins,
PARTS = "a play took "  # begins the one that tells where the time went
# What a machine's own settings must not bring into the rehearsal.
DROPPED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class RehearsalError(PlayerContactError):
    """The notebook failed its rehearsal."""


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal showed. `started` of the `seconds` went by before the plays were begun; `cut_off` says whether the system let network and
    writing be taken away for real."""

    plays: int
    filmed: int
    rows: int
    contacts: int
    started: float
    seconds: float
    megabytes: float
    cut_off: bool
    said: list[str]


def rehearse(upload: Upload, season: Path, folder: Path) -> Rehearsal:
    """Runs the upload's notebook below `folder` on the test plays of a season, some of them without whole videos.

    Raises RehearsalError with the notebook's last words where it fails, and where its submission is not what Kaggle would take.
    """
    name = read_json(upload.dataset / "dataset-metadata.json")["id"].split("/")[1]
    inputs, working = folder / "input", folder / "working"
    working.mkdir(parents=True)
    shutil.copytree(upload.dataset, inputs / name, ignore=shutil.ignore_patterns("dataset-metadata.json"))
    hide_plays(season, inputs / COMPETITION)
    image = make_image(folder / "image")
    cut_off = can_cut_off(inputs)
    if not cut_off:
        for path in inputs.rglob("*"):
            path.chmod(path.stat().st_mode & ~0o222)
    script = folder / "notebook.py"
    script.write_text("\n\n".join(code_of(next(upload.kernel.glob("*.ipynb")))))
    words = [*(CUT_OFF if cut_off else ()), *([str(inputs)] if cut_off else ()), str(image), str(script)]
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    environment |= {"KAGGLE_ROOT": str(folder), "PYTHONUNBUFFERED": "1"}  # what it says comes in order
    code, lines, seconds = run_timed(words, working, environment)
    said = [line for _, line in lines]
    if code:
        raise RehearsalError("The notebook failed. Its last words:\n  " + "\n  ".join(said[-12:]))
    hidden = read_season(inputs / COMPETITION, "test")
    submission = check_submission(working / "submission.csv", inputs / COMPETITION / "sample_submission.csv")
    return Rehearsal(
        plays=len(hidden.game_plays),
        filmed=len({video.name[:12] for video in hidden.video_folder.glob("*.mp4")}),
        rows=len(submission),
        contacts=int(submission["contact"].sum()),
        started=next((at for at, line in lines if line.endswith(BEGUN)), 0.0),
        seconds=seconds,
        megabytes=upload.megabytes,
        cut_off=cut_off,
        said=said,
    )


def run_timed(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, list[tuple[float, str]], float]:
    """The exit status of a command, the lines that it said, each with the seconds that had gone by, and the seconds of all of it."""
    begun = time.monotonic()
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        lines = [(time.monotonic() - begun, line.rstrip()) for line in process.stdout if line.strip()]
    return process.returncode, lines, time.monotonic() - begun


def hide_plays(season: Path, target: Path) -> None:
    """The hidden rerun: the test tables and videos of a season; of every three plays one lacks its videos, one has a broken one."""
    target.mkdir(parents=True)
    for table in TABLES:
        shutil.copyfile(season / table, target / table)
    (target / "test").mkdir()
    plays: Season = read_season(season, "test")
    for number, play in enumerate(plays.game_plays):
        for video in sorted(plays.video_folder.glob(f"{play}_*.mp4")):
            if number % 3 == 2:
                continue
            shutil.copyfile(video, target / "test" / video.name)
            if number % 3 == 1 and video.stem.endswith("Sideline"):
                os.truncate(target / "test" / video.name, video.stat().st_size * 2 // 3)


def make_image(folder: Path) -> Path:
    """A Python whose packages are those of this one without the project: what Kaggle's image is to the notebook. Returns its program."""
    done = subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RehearsalError(f"No environment could be made in {folder}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    packages = folder / "packages"
    packages.mkdir()
    for source in {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}:
        for path in source.iterdir():
            if not re.match(r"player_contact|__editable__|pip\b|_virtualenv|__pycache__", path.name) and path.suffix != ".pth":
                (packages / path.name).symlink_to(path)
    site = next((folder / "venv").glob("lib/python*/site-packages"))
    (site / "image.pth").write_text(f"{packages}\n")
    program = folder / "venv" / "bin" / "python"
    found = subprocess.run([program, "-c", "import player_contact"], capture_output=True, check=False, cwd=folder, env={"PATH": os.environ["PATH"]})
    if not found.returncode:
        raise RehearsalError("The project can be imported before its wheel is installed: the rehearsal would prove nothing")
    return program


def can_cut_off(inputs: Path) -> bool:
    """Whether the system lets a process of ours have no network and an input that it can't write to."""
    probe = f"import socket, sys; sys.exit([name for _, name in socket.if_nameindex()] != ['lo'] or __import__('os').access({str(inputs)!r}, 2))"
    try:
        return subprocess.run([*CUT_OFF, str(inputs), sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def check_submission(path: Path, asked: Path) -> pd.DataFrame:
    """The submission. Raises RehearsalError where Kaggle would refuse it: other ids, another order, or something else than 0 and 1."""
    if not path.is_file():
        raise RehearsalError(f"The notebook wrote no {path.name}")
    submission = pd.read_csv(path, dtype=str, keep_default_na=False)
    ids = pd.read_csv(asked, dtype=str)["contact_id"]
    if list(submission.columns) != ["contact_id", "contact"]:
        raise RehearsalError(f"{path.name} has the columns {', '.join(submission.columns)}, expected contact_id, contact")
    if len(submission) != len(ids) or (wrong := (submission["contact_id"] != ids).to_numpy()).any():
        where = f"line {int(wrong.argmax()) + 2}" if len(submission) == len(ids) else f"{len(submission)} rows"
        raise RehearsalError(f"{path.name} does not hold the ids of {asked.name} in their order: {where}, expected {len(ids)} rows")
    if odd := sorted(set(submission["contact"]) - {"0", "1"}):
        raise RehearsalError(f"{path.name} holds {odd[0]!r} where a contact is 0 or 1")
    return submission.astype({"contact": "int8"})


def rehearsal_text(seen: Rehearsal) -> str:
    """For a person."""
    if not seen.filmed:
        raise InputError("A rehearsal needs plays with videos")
    play = (seen.seconds - seen.started) / seen.filmed
    whole = seen.started + HIDDEN_PLAYS * play
    late = "" if whole < HOURS * 3600 else ": TOO LONG, the budget will leave plays without vision"
    return "\n".join(
        [
            f"submission.csv: {seen.rows} rows of {seen.plays} plays as asked for, {seen.contacts} contacts",
            "network        " + ("cut off, inputs mounted read-only" if seen.cut_off else "NOT cut off: this system allows no namespaces (unshare)"),
            f"upload         {seen.megabytes:.1f} MB",
            f"time           {seen.started:.0f} s of installation and reading, then {play:.1f} s for each of {seen.filmed} plays with a video",
            *(f"of which       {line.partition('; ')[0]}" for line in seen.said if line.startswith(PARTS)),
            f"{HIDDEN_PLAYS} such plays  about {span_text(whole)} of {HOURS} h on this machine{late}",
        ]
    )


def rehearse_run(upload: Upload, season: Path) -> Rehearsal:
    """`rehearse` in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return rehearse(upload, season, Path(folder).resolve())
