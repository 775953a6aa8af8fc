import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition import lines
from player_contact.competition.lines import first_long_line

PLAIN = st.text(st.sampled_from("ab1 .-"), max_size=3)
QUOTED = st.text(st.sampled_from('ab,\n"'), max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lines") / "some.csv"


@pytest.mark.parametrize("cells", [PLAIN, QUOTED], ids=["plain", "quoted"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@given(data=st.data())
def test_the_first_long_line_is_that_of_the_csv_module(path, cells, ending, data):
    rows = data.draw(st.lists(st.lists(cells, min_size=3, max_size=5), min_size=1, max_size=8))
    block = data.draw(st.integers(1, 40))
    text = io.StringIO()
    csv.writer(text, lineterminator=ending).writerows(rows)
    path.write_bytes(text.getvalue().encode())
    expected = [len([*row]) for row in rows if any(row[3:])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", block)
        found = first_long_line(path, 3)
    assert (found is None) == (not expected)
    if found and cells is PLAIN:
        place = next(number for number, row in enumerate(rows) if any(row[3:]))
        assert found[0] == place + 1
        assert 3 < found[1] <= len(rows[place])


def test_a_last_line_without_an_end_is_looked_at_too(path):
    path.write_text("a,b\n1,2\n1,2,3")
    assert first_long_line(path, 2) == (3, 3)


def test_commas_at_the_end_of_lines_hold_no_value(path):
    path.write_text("a,b\n1,2,\n1,2,,,\n")
    assert first_long_line(path, 2) is None
