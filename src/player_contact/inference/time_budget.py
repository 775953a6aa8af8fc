"""How long plays take, fitted while they are predicted, and which still fit into a time budget."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from player_contact.utils.errors import ConfigError

SECONDS = {"h": 3600, "min": 60, "m": 60, "s": 1}
DURATION = re.compile(r"(\d+\.?\d*|\.\d+)\s*(h|min|m|s)(?![a-z])\s*", re.ASCII)
FIRST_PATIENCE, LEAST_PATIENCE = 1200.0, 600.0  # s: until a play is done, and after that
PATIENCE = 10  # times the longest play so far
SAFETY_FACTOR = 1.2  # a play may take that much longer than expected: it is not begun too late


@dataclass
class Stopwatch:
    """Seconds of the parts of a piece of work, in their order; it runs from the start."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def split(self, part: str) -> None:
        """Ends a part; the next one begins."""
        now = time.monotonic()
        self.seconds[part], self.last = now - self.last, now


@dataclass
class Patience:
    """Seconds that a play may take before its process is taken to hang; the pace so far says."""

    longest: float | None = None

    def add(self, seconds: float) -> None:
        """Takes note of a play that took so long."""
        self.longest = max(seconds, self.longest or 0.0)

    def __call__(self) -> float:
        """So many seconds for the next."""
        if self.longest is None:
            return FIRST_PATIENCE
        return max(LEAST_PATIENCE, PATIENCE * self.longest)


@dataclass
class PlayTimes:
    """Open rows and seconds of the plays that were predicted with video."""

    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, rows: int, seconds: float) -> None:
        """Adds a play."""
        self.rows.append(rows)
        self.seconds.append(seconds)

    def expected(self, rows: Sequence[int]) -> np.ndarray:
        """[N] seconds for plays with that many open rows: a constant plus a part per row, >= 0."""
        from scipy.optimize import nnls

        known = np.stack([np.ones(len(self.rows)), self.rows], axis=1)
        scale = np.maximum(known.max(axis=0), 1)  # so that a single play is split half and half
        coefficients, _ = nnls(known / scale, np.array(self.seconds))
        return np.stack([np.ones(len(rows)), rows], axis=1) / scale @ coefficients

    def plays_in_time(
        self, plays: Sequence[str], rows: dict[str, int], seconds_left: Callable[[], float]
    ) -> Iterator[str]:
        """Yields the plays that are expected to end in time when their turn comes; at first all."""
        for play in plays:
            if not self.rows or SAFETY_FACTOR * self.expected([rows[play]])[0] <= seconds_left():
                yield play

    def progress_text(
        self, remaining: Sequence[int], total: int, workers: int, seconds_left: float
    ) -> str:
        """How long the plays with `remaining` open rows will take, and how many fit: a log line."""
        count = len(remaining)
        text = f"vision: {total - count} of {total} plays, {np.mean(self.seconds):.1f} s a play"
        seconds = self.expected(remaining) / min(workers, count) if count else np.zeros(0)
        if count:
            text += f"; the other {count} would take {duration_text(seconds.sum())}"
        if np.isfinite(seconds_left):
            fit = int((np.cumsum(seconds) <= seconds_left).sum())
            fitting = "all" if fit == count else f"about {fit}"
            text += f", {duration_text(seconds_left)} of the budget left: {fitting} of them fit"
        return text


def timing_text(seconds: dict[str, dict[str, float]]) -> str:
    """A log line: seconds of the parts of a play, their mean and those of the longest play.

    `seconds` maps plays to parts to seconds.
    """

    def parts_text(parts: pd.Series) -> str:
        return ", ".join(f"{part} {value:.1f}" for part, value in parts.items())

    table = pd.DataFrame.from_dict(seconds, orient="index")
    mean, longest = table.fillna(0).mean(), table.sum(axis=1).idxmax()
    text = f"a play took {mean.sum():.1f} s of a process: {parts_text(mean)}"
    if len(table) > 1:
        parts = table.loc[longest].dropna()
        text += f"; the longest, {longest}, {parts.sum():.1f} s: {parts_text(parts)}"
    return text


def parse_duration(text: str) -> float:
    """Seconds of a text such as `8h`, `1h 30m` or `90s`. Raises ConfigError."""
    parts = DURATION.findall(text.lower())
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if DURATION.sub("", text.lower()).strip() or not seconds > 0:
        raise ConfigError(f"--budget {text!r}: expected a time such as 8h, 1h 30m, 45min or 90s")
    return seconds


def duration_text(seconds: float) -> str:
    """Such as `7 h 40 min`, `12 min` or `9 s`."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    if minutes >= 10:
        return f"{minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
