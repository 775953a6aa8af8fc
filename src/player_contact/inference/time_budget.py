"""How long plays take, fitted while they are predicted, and which still fit into a time budget."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Open rows and seconds of the plays that were predicted with video.

    `by_model` has those seconds of each play that a vision model took, by its name.
    """

    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    by_model: list[Mapping[str, float]] = field(default_factory=list)

    def add(self, rows: int, seconds: float, by_model: Mapping[str, float] | None = None) -> None:
        """Adds a play."""
        self.rows.append(rows)
        self.seconds.append(seconds)
        self.by_model.append(by_model or {})

    def rate(self, model: str) -> float:
        """Seconds a row that a vision model takes; 0: it was not used yet."""
        used = [
            (one[model], rows)
            for one, rows in zip(self.by_model, self.rows, strict=False)
            if model in one
        ]
        seconds, rows = np.sum(used, axis=0) if used else (0.0, 0)
        return float(seconds / max(rows, 1))

    def expected(self, rows: Sequence[int], models: Sequence[str] | None = None) -> np.ndarray:
        """[N] seconds for plays with that many open rows: a constant plus a part per row, >= 0.

        With some of the vision `models` alone, if they are named, else with all.
        """
        from scipy.optimize import nnls

        known = np.stack([np.ones(len(self.rows)), self.rows], axis=1)
        scale = np.maximum(known.max(axis=0), 1)  # so that a single play is split half and half
        of_models = np.zeros(len(self.rows))
        of_models[: len(self.by_model)] = [sum(one.values()) for one in self.by_model]
        coefficients, _ = nnls(known / scale, np.array(self.seconds) - of_models)
        others = np.stack([np.ones(len(rows)), rows], axis=1) / scale @ coefficients
        if models is None:
            models = sorted(set().union(*self.by_model))
        return others + np.array(rows) * sum(map(self.rate, models))

    def models_in_time(
        self, models: Sequence[str], rows: Sequence[int], seconds_left: float
    ) -> Sequence[str]:
        """The first of the vision models, as many as fit for all plays with these open rows, and
        one at least; until a play is known, all.

        `seconds_left` are those of all processes together.
        """
        if not self.rows or math.isinf(seconds_left):
            return models
        counts = range(len(models), 1, -1)
        fits = (
            count
            for count in counts
            if SAFETY_FACTOR * self.expected(rows, models[:count]).sum() <= seconds_left
        )
        return models[: next(fits, 1)]

    def plays_in_time(
        self,
        rows: Mapping[str, int],
        models: Callable[[], Sequence[str]],
        seconds_left: Callable[[], float],
        workers: int = 1,
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """Yields plays, of those with open `rows`, and which `models` to ask when their turn comes.

        Where not all models fit for all plays, the last of them are left out; where not even the
        first fits, the plays that are expected not to end in time. At first all is begun.
        """
        plays = list(rows)
        for number, play in enumerate(plays):
            left, remaining = seconds_left(), [rows[other] for other in plays[number:]]
            of_all = min(workers, len(remaining)) * left
            chosen = self.models_in_time(models(), remaining, of_all)
            chosen = self.models_in_time(chosen, [rows[play]], left)  # one process has the play
            if not self.rows or SAFETY_FACTOR * self.expected([rows[play]], chosen)[0] <= left:
                yield play, chosen

    def progress_text(
        self,
        remaining: Sequence[int],
        total: int,
        workers: int,
        seconds_left: float,
        models: Sequence[str] | None = None,
    ) -> str:
        """How long the plays with `remaining` open rows will take, and how many fit: a log line.

        With as many of the vision `models`, if they are named, as fit for all of them.
        """
        count, by = len(remaining), ""
        if models is not None and count:
            chosen = self.models_in_time(models, remaining, min(workers, count) * seconds_left)
            by = f" by {len(chosen)} of {len(models)} models" if len(chosen) < len(models) else ""
            models = chosen
        text = f"vision: {total - count} of {total} plays, {np.mean(self.seconds):.1f} s a play"
        seconds = self.expected(remaining, models) / min(workers, count) if count else np.zeros(0)
        if count:
            text += f"; the other {count} would take {duration_text(seconds.sum())}{by}"
        if np.isfinite(seconds_left):
            fit = int((np.cumsum(seconds) <= seconds_left).sum())
            fitting = "all" if fit == count else f"about {fit}"
            text += f", {duration_text(seconds_left)} of the budget left: {fitting} of them fit"
        return text


def timing_text(seconds: dict[str, dict[str, float]]) -> str:
    """Log lines: seconds of the parts of a play, their mean and those of the longest play.

    `seconds` maps plays to parts to seconds.
    """

    def parts_text(parts: pd.Series) -> str:
        return ", ".join(f"{part} {value:.1f}" for part, value in parts.items())

    table = pd.DataFrame.from_dict(seconds, orient="index")
    mean, longest = table.fillna(0).mean(), table.sum(axis=1).idxmax()
    text = f"a play took {mean.sum():.1f} s of a process: {parts_text(mean)}"
    if len(table) > 1:
        parts = table.loc[longest].dropna()
        text += f"\nthe longest, {longest}, {parts.sum():.1f} s: {parts_text(parts)}"
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
