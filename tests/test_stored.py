import pickle
import sys

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from player_contact.stored import StoredArray


@pytest.fixture
def both(tmp_path):
    """An array that lies on disk, and the same in memory."""
    array = np.arange(3 * 2 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    np.save(tmp_path / "some.npy", array)
    return StoredArray(tmp_path / "some.npy"), array


@given(array=arrays(np.float32, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)))
def test_an_array_comes_back_as_it_was_stored(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("stored") / "some.npy"
    np.save(path, array)
    stored = StoredArray(path)
    assert (stored.shape, stored.dtype, len(stored)) == (array.shape, array.dtype, len(array))
    np.testing.assert_array_equal(np.asarray(stored), array)


@pytest.mark.parametrize("key", [2, (0,), (1, 1), (2, 0, 1), (np.int64(2), np.int64(1), 3), (1, 0, 2, 3)])
def test_whole_numbers_name_the_same_as_in_memory(both, key):
    stored, array = both
    np.testing.assert_array_equal(stored[key], array[key])


@given(first=st.none() | st.integers(-5, 5), after=st.none() | st.integers(-5, 5))
def test_a_slice_holds_the_same_as_in_memory(tmp_path_factory, first, after):
    array = np.arange(12).reshape(4, 3)
    path = tmp_path_factory.mktemp("stored") / "some.npy"
    np.save(path, array)
    np.testing.assert_array_equal(StoredArray(path)[first:after], array[first:after])


@pytest.mark.parametrize("key", [3, -1, (0, 2), (0, 0, -1), slice(None, None, 2)])
def test_what_is_not_there_or_can_not_be_read_in_one_go_is_refused(both, key):
    with pytest.raises(IndexError, match=r"some\.npy"):
        both[0][key]


def test_a_file_that_is_cut_off_is_refused(both):
    path = both[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="shorter than it says"):
        StoredArray(path)


def test_objects_are_never_made_from_a_file(tmp_path):
    np.save(tmp_path / "some.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"OBJECT|shorter"):
        np.asarray(StoredArray(tmp_path / "some.npy"))


def test_another_process_gets_an_array_by_its_path(both):
    stored, array = both
    sent = pickle.dumps(stored)
    assert array.tobytes() not in sent
    np.testing.assert_array_equal(pickle.loads(sent)[1], array[1])


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what the process has mapped")
def test_what_was_read_is_no_memory_of_the_process_and_no_file_stays_open(tmp_path):
    for name in range(10):
        np.save(tmp_path / f"{name}.npy", np.zeros((40, 100_000), dtype=np.uint8))
    this = psutil.Process()
    memory, files = this.memory_full_info().pss, this.num_fds()
    arrays_of = [StoredArray(tmp_path / f"{name}.npy") for name in range(10)]
    for stored in arrays_of:
        for row in range(len(stored)):
            assert not stored[row].any()
    assert this.memory_full_info().pss - memory < 10e6  # of 40
    assert this.num_fds() == files
