"""Faults in the tables cost their rows where that is asked for."""

import pytest

from player_contact.utils.errors import InputError
from tests.makers import split_files

IDS, *TABLES = split_files("test")
TRACKING, HELMETS, VIDEOS = TABLES


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        (TRACKING, 9, "speed", "fast"),
        (TRACKING, 9, "step", "1e99"),
        (TRACKING, 9, "datetime", "2020-13-45T03:01:48.100Z"),
        (TRACKING, 9, "game_play", "../../etc"),
        (HELMETS, 30, "width", "-4"),
        (HELMETS, 30, "nfl_player_id", "nobody"),
        (VIDEOS, 2, "snap_time", "1999-01-01T00:00:00.000Z"),
        (VIDEOS, 2, "view", "Blimp"),
    ],
)
def test_a_fault_in_the_tables_costs_its_row_where_they_are_mended(
    predict, tiny_season, caplog, file, line, column, value
):
    tiny_season.set_value(file, line, column, value)
    with pytest.raises(InputError, match=f"^{file}"):
        predict(tiny_season)
    predict(tiny_season, mend=True)
    assert file in caplog.text
    assert "Going on without" in caplog.text


@pytest.mark.parametrize("file", TABLES)
def test_a_table_may_be_missing_or_garbage_where_they_are_mended(predict, tiny_season, file):
    (tiny_season.folder / file).write_bytes(b"\x00\xff\x00PNG")
    predict(tiny_season, mend=True)
    (tiny_season.folder / file).unlink()
    predict(tiny_season, mend=True)


def test_the_ids_are_never_mended(predict, tiny_season):
    tiny_season.set_value(IDS, 5, "contact_id", "58168_003392_0_1_who")
    with pytest.raises(InputError, match=r"^sample_submission\.csv, line 5"):
        predict(tiny_season, mend=True)
