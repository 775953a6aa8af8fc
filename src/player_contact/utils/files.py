"""Files that are either complete or absent."""

import atexit
import json
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from player_contact.utils.errors import InputError

log = logging.getLogger(__name__)

BLOCK = 4096  # bytes: an empty file can be made where no space is left


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary path, which replaces `path` when the block ends without an error.

    A file gets the usual mode, whatever the library that wrote it gave it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = f"{platform.node()}-{os.getpid()}"  # other machines may write there too
    temporary = path.with_name(f".{path.name}.{writer}.partial")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_file():
            temporary.chmod(0o666 & ~_umask())
        move(temporary, path)
    finally:
        remove(temporary)


def remove_drafts(path: Path) -> None:
    """Removes what killed processes left of `atomic_write(path)`.

    The draft of a process of this machine that lives stays: it is still at it.
    """
    import psutil

    here = f".{path.name}.{platform.node()}-"
    for draft in path.parent.glob(f".{path.name}.*.partial"):
        pid = draft.name.removeprefix(here).removesuffix(".partial")
        if not (pid.isdecimal() and psutil.pid_exists(int(pid))):
            remove(draft)


def _umask() -> int:
    mask = os.umask(0o077)  # it can be read only by setting it
    os.umask(mask)
    return mask


def move(source: Path, target: Path) -> None:
    """Replaces a file by a file or a folder by a folder. InputError for a folder by a file."""
    old = target.with_name(f".{target.name}.old")
    if target.is_dir():
        if not source.is_dir():
            refuse_folder(target)
        remove(old)
        target.replace(old)
    source.replace(target)
    remove(old)  # also where a process was killed between the two


def refuse_folder(path: Path) -> None:
    """Raises InputError where a file is to be written but `path` is a folder."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file to write")


def check_writable(path: Path) -> None:
    """Raises InputError where nothing could be written at `path`; its folder may be missing yet."""
    folder = _nearest_folder(path)
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(BLOCK))
    except OSError as error:
        reason = f"{folder}: {error.strerror}"
        raise InputError(f"{path} can't be written ({reason}). Name another place") from None


def ensure_temporary_folder(beside: Path) -> None:
    """Where no folder for temporary files can be written, makes one beside a path, until the end.

    Libraries need one as early as when they are imported.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        beside.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=".temporary-", dir=beside.parent)
        os.environ["TMPDIR"] = folder  # also of processes started later
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        log.warning("No folder for temporary files can be written: they go into %s", folder)


def check_space(folder: Path, size: int) -> None:
    """Raises InputError where a folder can't grow to `size` bytes."""
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if size > held + free:
        raise InputError(
            f"{folder} will take {size / 1e9:.1f} GB, of which {(held + free) / 1e9:.1f} GB are "
            "there or free. Make room and run again"
        )


def full_places(paths: Iterable[Path]) -> list[str]:
    """Where no space is left: of the folders of `paths`, for temporary files, of shared memory."""
    temporary = [Path(os.environ.get("TMPDIR", "/tmp")), Path("/dev/shm")]  # noqa: S108
    folders = dict.fromkeys([*map(_nearest_folder, paths), *filter(Path.is_dir, temporary)])
    return [str(folder) for folder in folders if shutil.disk_usage(folder).free < BLOCK]


def _nearest_folder(path: Path) -> Path:
    """What `path` lies in, or would where folders are missing: the first above it that exists."""
    return next(folder for folder in path.absolute().parents if folder.exists())


def remove(path: Path) -> None:
    """Removes a file or a folder if it is there; a link is removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(value: Any, path: Path) -> None:
    """Writes a JSON file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def is_outside(path: Path, folder: Path) -> bool:
    """Whether a symbolic link, of `path` or of a folder on the way to it, leads out of `folder`."""
    return not path.resolve().is_relative_to(folder.resolve())


def outside_text(path: Path, folder: Path) -> str:
    """What is wrong with such a file, and what to do."""
    return (
        f"{path.name} lies outside of {folder}: a link leads to {path.resolve()}, and links are "
        "not followed. Put the file itself there, or make the whole folder a link"
    )
