"""Tables harmed at random: each is read whole, or refused with one sentence; mended, it is a table without a fault."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from player_contact.competition import tables
from player_contact.competition.mending import read_mended
from player_contact.competition.season import Season, read_season
from player_contact.errors import InputError
from player_contact.predict import predict_folder
from tests.makers import copy_season

FILES = {
    "test_player_tracking.csv": tables.TRACKING,
    "test_baseline_helmets.csv": tables.HELMETS,
    "test_video_metadata.csv": tables.VIDEOS,
    "sample_submission.csv": tables.SUBMISSION,
}
LINES = 30
NASTY = (
    "", " ", "nan", "NaN", "NA", "None", "inf", "-inf", "1e400", "1e18", "-1", "0", "007", "+5", "0x10", "1_000", "1.0", "1.5", "1,5", "TRUE",
    "１２", "٣", "99999999999999999999", "1e-400", "--", "home ", "HOME", "Endzone2", "All29", "G", "../../etc/passwd", "<script>alert(1)</script>",
    "'; DROP TABLE labels; --", '"', "a\nb", "a\rb", "\x00", "\ufeff", "\u202e", "Ã¼", "5" * 5000,
    "2020-02-30T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "2020-09-11T03:01:48.100+09:00", "2020-09-11T99:99:99Z",
    "2020-09-11 03:01:48", "58168_003392", "٥٨١٦٨_٠٠٣٣٩٢", "58168_003392_0_1_2", "58168_003392_٠_1_G", "58168_003392_0_2_1", "58168_003392_9999_1_G",
)  # fmt: skip
CELLS = st.sampled_from(NASTY) | st.text(max_size=8) | st.floats().map(str) | st.integers().map(str)


def cell(rows: list[list[str]], line: int, place: int, text: str) -> None:
    row = rows[1 + line % (len(rows) - 1)]
    row[place % len(row)] = text


def header(rows: list[list[str]], _: int, place: int, text: str) -> None:
    rows[0][place % len(rows[0])] = text


def whole_column(rows: list[list[str]], _: int, place: int, text: str) -> None:
    for row in rows[1:]:
        row[place % len(rows[0])] = text


def longer(rows: list[list[str]], line: int, place: int, text: str) -> None:
    """A value too many, as where somebody writes 1,5 for 1.5."""
    row = rows[1 + line % (len(rows) - 1)]
    row.insert(place % len(row), text)


def twice(rows: list[list[str]], line: int, place: int, _: str) -> None:
    rows.insert(1 + place % len(rows), list(rows[1 + line % (len(rows) - 1)]))


def swapped(rows: list[list[str]], line: int, place: int, _: str) -> None:
    one, other = 1 + line % (len(rows) - 1), 1 + place % (len(rows) - 1)
    rows[one], rows[other] = rows[other], rows[one]


def without_column(rows: list[list[str]], _: int, place: int, __: str) -> None:
    place %= len(rows[0])
    if len(rows[0]) > 1:
        for row in rows:
            del row[place]


KINDS = st.sampled_from([cell, cell, cell, header, whole_column, twice, swapped, longer, without_column])
HARMS = st.lists(st.tuples(KINDS, st.integers(0, 999), st.integers(0, 999), CELLS), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def short(season_tables) -> dict[str, list[list[str]]]:
    """The first lines of each table, as lists of texts."""
    with_header = {}
    for file in FILES:
        with (season_tables / file).open(newline="") as lines:
            with_header[file] = [row for _, row in zip(range(LINES + 1), csv.reader(lines), strict=False)]
    return with_header


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


def harmed(rows: list[list[str]], harms) -> list[list[str]]:
    rows = [list(row) for row in rows]
    for harm, line, place, text in harms:
        harm(rows, line, place, text)
    return rows


def write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))


def assert_one_sentence(error: InputError, file: str = "") -> None:
    assert str(error).startswith(file)
    assert "\n" not in str(error).strip()


@pytest.mark.parametrize("file", FILES)
@settings(max_examples=40)
@given(harms=HARMS)
@example(harms=[(cell, 0, 0, "٥٨١٦٨_٠٠٣٣٩٢")])
@example(harms=[(cell, 0, 0, "58168_003392_٠_1_G")])
def test_a_harmed_table_is_read_with_every_row_or_refused(short, folder, file, harms):
    rows = harmed(short[file], harms)
    write(folder / file, rows)
    try:
        read = tables.read_table(folder / file, FILES[file])
    except InputError as error:
        assert_one_sentence(error, file)
    else:
        assert len(read) == len(rows) - 1
        assert not any(any(row[len(rows[0]) :]) for row in rows)


@pytest.mark.parametrize("file", list(FILES)[:3])
@settings(max_examples=25)
@given(harms=HARMS)
def test_a_mended_table_has_no_fault_and_no_row_more(short, folder, file, harms):
    rows = harmed(short[file], harms)
    write(folder / file, rows)
    mended = read_mended(folder / file, FILES[file])
    assert len(mended) <= len(rows) - 1
    again = folder / f"again_{file}"
    mended.to_csv(again, index=False)
    pd.testing.assert_frame_equal(tables.read_table(again, FILES[file]), mended, check_dtype=False, check_categorical=False)


@settings(max_examples=40)
@given(
    file=st.sampled_from(list(FILES)),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=4),
)
def test_whatever_bytes_a_table_has_nothing_but_an_input_error_is_raised(short, folder, file, cuts):
    write(folder / file, short[file])
    content = (folder / file).read_bytes()
    for where, length, text in cuts:
        place = int(where * len(content))
        content = content[:place] + text + content[place + length :]
    (folder / file).write_bytes(content)
    try:
        tables.read_table(folder / file, FILES[file])
    except InputError as error:
        assert_one_sentence(error, file)
    assert len(read_mended(folder / file, FILES[file])) <= content.count(b"\n") + content.count(b"\r") + 1


@settings(max_examples=25)
@given(harms=st.dictionaries(st.sampled_from(list(FILES)), HARMS, min_size=1), mend=st.booleans())
def test_a_harmed_season_has_a_row_for_every_asked_id_or_is_refused(short, folder, harms, mend):
    for file in FILES:
        write(folder / file, harmed(short[file], harms.get(file, [])))
    try:
        season: Season = read_season(folder, "test", mend)
    except InputError as error:
        assert_one_sentence(error)
    else:
        asked = pd.read_csv(folder / "sample_submission.csv", dtype=str, keep_default_na=False)["contact_id"]
        assert season.rows["contact_id"].tolist() == asked.tolist()
        assert np.concatenate([play.rows["row"] for play in season.plays()]).tolist() == list(range(len(asked)))


@settings(max_examples=4)
@given(harms=st.dictionaries(st.sampled_from(list(FILES)[:3]), HARMS, min_size=1))
def test_a_harmed_folder_is_predicted_whole_where_mending_is_asked_for(season_tables, bundle, tmp_path_factory, harms):
    folder = tmp_path_factory.mktemp("harmed")
    season = copy_season(season_tables, folder / "season")
    for file, changes in harms.items():
        with (season.folder / file).open(newline="") as lines:
            rows = list(csv.reader(lines))
        write(season.folder / file, harmed(rows, changes))
    predict_folder(bundle, season.folder, folder / "submission.csv", 1, mend=True)
    submission = pd.read_csv(folder / "submission.csv")
    assert submission["contact_id"].tolist() == season.table("sample_submission.csv")["contact_id"].tolist()
    assert set(submission["contact"]) <= {0, 1}
