"""From the tables to the open rows: folds, features, and the first model."""

import math
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.boosting.booster import importance
from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.evaluation.folds import make_folds
from player_contact.features.feature_store import write_feature_names, write_features
from player_contact.features.table import (
    feature_names,
    feature_table,
    helmet_columns,
    is_candidate,
)
from player_contact.pipeline.boosters import train_boosters
from player_contact.pipeline.data_faults import check_boxes, check_tracking, guarded
from player_contact.pipeline.run import Run
from player_contact.play import Rows, build_play
from player_contact.utils.files import write_json
from player_contact.utils.parallel import parallel_map
from player_contact.video.completion import complete_play

NO_ROWS = Rows(*(np.empty(0, dtype=np.int64) for _ in range(4)))


def folds_stage(run: Run, out: Path) -> str:
    """Writes folds.csv."""
    contacts = run.season.rows.groupby("game_play", observed=True, sort=False)["contact"].sum()
    table = make_folds(contacts, run.config.folds, run.config.seed)
    table.to_csv(out / "folds.csv", index=False)
    sizes = ", ".join(map(str, table.groupby("fold")["contacts"].sum()))
    games = table["game"].nunique()
    return f"{len(table)} plays of {games} games; contacts a fold: {sizes}"


def features_stage(run: Run, out: Path) -> str:
    """Writes the candidate rows of each play with their features, and facts about the data."""
    folder, season = out / "features", run.season
    folder.mkdir(exist_ok=True)
    write_feature_names(folder, feature_names())
    work = partial(write_play_features, folder=folder, config=run.config)
    plays = len(season.game_plays)
    counts = sum(parallel_map(work, season.plays(), plays, "features", run.workers), Counter())
    write_json(season_facts(run) | dict(counts), folder / "facts.json")
    counts_text = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return f"{counts_text}, of {len(season.rows):,} rows"


def season_facts(run: Run) -> dict[str, int | str]:
    """What the tables of the training plays hold."""
    season, label, ground = run.season, run.labels.label, run.labels.is_ground
    return {
        "plays": len(season.game_plays),
        "pair rows": int((~ground).sum()),
        "pair rows in contact": f"{100 * label[~ground].mean():.2f} %",
        "ground rows": int(ground.sum()),
        "ground rows in contact": f"{100 * label[ground].mean():.2f} %",
        "tracking rows": len(season.tracking),
        "tracking values missing": int(season.tracking.isna().to_numpy().sum()),
        "helmet boxes": len(season.helmets),
    }


def write_play_features(tables: PlayTables, folder: Path, config: Config) -> Counter:
    """Writes the candidates of a play with their features; counts them and the repaired boxes.

    A play whose features fail has no candidates, if `on_fault` lets it pass: no row is a contact.
    """
    rows, features = NO_ROWS, np.empty((0, len(feature_names())), dtype=np.float32)
    candidate, counts = np.empty(0, dtype=np.int64), Counter({"plays without features": 1})
    check_tracking(config, tables)
    with guarded(config, tables.game_play, "the features"):
        play, play_rows = build_play(tables)
        check_boxes(config, play)
        play, box_counts = complete_play(play) if config.boxes.complete else (play, Counter())
        index = np.flatnonzero(is_candidate(play, play_rows, config.screen.max_distance))
        features = feature_table(play, play_rows[index]).to_numpy()
        rows, candidate, counts = play_rows[index], index, box_counts
    contact = tables.rows["contact"].to_numpy()[candidate]
    write_features(folder, tables.game_play, rows, contact, features)
    counts.update(candidates=len(rows))
    return counts


def screen_stage(run: Run, out: Path) -> str:
    """Trains the screen, with and without helmet features, and chooses which rows stay open."""
    folder, config = out / "screen", run.config.screen
    folder.mkdir(exist_ok=True)
    parts, helmets = run.feature_parts(), set(helmet_columns())
    columns = {name: index for index, name in enumerate(run.feature_names)}
    tracking_columns = {name: index for name, index in columns.items() if name not in helmets}
    oof = run.candidates[["row"]].copy()
    models = {"screen": ("fold", columns), "sensors": ("sensors_fold", tracking_columns)}
    for model, (prefix, used) in models.items():
        oof[model] = train_boosters(run, model, config.booster, folder / prefix, parts, used)
    oof.to_parquet(folder / "oof.parquet", index=False)
    gain = importance(
        [path.read_text(encoding="utf-8") for path in sorted(folder.glob("fold*.txt"))]
    )
    gain = gain.rename_axis("feature").rename("gain")
    gain.to_csv(folder / "importance.csv", float_format="%.5f")
    label, screen = run.candidates["contact"].to_numpy(dtype=bool), oof["screen"].to_numpy()
    threshold = choose_open_threshold(screen, label, config.min_recall)
    is_open = screen >= threshold
    counts = {
        "open": int(is_open.sum()),
        "candidates": len(oof),
        "contacts": int(label.sum()),
        "missed": int((label & ~is_open).sum()),
    }
    summary = {"open_threshold": threshold, **counts, "features": run.feature_names}
    write_json(summary, folder / "open_threshold.json")
    text = "{open:,} of {candidates:,} candidates stay open; {missed} of {contacts:,} contacts lost"
    return text.format(**counts)


def choose_open_threshold(probability: np.ndarray, label: np.ndarray, min_recall: float) -> float:
    """The highest threshold at which the rows that reach it have a recall of `min_recall`."""
    positives = np.sort(probability[label])
    return float(positives[-math.ceil(len(positives) * min_recall)]) if len(positives) else 0.0
