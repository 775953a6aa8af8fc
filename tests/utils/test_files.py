import errno
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from player_contact.utils import files
from player_contact.utils.errors import InputError
from player_contact.utils.files import (
    atomic_write,
    check_space,
    check_writable,
    ensure_temporary_folder,
    full_places,
    is_outside,
    move,
    read_json,
    remove,
    remove_drafts,
    write_json,
)


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    return path


@pytest.fixture
def old_folder(tmp_path):
    path = tmp_path / "bundle"
    path.mkdir()
    (path / "old.txt").write_text("old")
    return path


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_replaces_the_old_file(old_file):
    with atomic_write(old_file) as temporary:
        temporary.write_text("new")
        assert old_file.read_text() == "old"
    assert old_file.read_text() == "new"
    assert names(old_file.parent) == ["table.csv"]


def test_a_file_may_be_read_by_whom_the_umask_lets(tmp_path):
    usual, written = tmp_path / "usual", tmp_path / "written"
    usual.touch()
    with atomic_write(written) as temporary:
        temporary.touch(mode=0o600)  # as safetensors does
    assert written.stat().st_mode == usual.stat().st_mode


def write_half(path, error=RuntimeError, folder=False) -> None:
    """Begins to write and is interrupted."""
    with atomic_write(path) as temporary:
        if folder:
            temporary.mkdir()
        else:
            temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_alone(old_file, error):
    with pytest.raises(error):
        write_half(old_file, error)
    assert old_file.read_text() == "old"
    assert names(old_file.parent) == ["table.csv"]


def test_a_folder_is_replaced_as_a_whole(old_folder):
    with atomic_write(old_folder) as temporary:
        temporary.mkdir()
        (temporary / "new.txt").write_text("new")
    assert names(old_folder) == ["new.txt"]
    assert names(old_folder.parent) == ["bundle"]


def test_an_interrupted_folder_leaves_the_old_one(old_folder):
    with pytest.raises(RuntimeError):
        write_half(old_folder, folder=True)
    assert names(old_folder) == ["old.txt"]
    assert names(old_folder.parent) == ["bundle"]


def test_leftovers_of_an_earlier_write_are_not_used(old_folder):
    with atomic_write(old_folder) as temporary:
        temporary.mkdir()
    temporary.mkdir()
    (temporary / "half.txt").write_text("half")
    with atomic_write(old_folder) as temporary:
        temporary.mkdir()
    assert names(old_folder) == []


def test_missing_parents_are_made(tmp_path):
    with atomic_write(tmp_path / "a" / "b" / "file") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a" / "b" / "file").read_text() == "new"


def test_a_moved_folder_brings_nothing_of_the_old_one_along(old_folder, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "new.txt").write_text("new")
    move(source, old_folder)
    assert names(old_folder) == ["new.txt"]
    assert names(tmp_path) == ["bundle"]


@pytest.mark.parametrize("folder_exists", [True, False])
def test_leftovers_of_a_killed_move_go_with_the_next_one(old_folder, folder_exists):
    stale = old_folder.with_name(f".{old_folder.name}.old")
    stale.mkdir()
    (stale / "older.txt").write_text("older")
    if not folder_exists:
        remove(old_folder)
    source = old_folder.with_name("source")
    source.mkdir()
    move(source, old_folder)
    assert names(old_folder.parent) == ["bundle"]


def test_a_removed_link_leaves_what_it_points_at(old_folder):
    link = old_folder.with_name("link")
    link.symlink_to(old_folder)
    remove(link)
    assert names(old_folder.parent) == ["bundle"]
    assert names(old_folder) == ["old.txt"]


def test_removing_what_is_not_there_is_no_error(tmp_path):
    remove(tmp_path / "nothing")
    assert names(tmp_path) == []


def test_json_comes_back_as_it_was_written(tmp_path):
    value = {"threshold": 0.1 + 0.2, "names": ["a", "b"], "nothing": None, "never": float("inf")}
    write_json(value, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == value


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_out_of_the_folder_is_found_on_the_way_too(tmp_path, linked):
    inside, other = tmp_path / "input", tmp_path / "other"
    (inside / "test").mkdir(parents=True)
    other.mkdir()
    (other / "a.mp4").touch()
    (inside / "test" / "own.mp4").touch()
    link = inside / "test" / "a.mp4" if linked == "file" else inside / "more"
    link.symlink_to(other / "a.mp4" if linked == "file" else other)
    assert is_outside(link if linked == "file" else link / "a.mp4", inside)
    assert not is_outside(inside / "test" / "own.mp4", inside)


@pytest.mark.parametrize("name", ["table.csv", "new.csv", "new/folder/new.csv"])
def test_a_place_that_can_be_written_is_left_as_it_was(old_file, name):
    check_writable(old_file.parent / name)
    assert names(old_file.parent) == ["table.csv"]
    assert old_file.read_text() == "old"


def test_a_file_in_place_of_a_folder_is_told(old_file):
    with pytest.raises(InputError, match=r"can't be written \(.*table\.csv: Not a directory"):
        check_writable(old_file / "x.csv")


def test_a_place_without_space_is_told(tmp_path, monkeypatch):
    def fail(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with pytest.raises(InputError, match=r"can't be written \(.*: No space left on device\)"):
        check_writable(tmp_path / "x.csv")


def test_what_does_not_fit_is_refused_what_is_there_counts(old_folder, monkeypatch):
    free = SimpleNamespace(free=10)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: free)
    check_space(old_folder, 13)  # "old" is there
    with pytest.raises(InputError, match=r"bundle will take 0\.0 GB, of which 0\.0 GB are there"):
        check_space(old_folder, 14)


def test_full_places_are_named_and_no_other(tmp_path, monkeypatch):
    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=0 if folder == tmp_path else 10**9)

    monkeypatch.setattr(files.shutil, "disk_usage", usage)
    assert full_places([tmp_path / "new" / "x.csv", tmp_path.parent / "y"]) == [str(tmp_path)]


def test_temporary_files_go_beside_where_there_is_no_folder(tmp_path, monkeypatch, caplog):
    ends = []
    monkeypatch.setattr(files.atexit, "register", lambda *words, **_: ends.append(words))
    ensure_temporary_folder(tmp_path / "x.csv")
    assert names(tmp_path) == []
    monkeypatch.setenv("TMPDIR", "")  # put back afterwards
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    ensure_temporary_folder(tmp_path / "new" / "x.csv")
    (folder,) = (tmp_path / "new").iterdir()
    assert os.environ["TMPDIR"] == str(folder)
    assert f"they go into {folder}" in caplog.text
    assert ends == [(files.shutil.rmtree, str(folder))]


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path):
    path, ended = tmp_path / "season", subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    node = platform.node()
    living, dead = (tmp_path / f".season.{node}-{pid}.partial" for pid in (os.getpid(), ended.pid))
    for draft in (living, dead):
        draft.mkdir()
    remove_drafts(path)
    assert living.is_dir()
    assert not dead.exists()
