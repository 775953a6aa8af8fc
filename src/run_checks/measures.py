"""Measures of plays: values are pooled by name and view, and a statistic of each pool is shown."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from player_contact.competition.constants import VIEWS

EITHER = "in either"
COLUMNS = (*VIEWS, EITHER)
DIGITS = {"px": 1, "widths": 2, "helmets": 2, "s": 3, "%": 1}  # by the unit at the end of a name
Measure = tuple[str, str, Callable[[np.ndarray], float]]  # name, pool, statistic
Pool = dict[tuple[str, str], np.ndarray]  # (name, column) -> values


def percent(values: np.ndarray) -> float:
    """100 times the mean."""
    return 100 * float(pd.Series(values).mean())


def percent_missing(values: np.ndarray) -> float:
    """Share of NaN."""
    return percent(np.isnan(values))


def median(values: np.ndarray) -> float:
    """Of the values that are not NaN."""
    return float(pd.Series(values).median())


def percentile_90(values: np.ndarray) -> float:
    """Of the values that are not NaN."""
    return float(pd.Series(values).quantile(0.9))


def pool_plays(pools: Iterable[Pool]) -> Pool:
    """The values of all plays together."""
    parts: dict[tuple[str, str], list[np.ndarray]] = {}
    for play_pool in pools:
        for key, values in play_pool.items():
            parts.setdefault(key, []).append(np.atleast_1d(values))
    return {key: np.concatenate(values) for key, values in parts.items()}


def measure_table(pool: Pool, measures: Mapping[str, Iterable[Measure]]) -> pd.DataFrame:
    """The statistics of pools by title and name, with COLUMNS; without what was not measured."""
    rows = {
        (title, name): {
            column: float(statistic(pool[key, column]))
            for column in COLUMNS
            if (key, column) in pool
        }
        for title, part in measures.items()
        for name, key, statistic in part
    }
    measured = {key: values for key, values in rows.items() if values}
    return pd.DataFrame.from_dict(measured, orient="index", columns=list(COLUMNS))


def measures_text(table: pd.DataFrame) -> str:
    """The table, its titles on lines of their own."""
    lines = [f"{'':54}" + "".join(f"{column:>12}" for column in table)]
    for title, rows in table.groupby(level=0, sort=False):
        lines.append(str(title))
        for name, values in rows.droplevel(0).iterrows():
            digits = DIGITS.get(str(name).split()[-1], 0)
            cells = ("" if np.isnan(value) else f"{value:.{digits}f}" for value in values)
            lines.append(f"  {name:52}{''.join(f'{cell:>12}' for cell in cells)}".rstrip())
    return "\n".join(lines)
