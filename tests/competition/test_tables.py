import logging

import numpy as np
import pandas as pd
import pytest

from player_contact.competition import tables
from player_contact.competition.names import GROUND
from player_contact.errors import InputError, PlayerContactError

FILES = {
    "train_player_tracking.csv": tables.TRACKING,
    "train_baseline_helmets.csv": tables.HELMETS,
    "train_video_metadata.csv": tables.VIDEOS,
    "train_labels.csv": tables.LABELS,
    "sample_submission.csv": tables.SUBMISSION,
}
COLUMNS = [(file, column) for file, table in FILES.items() for column in table.fields]
MEASURED = [(file, name) for file, table in FILES.items() for name, field in table.fields.items() if field.optional_value]
DEMANDED = [pair for pair in COLUMNS if pair not in MEASURED]


def read(season, file: str) -> pd.DataFrame:
    return tables.read_table(season.folder / file, FILES[file])


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_read_in_the_order_of_the_file(tiny_season, file):
    column = next(iter(FILES[file].fields))
    assert read(tiny_season, file)[column].astype(str).tolist() == tiny_season.table(file)[column].tolist()


@pytest.mark.parametrize("file", FILES)
def test_a_missing_table_is_named_with_its_place(tiny_season, file):
    (tiny_season.folder / file).unlink()
    with pytest.raises(InputError, match=rf"^{file} is missing.*{tiny_season.folder}"):
        read(tiny_season, file)


@pytest.mark.parametrize(("file", "column"), COLUMNS)
def test_a_missing_column_is_named_together_with_its_file(tiny_season, file, column):
    tiny_season.drop_column(file, column)
    with pytest.raises(InputError, match=rf"^{file} has no column '{column}'.*Is this the {FILES[file].name} table"):
        read(tiny_season, file)


@pytest.mark.parametrize(("file", "column"), DEMANDED)
def test_an_empty_cell_is_named_with_its_line(tiny_season, file, column):
    tiny_season.set_value(file, 5, column, "")
    with pytest.raises(InputError, match=rf"^{file}, line 5: '{column}' is empty, expected "):
        read(tiny_season, file)


@pytest.mark.parametrize(("file", "column"), MEASURED)
def test_an_empty_measurement_is_not_measured_and_said_so(tiny_season, file, column, caplog):
    tiny_season.set_value(file, 5, column, "")
    values = read(tiny_season, file)[column]
    assert np.flatnonzero(values.isna()).tolist() == [3]
    assert f"{file}: 1 rows have no '{column}'; they count as not measured" in caplog.text


@pytest.mark.parametrize(
    ("file", "column", "value", "expected"),
    [
        ("train_player_tracking.csv", "speed", "fast", r"'fast', expected a number \(yards per second, 0 to 60\)"),
        ("train_player_tracking.csv", "sa", "1,5", "'1,5', expected a number"),
        ("train_player_tracking.csv", "step", "now", "'now', expected a whole number of 0.1 s steps"),
        ("train_player_tracking.csv", "nfl_player_id", "QB", "'QB', expected a player's number"),
        ("train_player_tracking.csv", "x_position", "900", "900.0, expected a number .yards, -60 to 180."),
        ("train_player_tracking.csv", "speed", "-1", "-1.0, expected a number"),
        ("train_player_tracking.csv", "y_position", "inf", "inf, expected a number"),
        ("train_player_tracking.csv", "team", "guests", "'guests', expected home or away"),
        ("train_player_tracking.csv", "position", "quarterback", "'quarterback', expected a position such as QB"),
        ("train_player_tracking.csv", "datetime", "03:01 pm", "'03:01 pm', expected a time such as 2020-"),
        ("train_player_tracking.csv", "game_play", "../../secret", "'../../secret', expected a play such as 58168_003392"),
        ("train_baseline_helmets.csv", "view", "Skycam", "'Skycam', expected one of Sideline, Endzone, Endzone2"),
        ("train_baseline_helmets.csv", "frame", "2.5", "'2.5', expected a frame number, from 1"),
        ("train_baseline_helmets.csv", "frame", "0", "0, expected a frame number, from 1"),
        ("train_baseline_helmets.csv", "frame", "99999999999", "99999999999, expected a frame number, from 1"),
        ("train_baseline_helmets.csv", "nfl_player_id", "99999999999", "99999999999, expected a player's number"),
        ("train_baseline_helmets.csv", "width", "0", "0.0, expected a number .pixels, above 0."),
        ("train_baseline_helmets.csv", "left", "left", "'left', expected a number .pixels."),
        ("train_video_metadata.csv", "view", "All29", "'All29', expected one of Sideline"),
        ("train_video_metadata.csv", "snap_time", "noon", "'noon', expected a time"),
        ("train_labels.csv", "contact", "2", "2, expected 0 or 1"),
        ("train_labels.csv", "contact", "700", "700, expected 0 or 1"),
        ("train_labels.csv", "contact", "yes", "'yes', expected 0 or 1"),
        ("train_labels.csv", "nfl_player_id_2", "grass", "'grass', expected a player's number or G"),
        ("train_labels.csv", "contact_id", "58168_003392_0_1", "'58168_003392_0_1', expected an id such as"),
        ("sample_submission.csv", "contact_id", "58168_003392_0_1_X", "'58168_003392_0_1_X', expected an id such as"),
        ("sample_submission.csv", "contact_id", "58168_003392_-1_1_2", "'58168_003392_-1_1_2', expected an id such as"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_what_was_expected(tiny_season, file, column, value, expected):
    tiny_season.set_value(file, 7, column, value)
    with pytest.raises(InputError, match=rf"^{file}, line 7: '{column}' is {expected}.*Mend or download again: .*{file}$"):
        read(tiny_season, file)


def test_only_the_first_of_several_wrong_values_is_shown_and_the_others_are_counted(tiny_season):
    for line in (9, 4, 6):
        tiny_season.set_value("train_player_tracking.csv", line, "speed", "n/k")
    with pytest.raises(InputError, match=r"line 4: 'speed' is 'n/k'.* 2 more rows like it"):
        read(tiny_season, "train_player_tracking.csv")


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("train_player_tracking.csv", "game_play .*, step .*, nfl_player_id "),
        ("train_baseline_helmets.csv", "game_play .*, view .*, frame .*, nfl_player_id "),
        ("train_video_metadata.csv", "game_play .*, view "),
        ("train_labels.csv", "contact_id "),
        ("sample_submission.csv", "contact_id "),
    ],
)
def test_two_rows_with_one_key_are_named_by_their_lines(tiny_season, file, key):
    last = len(tiny_season.table(file)) + 2
    tiny_season.duplicate_line(file, 4)
    with pytest.raises(InputError, match=rf"^{file}, lines 4 and {last}: two rows for {key}.*; expected one\. 2 rows share a key"):
        read(tiny_season, file)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\x00\xff\xfe\xb3"])
def test_what_is_no_table_is_called_so(tiny_season, content):
    (tiny_season.folder / "train_labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"^train_labels\.csv (is not a CSV table|has no column)"):
        read(tiny_season, "train_labels.csv")


def test_a_comma_at_the_end_of_every_line_shifts_no_column(tiny_season):
    path = tiny_season.folder / "train_baseline_helmets.csv"
    expected = read(tiny_season, path.name)
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(line + "," for line in lines)]) + "\n")
    pd.testing.assert_frame_equal(read(tiny_season, path.name), expected)


def test_a_header_that_lacks_a_name_is_refused(tiny_season):
    """Else every value would stand under the name of its neighbour."""
    path = tiny_season.folder / "train_player_tracking.csv"
    path.write_text(path.read_text().replace(",jersey_number", "", 1))
    with pytest.raises(InputError, match=r"^train_player_tracking\.csv, line 2: it holds 17 values, but the header has 16 names\. Mend or download"):
        read(tiny_season, path.name)


@pytest.mark.parametrize("quoted", [False, True])
def test_a_line_with_a_comma_too_many_is_named(tiny_season, quoted):
    path = tiny_season.folder / "train_player_tracking.csv"
    lines = path.read_text().splitlines()
    lines[6] = lines[6].replace(".1", ",1") + ",7"
    if quoted:
        lines[3] = lines[3].replace("home", '"home"').replace("away", '"away"')
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"^train_player_tracking\.csv, line 7: it holds \d\d values, but the header has 17 names"):
        read(tiny_season, path.name)


def test_columns_in_another_order_and_unknown_ones_change_nothing(tiny_season):
    expected = read(tiny_season, "train_player_tracking.csv")
    table = tiny_season.table("train_player_tracking.csv")
    tiny_season.write("train_player_tracking.csv", table[table.columns[::-1]].assign(heart_rate="120"))
    pd.testing.assert_frame_equal(read(tiny_season, "train_player_tracking.csv"), expected)


def test_labels_of_pairs_alone_are_labels(tiny_season):
    labels = tiny_season.table("train_labels.csv")
    tiny_season.write("train_labels.csv", labels[labels["nfl_player_id_2"] != "G"])
    assert len(read(tiny_season, "train_labels.csv")) == (labels["nfl_player_id_2"] != "G").sum()


def test_a_contact_id_is_taken_apart():
    rows = tables.contact_rows(pd.Series(["58168_003392_12_38590_43854", "58582_002774_0_38590_G"]))
    assert rows["game_play"].tolist() == ["58168_003392", "58582_002774"]
    assert rows["step"].tolist() == [12, 0]
    assert rows["nfl_player_id_1"].tolist() == [38590, 38590]
    assert rows["nfl_player_id_2"].tolist() == [43854, GROUND]


@pytest.mark.parametrize("contact_id", ["58168_003392_99999999999_1_2", "58168_003392_0_1_99999999999", "58168_003392_500000_1_2"])
def test_a_contact_id_with_a_number_beyond_all_reason_is_refused(tiny_season, contact_id):
    tiny_season.set_value("sample_submission.csv", 3, "contact_id", contact_id)
    with pytest.raises(InputError, match=rf"^sample_submission\.csv, line 3: 'contact_id' is '{contact_id}'"):
        tables.contact_rows(read(tiny_season, "sample_submission.csv")["contact_id"])


def test_a_sample_submission_without_rows_is_refused(tiny_season):
    tiny_season.write("sample_submission.csv", tiny_season.table("sample_submission.csv").iloc[:0])
    with pytest.raises(InputError, match=r"^sample_submission\.csv has no rows"):
        read(tiny_season, "sample_submission.csv")


def test_a_day_that_does_not_exist_is_named_with_its_line(tmp_path):
    times = pd.DataFrame({"snap_time": ["2020-09-11T03:01:48.134Z", "2020-13-45T03:01:48.134Z"]})
    with pytest.raises(InputError, match=r"^some\.csv, line 3: 'snap_time' is '2020-13-45T03:01:48\.134Z', expected a time"):
        tables.times_of(times, "snap_time", tmp_path / "some.csv")


def test_an_input_error_is_a_value_error_and_one_of_ours():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, PlayerContactError)


def test_a_good_table_is_read_without_a_word(tiny_season, caplog):
    with caplog.at_level(logging.INFO):
        read(tiny_season, "train_player_tracking.csv")
    assert not caplog.records
