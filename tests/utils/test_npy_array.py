import pickle
import sys
import tracemalloc

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from player_contact.utils.errors import InputError
from player_contact.utils.npy_array import NpyArray
from player_contact.utils.parallel import parallel_map


@pytest.fixture
def both(tmp_path):
    """An array that lies on disk, and the same in memory."""
    array = np.arange(3 * 2 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    np.save(tmp_path / "some.npy", array)
    return NpyArray(tmp_path / "some.npy"), array


@given(array=arrays(np.float32, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)))
def test_an_array_comes_back_as_it_was_stored(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("stored") / "some.npy"
    np.save(path, array)
    stored = NpyArray(path)
    assert (stored.shape, stored.dtype, len(stored)) == (array.shape, array.dtype, len(array))
    np.testing.assert_array_equal(np.asarray(stored), array)


@pytest.mark.parametrize(
    "key", [2, (0,), (1, 1), (2, 0, 1), (np.int64(2), np.int64(1), 3), (1, 0, 2, 3)]
)
def test_integers_index_as_in_memory(both, key):
    stored, array = both
    np.testing.assert_array_equal(stored[key], array[key])


@given(first=st.none() | st.integers(-5, 5), after=st.none() | st.integers(-5, 5))
def test_slices_index_as_in_memory(tmp_path_factory, first, after):
    array = np.arange(12).reshape(4, 3)
    path = tmp_path_factory.mktemp("stored") / "some.npy"
    np.save(path, array)
    np.testing.assert_array_equal(NpyArray(path)[first:after], array[first:after])


@pytest.mark.parametrize("key", [3, -1, (0, 2), (0, 0, -1), (0, 0, 0, 0, 0), slice(None, None, 2)])
def test_an_index_out_of_range_or_a_step_is_refused(both, key):
    with pytest.raises(IndexError, match=r"some\.npy"):
        both[0][key]


@pytest.mark.parametrize("key", [1.7, (0, 1.0), [0, 1], np.ones(3, dtype=bool), ...])
def test_an_index_is_an_integer_or_a_slice(both, key):
    with pytest.raises(TypeError):
        both[0][key]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (truncate, "is shorter than it says"),
        (lambda path: path.write_bytes(b""), "is no array"),
        (lambda path: path.write_bytes(b"0,1,2,3,4,5,6,7,8,9"), "is no array"),
        (lambda path: np.save(path, np.zeros((3, 4), order="F")), "row after row"),
        (
            lambda path: np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True),
            "no array of plain numbers",
        ),
    ],
    ids=["truncated", "empty", "text", "columns first", "objects"],
)
def test_a_file_that_is_no_complete_array_is_refused(tmp_path, harm, words):
    path = tmp_path / "some.npy"
    np.save(path, np.arange(12))
    harm(path)
    with pytest.raises(InputError, match=rf"some\.npy .*{words}.*run again"):
        NpyArray(path)


@pytest.mark.parametrize(
    "harm",
    [truncate, lambda path: np.save(path, np.zeros((3, 2), dtype=np.float64))],
    ids=["truncated", "replaced"],
)
def test_a_file_that_is_changed_while_it_is_read_is_refused(both, harm):
    stored, _ = both
    harm(stored.path)
    with pytest.raises(InputError, match="changed while it was read"):
        stored[0]


def test_another_process_gets_an_array_by_its_path(both):
    stored, array = both
    assert array.tobytes() not in pickle.dumps(stored)
    for read in parallel_map(np.asarray, [stored, stored], 2, "reading", 2):
        np.testing.assert_array_equal(read, array)


def test_an_array_on_disk_is_never_had_without_a_copy(both):
    stored, array = both
    np.testing.assert_array_equal(np.array(stored), array)
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(stored, copy=False)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what the process has mapped")
def test_nothing_is_mapped_kept_open_or_kept_in_memory(tmp_path):
    for name in range(10):
        np.save(tmp_path / f"{name}.npy", np.zeros((40, 100_000), dtype=np.uint8))
    opened = [NpyArray(tmp_path / f"{name}.npy") for name in range(10)]
    tracemalloc.start()
    for stored in opened:
        for row in range(len(stored)):
            assert not stored[row].any()
        assert not stored[:20].any()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
    assert most < 5_000_000  # of 40
    held = {file.path for file in (*psutil.Process().open_files(), *psutil.Process().memory_maps())}
    assert not any(path.startswith(str(tmp_path)) for path in held)
