"""Files that are either whole or not there."""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from player_contact.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; what was written there takes the place of `path` when the block ends well, and goes when it doesn't."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.partial")  # other machines may write there too
    remove(temporary)
    try:
        yield temporary
        move(temporary, path)
    finally:
        remove(temporary)


def move(source: Path, target: Path) -> None:
    """Puts a file in the place of a file, or a folder in that of a folder. Raises InputError where a file would take the place of a folder."""
    old = target.with_name(f".{target.name}.old")
    if target.is_dir():
        refuse_folder(target, source.is_dir())
        remove(old)
        target.replace(old)
    source.replace(target)
    remove(old)  # also where a process was killed between the two


def refuse_folder(path: Path, wanted: bool = False) -> None:
    """Raises InputError where a file is to be written but `path` is a folder."""
    if path.is_dir() and not wanted:
        raise InputError(f"{path} is a folder; name a file to write")


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there; a link is removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def write_json(value: Any, path: Path) -> None:
    """Writes a JSON file that is whole or not there."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text())
