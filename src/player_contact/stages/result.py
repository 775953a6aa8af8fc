"""What a run leaves behind: the out-of-fold table and its scores, the bundle, the submission, the report."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.bundle import write_bundle
from player_contact.competition.metric import Thresholds, best_thresholds, count, matthews
from player_contact.competition.season import fingerprint, is_ground
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.ladder import decide_out_of_fold, ladder_text, make_ladder
from player_contact.files import read_json, write_json
from player_contact.parallel import of_this_machine
from player_contact.predict import predict_folder
from player_contact.stages.run import Run

log = logging.getLogger(__name__)

RUNGS = {  # name in the ladder -> column of oof.parquet
    "distance": "nearness",
    "sensors": "sensors",
    "screen": "screen",
    "vision": "vision",
    "blend": "blend",
}
GAIN_OVER = {"sensors": "distance", "screen": "sensors", "vision": "screen", "blend": "screen"}


def ladder_stage(run: Run, out: Path) -> None:
    """Writes the out-of-fold table, the ladder, and the thresholds that predicting uses (chosen on all out-of-fold rows)."""
    rows = run.season.rows
    label, ground = rows["contact"].to_numpy(dtype=bool), is_ground(rows)
    fold, game = run.fold_of(rows["game_play"]), pd.factorize(game_of(rows["game_play"]))[0]
    nearness = 1 / (1 + run.features_of(["distance"])["distance"].fillna(np.inf))
    scores = {"nearness": _over_all(rows, run.candidates["row"], nearness)}
    for stage, names in (("screen", ("sensors", "screen")), ("vision", ("vision",)), ("blend", ("blend",))):
        oof = pd.read_parquet(run.folder / stage / "oof.parquet")
        scores |= {name: _over_all(rows, oof["row"], oof[name]) for name in names}
    there = {name: column for name, column in RUNGS.items() if name != "vision" or scores["vision"].any()}  # without videos there is no such model
    decisions = {name: decide_out_of_fold(label, scores[column], ground, fold) for name, column in there.items()}
    rungs = make_ladder(label, ground, game, decisions, GAIN_OVER, run.config.seed)
    thresholds: Thresholds = best_thresholds(label, scores["blend"], ground)
    touching = 1 / best_thresholds(label, scores["nearness"], ground).pair - 1
    table = rows[["contact_id", "game_play", "contact"]].assign(fold=fold, **scores, final=decisions["blend"].astype(np.int8))
    table["game_play"] = table["game_play"].astype(str)
    table.to_parquet(out / "oof.parquet", index=False)
    text = ladder_text(rungs, run.simulated)
    result = {"simulated": run.simulated, "rows": len(rows), "contacts": int(label.sum()), "thresholds": dataclasses.asdict(thresholds)}
    result["touching"] = touching
    write_json(result | {"rungs": [dataclasses.asdict(rung) for rung in rungs], "text": text}, out / "ladder.json")


def _over_all(rows: pd.DataFrame, place: pd.Series, probability: pd.Series) -> np.ndarray:
    """[N] float32 over every row of the season; what was filtered out counts as 0."""
    values = np.zeros(len(rows), dtype=np.float32)
    values[place.to_numpy()] = probability.to_numpy()
    return values


def bundle_stage(run: Run, out: Path) -> None:
    """Collects all that predicting needs."""
    ladder, cut = read_json(run.folder / "ladder.json"), read_json(run.folder / "screen" / "cut.json")
    folds = {str(fold): part["game_play"].tolist() for fold, part in run.folds.groupby("fold")}
    origin = {"data": fingerprint(run.input, "train"), "simulated": run.simulated, "folds": folds, "features": cut["features"]}
    origin["touching"] = ladder["touching"]
    write_bundle(out / "bundle", run.config, run.folder, Thresholds(**ladder["thresholds"]), cut["cut"], origin)


def submission_stage(run: Run, out: Path) -> None:
    """Predicts the test plays with the bundle."""
    counted: dict = dict(predict_folder(run.folder / "bundle", run.input, out / "submission.csv", of_this_machine(run.workers)))
    truth = run.input / "truth" / "test_labels.csv"
    if truth.is_file():  # only a simulated season knows
        labels = pd.read_csv(truth, usecols=["contact_id", "contact"]).set_index("contact_id")["contact"]
        submitted = pd.read_csv(out / "submission.csv").set_index("contact_id")["contact"].reindex(labels.index)
        counted["MCC against the simulated truth"] = round(float(matthews(count(labels.to_numpy() == 1, submitted.to_numpy() == 1))), 4)
    write_json(counted, out / "submission.json")
    log.info("submission: %s", ", ".join(f"{name} {number}" for name, number in counted.items()))
