"""Randomly damaged tables are read in full or refused with one sentence; mended, they are valid."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from player_contact.competition import clock, schemas
from player_contact.competition.season import read_season
from player_contact.competition.tables import read_table
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import InputError
from tests.makers import copy_season

SCHEMAS = {
    "test_player_tracking.csv": schemas.TRACKING,
    "test_baseline_helmets.csv": schemas.HELMETS,
    "test_video_metadata.csv": schemas.VIDEOS,
    "sample_submission.csv": schemas.SUBMISSION,
}
MENDABLE = list(SCHEMAS)[:3]
LINES = 30
NASTY = (
    *("", " ", "nan", "NaN", "NA", "None", "inf", "-inf", "1e400", "1e18", "-1", "0", "007", "+5"),
    *("0x10", "1_000", "1.0", "1.5", "1,5", "TRUE", "１２", "٣", "99999999999999999999", "--"),
    *("1e-400", "home ", "HOME", "Endzone2", "All29", "G", "../../etc/passwd", '"', "a\nb", "a\rb"),
    *("<script>alert(1)</script>", "'; DROP TABLE labels; --", "\x00", "\ufeff", "\u202e", "Ã¼"),
    *("5" * 5000, "2020-02-30T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"),
    *("2020-09-11T03:01:48.100+09:00", "2020-09-11T99:99:99Z", "2020-09-11 03:01:48"),
    *("58168_003392", "٥٨١٦٨_٠٠٣٣٩٢", "58168_003392_0_1_2", "58168_003392_٠_1_G"),
    *("58168_003392_0_2_1", "58168_003392_9999_1_G"),
)
CELLS = st.sampled_from(NASTY) | st.text(max_size=8) | st.floats().map(str) | st.integers().map(str)
Rows = list[list[str]]  # the first one is the header


def nth(rows: Rows, number: int) -> list[str]:
    return rows[1 + number % (len(rows) - 1)]


def set_cell(rows: Rows, line: int, column: int, text: str) -> None:
    nth(rows, line)[column % len(nth(rows, line))] = text


def set_name(rows: Rows, _: int, column: int, text: str) -> None:
    rows[0][column % len(rows[0])] = text


def set_column(rows: Rows, _: int, column: int, text: str) -> None:
    for row in rows[1:]:
        row[column % len(rows[0])] = text


def insert_cell(rows: Rows, line: int, column: int, text: str) -> None:
    """A value too many, as where somebody writes 1,5 for 1.5."""
    nth(rows, line).insert(column % len(nth(rows, line)), text)


def duplicate_line(rows: Rows, line: int, target: int, _: str) -> None:
    rows.insert(1 + target % len(rows), list(nth(rows, line)))


def swap_lines(rows: Rows, line: int, target: int, _: str) -> None:
    line, target = 1 + line % (len(rows) - 1), 1 + target % (len(rows) - 1)
    rows[line], rows[target] = rows[target], rows[line]


def drop_column(rows: Rows, _: int, column: int, __: str) -> None:
    column %= len(rows[0])
    if len(rows[0]) > 1:
        for row in rows:
            del row[column]


DAMAGES = st.sampled_from(
    [set_cell] * 3 + [set_name, set_column, duplicate_line, swap_lines, insert_cell, drop_column]
)
NUMBERS = st.integers(0, 999)
CHANGES = st.lists(st.tuples(DAMAGES, NUMBERS, NUMBERS, CELLS), min_size=1, max_size=4)


def read_rows(path: Path, count: int | None = None) -> Rows:
    with path.open(newline="") as lines:
        return list(csv.reader(lines))[:count]


def damaged(rows: Rows, changes) -> Rows:
    rows = [list(row) for row in rows]
    for damage, line, column, text in changes:
        damage(rows, line, column, text)
    return rows


def write(path: Path, rows: Rows) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))


@pytest.fixture(scope="module")
def short(season_tables) -> dict[str, Rows]:
    """The first lines of each table."""
    return {file: read_rows(season_tables / file, LINES + 1) for file in SCHEMAS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


def assert_one_sentence(error: InputError, file: str = "") -> None:
    assert str(error).startswith(file)
    assert "\n" not in str(error).strip()


@pytest.mark.slow
@pytest.mark.parametrize("file", SCHEMAS)
@given(changes=CHANGES)
@example(changes=[(set_cell, 0, 0, "٥٨١٦٨_٠٠٣٣٩٢")])
@example(changes=[(set_cell, 0, 0, "58168_003392_٠_1_G")])
def test_a_damaged_table_is_read_in_full_or_refused(short, folder, file, changes):
    rows = damaged(short[file], changes)
    write(folder / file, rows)
    try:
        table = read_table(folder / file, SCHEMAS[file])
    except InputError as error:
        assert_one_sentence(error, file)
    else:
        assert len(table) == len(rows) - 1
        assert not any(any(row[len(rows[0]) :]) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("file", MENDABLE)
@settings(max_examples=25)
@given(changes=CHANGES)
def test_a_mended_table_is_valid_and_has_no_row_more(short, folder, file, changes):
    rows = damaged(short[file], changes)
    write(folder / file, rows)
    mended = read_table(folder / file, SCHEMAS[file], mend=True)
    assert len(mended) <= len(rows) - 1
    times = mended.select_dtypes("datetime")
    texts = {name: clock.to_text(times[name].to_numpy()) for name in times}
    mended.assign(**texts).to_csv(folder / f"again_{file}", index=False)
    again = read_table(folder / f"again_{file}", SCHEMAS[file])
    pd.testing.assert_frame_equal(again, mended, check_dtype=False, check_categorical=False)


@pytest.mark.slow
@given(
    file=st.sampled_from(list(SCHEMAS)),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)),
        min_size=1,
        max_size=4,
    ),
)
def test_any_bytes_raise_an_input_error_or_nothing(short, folder, file, cuts):
    write(folder / file, short[file])
    content = (folder / file).read_bytes()
    for share, length, text in cuts:
        start = int(share * len(content))
        content = content[:start] + text + content[start + length :]
    (folder / file).write_bytes(content)
    try:
        read_table(folder / file, SCHEMAS[file])
    except InputError as error:
        assert_one_sentence(error, file)
    lines = content.count(b"\n") + content.count(b"\r") + 1
    assert len(read_table(folder / file, SCHEMAS[file], mend=True)) <= lines


@pytest.mark.slow
@settings(max_examples=25)
@given(
    changes=st.dictionaries(st.sampled_from(list(SCHEMAS)), CHANGES, min_size=1), mend=st.booleans()
)
def test_a_damaged_season_has_a_row_for_every_id_or_is_refused(short, folder, changes, mend):
    for file in SCHEMAS:
        write(folder / file, damaged(short[file], changes.get(file, [])))
    try:
        season = read_season(folder, "test", mend)
    except InputError as error:
        assert_one_sentence(error)
    else:
        ids = pd.read_csv(folder / "sample_submission.csv", dtype=str, keep_default_na=False)
        assert season.rows["contact_id"].tolist() == ids["contact_id"].tolist()
        positions = np.concatenate([play.rows["row"] for play in season.plays()])
        assert positions.tolist() == list(range(len(ids)))


@settings(max_examples=4)
@given(changes=st.dictionaries(st.sampled_from(MENDABLE), CHANGES, min_size=1))
def test_a_damaged_folder_is_predicted_in_full_with_mend(
    season_tables, bundle, tmp_path_factory, changes
):
    folder = tmp_path_factory.mktemp("damaged")
    season = copy_season(season_tables, folder / "season")
    for file, file_changes in changes.items():
        write(season.folder / file, damaged(read_rows(season.folder / file), file_changes))
    predict_folder(bundle, season.folder, folder / "submission.csv", 0, mend=True)
    submission = pd.read_csv(folder / "submission.csv")
    ids = season.table("sample_submission.csv")["contact_id"]
    assert submission["contact_id"].tolist() == ids.tolist()
    assert set(submission["contact"]) <= {0, 1}
