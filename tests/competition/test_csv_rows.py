import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.csv_rows import first_uneven_line

PLAIN = st.text(st.sampled_from("ab1 .-é"), max_size=3)
QUOTED = st.text(st.sampled_from('ab,\n"'), max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lines") / "some.csv"


ABC = ["a", "b", "c"]


@pytest.mark.parametrize("cells", [PLAIN, QUOTED], ids=["plain", "quoted"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@given(data=st.data())
def test_the_first_uneven_line_is_that_of_the_csv_module(path, cells, ending, data):
    rows = data.draw(st.lists(st.lists(cells, min_size=2, max_size=5), min_size=1, max_size=8))
    text = io.StringIO()
    csv.writer(text, lineterminator=ending).writerows([ABC, *rows])
    path.write_bytes(text.getvalue().encode())
    uneven = [(line, row) for line, row in enumerate(rows, 2) if len(row) < 3 or any(row[3:])]
    line = first_uneven_line(path, ABC)
    assert (line is None) == (not uneven)
    if line:
        assert line[0] == uneven[0][0]
        assert line[1] <= len(uneven[0][1])
        assert line[1] != 3


@pytest.mark.parametrize("text", ["a,b\n1,2\n1,2,3", "a,b\n\n1,2,3,,\n", "a,b\n1,\n\xff,\0,3\n"])
def test_a_long_line_is_counted_as_an_editor_does(path, text):
    path.write_bytes(text.encode("latin-1"))
    assert first_uneven_line(path, ["a", "b"]) == (3, 3)


@pytest.mark.parametrize("text", ["", "a,b\n1,2,\n1,2,,,\n", 'a,b\n1,"2,3,4\n', "a,b\n\n1,\n \n"])
def test_commas_at_line_ends_or_in_quotes_and_empty_lines_are_none(path, text):
    path.write_text(text)
    assert first_uneven_line(path, ["a", "b"]) is None


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n4,5", "a,b,c,\n1,2,3\n4,5\n"])
def test_a_line_that_breaks_off_is_found(path, text):
    path.write_text(text)
    assert first_uneven_line(path, [*ABC, ""][: text.index("\n") // 2 + 1]) == (3, 2)


def test_an_uneven_line_beyond_the_first_block_is_found(path):
    lines = ["a,b,c"] + ["1,2,3"] * 400_000
    lines[300_000] = "1,2,3,4"
    path.write_text("\n".join(lines))
    assert first_uneven_line(path, ABC)[0] == 300_001
