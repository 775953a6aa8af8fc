"""Checks of a finished run for leaks: no model may know the labels of the rows it predicts."""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from player_contact.competition.contact_ids import is_ground
from player_contact.competition.metric import Thresholds, best_thresholds
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.scores import decide_out_of_fold
from player_contact.features.feature_store import read_candidates
from player_contact.inference.bundle import MODELS
from player_contact.pipeline.run import Run
from player_contact.pipeline.screen_stage import choose_open_threshold, write_play_features
from player_contact.pipeline.training_record import fingerprints
from player_contact.utils.files import read_json
from player_contact.utils.log_capture import captured
from run_checks.audit_predictions import check_predictions
from run_checks.finished_run import AuditError, FinishedRun, load_finished_run, sample_plays
from run_checks.permuted_labels import score_permuted_labels

log = logging.getLogger(__name__)

CHANCE = 0.05  # Matthews correlation without any skill


@dataclass(frozen=True)
class CheckResult:
    """`message` is what was checked, or the fault."""

    check: str
    passed: bool
    message: str


def audit(run: Run) -> list[CheckResult]:
    """Runs every check. Raises InputError: an unfinished run, or one of other data or settings."""
    finished = load_finished_run(run)
    results = []
    for name, check in CHECKS.items():
        log.info("== %s", name)
        try:
            results.append(CheckResult(name, True, check(finished)))
        except AuditError as error:
            results.append(CheckResult(name, False, str(error)))
    return results


def audit_text(results: list[CheckResult]) -> str:
    """One line per check."""
    return "\n".join(
        f"{'ok   ' if result.passed else 'FAULT'}  {result.check}: {result.message}"
        for result in results
    )


def check_folds(finished: FinishedRun) -> str:
    """Every label is in the out-of-fold table once, and no game is in two folds."""
    oof, rows, folds = finished.oof, finished.run.season.rows, finished.run.folds
    if any(oof[name].tolist() != rows[name].tolist() for name in ("contact_id", "contact")):
        raise AuditError("the out-of-fold table does not hold every label once, in order")
    manifest = finished.bundle.manifest["folds"]
    bundle_fold = {play: int(fold) for fold, plays in manifest.items() for play in plays}
    for source, fold in (
        ("oof.parquet", oof.set_index("game_play")["fold"]),
        ("folds.csv", folds.set_index("game_play")["fold"]),
        ("the bundle", pd.Series(bundle_fold)),
    ):
        by_game = fold.groupby(game_of(fold.index.to_series()).to_numpy()).unique()
        shared = by_game[by_game.map(len) > 1]
        if len(shared):
            raise AuditError(
                f"in {source} {len(shared)} games lie in more than one fold: {shared.index[0]} in "
                f"folds {', '.join(map(str, sorted(shared.iloc[0])))}"
            )
    if (differ := oof["game_play"].map(bundle_fold) != oof["fold"]).any():
        play = oof.loc[differ, "game_play"].iloc[0]
        raise AuditError(f"the bundle and oof.parquet put {play} into different folds")
    return (
        f"{len(folds)} plays of {folds['game'].nunique()} games in {folds['fold'].nunique()} "
        f"folds, {len(oof):,} rows once each"
    )


def check_training_records(finished: FinishedRun) -> str:
    """No model was trained on a game of its own fold, as recorded when it was trained."""
    run, files = finished.run, finished.bundle.manifest["files"]
    if "trained_on.json" not in files:
        raise AuditError(
            "the bundle does not say what its models were trained on: it is of an earlier version. "
            "Train again"
        )
    records = read_json(finished.bundle.folder / "trained_on.json")
    hashes = fingerprints(run.candidates, run.folds["game_play"].tolist())
    models = {stage: finished.models(stage) for stage in MODELS}
    fold_of_model = dict(item for folds in models.values() for item in folds.items())
    for name, fold in fold_of_model.items():
        if name not in records:
            raise AuditError(f"it is not recorded what {name} was trained on")
        if records[name]["model"] != files[name]:
            raise AuditError(f"{name} is not the file whose training was recorded")
        plays = records[name]["plays"]
        games = set(run.folds.loc[run.folds["fold"] == fold, "game"])
        if leaked := sorted(play for play in plays if play[:5] in games):
            raise AuditError(
                f"{name} was trained on {len(leaked)} plays of its own fold's games, such as "
                f"{leaked[0]}"
            )
        changed = sorted(play for play in plays if plays[play] != hashes.get(play))
        if changed and name not in models["vision"]:
            raise AuditError(
                f"{name} was trained on other rows or labels of {changed[0]} than the run has"
            )
    return f"{len(fold_of_model)} models, none trained on a game of its own fold"


def check_thresholds(finished: FinishedRun) -> str:
    """Thresholds and decisions, chosen again on the out-of-fold rows, are those of the run."""
    oof, bundle, run = finished.oof, finished.bundle, finished.run
    label, ground = oof["contact"].to_numpy(dtype=bool), is_ground(run.season.rows)
    thresholds = best_thresholds(label, oof["blend"].to_numpy(), ground)
    if thresholds != bundle.thresholds:
        raise AuditError(
            f"the out-of-fold rows are best decided by {_thresholds_text(thresholds)}, but the "
            f"bundle has {_thresholds_text(bundle.thresholds)}"
        )
    final = decide_out_of_fold(label, oof["blend"].to_numpy(), ground, oof["fold"].to_numpy())
    if (final != oof["final"].to_numpy(dtype=bool)).any():
        raise AuditError(
            "the scored decisions are not those of thresholds that were chosen on the other folds"
        )
    rows = run.candidates["row"].to_numpy()
    screen, min_recall = oof["screen"].to_numpy(), run.config.screen.min_recall
    open_threshold = choose_open_threshold(screen[rows], label[rows], min_recall)
    if open_threshold != bundle.open_threshold:
        raise AuditError(
            f"the out-of-fold rows give the screen's open threshold {open_threshold:.4f}, but the "
            f"bundle has {bundle.open_threshold:.4f}"
        )
    return (
        f"{_thresholds_text(thresholds)} and the screen's open threshold {open_threshold:.4f}, "
        f"chosen again on {len(oof):,} out-of-fold rows"
    )


def _thresholds_text(thresholds: Thresholds) -> str:
    return f"thresholds {thresholds.pair:.4f} (pairs) and {thresholds.ground:.4f} (ground)"


def check_features(finished: FinishedRun) -> str:
    """The features of a play, computed again with true and with flipped labels, have the bytes
    that the models were trained on."""
    run, play = finished.run, sample_plays(finished.run)[0]
    (tables,) = run.season.plays([play])
    flipped = replace(tables, rows=tables.rows.assign(contact=1 - tables.rows["contact"]))
    for given, words in ((tables, "computed again"), (flipped, "with every label flipped")):
        with tempfile.TemporaryDirectory() as name, captured(lambda _: None, propagate=False):
            write_play_features(given, Path(name), run.config)
            again = _feature_bytes(Path(name), play)
        before = _feature_bytes(run.folder / "features", play)
        if again != before:
            raise AuditError(
                f"the features of {play} {words} differ from those that the models were trained on"
            )
    rows = len(before[1])
    return f"the {rows:,} candidates of {play} have the same bytes with every label flipped"


def _feature_bytes(folder: Path, play: str) -> tuple[bytes, list[int]]:
    """Of a play's features, and its candidate rows."""
    return (folder / f"{play}.npy").read_bytes(), read_candidates(folder, play)["row"].tolist()


def check_permuted_labels(finished: FinishedRun) -> str:
    """The chain has no skill on permuted labels; a model of its own fold's rows, or one that has
    labels among its features, would have."""
    scores, plays = score_permuted_labels(finished.run)
    text = ", ".join(f"{name} {score:+.3f}" for name, score in scores.items())
    if max(map(abs, scores.values())) > CHANCE:
        raise AuditError(
            f"with labels permuted within plays the chain still scores {text} (chance: at most "
            f"{CHANCE})"
        )
    return f"{text} on {plays} plays without videos, few rounds (chance: at most {CHANCE})"


CHECKS: dict[str, Callable[[FinishedRun], str]] = {
    "folds share no game": check_folds,
    "models were not trained on the games they predict": check_training_records,
    "rows were predicted by those models": check_predictions,
    "thresholds come from out-of-fold rows": check_thresholds,
    "features do not depend on labels": check_features,
    "labels permuted within plays leave no skill": check_permuted_labels,
}
