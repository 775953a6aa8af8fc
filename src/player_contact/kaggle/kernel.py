"""What is uploaded to Kaggle: a dataset (bundle, the project's wheel, other wheels) and a notebook that predicts with it, each with its metadata."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import player_contact
from player_contact.bundle import load_bundle
from player_contact.errors import ConfigError, InputError
from player_contact.files import replacing, write_json

COMPETITION = "nfl-player-contact-detection"
NOBODY = "insert-your-username"  # stands for the user until somebody who has credentials pushes
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "src")
LONGEST_NAME = 50  # characters of a dataset's title and address; the tool of Kaggle (2.2) refuses longer ones


@dataclass(frozen=True)
class Upload:
    """Folders of a kernel that was made."""

    dataset: Path
    kernel: Path

    @property
    def megabytes(self) -> float:
        """Of all files together."""
        files = [path for folder in (self.dataset, self.kernel) for path in folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / 1e6


def upload_of(run: Path) -> Upload:
    """Where a run's kernel lies. Raises InputError where it was not made."""
    upload = Upload(run / "kernel" / "dataset", run / "kernel" / "notebook")
    if not (upload.kernel / "kernel-metadata.json").is_file():
        raise InputError(f"{run} has no kernel. Make it first: make kernel RUN={run.name}")
    return upload


def write_kernel(run: Path, user: str = "", budget: str = "8h", gpu: bool = True, wheels: Sequence[str] = ()) -> Upload:
    """Writes `run`/kernel/ from the run's bundle; the folder is whole or as before.

    `wheels` names installed packages that Kaggle's image lacks: wheels of the same versions are downloaded. Raises BundleError, InputError where a
    wheel can't be had, and ConfigError where this is no checkout of the project.
    """
    load_bundle(run / "bundle")
    title = f"player contact {re.sub(r'[^a-z0-9]+', ' ', run.name.lower()).strip()}"[:LONGEST_NAME].strip()
    slug, owner = title.replace(" ", "-"), user or NOBODY
    with replacing(run / "kernel") as folder:
        upload = Upload(folder / "dataset", folder / "notebook")
        upload.kernel.mkdir(parents=True)
        shutil.copytree(run / "bundle", upload.dataset / "bundle")
        build_wheel(upload.dataset / "wheels")
        for package in wheels:
            _download_wheel(package, upload.dataset / "wheels")
        write_json({"title": title, "id": f"{owner}/{slug}", "licenses": [{"name": "other"}]}, upload.dataset / "dataset-metadata.json")
        source = (project_root() / "notebooks" / "kernel.py").read_text().replace("{budget}", budget)
        write_json(notebook_of(source), upload.kernel / f"{slug}.ipynb")
        write_json(kernel_metadata(owner, slug, title, gpu), upload.kernel / "kernel-metadata.json")
    return upload_of(run)


def kernel_metadata(owner: str, slug: str, title: str, gpu: bool) -> dict:
    """What `kaggle kernels push` asks for. The notebook has the dataset's name: the two are different kinds of things there."""
    return {
        "id": f"{owner}/{slug}",
        "title": title,
        "code_file": f"{slug}.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": gpu,
        "enable_tpu": False,
        "enable_internet": False,
        "dataset_sources": [f"{owner}/{slug}"],
        "competition_sources": [COMPETITION],
        "kernel_sources": [],
        "model_sources": [],
    }


def notebook_of(source: str) -> dict:
    """A notebook (nbformat 4.5) of a Python file in cells, each after a line `# %%`, or `# %% [markdown]` with its text in comments (the percent
    format of jupytext)."""
    cells = []
    for number, part in enumerate(re.split(r"^# %%", source, flags=re.MULTILINE)[1:]):
        head, _, body = part.partition("\n")
        is_text = "[markdown]" in head
        text = re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE) if is_text else body.strip()
        cell: dict = {
            "cell_type": "markdown" if is_text else "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": text.splitlines(keepends=True),
        }
        cells.append(cell if is_text else cell | {"execution_count": None, "outputs": []})
    kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernelspec, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}


def code_of(notebook: Path) -> list[str]:
    """The text of a notebook's code cells."""
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]


def project_root() -> Path:
    """The checkout that this package runs from. Raises ConfigError where it was installed without one."""
    root = Path(player_contact.__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        raise ConfigError("A kernel is made in a checkout of the project: its wheel is built from there")
    return root


def build_wheel(folder: Path) -> Path:
    """Builds the project's wheel into `folder`, from a copy of the sources, so that nothing is left in the checkout."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in SOURCES:
            source, target = project_root() / name, Path(temporary) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            elif source.is_file():
                shutil.copyfile(source, target)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), temporary)
    return next(folder.glob("player_contact-*.whl"))


def _download_wheel(package: str, folder: Path) -> None:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"WHEELS names {package!r}, which is not installed here. Name packages as in requirements.txt") from None
    _pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), f"{package}=={version}")


def _pip(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no word of it").splitlines()
        raise InputError(f"pip {words[0]} failed: {lines[-1]}")
