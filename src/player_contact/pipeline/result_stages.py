"""What a run leaves behind: out-of-fold table and scores, bundle, and submission."""

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.metric import best_thresholds, count, matthews
from player_contact.competition.season import fingerprint
from player_contact.evaluation.scores import decide_out_of_fold, scores_text
from player_contact.inference.bundle import write_bundle
from player_contact.inference.predict import predict_folder
from player_contact.inference.summary import summary_text
from player_contact.pipeline.comparison import score_probabilities
from player_contact.pipeline.run import Run
from player_contact.utils.files import read_json, write_json
from player_contact.utils.logits import logit, sigmoid
from player_contact.utils.parallel import local_workers

log = logging.getLogger(__name__)

SCORED_MODELS = {  # model -> column of oof.parquet
    "distance": "proximity",
    "sensors": "sensors",
    "screen": "screen",
    "vision": "vision",
    "blend": "blend",
}
GAIN_OVER = {"sensors": "distance", "screen": "sensors", "vision": "screen", "blend": "screen"}


def scores_stage(run: Run, out: Path) -> str:
    """Writes the out-of-fold table, the scores, and the thresholds for predicting.

    Those are chosen on all out-of-fold rows, the scored decisions by thresholds of other folds.
    """
    rows, labels = run.season.rows, run.labels
    proximity = 1 / (1 + run.features_of(["distance"])["distance"].fillna(np.inf))
    screen = run.oof("screen").assign(proximity=proximity.to_numpy())
    tables = {"proximity": screen, "sensors": screen, "screen": screen}
    tables |= {name: run.oof(name) for name in ("vision", "blend")}
    oof = {name: run.all_rows(table, name) for name, table in tables.items()}
    probabilities = {model: oof[column] for model, column in SCORED_MODELS.items()}
    if not oof["vision"].any():  # without videos there is no such model
        del probabilities["vision"]
    else:
        probabilities["vision"] = with_fallback(oof["vision"], oof["screen"])
    scores, decisions = score_probabilities(labels, probabilities, GAIN_OVER, run.config.seed)
    members = member_gains(run, oof["screen"])
    for member, gain in members.items():
        log.info("member %s of vision adds %+.4f to what is before it", member, gain)
    table = rows[["contact_id", "game_play", "contact"]].astype({"game_play": str})
    final = decisions["blend"].astype(np.int8)
    table.assign(fold=labels.fold, **oof, final=final).to_parquet(out / "oof.parquet", index=False)
    thresholds, by_distance = (
        best_thresholds(labels.label, oof[name], labels.is_ground)
        for name in ("blend", "proximity")
    )
    best = thresholds.decide(oof["blend"], labels.is_ground)
    result = {
        "simulated": run.simulated,
        "rows": len(rows),
        "contacts": int(labels.label.sum()),
        "thresholds": dataclasses.asdict(thresholds),
        "contact_distance": 1 / by_distance.pair - 1,
        # Of the blend: its decisions by thresholds of other folds, and the MCC of those above.
        "called": int(final.sum()),
        "best_in_hindsight": float(matthews(count(labels.label, best))),
        "members": members,
        "scores": [dataclasses.asdict(score) for score in scores],
        "text": scores_text(scores, run.simulated),
    }
    write_json(result, out / "scores.json")
    return (
        f"{final.sum():,} contacts called, {labels.label.sum():,} labelled, of {len(rows):,} rows"
    )


def member_gains(run: Run, screen: np.ndarray) -> dict[str, float]:
    """What each vision model of an ensemble adds to the MCC out of fold; {} of a single one.

    The best of them to the screen's, which decides the rows that they do not see ([N] `screen`),
    then again and again the one that adds most to the mean of those before it.
    """
    table, labels = run.oof("vision"), run.labels
    logits = {
        name.removeprefix("vision_"): logit(table[name].to_numpy())
        for name in table
        if name.startswith("vision_")
    }

    def score(members: Iterable[str]) -> float:
        mean = sigmoid(np.mean([logits[member] for member in members], axis=0))
        vision = run.all_rows(table.assign(vision=mean), "vision")
        probability = with_fallback(vision, screen)
        decided = decide_out_of_fold(labels.label, probability, labels.is_ground, labels.fold)
        return float(matthews(count(labels.label, decided)))

    decided = decide_out_of_fold(labels.label, screen, labels.is_ground, labels.fold)
    gains, best = dict[str, float](), float(matthews(count(labels.label, decided)))
    while len(gains) < len(logits):
        scores = {one: score([*gains, one]) for one in logits if one not in gains}
        chosen = max(scores, key=scores.__getitem__)
        gains[chosen], best = scores[chosen] - best, scores[chosen]
    return gains


def with_fallback(vision: np.ndarray, screen: np.ndarray) -> np.ndarray:
    """[N] of `vision`, or of `screen` where it is 0: no view shows the row, or it was closed.

    So rows are decided when they are predicted. As no contact, those that vision was never shown
    would be held against it.
    """
    return np.where(vision > 0, vision, screen)


def bundle_stage(run: Run, out: Path) -> str:
    """Collects all that predicting needs."""
    scores = read_json(run.folder / "scores.json")
    screen = read_json(run.folder / "screen" / "open_threshold.json")
    folds = {str(fold): part["game_play"].tolist() for fold, part in run.folds.groupby("fold")}
    facts = {
        "thresholds": scores["thresholds"],
        "open_threshold": screen["open_threshold"],
        "contact_distance": scores["contact_distance"],
        "data": fingerprint(run.input, "train"),
        "simulated": run.simulated,
        "folds": folds,
        "features": screen["features"],
        "members": scores["members"],
    }
    write_bundle(out / "bundle", run.config, run.folder, facts)
    size = sum(path.stat().st_size for path in (out / "bundle").rglob("*") if path.is_file())
    return f"{size / 1e6:.1f} MB"


def submission_stage(run: Run, out: Path) -> str:
    """Predicts the test plays with the bundle."""
    submission, workers = out / "submission.csv", local_workers(run.workers)
    counts: dict = dict(predict_folder(run.folder / "bundle", run.input, submission, workers))
    text = f"{counts['contacts']:,} contacts called"
    truth = run.input / "truth" / "test_labels.csv"
    if truth.is_file():  # of a simulated season
        label, predicted = (
            pd.read_csv(path).set_index("contact_id")["contact"] for path in (truth, submission)
        )
        predicted = predicted.reindex(label.index)
        mcc = matthews(count((label == 1).to_numpy(), (predicted == 1).to_numpy()))
        counts["MCC against the simulated truth"] = round(float(mcc), 4)
        text = f"{text}, {label.sum():,} true; MCC {mcc:.3f} against the simulated truth"
    write_json(counts, out / "submission.json")
    summary = summary_text(counts, short=True)  # the report has all counts
    log.info("%s", summary, extra={"live": True})
    return text
