import logging

import numpy as np
import pandas as pd
import pytest

from player_contact.competition import clock
from player_contact.competition.season import read_season
from player_contact.competition.tables import read_table
from player_contact.utils.errors import InputError, PlayerContactError
from tests.makers import table_schemas

SCHEMAS = table_schemas("train")
TRACKING, HELMETS, VIDEOS, LABELS, IDS = SCHEMAS
COLUMNS = [(file, name) for file, schema in SCHEMAS.items() for name in schema.columns]
NULLABLE = [(file, name) for file, name in COLUMNS if SCHEMAS[file].columns[name].nullable]
REQUIRED = [column for column in COLUMNS if column not in NULLABLE]
CHOICES = [(file, name) for file, name in REQUIRED if SCHEMAS[file].columns[name].metadata["spell"]]


def read(season, file: str, mend: bool = False) -> pd.DataFrame:
    return read_table(season.folder / file, SCHEMAS[file], mend)


@pytest.mark.parametrize("file", SCHEMAS)
def test_every_row_is_read_in_the_order_of_the_file(tiny_season, file):
    column = next(iter(SCHEMAS[file].columns))
    values = read(tiny_season, file)[column].astype(str)
    assert values.tolist() == tiny_season.table(file)[column].tolist()


def test_columns_get_their_schemas_dtypes_and_times_are_times(short_season):
    tracking = read(short_season, TRACKING)
    assert tracking["nfl_player_id"].dtype == np.int32
    assert tracking["sa"].dtype == np.float32
    times = clock.to_text(tracking["datetime"].to_numpy())
    assert times.tolist() == short_season.table(TRACKING)["datetime"].tolist()


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_missing_table_is_named_with_its_folder(short_season, file):
    (short_season.folder / file).unlink()
    with pytest.raises(InputError, match=rf"^{file} is missing.*{short_season.folder}"):
        read(short_season, file)


@pytest.mark.parametrize(("file", "column"), COLUMNS)
def test_a_missing_column_is_named_with_its_file(short_season, file, column):
    short_season.drop_column(file, column)
    match = rf"^{file} has no column '{column}'.*Is this the {SCHEMAS[file].name} table"
    with pytest.raises(InputError, match=match):
        read(short_season, file)


@pytest.mark.parametrize(("file", "column"), REQUIRED)
def test_an_empty_cell_is_named_with_its_line(short_season, file, column):
    short_season.set_value(file, 5, column, "")
    with pytest.raises(InputError, match=rf"^{file}, line 5: '{column}' is empty, expected "):
        read(short_season, file)


@pytest.mark.parametrize(("file", "column"), NULLABLE)
def test_an_empty_measurement_is_missing_and_logged(short_season, file, column, caplog):
    short_season.set_value(file, 5, column, "")
    values = read(short_season, file)[column]
    assert np.flatnonzero(values.isna()).tolist() == [3]
    assert f"{file}: 1 rows have no '{column}': not measured" in caplog.text


@pytest.mark.parametrize(
    ("file", "column", "value", "expected"),
    [
        (TRACKING, "speed", "fast", r"a number \(yards per second, 0 to 60\)"),
        (TRACKING, "speed", "-1", "a number"),
        (TRACKING, "sa", "1,5", "a number"),
        (TRACKING, "step", "now", "a whole number of 0.1 s steps"),
        (TRACKING, "nfl_player_id", "QB", "a player's number"),
        (TRACKING, "x_position", "900", r"a number \(yards, -60 to 180\)"),
        (TRACKING, "y_position", "inf", "a number"),
        (TRACKING, "y_position", "nan", "a number"),
        (TRACKING, "team", "guests", "home or away"),
        (TRACKING, "position", "quarterback", "a position such as QB"),
        (TRACKING, "datetime", "03:01 pm", "a time such as 2020-"),
        (TRACKING, "game_play", "../../secret", "a play such as 58168_003392"),
        (HELMETS, "view", "Skycam", "one of Sideline, Endzone, Endzone2"),
        (HELMETS, "frame", "2.5", "a frame number, from 1"),
        (HELMETS, "frame", "0", "a frame number, from 1"),
        (HELMETS, "frame", "99999999999", "a frame number, from 1"),
        (HELMETS, "nfl_player_id", "99999999999", "a player's number"),
        (HELMETS, "width", "0", r"a number \(pixels, above 0\)"),
        (HELMETS, "left", "left", r"a number \(pixels\)"),
        (VIDEOS, "view", "All29", "one of Sideline"),
        (VIDEOS, "snap_time", "noon", "a time"),
        (VIDEOS, "snap_time", "2020-13-45T03:01:48.134Z", "a time"),
        (LABELS, "contact", "2", "0 or 1"),
        (LABELS, "contact", "700", "0 or 1"),
        (LABELS, "contact", "yes", "0 or 1"),
        (LABELS, "nfl_player_id_2", "grass", "a player's number or G"),
        (LABELS, "contact_id", "58168_003392_0_1", "an id such as"),
        (IDS, "contact_id", "58168_003392_0_1_X", "an id such as"),
        (IDS, "contact_id", "58168_003392_-1_1_2", "an id such as"),
        (IDS, "contact_id", "58168_003392_99999999999_1_2", "an id such as"),
        (IDS, "contact_id", "58168_003392_0_1_99999999999", "an id such as"),
        (IDS, "contact_id", "58168_003392_500000_1_2", "an id such as"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(short_season, file, column, value, expected):
    short_season.set_value(file, 7, column, value)
    sentence = rf"^{file}, line 7: '{column}' is '{value}', expected {expected}"
    with pytest.raises(InputError, match=rf"{sentence}.*\. Mend or download again: .*{file}$"):
        read(short_season, file)


def test_the_first_wrong_value_is_shown_the_others_counted(short_season):
    for line in (9, 4, 6):
        short_season.set_value(TRACKING, line, "speed", "n/k")
    with pytest.raises(InputError, match=r"line 4: 'speed' is 'n/k'.* 2 more rows like it"):
        read(short_season, TRACKING)


@pytest.mark.parametrize("file", SCHEMAS)
def test_two_rows_with_one_key_are_named_by_their_lines(short_season, file):
    last = len(short_season.table(file)) + 2
    short_season.duplicate_line(file, 4)
    key = ".*, ".join(f"{name} " for name in SCHEMAS[file].unique)
    match = rf"^{file}, line {last}: a copy of line 4, expected one row for {key}[^.]*\. Mend or"
    with pytest.raises(InputError, match=match):
        read(short_season, file)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\x00\xff\xfe\xb3"])
def test_a_file_that_is_no_table_is_refused(short_season, content):
    (short_season.folder / LABELS).write_bytes(content)
    with pytest.raises(InputError, match=r"^train_labels\.csv (is not a CSV table|has no column)"):
        read(short_season, LABELS)


def test_a_comma_at_the_end_of_every_line_shifts_no_column(short_season):
    expected = read(short_season, HELMETS)
    path = short_season.folder / HELMETS
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(line + "," for line in lines)]) + "\n")
    pd.testing.assert_frame_equal(read(short_season, HELMETS), expected)


def test_a_header_that_lacks_a_name_is_refused(short_season):
    """Else every value would stand under the name of its neighbour."""
    path = short_season.folder / TRACKING
    path.write_text(path.read_text().replace(",jersey_number", "", 1))
    match = r", line 2: it holds 17 values, but the header has 16 names\. Mend or download"
    with pytest.raises(InputError, match=f"^{TRACKING}{match}"):
        read(short_season, TRACKING)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_line_with_a_comma_too_many_is_named(short_season, quoted):
    path = short_season.folder / TRACKING
    lines = path.read_text().splitlines()
    lines[6] = lines[6].replace(".1", ",1") + ",7"
    if quoted:
        lines[3] = lines[3].replace("home", '"home"').replace("away", '"away"')
    path.write_text("\n".join(lines))
    match = r", line 7: it holds \d\d values, but the header has 17 names"
    with pytest.raises(InputError, match=f"^{TRACKING}{match}"):
        read(short_season, TRACKING)


def test_other_orders_of_columns_and_unknown_ones_change_nothing(short_season):
    expected = read(short_season, TRACKING)
    table = short_season.table(TRACKING)
    short_season.write(TRACKING, table[table.columns[::-1]].assign(heart_rate="120"))
    pd.testing.assert_frame_equal(read(short_season, TRACKING), expected)


def test_labels_of_pairs_alone_are_labels(short_season):
    labels = short_season.table(LABELS)
    pairs = labels[labels["nfl_player_id_2"] != "G"]
    short_season.write(LABELS, pairs)
    assert len(read(short_season, LABELS)) == len(pairs)


def test_mending_drops_bad_rows_and_blanks_bad_measurements(short_season, caplog):
    expected = read(short_season, TRACKING)
    expected.loc[5, "speed"] = np.nan
    short_season.duplicate_line(TRACKING, 4)
    for line, column, value in ((3, "step", "x"), (7, "speed", "x"), (9, "team", "guests")):
        short_season.set_value(TRACKING, line, column, value)
    mended = read(short_season, TRACKING, mend=True)
    pd.testing.assert_frame_equal(mended, expected.drop([1, 7]).reset_index(drop=True))
    rows = len(expected) + 1
    assert "line 3: 'step' is 'x', expected a whole number" in caplog.text
    assert f"Going on without 3 of {rows} rows" in caplog.text


def change_lines(path, change, *numbers: int) -> None:
    lines = path.read_text().splitlines()
    for number in numbers:
        lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines) + "\n")


def one_more(line: str) -> str:
    return line + ",x"


def one_less(line: str) -> str:
    return line.partition(",")[2]


def one_more_in_quotes(line: str) -> str:
    return '"a,b",' + line


@pytest.mark.parametrize("change", [one_more, one_less, one_more_in_quotes])
@pytest.mark.parametrize("lines", [[2], [3, 6], [2, 3, 4]])
def test_mending_leaves_out_uneven_lines_alone(short_season, caplog, change, lines):
    expected = read(short_season, TRACKING)
    change_lines(short_season.folder / TRACKING, change, *lines)
    mended = read(short_season, TRACKING, mend=True)
    others = expected.drop([line - 2 for line in lines]).reset_index(drop=True)
    pd.testing.assert_frame_equal(mended, others)
    assert f"Going on without {len(lines)} of {len(expected)} rows" in caplog.text


def test_a_mended_table_whose_header_lacks_a_name_has_no_rows(short_season, caplog):
    """The one line that fits it is wrong too."""
    rows = len(read(short_season, TRACKING))
    path = short_season.folder / TRACKING
    path.write_text(path.read_text().replace(",jersey_number", "", 1))
    change_lines(path, one_less, 5)
    assert len(read(short_season, TRACKING, mend=True)) == 0
    assert f"Going on without {rows} of {rows} rows" in caplog.text


@pytest.mark.parametrize("lines", [[7], [4, 9]])
def test_mending_reads_the_lines_around_a_stray_quote(short_season, caplog, lines):
    expected = read(short_season, TRACKING)
    path = short_season.folder / TRACKING
    change_lines(path, lambda line: '"' + line, *lines)
    with pytest.raises(InputError, match=f"^{TRACKING}"):
        read(short_season, TRACKING)
    pd.testing.assert_frame_equal(read(short_season, TRACKING, mend=True), expected)
    assert f"Going on without 0 of {len(expected)} rows" in caplog.text


def test_without_a_table_mending_says_so(short_season, caplog):
    (short_season.folder / TRACKING).unlink()
    assert len(read(short_season, TRACKING, mend=True)) == 0
    assert "Going on without this table" in caplog.text


def test_a_mended_tracking_row_may_lack_its_time(short_season, caplog):
    expected = read(short_season, TRACKING)
    short_season.set_value(TRACKING, 9, "datetime", "2020-02-31")
    mended = read(short_season, TRACKING, mend=True)
    assert mended["datetime"].isna().to_numpy().nonzero()[0].tolist() == [7]
    pd.testing.assert_frame_equal(
        mended.drop(columns="datetime"), expected.drop(columns="datetime")
    )
    assert "line 9: 'datetime' is '2020-02-31', expected a time" in caplog.text


def test_a_mended_table_may_lack_a_measurement_or_everything(short_season):
    short_season.drop_column(TRACKING, "speed")
    assert read(short_season, TRACKING, mend=True)["speed"].isna().all()
    (short_season.folder / TRACKING).unlink()
    assert len(read(short_season, TRACKING, mend=True)) == 0


@pytest.mark.parametrize(("file", "column"), CHOICES)
def test_rows_without_any_choice_are_all_bad(short_season, caplog, file, column):
    """Nor does the column, all gaps, change its type with a warning."""
    table = short_season.table(file)
    table[column] = ""
    short_season.write(file, table)
    with pytest.raises(InputError, match=rf"^{file}, line 2: '{column}' is empty"):
        read(short_season, file)
    assert len(read(short_season, file, mend=True)) == 0
    assert f"Going on without {len(table)} of {len(table)} rows" in caplog.text


@pytest.fixture
def secret(short_season, tmp_path):
    """The tracking table lies outside, and a link leads to it."""
    target = tmp_path / "secret.csv"
    (short_season.folder / TRACKING).rename(target)
    (short_season.folder / TRACKING).symlink_to(target)
    return target


def test_a_table_that_is_a_link_out_of_its_folder_is_refused(short_season, secret):
    where = rf"^{TRACKING} lies outside of {short_season.folder}: a link leads to {secret}"
    with pytest.raises(InputError, match=f"{where}, and links are not followed"):
        read(short_season, TRACKING)
    assert len(read(short_season, TRACKING, mend=True)) == 0


def test_an_input_folder_that_is_a_link_itself_is_read(short_season, tmp_path):
    (tmp_path / "link").symlink_to(short_season.folder)
    assert len(read_season(tmp_path / "link", "test").rows)


def test_a_link_to_a_file_of_the_same_folder_is_read(short_season):
    (short_season.folder / TRACKING).rename(short_season.folder / "tracking.csv")
    (short_season.folder / TRACKING).symlink_to("tracking.csv")
    assert len(read(short_season, TRACKING))


def test_an_input_error_is_a_value_error_and_one_of_ours():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, PlayerContactError)


def test_a_good_table_is_read_without_a_log_record(short_season, caplog):
    with caplog.at_level(logging.INFO):
        read(short_season, TRACKING)
    assert not caplog.records
