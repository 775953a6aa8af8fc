"""The packages, device, data and runs of this machine, and the command to type next."""

import platform
import shutil
import textwrap
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import player_contact
from player_contact.competition.constants import VIEWS
from player_contact.pipeline.runner import STAGE_NAMES
from player_contact.utils.files import read_json
from player_contact.utils.parallel import worker_count

PACKAGE = "player-contact"
TRACKING_TABLES = ("player_tracking", "baseline_helmets", "video_metadata")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, INDENT = 100, 11  # characters


@dataclass(frozen=True)
class Finding:
    """A line of the report; `broken`: the project does not work without a change."""

    topic: str
    text: str
    broken: bool = False


def examine(data: Path, runs: Path) -> list[Finding]:
    """The whole report on the competition's files in `data` and the outputs in `runs`."""
    findings = [
        _machine(runs),
        *_packages(),
        _device(),
        _decoder(),
        _browser(),
        *_data(data),
        *_seasons(runs),
        *_runs(runs),
    ]
    return [*findings, Finding("next", _next_command(findings, data, runs))]


def findings_text(findings: list[Finding]) -> str:
    """The report, its lines folded."""
    return "\n".join(
        textwrap.fill(
            f"{'BROKEN: ' if finding.broken else ''}{finding.text}",
            WIDTH,
            initial_indent=f"{finding.topic:<{INDENT}}",
            subsequent_indent=" " * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for finding in findings
    )


def _machine(runs: Path) -> Finding:
    import psutil

    folder = next(path for path in (runs, *runs.resolve().parents) if path.exists())
    memory, disk = psutil.virtual_memory().total, shutil.disk_usage(folder).free
    cores = worker_count(0)
    return Finding(
        "machine",
        f"{platform.system()}, Python {platform.python_version()}, {cores} "
        f"core{'s' if cores > 1 else ''}, {memory / 1e9:.0f} GB of memory, {disk / 1e9:.0f} GB "
        f"free for {runs}",
    )


def _packages() -> list[Finding]:
    """Whether the required packages are installed, in versions that are allowed."""
    from packaging.requirements import Requirement

    try:
        requirements = list(map(Requirement, metadata.requires(PACKAGE) or []))
    except metadata.PackageNotFoundError:
        return [Finding("packages", f"{PACKAGE} itself is not installed: make setup", broken=True)]
    broken: list[str] = []
    optional: list[str] = []
    required = 0
    for requirement in requirements:
        extra = requirement.marker and not requirement.marker.evaluate({"extra": ""})
        required += not extra
        name, specifier = requirement.name, requirement.specifier
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            (optional if extra else broken).append(f"{name} is missing")
            continue
        if not specifier.contains(version, prereleases=True):
            (optional if extra else broken).append(f"{name} {version} (requires {specifier})")
    installed = f"{required - len(broken)} of {required} packages as required"
    findings = [Finding("packages", f"player_contact {player_contact.__version__}; {installed}")]
    if broken:
        findings.append(Finding("packages", f"{', '.join(broken)}: make setup", broken=True))
    if optional:
        findings.append(Finding("packages", f"for development: {', '.join(optional)}"))
    return findings


def _device() -> Finding:
    """What vision trains on."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a build for another system can't load its libraries
        reason = str(error).splitlines()[0]
        return Finding("device", f"torch does not import ({reason}): make setup", broken=True)
    from player_contact.vision.device import resolve_precision, usable_gpus

    precision = resolve_precision("auto")
    if gpus := usable_gpus():
        names = ", ".join(map(torch.cuda.get_device_name, gpus))
        return Finding(
            "device",
            f"{names} (CUDA, torch {torch.__version__}, computes in {precision}). Try it before a "
            "long run: make gpu-check",
        )
    precision = "multiplies bfloat16 natively" if precision == "bf16" else "works in float32"
    return Finding(
        "device",
        f"CPU, no GPU that torch {torch.__version__} can use; {precision}. configs/demo.yaml and "
        "configs/cpu.yaml are for it",
    )


def _decoder() -> Finding:
    try:
        import av

        av.codec.Codec("h264", "r")
    except (ImportError, OSError, ValueError) as error:
        return Finding("video", f"H.264 can't be decoded ({error}): make setup", broken=True)
    return Finding("video", f"H.264 is decoded by PyAV {av.__version__}")


def _browser() -> Finding:
    missing = "no Chromium on the path: the pages open in any browser, but their tests are skipped"
    return Finding("browser", next(filter(None, map(shutil.which, BROWSERS)), missing))


def _data(data: Path) -> list[Finding]:
    if not data.is_dir():
        return [Finding("data", f"the folder {data} does not exist")]
    findings = []
    for split, rows in (("train", "train_labels.csv"), ("test", "sample_submission.csv")):
        names = [rows, *(f"{split}_{name}.csv" for name in TRACKING_TABLES)]
        missing = [name for name in names if not (data / name).is_file()]
        videos = {view: len(list((data / split).glob(f"*_{view}.mp4"))) for view in VIEWS}
        if len(missing) == len(names) and not any(videos.values()):
            findings.append(Finding("data", f"{data} has no {split} data"))
            continue
        tables = f"without {', '.join(missing)}" if missing else "all four tables"
        counts = ", ".join(f"{count} {view}" for view, count in videos.items())
        findings.append(Finding("data", f"{data}, {split}: {tables}; videos: {counts}"))
    return findings


def _seasons(runs: Path) -> list[Finding]:
    folders = [path.parent for path in sorted((runs / "seasons").glob("[!.]*/train_labels.csv"))]
    none = Finding("season", "none simulated yet; the first run makes one")
    return [Finding("season", f"{folder}") for folder in folders] or [none]


def _run_folders(runs: Path) -> list[Path]:
    """Oldest first."""
    paths = runs.glob("[!.]*/stages.json")
    return [path.parent for path in sorted(paths, key=lambda path: path.stat().st_mtime)]


def _remaining_stages(folder: Path) -> list[str]:
    done = read_json(folder / "stages.json")
    return [name for name in STAGE_NAMES if name not in done]


def _runs(runs: Path) -> list[Finding]:
    findings = []
    for folder in sorted(_run_folders(runs)):
        remaining, score = _remaining_stages(folder), ""
        if "scores" not in remaining and (folder / "scores.json").is_file():
            scores = read_json(folder / "scores.json")
            data = "simulated season" if scores["simulated"] else "competition data"
            score = f"; blend {scores['scores'][-1]['mcc']:.3f} out of fold, {data}"
        count = len(STAGE_NAMES)
        progress = (
            f"{count - len(remaining)} of {count} stages, next {remaining[0]}"
            if remaining
            else "finished"
        )
        findings.append(Finding("run", f"{folder}: {progress}{score}"))
    return findings or [Finding("run", f"none yet in {runs}")]


def _next_command(findings: list[Finding], data: Path, runs: Path) -> str:
    """One command, or the page to open."""
    if any(finding.broken for finding in findings):
        return "make setup"
    folders = _run_folders(runs)
    if begun := [folder for folder in folders if _remaining_stages(folder)]:
        config = Path(f"configs/{begun[-1].name}.yaml")
        selected = (
            f"CONFIG={config}"
            if config.is_file()
            else f"RUN={begun[-1].name} and the CONFIG= of before"
        )
        if begun[-1].name == "gpu-check":  # whose settings are its own
            return "make gpu-check"
        return f"make submission {selected}   (goes on with {begun[-1]})"
    if (data / "train_labels.csv").is_file() and not any(map(_on_competition_data, folders)):
        device = next(finding.text for finding in findings if finding.topic == "device")
        return f"make submission CONFIG=configs/{'gpu' if 'CUDA' in device else 'cpu'}.yaml"
    if not folders:
        return "make submission   (configs/demo.yaml, minutes on two cores, simulated data)"
    return f"open {folders[-1] / 'report' / 'index.html'} in a browser"


def _on_competition_data(folder: Path) -> bool:
    path = folder / "scores.json"
    return path.is_file() and not read_json(path)["simulated"]
