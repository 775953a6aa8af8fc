"""From the tables to the rows that stay open: folds, features, and the first model."""

import logging
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.booster import importance
from player_contact.boosting.out_of_fold import Training, out_of_fold
from player_contact.competition.season import PlayTables, Season, is_ground
from player_contact.config import Config
from player_contact.evaluation.folds import make_folds
from player_contact.features.store import write_features, write_names
from player_contact.features.table import feature_names, feature_table, helmet_columns, is_candidate
from player_contact.files import write_json
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.stages.evidence import write_all_learnt
from player_contact.stages.faults import check_boxes, check_sensors, guarded
from player_contact.stages.run import Run
from player_contact.video.completion import complete_play

NO_ROWS = Rows(*(np.empty(0, dtype=np.int64) for _ in range(4)))

log = logging.getLogger(__name__)


def folds_stage(run: Run, out: Path) -> None:
    """Writes folds.csv."""
    contacts = run.season.rows.groupby("game_play", observed=True, sort=False)["contact"].sum()
    table = make_folds(contacts, run.config.folds, run.config.seed)
    table.to_csv(out / "folds.csv", index=False)
    per_fold = table.groupby("fold").agg(games=("game", "nunique"), plays=("game_play", "size"), contacts=("contacts", "sum"))
    log.info("%d plays of %d games; contacts a fold: %s", len(table), table["game"].nunique(), ", ".join(map(str, per_fold["contacts"])))


def features_stage(run: Run, out: Path) -> None:
    """Writes the candidate rows of each play with their features."""
    folder = out / "features"
    folder.mkdir(exist_ok=True)
    work = partial(write_play_features, folder=folder, config=run.config)
    write_names(folder, feature_names())
    counted = sum(run_all(work, run.season.plays(), len(run.season.game_plays), "features", run.workers), Counter())
    write_json(season_facts(run.season) | dict(counted), folder / "facts.json")
    log.info("of %d rows: %s", len(run.season.rows), ", ".join(f"{number} {name}" for name, number in counted.items()))


def season_facts(season: Season) -> dict[str, int | str]:
    """What the tables of the training plays hold."""
    ground, contact = is_ground(season.rows), season.rows["contact"].to_numpy(dtype=bool)
    return {
        "plays": len(season.game_plays),
        "pair rows": int((~ground).sum()),
        "pair rows in contact": f"{100 * contact[~ground].mean():.2f} %",
        "ground rows": int(ground.sum()),
        "ground rows in contact": f"{100 * contact[ground].mean():.2f} %",
        "sensor reports": len(season.tracking),
        "sensor values missing": int(season.tracking.isna().to_numpy().sum()),
        "helmet boxes": len(season.helmets),
    }


def write_play_features(tables: PlayTables, folder: Path, config: Config) -> Counter:
    """Writes the features file of a play; returns the number of its candidates and what was done about its boxes.

    A play whose features fail has no candidates, where faults are passed over: all its rows then count as no contact.
    """
    kept, features, counted = NO_ROWS, np.empty((0, len(feature_names())), dtype=np.float32), Counter({"plays without features": 1})
    check_sensors(config, tables)
    with guarded(config, tables.game_play, "the features"):
        play, rows = build_play(tables)
        check_boxes(config, play)
        play, counted = complete_play(play) if config.boxes.complete else (play, Counter())
        candidate = np.flatnonzero(is_candidate(play, rows, config.screen.max_distance))
        kept, features = rows[candidate], feature_table(play, rows[candidate]).to_numpy()
    place = pd.Index(tables.rows["row"]).get_indexer(kept.row)
    write_features(folder, tables.game_play, kept, tables.rows["contact"].to_numpy()[place], features)
    counted.update(candidates=len(kept))
    return counted


def screen_stage(run: Run, out: Path) -> None:
    """Trains the screen, with and without helmet features, and chooses which rows stay open."""
    folder = out / "screen"
    folder.mkdir(exist_ok=True)
    parts, helmets = run.feature_parts(), set(helmet_columns())
    columns = {name: place for place, name in enumerate(run.feature_names)}
    sensors_only = {name: place for name, place in columns.items() if name not in helmets}
    label = run.candidates["contact"].to_numpy(dtype=bool)
    oof = run.candidates[["row"]].copy()
    for model, used, prefix in (("screen", columns, "fold"), ("sensors", sensors_only, "sensors_fold")):
        training = Training(run.config.screen.booster, run.config.seed, run.config.threads, folder / prefix)
        trained = out_of_fold(run.folded(parts, used), training, f"training {model}", run.workers)
        oof[model] = trained.probability
        write_all_learnt(run, training.prefix, trained.learnt)
        log.info("%s, MCC by rounds: %s", model, ", ".join(f"{rounds}: {mcc:.3f}" for rounds, mcc in trained.curve.items()))
    oof.to_parquet(folder / "oof.parquet", index=False)
    cut = open_cut(oof["screen"].to_numpy(), label, run.config.screen.lost_positives)
    is_open = oof["screen"].to_numpy() >= cut
    lost = int((label & ~is_open).sum())
    gain = importance([path.read_text() for path in sorted(folder.glob("fold*.txt"))])
    gain.rename_axis("feature").rename("gain").to_csv(folder / "importance.csv", float_format="%.5f")
    counted = {"open": int(is_open.sum()), "candidates": len(oof), "contacts": int(label.sum()), "lost_positives": lost}
    write_json({"cut": cut, **counted, "features": run.feature_names}, folder / "cut.json")
    log.info("%d of %d candidates stay open; the cut leaves %d of %d contacts unseen", is_open.sum(), len(oof), lost, label.sum())


def open_cut(probability: np.ndarray, label: np.ndarray, lost: float) -> float:
    """The highest probability below which at most a share `lost` of the contacts lies."""
    positives = np.sort(probability[label])
    return float(positives[int(len(positives) * lost)]) if len(positives) else 0.0
