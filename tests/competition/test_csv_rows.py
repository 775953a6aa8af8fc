import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.csv_rows import first_long_line

PLAIN = st.text(st.sampled_from("ab1 .-é"), max_size=3)
QUOTED = st.text(st.sampled_from('ab,\n"'), max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lines") / "some.csv"


@pytest.mark.parametrize("cells", [PLAIN, QUOTED], ids=["plain", "quoted"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@given(data=st.data())
def test_the_first_long_line_is_that_of_the_csv_module(path, cells, ending, data):
    rows = data.draw(st.lists(st.lists(cells, min_size=3, max_size=5), min_size=1, max_size=8))
    text = io.StringIO()
    csv.writer(text, lineterminator=ending).writerows([["a", "b", "c"], *rows])
    path.write_bytes(text.getvalue().encode())
    long = [(line, row) for line, row in enumerate(rows, 2) if any(row[3:])]
    line = first_long_line(path, 3)
    assert (line is None) == (not long)
    if line:
        assert line[0] == long[0][0]
        assert 3 < line[1] <= len(long[0][1])


@pytest.mark.parametrize("text", ["a,b\n1,2\n1,2,3", "a,b\n\n1,2,3,,\n", "a,b\n1\n\xff,\0,3\n"])
def test_a_long_line_is_counted_as_an_editor_does(path, text):
    path.write_bytes(text.encode("latin-1"))
    assert first_long_line(path, 2) == (3, 3)


@pytest.mark.parametrize("text", ["", "a,b\n1,2,\n1,2,,,\n", 'a,b\n1,"2,3,4\n'])
def test_commas_at_line_ends_or_in_quotes_make_no_long_line(path, text):
    path.write_text(text)
    assert first_long_line(path, 2) is None


def test_a_long_line_beyond_the_first_block_is_found(path):
    lines = ["a,b,c"] + ["1,2,3"] * 400_000
    lines[300_000] = "1,2,3,4"
    path.write_text("\n".join(lines))
    assert first_long_line(path, 3)[0] == 300_001
