import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.inference.time_budget import (
    SAFETY_FACTOR,
    PlayTimes,
    Stopwatch,
    duration_text,
    parse_duration,
    timing_text,
)
from player_contact.utils.errors import ConfigError


def test_a_play_takes_a_constant_and_a_part_for_each_row():
    assert PlayTimes([100, 200, 400], [3.0, 5.0, 9.0]).expected([300]) == pytest.approx([7.0])


def test_one_play_is_enough_to_expect_the_same_of_a_like_one():
    assert PlayTimes([100], [3.0]).expected([100]) == pytest.approx([3.0])


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 1000)), min_size=1, max_size=8),
    st.integers(0, 5000),
)
def test_no_play_is_expected_to_take_less_than_no_time(known, rows):
    times = PlayTimes(*map(list, zip(*known, strict=True)))
    assert times.expected([rows])[0] >= 0


def test_the_first_plays_are_begun_then_only_those_that_fit():
    times, rows = PlayTimes(), {"a": 10, "b": 100, "c": 10}
    plays = times.plays_in_time(rows, lambda: ["one"], lambda: 5.0)
    assert next(plays) == ("a", ["one"])
    times.add(10, 1.0)
    times.add(100, 10.0)
    assert SAFETY_FACTOR * 10.0 > 5.0
    assert list(plays) == [("c", ["one"])]


def test_models_are_left_out_before_plays():
    """Here of 10 rows 2 s are decoding, and 2 s each of three models: 8 s; 28 s are 4 plays by
    two and a half models."""
    models = ["best", "good", "fair"]
    times, rows = PlayTimes([10], [8.0], [dict.fromkeys(models, 2.0)]), dict.fromkeys("abcd", 10)
    seconds = SAFETY_FACTOR * 28.0
    plays = times.plays_in_time(rows, lambda: models, lambda: seconds)
    assert next(plays) == ("a", ["best", "good"])
    seconds = math.inf
    assert next(plays) == ("b", models)
    seconds = 0.1 + SAFETY_FACTOR * 4.0
    assert next(plays) == ("c", ["best"])
    seconds -= 0.2
    assert not list(plays)


@pytest.mark.parametrize(("workers", "chosen"), [(1, 4), (4, 4)])
def test_the_last_play_has_one_process_however_many_there_are(workers, chosen):
    """8 models take 2 s each, all else 2 s; 10 s for four of them, with the safety factor."""
    models = [f"model{number}" for number in range(8)]
    times = PlayTimes([100], [18.0], [dict.fromkeys(models, 2.0)])
    left = SAFETY_FACTOR * 10.5
    plays = times.plays_in_time({"last": 100}, lambda: models, lambda: left, workers)
    assert list(plays) == [("last", models[:chosen])]


def test_a_play_longer_than_there_is_time_gets_fewer_models_than_others():
    models = [f"model{number}" for number in range(8)]
    times = PlayTimes([100], [18.0], [dict.fromkeys(models, 2.0)])
    left = SAFETY_FACTOR * 9.0
    plays = times.plays_in_time({"long": 200, "short": 10}, lambda: models, lambda: left, 8)
    assert list(plays) == [("long", models[:1]), ("short", models)]


def test_the_progress_of_fewer_models_says_so():
    models = [f"model{number}" for number in range(4)]
    times = PlayTimes([100], [8.0], [dict.fromkeys(models, 2.0)])
    text = times.progress_text([100] * 3, 4, 1, SAFETY_FACTOR * 13.0, models)
    assert "the other 3 would take 12 s by 2 of 4 models" in text
    assert text.endswith("all of them fit")


@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=5),
    st.floats(0, 100),
    st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    st.floats(0, 10_000),
)
def test_as_many_models_are_asked_as_fit(seconds, others, rows, left):
    models = [f"model{number}" for number in range(len(seconds))]
    by_model = dict(zip(models, seconds, strict=True))
    times = PlayTimes([100], [others + sum(seconds)], [by_model])
    chosen = times.models_in_time(models, rows, left)
    assert chosen == models[: len(chosen)]
    assert len(chosen) == 1 or SAFETY_FACTOR * times.expected(rows, chosen).sum() <= left
    if len(chosen) < len(models):
        more = models[: len(chosen) + 1]
        assert SAFETY_FACTOR * times.expected(rows, more).sum() > left
    np.testing.assert_allclose(times.expected([100], models), others + sum(seconds))


@pytest.mark.parametrize(
    ("remaining", "workers", "seconds_left", "end"),
    [
        ([100] * 3, 2, math.inf, "1 of 4 plays, 10.0 s a play; the other 3 would take 15 s"),
        ([100], 2, math.inf, "the other 1 would take 10 s"),
        ([100] * 3, 1, 25.0, "take 30 s, 25 s of the budget left: about 2 of them fit"),
        ([100], 1, 25.0, "25 s of the budget left: all of them fit"),
    ],
)
def test_progress_tells_what_the_other_plays_take_and_how_many_fit(
    remaining, workers, seconds_left, end
):
    text = PlayTimes([100], [10.0]).progress_text(remaining, 4, workers, seconds_left)
    assert text.startswith("vision: ")
    assert text.endswith(end)


def test_the_splits_of_a_stopwatch_follow_each_other(monkeypatch):
    clock = SimpleNamespace(monotonic=iter([11.5, 15.5]).__next__)
    monkeypatch.setattr("player_contact.inference.time_budget.time", clock)
    stopwatch = Stopwatch(last=10.0)
    stopwatch.split("videos")
    stopwatch.split("vision")
    assert stopwatch.seconds == {"videos": 1.5, "vision": 4.0}


def test_timings_are_means_and_those_of_the_longest_play():
    seconds = {
        "a": {"videos": 1.0, "vision": 2.0},
        "b": {"videos": 2.0, "vision": 5.0},
        "c": {"videos": 3.0},
    }
    assert timing_text(seconds) == (
        "a play took 4.3 s of a process: videos 2.0, vision 2.3\n"
        "the longest, b, 7.0 s: videos 2.0, vision 5.0"
    )
    alone = timing_text({"c": seconds["c"]})
    assert alone == "a play took 3.0 s of a process: videos 3.0"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("8h", 28800), ("1h30m", 5400), ("1H 30Min ", 5400), ("45min", 2700), ("5M", 300)),
        *(("90s", 90), ("0.5 h", 1800), (".5s", 0.5), ("2h 5 s", 7205)),
    ],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("8", "60000000000", "01:30:00", "eight hours", "0", "0s", "-3h", "8h please", "h", ""),
        *("inf", "1e99h", "1.2.3h", "8hours", "5ms", "1d"),
    ],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ConfigError, match="expected a time such as 8h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(27_600, "7 h 40 min"), (720, "12 min"), (75, "1 min 15 s"), (9, "9 s"), (-1, "0 s")],
)
def test_durations_are_written_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text
