"""What this machine has for the project: packages, device, data, runs; and what to type next."""

import platform
import shutil
import textwrap
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import player_contact
from player_contact.competition.names import VIEWS
from player_contact.files import read_json
from player_contact.parallel import worker_count
from player_contact.pipeline import STAGE_NAMES

PACKAGE = "player-contact"
TABLES = ("labels", "player_tracking", "baseline_helmets", "video_metadata")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GIGABYTE = 1e9
WIDTH, INDENT = 100, 11  # characters of a line, and of the topic in front of it


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and whether the project can't work without a change."""

    topic: str
    text: str
    broken: bool = False


def examine(data: Path, runs: Path) -> list[Finding]:
    """Everything that `doctor` tells. `data` is the folder of the competition's files, `runs` that of outputs. The last line is what to type next."""
    findings = [_machine(runs), *_packages(), _device(), _decoder(), _browser(), *_data(data), *_seasons(runs), *_runs(runs)]
    return [*findings, Finding("next", _next(findings, data, runs))]


def findings_text(findings: list[Finding]) -> str:
    """The lines, the topic in front, folded where they are too long; what is broken is marked in words."""
    return "\n".join(map(_line, findings))


def _line(one: Finding) -> str:
    text = f"{'BROKEN: ' if one.broken else ''}{one.text}"
    return f"{one.topic:<{INDENT}}" + f"\n{'':{INDENT}}".join(textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False))


def _machine(runs: Path) -> Finding:
    import psutil

    place = next(path for path in (runs, *runs.resolve().parents) if path.exists())
    memory, disk = psutil.virtual_memory().total, shutil.disk_usage(place).free
    cores = worker_count(0)
    return Finding(
        "machine",
        f"{platform.system()}, Python {platform.python_version()}, {cores} core{'s' if cores > 1 else ''}, {memory / GIGABYTE:.0f} GB of memory, "
        f"{disk / GIGABYTE:.0f} GB free for {runs}",
    )


def _packages() -> list[Finding]:
    """Whether what the package requires is installed, in a version that it allows."""
    try:
        required = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return [Finding("packages", f"{PACKAGE} itself is not installed: make setup", broken=True)]
    from packaging.requirements import Requirement

    wrong: list[str] = []
    optional: list[str] = []
    needed = 0
    for requirement in map(Requirement, required):
        extra = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        needed += not extra
        try:
            version = metadata.version(requirement.name)
            said = (
                "" if requirement.specifier.contains(version, prereleases=True) else f"{requirement.name} {version} (wanted {requirement.specifier})"
            )
        except metadata.PackageNotFoundError:
            said = f"{requirement.name} is missing"
        if said:
            (optional if extra else wrong).append(said)
    findings = [Finding("packages", f"player_contact {player_contact.__version__}; {needed - len(wrong)} of {needed} packages as required")]
    if wrong:
        findings.append(Finding("packages", ", ".join(wrong) + ": make setup", broken=True))
    if optional:
        findings.append(Finding("packages", f"for development: {', '.join(optional)}"))
    return findings


def _device() -> Finding:
    """What vision trains on."""
    try:
        import torch
    except (ImportError, OSError) as error:  # a build for another system fails while it loads its libraries
        return Finding("device", f"torch does not import ({str(error).splitlines()[0]}): make setup", broken=True)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return Finding("device", f"{', '.join(names)} (CUDA, torch {torch.__version__})")
    from player_contact.vision.device import use_bf16

    native = "multiplies bfloat16 natively" if use_bf16("auto") else "works in float32"
    return Finding("device", f"CPU, no GPU that torch {torch.__version__} can use; {native}. configs/demo.yaml and configs/cpu.yaml are for it")


def _decoder() -> Finding:
    try:
        import av

        av.codec.Codec("h264", "r")
    except (ImportError, OSError, ValueError) as error:
        return Finding("video", f"H.264 can't be decoded ({error}): make setup", broken=True)
    return Finding("video", f"H.264 is decoded by PyAV {av.__version__}")


def _browser() -> Finding:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return Finding("browser", found or "no Chromium on the path: the pages open in any browser, but their tests are skipped")


def _data(data: Path) -> list[Finding]:
    if not data.is_dir():
        return [Finding("data", f"the folder {data} does not exist")]
    findings = []
    tables = {split: [f"{split}_{name}.csv" for name in TABLES] for split in ("train", "test")}
    tables["test"][0] = "sample_submission.csv"
    for split, names in tables.items():
        missing = [name for name in names if not (data / name).is_file()]
        videos = {view: len(list((data / split).glob(f"*_{view}.mp4"))) for view in VIEWS}
        if len(missing) == len(names) and not any(videos.values()):
            findings.append(Finding("data", f"{data} has no {split} data"))
            continue
        told = f"without {', '.join(missing)}" if missing else "all four tables"
        findings.append(Finding("data", f"{data}, {split}: {told}; videos: " + ", ".join(f"{number} {view}" for view, number in videos.items())))
    return findings


def _seasons(runs: Path) -> list[Finding]:
    names = simulated_seasons(runs / "seasons")
    return [Finding("season", str(runs / "seasons" / name)) for name in names] or [Finding("season", "none simulated yet; the first run makes one")]


def simulated_seasons(folder: Path) -> list[str]:
    """The names of the seasons that were simulated into a folder."""
    return sorted(path.name for path in folder.glob("[!.]*") if (path / "train_labels.csv").is_file())


def _runs(runs: Path) -> list[Finding]:
    folders = [path.parent for path in sorted(runs.glob("[!.]*/stages.json"))]
    return [Finding("run", f"{folder}: {_progress(folder)}") for folder in folders] or [Finding("run", f"none yet in {runs}")]


def _progress(folder: Path) -> str:
    done = [name for name in STAGE_NAMES if name in read_json(folder / "stages.json")]
    score = ""
    if "ladder" in done and (folder / "ladder.json").is_file():
        ladder = read_json(folder / "ladder.json")
        score = f"; blend {ladder['rungs'][-1]['mcc']:.3f} out of fold, " + ("simulated season" if ladder["simulated"] else "competition data")
    left = [name for name in STAGE_NAMES if name not in done]
    return ("finished" if not left else f"{len(done)} of {len(STAGE_NAMES)} stages, next {left[0]}") + score


def _next(findings: list[Finding], data: Path, runs: Path) -> str:
    """One command, or what to open."""
    if any(one.broken for one in findings):
        return "make setup"
    finished = [path.parent for path in runs.glob("[!.]*/stages.json") if not set(STAGE_NAMES) - set(read_json(path))]
    begun = [path.parent for path in runs.glob("[!.]*/stages.json") if path.parent not in finished]
    if begun:
        newest = max(begun, key=lambda folder: (folder / "stages.json").stat().st_mtime)
        config = (
            f" CONFIG=configs/{newest.name}.yaml"
            if Path(f"configs/{newest.name}.yaml").is_file()
            else f" RUN={newest.name} and the CONFIG= of before"
        )
        return f"make submission{config}   (goes on with {newest})"
    if (data / "train_labels.csv").is_file() and not any(_on_competition_data(folder) for folder in finished):
        device = next(one.text for one in findings if one.topic == "device")
        return f"make submission CONFIG=configs/{'gpu' if 'CUDA' in device else 'cpu'}.yaml"
    if not finished:
        return "make submission   (configs/demo.yaml, minutes on two cores, simulated data)"
    newest = max(finished, key=lambda folder: (folder / "stages.json").stat().st_mtime)
    return f"open {newest / 'report' / 'index.html'} in a browser"


def _on_competition_data(folder: Path) -> bool:
    path = folder / "ladder.json"
    return path.is_file() and not read_json(path)["simulated"]
