import numpy as np
import pandas as pd
import pytest

from player_contact.utils.errors import InputError
from run_checks.motion_check import (
    EVENT,
    MotionCheck,
    check_motion,
    motion_text,
    read_tracking,
)

EVENT_STEP = 12


@pytest.fixture
def table(season_tables) -> pd.DataFrame:
    """Two simulated plays in the check's own format; the first player carries the ball."""
    tracking = pd.read_csv(season_tables / "train_player_tracking.csv")
    tracking = tracking[tracking["game_play"].isin(tracking["game_play"].unique()[:2])]
    table = tracking.rename(columns={"game_play": "play", "x_position": "x", "y_position": "y"})
    table = table.assign(home=(table["team"] == "home").astype(int), is_ball=0, event=None)
    carrier = table.groupby("play")["nfl_player_id"].transform("first")
    ball = table[table["nfl_player_id"] == carrier].assign(is_ball=1, nfl_player_id=np.nan)
    ball.loc[ball["step"] == EVENT_STEP, "event"] = EVENT
    return pd.concat([table, ball], ignore_index=True)


def write(table: pd.DataFrame, folder) -> object:
    path = folder / "tracking.csv"
    table.to_csv(path, index=False)
    return path


def test_plays_in_another_format_are_predicted_from_tracking_alone(table, bundle, tmp_path):
    check = check_motion(bundle, write(table, tmp_path), 1)
    assert len(check.events) == 2
    assert check.events["distance"].between(0, 30).all()
    assert all(0 <= rate <= 100 for rate in check.rates.values())
    assert f"of {len(check.events)}, " in motion_text(check).splitlines()[0]


def test_copies_of_a_players_row_are_left_out_and_counted(table, tmp_path, caplog):
    path = write(pd.concat([table, table.head(3)]), tmp_path)
    assert len(read_tracking(path)) == len(table)
    assert "tracking.csv: 3 copies of rows are left out" in caplog.text


@pytest.mark.parametrize("name", ["step", "x", "event", "is_ball"])
def test_a_missing_column_is_named(table, tmp_path, name):
    with pytest.raises(InputError, match=rf"tracking.csv has no column '{name}'"):
        read_tracking(write(table.drop(columns=name), tmp_path))


def test_the_first_row_without_a_number_is_named(table, tmp_path):
    table["y"] = table["y"].astype(object)
    table.loc[[4, 7], "y"] = "far"
    with pytest.raises(InputError, match=r"row 5 of \d+: 'y' is no number"):
        read_tracking(write(table, tmp_path))


def test_a_table_without_the_event_is_refused(table, tmp_path):
    with pytest.raises(InputError, match="no ball at an event 'first_contact'"):
        read_tracking(write(table.assign(event=None), tmp_path))


def test_what_is_no_table_is_refused(tmp_path):
    path = tmp_path / "tracking.parquet"
    path.write_text("nothing")
    with pytest.raises(InputError, match="can't be read"):
        read_tracking(path)


def test_too_few_found_is_said():
    events = pd.DataFrame({"found": [True] * 8 + [False] * 2} | dict.fromkeys(COLUMNS, 1.0))
    check = MotionCheck(events, {"ground rows in contact, %": 3.0})
    assert not check.is_enough
    assert motion_text(check).startswith("first contacts found: 8 of 10, 80 %; at least 85 %")
    assert "3.00, of real plays 4.09" in motion_text(check)


COLUMNS = ("distance", "closing", "speed")


def test_real_plays_are_read_and_predicted(real_files, bundle, tmp_path):
    table = read_tracking(real_files / "highlight_tracking.parquet")
    plays = table["play"].unique()
    assert len(plays) > 40
    path = write(table[table["play"].isin(plays[:2])], tmp_path)
    check = check_motion(bundle, path, 1)
    assert len(check.events) == 2
