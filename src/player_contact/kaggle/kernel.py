"""What is uploaded to Kaggle: a dataset of bundle and wheels, and a notebook that predicts."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import player_contact
from player_contact.inference.bundle import load_bundle, sha256_of
from player_contact.utils.errors import ConfigError, InputError
from player_contact.utils.files import atomic_write, read_json, write_json

COMPETITION = "nfl-player-contact-detection"
PLACEHOLDER = "insert-your-username"  # until somebody who has credentials pushes
IMAGE = (  # Kaggle's of 2026
    *("--python-version", "3.12", "--implementation", "cp"),
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"),
)
MACHINE = "NvidiaTeslaT4"  # what Kaggle calls a machine with two T4
PINNINGS = ("original", "latest")  # the image of the notebook's first version, or today's
MAX_NAME = 50  # characters of a dataset's title and slug, which Kaggle's tool (2.2) checks


@dataclass(frozen=True)
class Upload:
    """The folders of a kernel."""

    dataset: Path
    kernel: Path

    @property
    def megabytes(self) -> float:
        """Of all files together."""
        paths = [*self.dataset.rglob("*"), *self.kernel.rglob("*")]
        return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6

    @property
    def digest(self) -> str:
        """The bundle's: SHA-256 of its manifest, which holds that of every other file."""
        return sha256_of(self.dataset / "bundle" / "manifest.json")


def upload_of(run: Path) -> Upload:
    """The kernel of a run. Raises InputError where there is none."""
    upload = Upload(run / "kernel" / "dataset", run / "kernel" / "notebook")
    if not (upload.kernel / "kernel-metadata.json").is_file():
        raise InputError(f"{run} has no kernel. Make it first: make kernel RUN={run.name}")
    return upload


def write_kernel(
    run: Path,
    user: str = "",
    budget: str = "8h",
    gpu: bool = True,
    pinning: str = PINNINGS[0],
    wheels: Sequence[str] = (),
) -> Upload:
    """Writes `run`/kernel/ from the run's bundle, atomically.

    `wheels` names installed packages that Kaggle's image lacks: wheels of the same versions are
    downloaded for its Python. Raises BundleError, InputError where a wheel can't be had, and
    ConfigError for another `pinning` and where this is no checkout of the project.
    """
    if pinning not in PINNINGS:
        raise ConfigError(f"--pinning {pinning}: expected {' or '.join(PINNINGS)}")
    load_bundle(run / "bundle")
    name = re.sub(r"[^a-z0-9]+", " ", run.name.lower()).strip()
    title = f"player contact {name}"[:MAX_NAME].strip()
    slug, user = title.replace(" ", "-"), user or PLACEHOLDER
    with atomic_write(run / "kernel") as folder:
        upload = Upload(folder / "dataset", folder / "notebook")
        upload.kernel.mkdir(parents=True)
        shutil.copytree(run / "bundle", upload.dataset / "bundle")
        build_wheel(upload.dataset / "wheels")
        for package in wheels:
            _download_wheel(package, upload.dataset / "wheels")
        metadata = {"title": title, "id": f"{user}/{slug}", "licenses": [{"name": "other"}]}
        write_json(metadata, upload.dataset / "dataset-metadata.json")
        code = (
            (project_root() / "notebooks" / "kernel.py")
            .read_text(encoding="utf-8")
            .replace("{budget}", budget)
            .replace("{made_for}", upload.digest)
        )
        write_json(to_notebook(code), upload.kernel / f"{slug}.ipynb")
        metadata = kernel_metadata(f"{user}/{slug}", title, gpu, pinning)
        write_json(metadata, upload.kernel / "kernel-metadata.json")
    return upload_of(run)


def kernel_metadata(name: str, title: str, gpu: bool, pinning: str = PINNINGS[0]) -> dict:
    """What `kaggle kernels push` reads; `name`, user/slug, is the notebook's and the dataset's."""
    return {
        "id": name,
        "title": title,
        "code_file": f"{name.split('/')[1]}.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": gpu,
        "machine_shape": MACHINE if gpu else "",
        "docker_image_pinning_type": pinning,
        "enable_tpu": False,
        "enable_internet": False,
        "dataset_sources": [name],
        "competition_sources": [COMPETITION],
        "kernel_sources": [],
        "model_sources": [],
    }


def to_notebook(code: str) -> dict:
    """A notebook (nbformat 4.5) of a Python file in jupytext's percent format."""
    cells = []
    for number, part in enumerate(re.split(r"^# %%", code, flags=re.MULTILINE)[1:]):
        head, _, source = part.partition("\n")
        cell: dict = {"cell_type": "code", "execution_count": None, "outputs": []}
        if "[markdown]" in head:
            cell = {"cell_type": "markdown"}
            source = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
        lines = source.strip().splitlines(keepends=True)
        cells.append(cell | {"id": f"cell-{number}", "metadata": {}, "source": lines})
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def code_of(notebook: Path) -> list[str]:
    """The text of a notebook's code cells."""
    cells = read_json(notebook)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def project_root() -> Path:
    """The checkout that this package runs from. Raises ConfigError where there is none."""
    root = Path(player_contact.__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        raise ConfigError("A kernel needs a checkout of the project, to build its wheel from")
    return root


def build_wheel(folder: Path) -> Path:
    """Builds a wheel of the solution alone, from a copy: nothing is left in the checkout."""
    root, no_caches = project_root(), shutil.ignore_patterns("__pycache__")
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, temporary)
        package = Path("src") / player_contact.__name__
        shutil.copytree(root / package, Path(temporary) / package, ignore=no_caches)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), temporary)
    return next(folder.glob("player_contact-*.whl"))


def _download_wheel(package: str, folder: Path) -> None:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        text = "which is not installed here. Name packages as in requirements.txt"
        raise InputError(f"WHEELS names {package!r}, {text}") from None
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), *IMAGE]
    _pip("download", *options, f"{package}=={version}")


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        output = done.stderr.strip() or done.stdout.strip() or "it printed nothing"
        raise InputError(f"pip {words[0]} failed: {output.splitlines()[-1]}")
