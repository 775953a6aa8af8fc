"""Kaggle's official command line tool: the only thing that talks to Kaggle, and the only one that knows anybody's credentials."""

import logging
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from player_contact.errors import ConfigError, InputError
from player_contact.files import read_json, remove, replacing, write_json
from player_contact.kaggle.kernel import COMPETITION, NOBODY, Upload

log = logging.getLogger(__name__)

RULES = f"https://www.kaggle.com/competitions/{COMPETITION}/rules"
PATIENCE = 600  # s until an uploaded dataset must be ready
FAULTS = ("error", "not valid", "could not")  # words in what the tool says although it ends well


def push(upload: Upload, message: str) -> str:
    """Uploads dataset and notebook, and starts the notebook; returns what the tool says about it, which names the page.

    Raises ConfigError where the tool or its credentials are missing, InputError with the tool's own words where it fails.
    """
    user = username()
    for path in (upload.dataset / "dataset-metadata.json", upload.kernel / "kernel-metadata.json"):
        write_json(_signed(read_json(path), user), path)
    name = read_json(upload.dataset / "dataset-metadata.json")["id"]
    kind = ["version", "--message", message] if _call("datasets", "status", name).returncode == 0 else ["create"]
    log.info("uploading %.1f MB to the dataset %s", upload.megabytes, name)
    _asked("datasets", kind[0], *kind[1:], "--path", str(upload.dataset), "--dir-mode", "zip", "--quiet")
    deadline = time.monotonic() + PATIENCE
    while "ready" not in _call("datasets", "status", name).stdout:
        if time.monotonic() > deadline:
            raise InputError(f"The dataset {name} was uploaded, but Kaggle is not ready with it after {PATIENCE // 60} minutes. Push again later")
        time.sleep(5)
    return _asked("kernels", "push", "--path", str(upload.kernel))


def download(folder: Path) -> None:
    """Downloads the competition's files to `folder`, which is whole or not there afterwards. Raises as `push`, and where it holds data already."""
    if folder.is_dir() and any(folder.glob("*.csv")):
        raise InputError(f"{folder} holds data already. Delete it to download again")
    username()
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        log.info("downloading %s; the rules must have been accepted at %s", COMPETITION, RULES)
        _asked("competitions", "download", "--competition", COMPETITION, "--path", str(temporary), "--quiet")
        for archive in sorted(temporary.glob("*.zip")):
            with zipfile.ZipFile(archive) as content:
                content.extractall(temporary)  # members stay inside and links are written as files, whatever their names say
            remove(archive)


def username() -> str:
    """Who the tool's credentials belong to. Raises ConfigError with what is missing; the credentials themselves are not looked at."""
    done = _call("config", "view")
    found = re.search(r"^- username: (?!None\b)(\S+)", done.stdout, flags=re.MULTILINE)
    if done.returncode or not found:
        raise ConfigError(
            "The command `kaggle` has no credentials. Run `kaggle auth login`, or make a token at https://www.kaggle.com/settings/api "
            "and save it as ~/.kaggle/access_token"
        )
    return found[1]


def _signed(metadata: dict, user: str) -> dict:
    """The metadata with the user's name where nobody's stood."""
    signed = metadata | {"id": metadata["id"].replace(NOBODY, user)}
    if "dataset_sources" in metadata:
        signed["dataset_sources"] = [source.replace(NOBODY, user) for source in metadata["dataset_sources"]]
    return signed


def _asked(*words: str) -> str:
    done = _call(*words)
    said = (done.stdout + done.stderr).strip()
    if done.returncode or any(fault in said.lower() for fault in FAULTS):
        raise InputError(f"kaggle {words[0]} {words[1]} failed: {said.splitlines()[-1] if said else 'no word of it'}")
    return done.stdout.strip()


def _call(*words: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("kaggle") or shutil.which("kaggle", path=str(Path(sys.executable).parent))
    if tool is None:
        raise ConfigError("The command `kaggle`, Kaggle's official tool, is not here. Install it: .venv/bin/pip install kaggle")
    return subprocess.run([tool, *words], capture_output=True, text=True, check=False)
