"""How long plays take, learnt while they are predicted, and which of the rest still fit into the time that is left."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from player_contact.errors import ConfigError

MARGIN = 1.2  # a play may take so many times as long as expected: one that would end too late is not begun
UNITS = {"h": 3600, "m": 60, "min": 60, "s": 1}
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)")


@dataclass
class Laps:
    """Seconds of the parts of a piece of work, in their order; the clock runs from the start."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def lap(self, part: str) -> None:
        """A part ends, and the next one begins."""
        now = time.monotonic()
        self.seconds[part], self.last = now - self.last, now


@dataclass
class Pace:
    """Rows that were open, and seconds that it took, of the plays that were looked at."""

    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, rows: int, seconds: float) -> None:
        """A play more."""
        self.rows.append(rows)
        self.seconds.append(seconds)

    def expected(self, rows: Sequence[int]) -> np.ndarray:
        """[N] seconds that plays with so many open rows will take: a fixed part, and one that grows with the rows, neither below 0."""
        from scipy.optimize import nnls

        known = np.stack([np.ones(len(self.rows)), np.array(self.rows)], axis=1)
        scale = np.maximum(known.max(axis=0), 1)  # both columns weigh alike, so that one play alone is told half by each
        parts, _ = nnls(known / scale, np.array(self.seconds))
        return np.stack([np.ones(len(rows)), np.array(rows)], axis=1) / scale @ parts


def fitting(plays: Sequence[str], rows: dict[str, int], pace: Pace, left: Callable[[], float]) -> Iterator[str]:
    """Yields, when asked for the next one, the next of `plays` that is expected to end within the `left()` seconds; the first ones before any pace
    is known."""
    for play in plays:
        if not pace.rows or MARGIN * float(pace.expected([rows[play]])[0]) <= left():
            yield play


def pace_text(rest: Sequence[int], pace: Pace, total: int, workers: int, left: float) -> str:
    """What is expected of the plays that are not finished, with `rest` open rows each: a line for a person."""
    seconds = pace.expected(rest) / min(workers, len(rest)) if rest else np.zeros(0)
    text = f"vision: {total - len(rest)} of {total} plays, {np.mean(pace.seconds):.1f} s a play"
    if rest:
        text += f"; the other {len(rest)} would take {span_text(seconds.sum())}"
    if np.isfinite(left):
        fit = int((np.cumsum(seconds) <= left).sum())
        text += f", {span_text(left)} of the budget left: " + ("all of them fit" if fit == len(rest) else f"about {fit} of them fit")
    return text


def parts_text(laps: dict[str, dict[str, float]]) -> str:
    """Where the time of plays went, on average and of the longest one, from play -> part -> seconds: a line for a person."""
    sums = {play: sum(parts.values()) for play, parts in laps.items()}
    longest = max(sums, key=lambda play: sums[play])
    names = list(dict.fromkeys(part for parts in laps.values() for part in parts))
    mean = {name: sum(parts.get(name, 0.0) for parts in laps.values()) / len(laps) for name in names}

    def told(parts: dict[str, float]) -> str:
        return ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())

    each = f"a play took {sum(mean.values()):.1f} s of a process: {told(mean)}"
    return each if len(laps) == 1 else f"{each}; the longest, {longest}, {sums[longest]:.1f} s: {told(laps[longest])}"


def seconds_of(text: str) -> float:
    """Seconds of a text such as `8h`, `1h30m` or `90s`. Raises ConfigError."""
    parts = SPAN.findall(text.strip().lower())
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if SPAN.sub("", text.strip().lower()).strip() or not seconds > 0:
        raise ConfigError(f"--time-budget {text!r}: expected a time such as 8h, 1h30m, 45m or 90s")
    return seconds


def span_text(seconds: float) -> str:
    """Such as `7 h 40 min`, `12 min` or `9 s`."""
    whole = round(max(seconds, 0.0))
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min" if whole >= 600 else f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
