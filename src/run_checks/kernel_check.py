"""The notebook as Kaggle runs it: inputs are read-only, there is no source tree and no network."""

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

from player_contact.competition.season import read_season
from player_contact.inference.time_budget import duration_text
from player_contact.kaggle.kernel import COMPETITION, Upload, code_of
from player_contact.utils.errors import InputError, PlayerContactError
from player_contact.utils.files import read_json
from run_checks.damages import IDS, TABLES
from run_checks.submission import check_submission

HIDDEN_PLAYS, HOURS = 61, 9  # of the competition's rerun
# Namespaces with no network device but a loopback that is down, and the inputs mounted read-only.
ISOLATED = (
    *("unshare", "--map-root-user", "--mount", "--net", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
)
PREDICTION_STARTS = " rows to predict"  # end of a log line
TIMINGS = "a play took "  # start of a log line
UNSET = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # settings of this machine


class KernelCheckError(PlayerContactError):
    """The notebook failed."""


@dataclass(frozen=True)
class KernelCheck:
    """What a check showed.

    start     seconds of all `seconds` before prediction starts
    isolated  whether the system allows to take network and write access away
    """

    plays: int
    filmed: int
    rows: int
    contacts: int
    start: float
    seconds: float
    megabytes: float
    isolated: bool
    lines: list[str]


def check_kernel(upload: Upload, season: Path, folder: Path | None = None) -> KernelCheck:
    """Runs the upload's notebook on a season's test plays, some of them without complete videos.

    In `folder`, or a temporary one. Raises KernelCheckError with the notebook's last lines where it
    fails, and SubmissionError where Kaggle would refuse its submission.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as name:
            return check_kernel(upload, season, Path(name).resolve())
    dataset = read_json(upload.dataset / "dataset-metadata.json")["id"].split("/")[1]
    inputs, working = folder / "input", folder / "working"
    working.mkdir(parents=True)
    metadata = shutil.ignore_patterns("dataset-metadata.json")
    shutil.copytree(upload.dataset, inputs / dataset, ignore=metadata)
    write_hidden_plays(season, inputs / COMPETITION)
    python, script = make_image(folder / "image"), folder / "notebook.py"
    script.write_text("\n\n".join(code_of(next(upload.kernel.glob("*.ipynb")))), encoding="utf-8")
    command = [str(python), str(script)]
    if isolated := can_isolate(inputs):
        command = [*ISOLATED, str(inputs), *command]
    else:
        for path in inputs.rglob("*"):
            path.chmod(path.stat().st_mode & ~0o222)
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= {"KAGGLE_ROOT": str(folder), "PYTHONUNBUFFERED": "1"}
    code, timed_lines, seconds = run_timed(command, working, environment)
    lines = [line for _, line in timed_lines]
    if code:
        raise KernelCheckError(
            "The notebook failed. Its last lines:\n  " + "\n  ".join(lines[-12:])
        )
    test = read_season(inputs / COMPETITION, "test")
    submission = check_submission(working / "submission.csv", inputs / COMPETITION / IDS)
    return KernelCheck(
        plays=len(test.game_plays),
        filmed=len({video.name[:12] for video in test.video_folder.glob("*.mp4")}),
        rows=len(submission),
        contacts=int(submission["contact"].sum()),
        start=next((at for at, line in timed_lines if line.endswith(PREDICTION_STARTS)), 0.0),
        seconds=seconds,
        megabytes=upload.megabytes,
        isolated=isolated,
        lines=lines,
    )


def run_timed(
    command: list[str], folder: Path, environment: dict[str, str]
) -> tuple[int, list[tuple[float, str]], float]:
    """Exit status, output lines, each with the seconds since the start, and all seconds."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        output = filter(str.strip, process.stdout)
        lines = [(time.monotonic() - started, line.rstrip()) for line in output]
    return process.returncode, lines, time.monotonic() - started


def write_hidden_plays(season: Path, target: Path) -> None:
    """The test tables and videos; of every three plays one lacks videos, one has a broken one."""
    (target / "test").mkdir(parents=True)
    for table in TABLES:
        shutil.copyfile(season / table, target / table)
    test = read_season(season, "test")
    for number, play in enumerate(test.game_plays):
        for video in sorted(test.video_folder.glob(f"{play}_*.mp4")) if number % 3 != 2 else ():
            shutil.copyfile(video, target / "test" / video.name)
            if number % 3 == 1 and video.stem.endswith("Sideline"):
                os.truncate(target / "test" / video.name, video.stat().st_size * 2 // 3)


def make_image(folder: Path) -> Path:
    """The interpreter of a new environment with the packages of this one, but not the project.

    Raises KernelCheckError.
    """
    venv, packages = folder / "venv", folder / "packages"
    command = [sys.executable, "-m", "venv", str(venv)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1]
        raise KernelCheckError(f"No environment could be made in {folder}: {reason}")
    packages.mkdir()
    ours = "player_contact|run_checks|season_simulator|__editable__"
    left_out = re.compile(rf"{ours}|pip\b|_virtualenv|__pycache__|.*\.pth$")
    for source in {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}:
        for path in source.iterdir():
            if not left_out.match(path.name):
                (packages / path.name).symlink_to(path)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "image.pth").write_text(f"{packages}\n")
    python = venv / "bin" / "python"
    command = [str(python), "-c", "import player_contact"]
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    if not done.returncode:
        raise KernelCheckError(
            "The project can be imported before its wheel is installed: the check would prove "
            "nothing"
        )
    return python


def can_isolate(inputs: Path) -> bool:
    """Whether the system lets a child process have no network and a read-only input."""
    probe = (
        "import os, socket, sys; sys.exit([name for _, name in socket.if_nameindex()] != ['lo'] "
        f"or os.access({str(inputs)!r}, os.W_OK))"
    )
    command = [*ISOLATED, str(inputs), sys.executable, "-c", probe]
    try:
        return not subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        return False


def kernel_check_text(check: KernelCheck) -> str:
    """A line per subject. Raises InputError where no play has a video."""
    if not check.filmed:
        raise InputError("A check of the kernel needs plays with videos")
    play = (check.seconds - check.start) / check.filmed
    total = check.start + HIDDEN_PLAYS * play
    fits = total < HOURS * 3600
    late = "" if fits else ": TOO LONG, the budget will leave plays without vision"
    network = (
        "cut off, inputs mounted read-only"
        if check.isolated
        else "NOT cut off: this system allows no namespaces (unshare)"
    )
    timings = [line.partition("; ")[0] for line in check.lines if line.startswith(TIMINGS)]
    lines = [
        f"submission.csv: {check.rows} rows of {check.plays} plays as asked for, "
        f"{check.contacts} contacts",
        f"network        {network}",
        f"upload         {check.megabytes:.1f} MB",
        f"time           {check.start:.0f} s of installation and reading, then {play:.1f} s for "
        f"each of {check.filmed} plays with a video",
        *(f"of which       {timing}" for timing in timings),
        f"{HIDDEN_PLAYS} such plays  about {duration_text(total)} of {HOURS} h on this machine"
        f"{late}",
    ]
    return "\n".join(lines)
