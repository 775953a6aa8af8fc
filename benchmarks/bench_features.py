"""The stages on tracking data: reading the tables, features of all candidates, thresholds."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bench_table import BenchResult
from player_contact.competition.contact_ids import is_ground
from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.features.table import feature_table, is_candidate
from player_contact.play import Play, Rows, build_play
from player_contact.utils.parallel import parallel_map
from player_contact.utils.resources import track_resources

LAGS = (-20, -10, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10, 20)
PEER_PLAYS, PEER_COLUMNS = 20, 20  # the peer is slow


def bench_features(folder: Path, max_distance: float, workers: int) -> list[BenchResult]:
    """Results on the training split of a season. Raises InputError as `read_season` does."""
    with track_resources() as usage:
        season = read_season(folder, "train")
    rows, tables = len(season.rows), ("labels", "player_tracking", "baseline_helmets")
    size = sum((folder / f"train_{name}.csv").stat().st_size for name in tables)
    reading = BenchResult(
        "reading and checking the tables",
        rows,
        rows / usage.seconds,
        usage.peak_mb,
        more={"CSV MB": size / 1e6},
    )
    return [reading, _features(season, max_distance, workers), _thresholds(season)]


def _features(season: Season, max_distance: float, workers: int) -> BenchResult:
    plays, time_play = season.game_plays, partial(_time_play, max_distance=max_distance)
    with track_resources() as usage:
        timed = parallel_map(time_play, season.plays(), len(plays), "features", workers)
        rows, columns, seconds, copying = np.array(list(timed)).T
    ours, theirs = np.zeros(2), np.zeros(2)  # values and seconds, one play at a time
    for tables in season.plays(plays[:PEER_PLAYS]):
        play, candidates = build_candidates(tables, max_distance)
        table, seconds_of_table = _timed(feature_table, play, candidates)
        ours += table.size, seconds_of_table
        table, seconds_of_table = _timed(merge_and_shift, tables, candidates)
        theirs += table.size, seconds_of_table
    return BenchResult(
        "features",
        int(rows.sum()),
        rows.sum() / usage.seconds,
        usage.peak_mb,
        limit="a copy of the result",
        ratio_to_limit=seconds.sum() / copying.sum(),
        peer=f"pandas merge and shift of {PEER_COLUMNS} columns, a value",
        ratio_to_peer=(theirs[1] / theirs[0]) / (ours[1] / ours[0]),
        more={"columns": columns[0], "label rows/s": len(season.rows) / usage.seconds},
    )


def build_candidates(tables: PlayTables, max_distance: float) -> tuple[Play, Rows]:
    """A play and its candidate rows."""
    play, rows = build_play(tables)
    return play, rows[is_candidate(play, rows, max_distance)]


def _timed(function: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """The result, and seconds."""
    started = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - started


def _time_play(tables: PlayTables, max_distance: float) -> tuple[int, int, float, float]:
    """Rows, columns, seconds of their features and of a copy of them."""
    play, candidates = build_candidates(tables, max_distance)
    values, seconds = _timed(lambda: feature_table(play, candidates).to_numpy())
    return *values.shape, seconds, _timed(lambda: values.copy(order="K"))[1]


def merge_and_shift(tables: PlayTables, rows: Rows) -> pd.DataFrame:
    """[N, 20] of the features as they are usually computed: tracking shifted by player, merged to
    the rows once for each of the two players."""
    keys = ["row", "step", "nfl_player_id_1", "nfl_player_id_2"]
    merged = tables.rows.set_index("row").loc[rows.row].reset_index()[keys]
    tracking = tables.tracking.sort_values(["nfl_player_id", "step"])
    by_player = tracking.groupby("nfl_player_id")
    columns = ["step", "nfl_player_id", "team", "speed", "acceleration", "sa"]
    positions = {
        f"{axis}{lag}": by_player[f"{axis}_position"].shift(-lag) for lag in LAGS for axis in "xy"
    }
    shifted = pd.concat([tracking[columns], pd.DataFrame(positions)], axis=1)
    for player in (1, 2):
        own = shifted.add_suffix(f"_{player}").rename(columns={f"step_{player}": "step"})
        merged = merged.merge(own, on=["step", f"nfl_player_id_{player}"], how="left")
    pair, features = ~rows.is_ground, {}
    for lag in LAGS:
        x, y = (merged[f"{axis}{lag}_1"] - merged[f"{axis}{lag}_2"] for axis in "xy")
        name = f"distance_{lag:+d}" if lag else "distance"
        features[name] = np.sqrt(x**2 + y**2).where(pair)
    for name in ("speed", "acceleration", "sa"):
        both = merged[[f"{name}_1", f"{name}_2"]]
        features[f"{name}_low"], features[f"{name}_high"] = both.min(axis=1), both.max(axis=1)
    same_team = merged["team_1"].astype(str) == merged["team_2"].astype(str)
    features["same_team"] = same_team.astype(float).where(pair)
    return pd.DataFrame(features)


def _thresholds(season: Season) -> BenchResult:
    """The exact search for both thresholds, beside one score by scikit-learn."""
    from sklearn.metrics import matthews_corrcoef

    label, ground = season.rows["contact"].to_numpy(dtype=bool), is_ground(season.rows)
    random, rows = np.random.default_rng(0), len(label)
    scored = random.random(rows) < 0.15
    probability = np.where(scored, random.beta(1 + 2 * label, 3 - 2 * label), 0).astype(np.float32)
    with track_resources() as usage:
        thresholds = best_thresholds(label, probability, ground)
    predicted = thresholds.decide(probability, ground)
    _, peer = _timed(matthews_corrcoef, label, predicted)
    return BenchResult(
        "both best thresholds, exact",
        rows,
        rows / usage.seconds,
        usage.peak_mb,
        peer="scikit-learn scores one",
        ratio_to_peer=peer / usage.seconds,
        more={"ms": usage.seconds * 1000},
    )
