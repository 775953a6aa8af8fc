import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.errors import ConfigError
from player_contact.pace import MARGIN, Laps, Pace, fitting, pace_text, parts_text, seconds_of, span_text


def test_seconds_of_plays_are_a_fixed_part_and_one_for_each_row():
    pace = Pace([100, 200, 400], [3.0, 5.0, 9.0])
    assert pace.expected([300]) == pytest.approx([7.0])


def test_one_play_tells_enough_to_expect_no_less_of_a_like_one():
    assert Pace([100], [3.0]).expected([100]) == pytest.approx([3.0])


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 1000)), min_size=1, max_size=8), st.integers(0, 5000))
def test_no_play_is_ever_expected_to_take_less_than_no_time(seen, rows):
    pace = Pace([one for one, _ in seen], [seconds for _, seconds in seen])
    assert pace.expected([rows])[0] >= 0


def test_before_a_pace_is_known_plays_are_begun_then_only_those_that_fit():
    pace, rows = Pace(), {"a": 10, "b": 100, "c": 10}
    plays = fitting(["a", "b", "c"], rows, pace, lambda: 5.0)
    assert next(plays) == "a"
    pace.add(10, 1.0)
    pace.add(100, 10.0)
    assert MARGIN * 10.0 > 5.0
    assert list(plays) == ["c"]


def test_the_line_tells_how_long_the_rest_takes_and_how_much_of_it_fits():
    pace = Pace([100], [10.0])
    assert pace_text([100, 100, 100], pace, 4, 2, math.inf) == "vision: 1 of 4 plays, 10.0 s a play; the other 3 would take 15 s"
    assert pace_text([100], pace, 4, 2, math.inf).endswith("the other 1 would take 10 s")
    assert pace_text([100, 100, 100], pace, 4, 1, 25.0).endswith("the other 3 would take 30 s, 25 s of the budget left: about 2 of them fit")
    assert pace_text([100], pace, 4, 1, 25.0).endswith("25 s of the budget left: all of them fit")


def test_laps_follow_each_other_and_sum_up_to_the_whole(monkeypatch):
    clock = iter([11.5, 15.5])
    monkeypatch.setattr("player_contact.pace.time", SimpleNamespace(monotonic=lambda: next(clock)))
    laps = Laps(last=10.0)
    laps.lap("videos")
    laps.lap("vision")
    assert laps.seconds == {"videos": 1.5, "vision": 4.0}


def test_the_parts_of_plays_are_told_on_average_and_of_the_longest():
    laps = {"a": {"videos": 1.0, "vision": 2.0}, "b": {"videos": 2.0, "vision": 5.0}, "c": {"videos": 3.0}}
    assert parts_text(laps) == "a play took 4.3 s of a process: videos 2.0, vision 2.3; the longest, b, 7.0 s: videos 2.0, vision 5.0"
    assert parts_text({"c": laps["c"]}) == "a play took 3.0 s of a process: videos 3.0"


@pytest.mark.parametrize(("text", "seconds"), [("8h", 28800), ("1h30m", 5400), ("45min", 2700), ("90s", 90), ("0.5 h", 1800)])
def test_times_are_read_as_people_write_them(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["8", "eight hours", "0s", "-3h", "8h please", ""])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="expected a time such as 8h"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "text"), [(27_600, "7 h 40 min"), (720, "12 min"), (75, "1 min 15 s"), (9, "9 s"), (-1, "0 s")])
def test_times_are_told_as_people_say_them(seconds, text):
    assert span_text(seconds) == text
