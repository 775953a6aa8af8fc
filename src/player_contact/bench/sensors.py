"""The sensor part: reading the tables, all features of all candidates, the best thresholds over every row."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.bench.measure import Line
from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, Season, is_ground, read_season
from player_contact.features.table import feature_table, is_candidate
from player_contact.measuring import measuring
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play

LAGS = (-20, -10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 20)
PEER_PLAYS, PEER_COLUMNS = 20, 20  # the peer is slow: it is timed on so many plays and columns


def bench_sensors(folder: Path, max_distance: float, workers: int) -> list[Line]:
    """The lines of the sensor part on the training split of a season. Raises InputError as `read_season` does."""
    with measuring() as cost:
        season = read_season(folder, "train")
    size = sum((folder / name).stat().st_size for name in ("train_labels.csv", "train_player_tracking.csv", "train_baseline_helmets.csv"))
    lines = [Line("reading and checking the tables", len(season.rows), len(season.rows) / cost.seconds, cost.peak_mb, more={"CSV MB": size / 1e6})]
    lines += [_features(season, max_distance, workers), _thresholds(season)]
    return lines


def _features(season: Season, max_distance: float, workers: int) -> Line:
    work = partial(_features_of_play, max_distance=max_distance)
    with measuring() as cost:
        done = np.array(list(run_all(work, season.plays(), len(season.game_plays), "features", workers)))
    rows, columns = int(done[:, 0].sum()), int(done[0, 1])
    own, copy = done[:, 2].sum(), done[:, 3].sum()
    ours, theirs, values, peer_values = 0.0, 0.0, 0, 0  # s, and what was computed in them, in turn and without company
    for number, tables in enumerate(season.plays()):
        if number == PEER_PLAYS:
            break
        play, every = build_play(tables)
        kept = every[is_candidate(play, every, max_distance)]
        started = time.perf_counter()
        values += feature_table(play, kept).size
        middle = time.perf_counter()
        peer_values += merge_and_shift(tables, kept).size
        ours, theirs = ours + middle - started, theirs + time.perf_counter() - middle
    return Line(
        stage="features",
        rows=rows,
        rows_per_s=rows / cost.seconds,
        peak_mb=cost.peak_mb,
        limit="a copy of the result",
        ratio_to_limit=own / copy,
        peer=f"pandas merge and shift of {PEER_COLUMNS} columns, a value",
        ratio_to_peer=(theirs / peer_values) / (ours / values),
        more={"columns": columns, "label rows/s": len(season.rows) / cost.seconds},
    )


def _features_of_play(tables: PlayTables, max_distance: float) -> tuple[int, int, float, float]:
    """Rows, columns, and the seconds that the features and a copy of them take."""
    play, rows = build_play(tables)
    kept = rows[is_candidate(play, rows, max_distance)]
    started = time.perf_counter()
    values = feature_table(play, kept).to_numpy()
    computed = time.perf_counter()
    values.copy(order="K")
    return len(kept), values.shape[1], computed - started, time.perf_counter() - computed


def merge_and_shift(tables: PlayTables, rows: Rows) -> pd.DataFrame:
    """[N, 20] of the features the way they are usually made: tracking shifted by player, merged to the rows once for each of the two players."""
    labels = tables.rows.set_index("row").loc[rows.row].reset_index()[["row", "step", "nfl_player_id_1", "nfl_player_id_2"]]
    tracking = tables.tracking.sort_values(["nfl_player_id", "step"])
    by_player = tracking.groupby("nfl_player_id")
    shifts = {f"{axis}{lag}": by_player[f"{axis}_position"].shift(-lag) for lag in LAGS for axis in "xy"}
    tracking = pd.concat([tracking, pd.DataFrame(shifts)], axis=1).rename(columns={"x_position": "x0", "y_position": "y0"})
    kept = ["step", "nfl_player_id", "team", "speed", "acceleration", "sa", *(f"{axis}{lag}" for lag in (0, *LAGS) for axis in "xy")]
    merged = labels
    for player in (1, 2):
        own = tracking[kept].add_suffix(f"_{player}").rename(columns={f"step_{player}": "step"})
        merged = merged.merge(own, on=["step", f"nfl_player_id_{player}"], how="left")
    pair = ~rows.is_ground
    out = {}
    for lag in (0, *LAGS):
        gap = np.sqrt((merged[f"x{lag}_1"] - merged[f"x{lag}_2"]) ** 2 + (merged[f"y{lag}_1"] - merged[f"y{lag}_2"]) ** 2)
        out["distance" if not lag else f"distance_{lag:+d}"] = gap.where(pair)
    for name in ("speed", "acceleration", "sa"):
        both = merged[[f"{name}_1", f"{name}_2"]]
        out[f"{name}_low"], out[f"{name}_high"] = both.min(axis=1), both.max(axis=1)
    out["same_team"] = (merged["team_1"].astype(str) == merged["team_2"].astype(str)).astype(float).where(pair)
    return pd.DataFrame(out)


def _thresholds(season: Season) -> Line:
    """The exact search for both thresholds, beside one score by scikit-learn."""
    from sklearn.metrics import matthews_corrcoef

    label, ground = season.rows["contact"].to_numpy(dtype=bool), is_ground(season.rows)
    random = np.random.default_rng(0)
    probability = np.where(random.random(len(label)) < 0.15, random.beta(1 + 2 * label, 3 - 2 * label), 0).astype(np.float32)
    with measuring() as cost:
        thresholds = best_thresholds(label, probability, ground)
    started = time.perf_counter()
    matthews_corrcoef(label, thresholds.decide(probability, ground))
    peer = time.perf_counter() - started
    return Line(
        "both best thresholds, exact", len(label), len(label) / cost.seconds, cost.peak_mb,
        peer="scikit-learn scores one", ratio_to_peer=peer / cost.seconds, more={"ms": cost.seconds * 1000},
    )  # fmt: skip
