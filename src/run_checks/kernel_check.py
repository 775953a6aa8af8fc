"""The notebook as Kaggle runs it: inputs are read-only, there is no source tree and no network."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import player_contact
from player_contact.competition.season import read_season
from player_contact.inference.time_budget import duration_text
from player_contact.kaggle.kernel import Upload, code_of
from player_contact.utils.errors import InputError, PlayerContactError
from run_checks.damages import IDS
from run_checks.kaggle_image import CURRENT, image_python, make_image
from run_checks.mounts import mount_inputs, other_mounts
from run_checks.submission import check_submission

HIDDEN_PLAYS, HOURS = 61, 9  # of the competition's rerun
# Namespaces with no network device but a loopback that is down, and the inputs mounted read-only.
ISOLATED = (
    *("unshare", "--map-root-user", "--mount", "--net", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
)
PREDICTION_STARTS = " rows to predict"  # end of a log line
TIMINGS = "a play took "  # start of a log line
SHOWN = ("python", "torch", "timm", "lightgbm", "pandas", "numpy")
UNSET = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # settings of this machine


class KernelCheckError(PlayerContactError):
    """The notebook failed."""


@dataclass(frozen=True)
class KernelCheck:
    """What a check showed.

    image     versions, and what is lacking
    mounts    the ways to mount inputs in which the notebook found them
    start     seconds of all `seconds` before prediction starts
    isolated  whether the system allows to take network and write access away
    """

    image: str
    mounts: str
    plays: int
    filmed: int
    rows: int
    contacts: int
    start: float
    seconds: float
    megabytes: float
    isolated: bool
    lines: list[str]


def check_kernel(
    upload: Upload, season: Path, folder: Path | None = None, image: str = CURRENT
) -> KernelCheck:
    """Runs the upload's notebook on a season's test plays, some of them without complete videos.

    In `folder`, or a temporary one, with the packages of `image`. Raises ImageError where that
    can't be made, KernelCheckError with the notebook's last lines where it fails, and
    SubmissionError where Kaggle would refuse its submission.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as name:
            return check_kernel(upload, season, Path(name).resolve(), image)
    inputs, working = folder / "input", folder / "working"
    working.mkdir(parents=True)
    competition = mount_inputs(upload, season, folder)
    others = other_mounts(folder, folder / "others")
    python, versions = make_image(folder / "image", image_python(image))
    cells = code_of(next(upload.kernel.glob("*.ipynb")))
    prefix = [*ISOLATED, str(inputs)] if (isolated := can_isolate(inputs)) else []
    if not isolated:
        for path in inputs.rglob("*"):
            path.chmod(path.stat().st_mode & ~0o222)
    for other, root in others.items():  # the cell that looks for the inputs
        settings = {"KAGGLE_ROOT": str(root), "TMPDIR": str(root)}
        code, timed_lines, _ = run_timed([*prefix, str(python), "-c", cells[0]], root, settings)
        refuse_failure(code, timed_lines, f"Inputs mounted otherwise, {other}: the notebook failed")
    (folder / "notebook.py").write_text("\n\n".join(cells), encoding="utf-8")
    command = [*prefix, str(python), str(folder / "notebook.py")]
    code, timed_lines, seconds = run_timed(command, working, {"KAGGLE_ROOT": str(folder)})
    refuse_failure(code, timed_lines, "The notebook failed")
    test = read_season(competition, "test")
    submission = check_submission(working / "submission.csv", competition / IDS)
    return KernelCheck(
        image=image_text(versions, upload),
        mounts=", ".join(["as today", *others]),
        plays=len(test.game_plays),
        filmed=len({video.name[:12] for video in test.video_folder.glob("*.mp4")}),
        rows=len(submission),
        contacts=int(submission["contact"].sum()),
        start=next((at for at, line in timed_lines if line.endswith(PREDICTION_STARTS)), 0.0),
        seconds=seconds,
        megabytes=upload.megabytes,
        isolated=isolated,
        lines=[line for _, line in timed_lines],
    )


def refuse_failure(code: int, timed_lines: list[tuple[float, str]], failure: str) -> None:
    """Raises KernelCheckError with the last lines for another exit status than 0."""
    if code:
        lines = [line for _, line in timed_lines[-12:]]
        raise KernelCheckError(f"{failure}. Its last lines:\n  " + "\n  ".join(lines))


def image_text(versions: dict[str, str], upload: Upload) -> str:
    """The image's most important versions, and what it lacks of what the upload brings."""
    shown = ", ".join(f"{name} {versions.get(name, 'is missing')}" for name in SHOWN)
    uploaded = {path.name.split("-")[0] for path in upload.dataset.glob("wheels/*.whl")}
    others = sorted(uploaded - {player_contact.__name__})
    lacks = [name for name in others if name.replace("_", "-").lower() not in versions]
    return f"{shown}; lacks {', '.join(lacks) or 'nothing that is uploaded'}"


def run_timed(
    command: list[str], folder: Path, settings: dict[str, str]
) -> tuple[int, list[tuple[float, str]], float]:
    """Exit status, output lines, each with the seconds since the start, and all seconds."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    environment |= settings | {"PYTHONUNBUFFERED": "1"}
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
    timings = [line for line in check.lines if line.startswith(TIMINGS)]
    lines = [
        f"submission.csv: {check.rows} rows of {check.plays} plays as asked for, "
        f"{check.contacts} contacts",
        f"image          {check.image}",
        f"mounts         {check.mounts}",
        f"network        {network}",
        f"upload         {check.megabytes:.1f} MB",
        f"time           {check.start:.0f} s of installation and reading, then {play:.1f} s for "
        f"each of {check.filmed} plays with a video",
        *(f"of which       {timing}" for timing in timings),
        f"{HIDDEN_PLAYS} such plays  about {duration_text(total)} of {HOURS} h on this machine"
        f"{late}",
    ]
    return "\n".join(lines)
