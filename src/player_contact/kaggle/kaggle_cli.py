"""Kaggle's official command line tool: only it talks to Kaggle and knows anybody's credentials."""

import logging
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from player_contact.kaggle.kernel import COMPETITION, PLACEHOLDER, Upload
from player_contact.utils.errors import ConfigError, InputError
from player_contact.utils.files import atomic_write, read_json, remove

log = logging.getLogger(__name__)

RULES = f"https://www.kaggle.com/competitions/{COMPETITION}/rules"
TIMEOUT = 600  # s until an uploaded dataset must be ready
ERROR_WORDS = ("error", "not valid", "could not")  # of what the tool prints although it exits 0


def push(upload: Upload, message: str) -> str:
    """Uploads dataset and notebook, and runs the notebook.

    Returns what the tool prints, and the command that submits what the notebook writes.
    Raises ConfigError where the tool or its credentials are missing, InputError where it fails.
    """
    user = username()
    for path in (upload.dataset / "dataset-metadata.json", upload.kernel / "kernel-metadata.json"):
        text = path.read_text(encoding="utf-8").replace(PLACEHOLDER, user)
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    name = read_json(upload.dataset / "dataset-metadata.json")["id"]
    exists = _kaggle("datasets", "status", name).returncode == 0
    log.info("uploading %.1f MB to the dataset %s", upload.megabytes, name)
    action = ["version", "--message", message] if exists else ["create"]
    options = ["--path", str(upload.dataset), "--dir-mode", "zip", "--quiet"]
    _checked("datasets", *action, *options)
    deadline = time.monotonic() + TIMEOUT
    while "ready" not in _kaggle("datasets", "status", name).stdout:
        if time.monotonic() > deadline:
            raise InputError(
                f"The dataset {name} was uploaded, but Kaggle is not ready with it after "
                f"{TIMEOUT // 60} minutes. Push again later"
            )
        time.sleep(5)
    printed = _checked("kernels", "push", "--path", str(upload.kernel))
    version = re.search(r"Kernel version (\d+)", printed)
    return (
        f"{printed}\nOnce it has run, with the same tool: kaggle competitions submit {COMPETITION} "
        f"-f submission.csv -k {name} -v {version[1] if version else 'N'} -m {shlex.quote(message)}"
    )


def download(folder: Path) -> None:
    """Downloads the competition's files to `folder`, all or nothing.

    Raises as `push`, and InputError where the folder holds data already.
    """
    if any(folder.glob("*.csv")):
        raise InputError(f"{folder} holds data already. Delete it to download again")
    username()
    with atomic_write(folder) as temporary:
        temporary.mkdir(parents=True)
        log.info("downloading %s; the rules must have been accepted at %s", COMPETITION, RULES)
        options = ["--competition", COMPETITION, "--path", str(temporary), "--quiet"]
        _checked("competitions", "download", *options)
        for path in sorted(temporary.glob("*.zip")):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(temporary)  # never outside of it, whatever members are called
            remove(path)


def username() -> str:
    """Whose credentials the tool has, which stay with it. Raises ConfigError where it has none."""
    done = _kaggle("config", "view")
    match = re.search(r"^- username: (?!None\b)(\S+)", done.stdout, flags=re.MULTILINE)
    if done.returncode or not match:
        raise ConfigError(
            "The command `kaggle` has no credentials. Run `kaggle auth login`, or make a token at "
            "https://www.kaggle.com/settings/api and save it as ~/.kaggle/access_token"
        )
    return match[1]


def _checked(*words: str) -> str:
    done = _kaggle(*words)
    output = (done.stdout + done.stderr).strip()
    if done.returncode or any(word in output.lower() for word in ERROR_WORDS):
        last = output.splitlines()[-1] if output else "it printed nothing"
        raise InputError(f"kaggle {words[0]} {words[1]} failed: {last}")
    return done.stdout.strip()


def _kaggle(*words: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("kaggle") or shutil.which("kaggle", path=str(Path(sys.executable).parent))
    if tool is None:
        raise ConfigError(
            "The command `kaggle`, Kaggle's official tool, is not here. Install it: "
            ".venv/bin/pip install kaggle"
        )
    return subprocess.run(
        [tool, *words], capture_output=True, text=True, errors="replace", check=False
    )
