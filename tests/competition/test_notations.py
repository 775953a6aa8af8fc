"""Tables as other programs write them: every value is read, with `mend` and without."""

import csv

import numpy as np
import pandas as pd
import pytest

from player_contact.competition import schemas
from player_contact.competition.tables import read_table
from player_contact.utils.errors import InputError
from tests.makers import table_schemas

SCHEMAS = table_schemas("test")
TRACKING, HELMETS, VIDEOS, LABELS, IDS = SCHEMAS


def read(season, file: str, mend: bool = False) -> pd.DataFrame:
    table = read_table(season.folder / file, SCHEMAS[file], mend)
    categories = table.select_dtypes("category")  # in any order
    return table.assign(**{name: categories[name].astype(str) for name in categories})


@pytest.fixture
def same(short_season, caplog):
    """Asserts that a table, changed, is read as before, mended or not, without a word."""

    def check(file: str, change, season=short_season) -> None:
        expected = read(season, file)
        change(season.folder / file)
        for mend in (False, True):
            pd.testing.assert_frame_equal(read(season, file, mend), expected)
        assert not caplog.records

    return check


def edit(change):
    """Changes the table of text."""

    def edit_file(path) -> None:
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)

    return edit_file


def save_again(path) -> None:
    """As pandas does that has read the times as such."""
    times = [name for name in pd.read_csv(path, nrows=0).columns if "time" in name]
    pd.read_csv(path, parse_dates=times).to_csv(path, index=False)


@pytest.mark.parametrize("file", [TRACKING, VIDEOS])
def test_times_saved_by_pandas_are_the_same_times(same, file):
    same(file, save_again)


def in_many_notations(table: pd.DataFrame) -> pd.DataFrame:
    times = pd.to_datetime(table["datetime"])
    notations = (
        table["datetime"],
        times.astype(str),
        times.dt.tz_convert("Asia/Tokyo").astype(str),
        times.dt.strftime("%Y%m%dT%H%M%S.%fZ"),
        table["datetime"].str.lower(),
        table["datetime"].str.replace(".", ","),
    )
    return table.assign(datetime=[notations[i % 6].iloc[i] for i in range(len(table))])


def test_a_column_may_mix_notations_of_times(same):
    same(TRACKING, edit(in_many_notations))


def blanks_after_commas(path) -> None:
    path.write_text(path.read_text().replace(",", ", "))


def blanks_and_tabs_before_commas(path) -> None:
    path.write_text(path.read_text().replace(",", " \t,").replace("\n", "  \n"))


def quotes(path) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.to_csv(path, index=False, quoting=csv.QUOTE_ALL)


def quotes_after_blanks(path) -> None:
    quotes(path)
    blanks_after_commas(path)


def byte_order_mark(path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def utf_16(path) -> None:
    path.write_text(path.read_text(), encoding="utf-16")


def utf_16_without_a_mark(path) -> None:
    path.write_text(path.read_text(), encoding="utf-16-le")


def utf_16_of_other_machines(path) -> None:
    path.write_text(path.read_text(), encoding="utf-16-be")


def blank_lines_first(path) -> None:
    path.write_text("\n  \n" + path.read_text().replace(",", ";"))


def a_first_line_tells_the_sign(path) -> None:
    path.write_text("sep=|\n" + path.read_text().replace(",", "|"))


def bars_for_commas(path) -> None:
    path.write_text(path.read_text().replace(",", "|"))


def tabs_for_commas(path) -> None:
    path.write_text(path.read_text().replace(",", "\t"))


def semicolons_and_decimal_commas(path) -> None:
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))


def semicolons_for_commas(path) -> None:
    path.write_text(path.read_text().replace(",", ";"))


@pytest.mark.parametrize("file", SCHEMAS)
@pytest.mark.parametrize(
    "change",
    [
        *(blanks_after_commas, blanks_and_tabs_before_commas),
        *(quotes, quotes_after_blanks, byte_order_mark, utf_16, tabs_for_commas),
        *(semicolons_for_commas, semicolons_and_decimal_commas, bars_for_commas),
        *(utf_16_without_a_mark, utf_16_of_other_machines),
        *(blank_lines_first, a_first_line_tells_the_sign),
    ],
)
def test_other_dialects_of_csv_lose_no_value(same, file, change):
    same(file, change)


new_line_in_each_row = edit(lambda table: table.assign(contact_id=table["contact_id"] + "\n"))


@pytest.mark.parametrize("change", [quotes_after_blanks, utf_16, new_line_in_each_row])
def test_a_table_that_is_read_in_several_blocks_loses_no_value(same, tiny_season, change):
    assert (tiny_season.folder / LABELS).stat().st_size > 2**20
    same(LABELS, change, tiny_season)


@pytest.mark.parametrize("file", SCHEMAS)
def test_names_of_columns_may_be_in_capitals(same, file):
    same(file, edit(lambda table: table.rename(columns=str.upper)))


@pytest.mark.parametrize(
    ("file", "column"),
    [(TRACKING, "step"), (TRACKING, "nfl_player_id"), (HELMETS, "frame"), (LABELS, "contact")],
)
def test_whole_numbers_may_have_decimals(same, file, column):
    same(file, edit(lambda table: table.assign(**{column: table[column] + ".0"})))


@pytest.mark.parametrize(
    ("file", "column", "spell"),
    [
        (TRACKING, "team", str.title),
        (TRACKING, "team", str.upper),
        (TRACKING, "position", str.lower),
        (HELMETS, "view", str.lower),
        (VIDEOS, "view", str.upper),
    ],
)
def test_names_of_teams_views_and_positions_have_any_case(same, file, column, spell):
    same(file, edit(lambda table: table.assign(**{column: table[column].map(spell)})))


def test_second_players_may_be_saved_as_numbers(same, short_season):
    table = short_season.table(LABELS)
    short_season.write(LABELS, table[table["nfl_player_id_2"] != "G"])
    same(LABELS, edit(lambda table: table.assign(nfl_player_id_2=table["nfl_player_id_2"] + ".0")))


@pytest.mark.parametrize(
    ("file", "column"), [(LABELS, "nfl_player_id_2"), (LABELS, "contact_id"), (IDS, "contact_id")]
)
def test_the_ground_may_be_a_small_letter(same, file, column):
    same(file, edit(lambda table: table.assign(**{column: table[column].str.lower()})))


@pytest.mark.parametrize("change", [blank_lines_first, a_first_line_tells_the_sign])
def test_lines_before_the_header_count_in_an_error(short_season, change):
    path = short_season.folder / TRACKING
    short_season.set_value(TRACKING, 5, "speed", "fast")
    change(path)
    line = 5 + path.read_text().split("game_play")[0].count("\n")
    with pytest.raises(InputError, match=f"^{TRACKING}, line {line}: 'speed' is 'fast'"):
        read(short_season, TRACKING)
    path.write_text(path.read_text() + "1|2;3\n")
    end = path.read_text().count("\n")
    with pytest.raises(InputError, match=f"^{TRACKING}, line {end}: it holds 2 values"):
        read(short_season, TRACKING)


def test_a_value_that_ends_in_a_new_line_is_the_value(same):
    def change(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(game_play=table["game_play"] + "\n", position=table["position"] + "\n")

    same(TRACKING, edit(change))


def twins(short_season, change) -> pd.DataFrame:
    """The tracking as it was; then it has a second column of x, changed."""
    expected, table = read(short_season, TRACKING), short_season.table(TRACKING)
    table.insert(5, " X_position", change(table["x_position"]))
    (short_season.folder / TRACKING).write_text(
        table.to_csv(index=False).replace(" X_position", "x_position ", 1)
    )
    return expected


def test_a_name_that_stands_twice_in_the_header_is_refused(short_season):
    twins(short_season, lambda x: x)
    match = rf"^{TRACKING} has 2 columns 'x_position'; which is meant\? Rename or remove the other"
    with pytest.raises(InputError, match=match):
        read(short_season, TRACKING)


def test_of_two_mended_columns_of_a_name_what_agrees_is_read(short_season, caplog):
    expected = twins(short_season, lambda x: x.mask(x.index == 3, "1.5"))
    mended = read(short_season, TRACKING, mend=True)
    pd.testing.assert_frame_equal(
        mended, expected.assign(x_position=expected["x_position"].mask(expected.index == 3))
    )
    assert "has 2 columns 'x_position'" in caplog.text
    assert "1 rows have no 'x_position': not measured" in caplog.text


@pytest.mark.parametrize("dialect", [tabs_for_commas, semicolons_for_commas, utf_16])
def test_a_line_that_breaks_off_is_found_in_any_dialect(short_season, dialect):
    path = short_season.folder / TRACKING
    path.write_text("\n".join(path.read_text().splitlines()[:50]).rpartition(",")[0])
    dialect(path)
    with pytest.raises(InputError, match=rf"^{TRACKING}, line 50: it holds 16 values"):
        read(short_season, TRACKING)


def test_two_other_columns_may_have_one_name(same):
    def change(path) -> None:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).assign(a="1", b="2", c="")
        path.write_text(table.to_csv(index=False).replace(",a,b,c", ",note,note,", 1))

    same(TRACKING, change)


def test_a_table_that_breaks_off_in_a_line_is_refused(short_season):
    path = short_season.folder / TRACKING
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:50], lines[50].rpartition(",")[0]]))
    match = rf"^{TRACKING}, line 51: it holds 16 values, but the header has 17 names\. Mend or down"
    with pytest.raises(InputError, match=match):
        read(short_season, TRACKING)
    assert len(read(short_season, TRACKING, mend=True)) == 49


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize(
    ("file", "rows"),
    [("tracking_times_saved_by_pandas.csv", 2), ("tracking_blanks_after_commas.csv", 1)],
)
def test_tracking_in_another_notation_is_read(fault_files, file, rows, mend):
    table = read_table(fault_files / file, schemas.TRACKING, mend)
    assert table["x_position"].tolist() == np.float32([40.1, 41.0])[:rows].tolist()
    assert set(table["datetime"]) == {pd.Timestamp("2021-10-03 17:05:10.2")}


def test_tracking_with_a_name_twice_is_refused(fault_files):
    with pytest.raises(InputError, match=r"^tracking_name_twice\.csv has 2 columns 'x_position'"):
        read_table(fault_files / "tracking_name_twice.csv", schemas.TRACKING)
