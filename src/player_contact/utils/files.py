"""Files that are either complete or absent."""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from player_contact.utils.errors import InputError


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


def remove(path: Path) -> None:
    """Removes a file or a folder if it is there; a link is removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(value: Any, path: Path) -> None:
    """Writes a JSON file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text())


def is_outside(path: Path, folder: Path) -> bool:
    """Whether a symbolic link, of `path` or of a folder on the way to it, leads out of `folder`."""
    return not path.resolve().is_relative_to(folder.resolve())


def outside_text(path: Path, folder: Path) -> str:
    """What is wrong with such a file, and what to do."""
    return (
        f"{path.name} lies outside of {folder}: a link leads to {path.resolve()}, and links are "
        "not followed. Put the file itself there, or make the whole folder a link"
    )
