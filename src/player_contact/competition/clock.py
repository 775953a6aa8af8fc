"""The clock of a play: tracking steps, video frames and the datetimes that join them.

A **step** is 0.1 s of tracking; step 0 is the snap time floored to 0.1 s. A **frame** is what a
decoder counts, from 0. A **frame number** is what the helmets table counts, from 1. Steps and
frames meet only through true datetimes:

    start_time                         snap_time      (5.000 s after the start)
    |  frame 0                         |
    +--+--+--+--+-- 59.94 a second ----+--+--+--+--
              |         |         |         |
              step -1   step 0    step 1    ...       (step 0 up to 99 ms before the snap)

The shortcut `frame = 5 * 59.94 + step * 5.994` forgets the floor and is up to six frames late.
"""

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd

STEPS_PER_SECOND = 10
FRAMES_PER_SECOND = 60_000 / 1_001  # 59.94
SECONDS_BEFORE_SNAP = 5.0
FIRST_FRAME_NUMBER = 1
# What `datetime.fromisoformat` reads right: it takes any sign between date and time, a date alone,
# and decimals of an hour for those of a second.
ISO_8601 = re.compile(
    r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}-?[1-7])[T ]"
    r"[0-9]{2}:?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
STEP = np.timedelta64(1000 // STEPS_PER_SECOND, "ms")


def step_zero(snap_time: np.datetime64) -> np.datetime64:
    """The datetime of step 0: `snap_time` floored to 100 ms, to the millisecond."""
    milliseconds = snap_time.astype("datetime64[ms]").astype(np.int64)
    return np.datetime64(int(milliseconds // 100 * 100), "ms")


def frame_of_time(
    time: np.ndarray, start_time: np.datetime64, frames_per_second: float = FRAMES_PER_SECOND
) -> np.ndarray:
    """The int64 frame nearest to each `time`; may lie before or after the video."""
    offset = time.astype("datetime64[ms]") - start_time.astype("datetime64[ms]")
    return np.rint(offset.astype(np.int64) / 1000 * frames_per_second).astype(np.int64)


def time_of_frame(
    frame: np.ndarray, start_time: np.datetime64, frames_per_second: float = FRAMES_PER_SECOND
) -> np.ndarray:
    """The datetime of each `frame`, to the millisecond."""
    milliseconds = np.rint(np.asarray(frame) / frames_per_second * 1000).astype(np.int64)
    return start_time.astype("datetime64[ms]") + milliseconds.astype("timedelta64[ms]")


def to_datetime(text: pd.Series) -> np.ndarray:
    """[N] datetime64[ms] of ISO 8601 texts of a date and a time; NaT where there is none.

    `2020-09-11T03:01:48.100Z` is the usual notation; without an offset a time is UTC.
    """
    codes, texts = pd.factorize(text)  # of a play's times each stands in the rows of all players
    times = [_parse(value) for value in texts] + [None]  # code -1: an empty cell
    return np.array(times, dtype="datetime64[ms]")[codes]


def _parse(text: str) -> datetime | None:
    """A time in UTC; None: the text is none."""
    text = text.upper()
    if not ISO_8601.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def to_text(time: np.ndarray) -> np.ndarray:
    """[N] texts such as `2020-09-11T03:01:48.100Z` of [N] datetime64; "" of NaT."""
    text = np.char.add(np.datetime_as_string(time.astype("datetime64[ms]"), unit="ms"), "Z")
    return np.where(np.isnat(time), "", text)
