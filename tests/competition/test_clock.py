import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition import clock
from player_contact.competition.season import read_season

START = np.datetime64("2020-09-11T03:01:43.134", "ms")
HALF_A_FRAME = 0.5 / clock.FRAMES_PER_SECOND

milliseconds = st.integers(-(10**12), 4 * 10**12).map(lambda number: np.datetime64(number, "ms"))


def seconds(duration: np.timedelta64) -> float:
    return float(duration / np.timedelta64(1, "ms")) / 1000


def test_step_zero_is_the_snap_floored_to_a_tenth_of_a_second():
    snap = np.datetime64("2020-09-11T03:01:48.134", "ms")
    assert clock.step_zero(snap) == np.datetime64("2020-09-11T03:01:48.100", "ms")


@given(milliseconds)
def test_step_zero_lies_less_than_a_step_before_the_snap(snap):
    assert 0 <= seconds(snap - clock.step_zero(snap)) < 0.1


@given(milliseconds)
def test_step_zero_of_step_zero_is_itself(snap):
    assert clock.step_zero(clock.step_zero(snap)) == clock.step_zero(snap)


@given(st.lists(st.integers(-5000, 20_000), min_size=1))
def test_frames_to_times_and_back_are_the_same_frames(frames):
    times = clock.time_of_frame(np.array(frames), START)
    np.testing.assert_array_equal(clock.frame_of_time(times, START), frames)


@given(st.integers(-50_000, 300_000))
def test_the_frame_of_a_time_is_within_half_a_frame_of_it(offset):
    time = START + np.timedelta64(offset, "ms")
    taken = clock.time_of_frame(clock.frame_of_time(np.array([time]), START), START)[0]
    assert abs(seconds(taken - time)) <= HALF_A_FRAME + 0.001


def test_frame_zero_is_taken_when_the_video_starts():
    assert clock.frame_of_time(np.array([START]), START)[0] == 0


def test_a_late_snap_makes_the_shortcut_six_frames_late():
    snap = np.datetime64("2020-09-11T03:01:48.199", "ms")
    start = snap - np.timedelta64(5000, "ms")
    shortcut = round(clock.SECONDS_BEFORE_SNAP * clock.FRAMES_PER_SECOND)
    assert shortcut - clock.frame_of_time(np.array([clock.step_zero(snap)]), start)[0] == 6


@given(st.lists(milliseconds, min_size=1))
def test_times_to_text_and_back_are_the_same_times(times):
    text = pd.Series(clock.to_text(np.array(times)))
    np.testing.assert_array_equal(clock.to_datetime(text), np.array(times))


def test_the_text_of_no_time_is_empty():
    assert clock.to_text(np.array([np.datetime64("NaT"), START])).tolist() == [
        "",
        "2020-09-11T03:01:43.134Z",
    ]


NOTATIONS = (
    "2021-10-03T17:05:10.200Z",
    "2021-10-03 17:05:10.200000+00:00",  # as pandas saves it
    "2021-10-03 17:05:10.2",
    "2021-10-03T19:05:10.200+02:00",
    "2021-10-03T12:05:10.200-0500",
    "2021-10-04T02:05:10.200+09",
    "20211003T170510.2Z",
    "2021-10-03t17:05:10.2z",
    "2021-10-03T17:05:10,200Z",
    "2021-W39-7T17:05:10.2Z",
    "2021-10-03T17:05:10.200000000Z",
)


def test_one_column_may_mix_all_notations_of_an_instant():
    times = clock.to_datetime(pd.Series(NOTATIONS * 2))
    assert set(times) == {np.datetime64("2021-10-03T17:05:10.200", "ms")}


@pytest.mark.parametrize("text", ["2021-10-03T17:05:10Z", "20211003T170510", "2021-10-03 17:05:10"])
def test_a_time_needs_no_fraction(text):
    times = clock.to_datetime(pd.Series([text]))
    assert times.tolist() == [np.datetime64("2021-10-03T17:05:10", "ms")]


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "now", "NaT", "", "1633280710", "2021", "2021-10-03", "17:05:10"),
        *(
            "2020-02-30T00:00:00Z",
            "2021-10-03T17.5Z",
            "2021-10-03T25:00:00Z",
            "10/03/2021 17:05:10",
        ),
        *("2021-10-03T17:05:10Z?", "2021-10-03_17:05:10", "0001-01-01T00:00:00+02:00"),
        *("2021-10-03T17:05:10+99:00", "٢٠٢١-١٠-٠٣T17:05:10Z", "2021-10-03T17:05:10Z\n"),
    ],
)
def test_a_text_that_is_no_time_has_none(text):
    times = clock.to_datetime(pd.Series([text, NOTATIONS[0], None]))
    assert np.isnat(times).tolist() == [True, False, True]


def test_the_real_step_zero_is_that_of_the_real_tracking(real_folder):
    season = read_season(real_folder.folder, "test")
    zero = clock.step_zero(season.videos["snap_time"].to_numpy()[0])
    assert zero == np.datetime64("2020-09-11T03:01:48.100", "ms")
    step_zero = season.tracking.loc[season.tracking["step"] == 0, "datetime"]
    assert set(step_zero) == {pd.Timestamp(zero)}


def test_all_real_videos_start_five_seconds_before_the_snap(real_files):
    videos = pd.read_csv(real_files / "train_video_metadata.csv")
    early = clock.to_datetime(videos["snap_time"]) - clock.to_datetime(videos["start_time"])
    assert np.abs(early / np.timedelta64(1, "ms") - 1000 * clock.SECONDS_BEFORE_SNAP).max() <= 1
