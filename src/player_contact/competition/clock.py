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

import numpy as np
import pandas as pd

STEPS_PER_SECOND = 10
FRAMES_PER_SECOND = 60_000 / 1_001  # 59.94
SECONDS_BEFORE_SNAP = 5.0
FIRST_FRAME_NUMBER = 1
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
    """[N] datetime64[ms] of texts such as `2020-09-11T03:01:48.100Z`; ValueError for others."""
    times = pd.to_datetime(text, format="ISO8601", utc=True)
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[ms]")


def is_datetime(text: pd.Series) -> pd.Series:
    """[N] bool: `to_datetime` can read the text."""
    return pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").notna()


def to_text(time: np.ndarray) -> np.ndarray:
    """[N] texts such as `2020-09-11T03:01:48.100Z` of [N] datetime64."""
    return np.char.add(np.datetime_as_string(time.astype("datetime64[ms]"), unit="ms"), "Z")
