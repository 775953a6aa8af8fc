import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.utils.errors import InputError
from run_checks import motion_check
from run_checks.motion_check import (
    EVENT,
    REAL,
    TACKLE,
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
    assert all(0 <= rate <= (100 if "%" in name else np.inf) for name, rate in check.rates.items())
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
    found = [True] * 8 + [False] * 2
    measured = dict.fromkeys(("step", "distance", "closing", "speed", "down"), 1.0)
    check = MotionCheck(
        pd.DataFrame({"found": found, "near_ball": True} | measured, index=list("abcdefghij")),
        {"ground rows in contact, %": 3.0},
    )
    assert not check.is_enough
    text = motion_text(check)
    assert text.startswith("first contacts found: 8 of 10, 80 %; at least 85 %")
    assert "opponents touch within 1.5 yd of the ball: 100 %" in text
    assert "3.00, of real plays 4.09" in text
    assert "after the tackle, median of 10: 1.0 s" in text
    assert [line.split()[0] for line in text.splitlines()[-2:]] == ["i", "j"]


@pytest.fixture
def meeting() -> pd.DataFrame:
    """Thirty steps of a carrier, 1, an opponent at arm's length, 2, and two far away, 3 and 4."""
    players = {1: (0, 0.0), 2: (1, 0.8), 3: (0, 20.0), 4: (1, 20.5)}
    lines = []
    for step in range(30):
        keys = {"step": step, "y": 25.0, "speed": 4.0, "is_ball": False, "event": None}
        for player, (home, x) in players.items():
            lines.append(keys | {"nfl_player_id": player, "home": home, "x": x + step / 10})
        event = {12: EVENT, 16: TACKLE}.get(step)
        lines.append(keys | {"x": 0.1 + step / 10, "is_ball": True, "event": event})
    return pd.DataFrame(lines).astype({"nfl_player_id": float})


def contacts(*rows: tuple[int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["step", "nfl_player_id_1", "nfl_player_id_2"])


@pytest.mark.parametrize(
    ("row", "found", "near_ball"),
    [((13, 1, 2), 1, 1), ((13, 3, 4), 0, 0), ((13, 1, 3), 0, 0), ((19, 1, 2), 0, 0)],
)
def test_opponents_must_touch_the_carrier_within_half_a_second(meeting, row, found, near_ball):
    event = motion_check._event(meeting, contacts(row))
    assert (event["found"], event["near_ball"]) == (bool(found), bool(near_ball))
    assert event["distance"] == pytest.approx(0.8)
    assert event["closing"] == pytest.approx(0, abs=1e-6)


def test_a_touch_of_somebody_else_beside_the_ball_counts_on_the_second_line(meeting):
    meeting.loc[meeting["nfl_player_id"] == 3, "x"] -= 19.5  # now 0.5 yd from the carrier
    event = motion_check._event(meeting, contacts((13, 2, 3)))
    assert (event["found"], event["near_ball"]) == (False, True)


def test_the_time_to_the_ground_counts_from_the_tackle(meeting):
    ground = motion_check.constants.GROUND
    assert motion_check._down(meeting, contacts((2, 1, ground), (20, 1, ground))) == 0.4
    assert np.isnan(motion_check._down(meeting, contacts((20, 2, ground), (20, 1, 2))))
    untackled = meeting.assign(event=meeting["event"].replace(TACKLE, None))
    assert np.isnan(motion_check._down(untackled, contacts((20, 1, ground))))


def test_the_rates_count_rows_and_plays():
    ids = pd.DataFrame(
        {
            "game_play": ["a"] * 3 + ["b"] * 3,
            "nfl_player_id_2": [motion_check.constants.GROUND, 2, 3] * 2,
            "contact": [True, True, False, False, False, False],
        }
    )
    assert list(motion_check._rates(ids)) == list(REAL)
    assert [*motion_check._rates(ids).values()] == [50, 25, 0.5, 0.5, 1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 20))
def test_any_players_get_the_competition_s_columns_in_its_units(seed, players, steps):
    random, shape = np.random.default_rng(seed), (players, steps)
    x, y = 50 + np.cumsum(random.uniform(-0.5, 0.5, (2, *shape)), axis=-1)
    player, step = (values.ravel() for values in np.indices(shape))
    columns = {"nfl_player_id": player, "step": step, "x": x.ravel(), "y": y.ravel()}
    angle = random.uniform(-400, 400, player.size)
    columns |= {"speed": random.uniform(0, 9, player.size), "direction": angle}
    columns |= {"orientation": angle, "home": 1, "position": "WR"}
    table = motion_check._competition_tracking(pd.DataFrame(columns).sample(frac=1, random_state=1))
    moved = np.hypot(*(np.diff(values, axis=-1, prepend=values[:, :1]) for values in (x, y)))
    np.testing.assert_allclose(table["distance"].to_numpy().reshape(shape), moved, atol=0.006)
    assert (table["sa"].abs() <= table["acceleration"] + 0.01).all()
    assert table[["direction", "orientation"]].stack().between(0, 360).all()
    assert not table.isna().any(axis=None)


def test_real_plays_are_read_and_predicted(real_files, bundle, tmp_path):
    table = read_tracking(real_files / "highlight_tracking.parquet")
    plays = table["play"].unique()
    assert len(plays) > 40
    path = write(table[table["play"].isin(plays[:2])], tmp_path)
    check = check_motion(bundle, path, 1)
    assert len(check.events) == 2
