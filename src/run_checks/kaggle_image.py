"""Kaggle's image: an environment with its versions, and one for a notebook without our source."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from player_contact.kaggle.kernel import project_root
from player_contact.utils.errors import PlayerContactError
from player_contact.utils.files import atomic_write

log = logging.getLogger(__name__)

CURRENT = "current"  # the environment that runs this, for speed
REQUIREMENTS = "requirements-kaggle.txt"
PYTHON = "python3.12"  # the image's
NOT_IN_IMAGE = re.compile(
    r"player_contact|run_checks|season_simulator|__editable__|"
    r"_virtualenv|__pycache__|.*\.pth$"
)
ABOUT = """
import json, platform, sysconfig
from importlib import metadata
found = {found.metadata["Name"].replace("_", "-").lower(): found.version
         for found in metadata.distributions()}
folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
print(json.dumps([platform.python_version(), folders, found]))
"""


class ImageError(PlayerContactError):
    """An environment could not be made."""


def image_python(image: str) -> Path:
    """The interpreter of the environment in a folder, made now where its versions are others.

    Of CURRENT: this one. Raises ImageError with pip's last line.
    """
    if image == CURRENT:
        return Path(sys.executable)
    folder, requirements = Path(image).absolute(), project_root() / REQUIREMENTS
    python, installed = folder / "bin" / "python", folder / REQUIREMENTS
    wanted = requirements.read_bytes()
    if installed.is_file() and installed.read_bytes() == wanted:
        return python
    if folder.exists() and not (folder / "pyvenv.cfg").is_file():
        raise ImageError(f"{folder} is no environment of Python. Name another folder with --image")
    base = python_like_the_image()
    log.info("installing %s into %s, once; this takes minutes", REQUIREMENTS, folder)
    run_checked([base, "-m", "venv", "--clear", str(folder)], f"No environment in {folder}")
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run_checked([*pip, "install", "--requirement", str(requirements)], f"{REQUIREMENTS} failed")
    with atomic_write(installed) as temporary:
        temporary.write_bytes(wanted)
    return python


def python_like_the_image() -> str:
    """A Python of the image's version where one is on the path and starts, or else this one."""
    if found := shutil.which(PYTHON):
        done = subprocess.run([found, "-c", ""], capture_output=True, check=False)
        if not done.returncode:
            return found
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    log.warning("%s is not on the path: Python %s stands for it", PYTHON, version)
    return sys.executable


def run_checked(command: list[str], failure: str) -> str:
    """What a command prints. Raises ImageError with `failure` and the last line of its errors."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        output = done.stderr.strip() or done.stdout.strip() or "it printed nothing"
        raise ImageError(f"{failure}: {output.splitlines()[-1]}")
    return done.stdout


def make_image(folder: Path, python: Path) -> tuple[Path, dict[str, str]]:
    """The interpreter of a new environment with another's packages, but not the project.

    With it the versions of these packages, and of Python. Raises ImageError.
    """
    venv, packages = folder / "venv", folder / "packages"
    version, sources, versions = json.loads(run_checked([str(python), "-I", "-c", ABOUT], "Python"))
    without_pip = ["--without-pip"] * ("pip" in versions)  # the image's own, and no other
    command = [str(python), "-m", "venv", *without_pip, str(venv)]
    run_checked(command, f"No environment in {folder}")
    packages.mkdir(parents=True)
    for path in (path for source in sources for path in Path(source).iterdir()):
        if not NOT_IN_IMAGE.match(path.name):
            (packages / path.name).symlink_to(path)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "image.pth").write_text(f"{packages}\n")
    command = [str(venv / "bin" / "python"), "-c", "import player_contact"]
    environment = {"PATH": os.environ["PATH"]}
    if not subprocess.run(
        command, capture_output=True, check=False, cwd=folder, env=environment
    ).returncode:
        raise ImageError(
            "The project can be imported before its wheel is installed: the check would prove "
            "nothing"
        )
    return venv / "bin" / "python", {"python": version} | versions
