"""Checks of a finished run that no score can show: that nothing which was predicted was known to what predicted it."""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.booster import booster_probability
from player_contact.bundle import Bundle, load_bundle
from player_contact.competition import tables as formats
from player_contact.competition.metric import best_thresholds
from player_contact.competition.season import PlayTables, fingerprint, is_ground
from player_contact.config import Config
from player_contact.errors import InputError, PlayerContactError
from player_contact.evaluation.folds import game_of
from player_contact.evaluation.ladder import decide_out_of_fold
from player_contact.features.store import open_values, read_places
from player_contact.files import read_json
from player_contact.odds import sigmoid
from player_contact.pipeline import run_pipeline
from player_contact.stages.blend import play_blend_table
from player_contact.stages.evidence import fingerprints
from player_contact.stages.run import Run
from player_contact.stages.screen import open_cut, write_play_features
from player_contact.video.store import open_crops, read_crop_rows

log = logging.getLogger(__name__)

PLAYS_ASKED_AGAIN = 2  # of each fold
PLAYS_PERMUTED = 24  # at most; whole games, as many of each fold
SAME = 1e-4  # two probabilities by one booster, whose sums were taken in another order
SAME_PICTURES = 0.02  # two probabilities by one network in other batches, in bfloat16
NO_SKILL = 0.05  # Matthews correlation that chance alone may give


class AuditError(PlayerContactError):
    """A check of the audit failed; the sentence says what was found."""


@dataclass(frozen=True)
class Finding:
    """What one check found: `said` is what was looked at, or the fault."""

    check: str
    good: bool
    said: str


@dataclass(frozen=True)
class Evidence:
    """A finished run, its bundle and its out-of-fold table."""

    run: Run
    bundle: Bundle
    oof: pd.DataFrame

    def models_of(self, stage: str) -> dict[str, int]:
        """The bundle's model files of a stage -> the fold each belongs to."""
        found = {name: re.fullmatch(rf"{stage}/fold(\d+)\b.*", name) for name in sorted(self.bundle.manifest["files"])}
        return {name: int(match[1]) for name, match in found.items() if match}


def audit(run: Run) -> list[Finding]:
    """Looks for what would make the scores of a finished run untrue. Raises InputError where the run has no bundle or out-of-fold table, or was
    trained on other data than its input folder holds."""
    evidence = gather(run)
    findings = []
    for name, check in CHECKS.items():
        try:
            findings.append(Finding(name, True, check(evidence)))
        except AuditError as fault:
            findings.append(Finding(name, False, str(fault)))
    return findings


def audit_text(findings: list[Finding]) -> str:
    """A line a check."""
    return "\n".join(f"{'ok   ' if finding.good else 'FAULT'}  {finding.check}: {finding.said}" for finding in findings)


def gather(run: Run) -> Evidence:
    """What the checks look at. Raises as `audit` does."""
    for name in ("oof.parquet", "bundle", "folds.csv", "screen/cut.json"):
        if not (run.folder / name).exists():
            raise InputError(f"{run.folder} has no {name}: finish the run first (make bundle)")
    bundle = load_bundle(run.folder / "bundle")
    if fingerprint(run.input, "train") != bundle.manifest["data"]:
        raise InputError(f"{run.folder} was trained on other data than {run.input} holds. Name its input folder (INPUT=)")
    if bundle.config.model_dump(exclude={"report"}) != run.config.model_dump(exclude={"report"}):
        raise InputError(f"{run.folder} was begun again with other settings than its bundle was made with. Finish the run first (make bundle)")
    return Evidence(run, bundle, pd.read_parquet(run.folder / "oof.parquet"))


def games_apart(evidence: Evidence) -> str:
    """Every label row stands once in the out-of-fold table, with its label, and no game lies in two folds."""
    oof, rows, folds = evidence.oof, evidence.run.season.rows, evidence.run.folds
    if oof["contact_id"].tolist() != rows["contact_id"].tolist() or oof["contact"].tolist() != rows["contact"].tolist():
        raise AuditError("the out-of-fold table does not hold every label once, in order")
    told = {play: int(fold) for fold, plays in evidence.bundle.manifest["folds"].items() for play in plays}
    for place, fold_of in (
        ("oof.parquet", oof.groupby("game_play")["fold"].agg(set)),
        ("folds.csv", folds.groupby("game_play")["fold"].agg(set)),
        ("the bundle", pd.Series(told).map(lambda fold: {fold})),
    ):
        by_game = fold_of.groupby(game_of(fold_of.index.to_series()).to_numpy()).agg(lambda sets: set().union(*sets))
        if shared := [f"{game} in folds {', '.join(map(str, sorted(of)))}" for game, of in by_game.items() if len(of) > 1]:
            raise AuditError(f"in {place} {len(shared)} games lie in more than one fold: {shared[0]}")
    if (odd := oof["game_play"].map(told) != oof["fold"]).any():
        raise AuditError(f"the bundle and oof.parquet put {oof.loc[odd, 'game_play'].iloc[0]} into different folds")
    return f"{len(folds)} plays of {folds['game'].nunique()} games in {folds['fold'].nunique()} folds, {len(oof):,} rows once each"


def never_seen(evidence: Evidence) -> str:
    """No model was trained on a game of its own fold, by what was written down when it was trained."""
    run, manifest = evidence.run, evidence.bundle.manifest
    path = evidence.bundle.folder / "learnt.json"
    if "learnt.json" not in manifest["files"]:
        raise AuditError("the bundle does not say what its models were trained on: it is of an earlier version. Train again")
    learnt = read_json(path)
    names = run.folds["game_play"].tolist()
    whole = fingerprints(run.candidates, names)
    count = 0
    for stage in ("screen", "vision", "blend"):
        for name, fold in evidence.models_of(stage).items():
            if name not in learnt:
                raise AuditError(f"nothing is written down about what {name} was trained on")
            if learnt[name]["model"] != manifest["files"][name]:
                raise AuditError(f"{name} is not the file that was trained when it was written down what it was trained on")
            plays = learnt[name]["plays"]
            own = set(run.folds.loc[run.folds["fold"] == fold, "game"])
            if seen := sorted(play for play in plays if play[:5] in own):
                raise AuditError(f"{name} was trained on {len(seen)} plays of its own fold's games, such as {seen[0]}")
            if stage != "vision" and (other := sorted(play for play in plays if plays[play] != whole.get(play))):
                raise AuditError(f"{name} was trained on other rows or labels of {other[0]} than the run has")
            count += 1
    return f"{count} models, none trained on a game of its own fold"


def asked_again(evidence: Evidence) -> str:
    """The rows of some plays of every fold, predicted again: each by the models of its own fold, and by no other's."""
    run, oof = evidence.run, evidence.oof
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"]
    tables = {one.game_play: one for one in run.season.plays(_some_plays(run))}
    looked = 0
    for play, one in tables.items():
        places = read_places(run.folder / "features", play)
        features = pd.DataFrame(np.asarray(open_values(run.folder / "features", play)), columns=run.feature_names)
        screen, seen = oof["screen"].to_numpy()[places["row"]], vision.reindex(places["row"]).to_numpy(dtype=np.float32)
        blend = play_blend_table((one, places, screen, seen), run.config.blend.reach)
        fold = int(run.folds.set_index("game_play")["fold"][play])
        for stage, table, told in (("screen", features, screen), ("blend", blend, oof["blend"].to_numpy()[places["row"]])):
            models = evidence.models_of(stage)
            texts = {name: (evidence.bundle.folder / name).read_text() for name in models}
            _compare(play, told, {models[name]: booster_probability(text, table, run.config.threads) for name, text in texts.items()}, fold, SAME)
        again = vision_again(evidence, one, places.assign(screen=screen), features) if (~np.isnan(seen)).any() else {}
        if again:
            _compare(play, seen[~np.isnan(seen)], again, fold, SAME_PICTURES)
        looked += len(places)
    return f"{looked:,} rows of {len(tables)} plays predicted again; the models of the row's own fold give what the table holds"


def _compare(play: str, told: np.ndarray, again: dict[int, np.ndarray], fold: int, tolerance: float) -> None:
    if fold not in again:
        raise AuditError(f"fold {fold} has no model of its own for {play}")
    if not len(told):
        return
    gaps = {of: float(np.abs(told - values).max()) for of, values in again.items()}
    if not gaps[fold] <= tolerance:
        nearest = min(gaps, key=lambda of: gaps[of])
        by = f"those of fold {nearest}, which was trained on them, give them" if gaps[nearest] <= tolerance else "no model of the bundle gives them"
        raise AuditError(f"{play} is in fold {fold}, but its models differ from the table by up to {gaps[fold]:.3f}: {by}")


def vision_again(evidence: Evidence, tables: PlayTables, places: pd.DataFrame, features: pd.DataFrame) -> dict[int, np.ndarray]:
    """fold -> probabilities of a play's open rows that a camera saw, by the vision models of that fold, in the order of `places`."""
    from player_contact.vision.score import score_rows
    from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers

    run, config = evidence.run, evidence.run.config
    folder = run.folder / "crops" / tables.game_play
    crops = open_crops(folder)
    place = pd.Index(read_crop_rows(folder)).get_indexer(places["row"])
    chosen = place >= 0
    chosen[chosen] = np.asarray(crops.seen.any(axis=1))[place[chosen]]
    asked = places[chosen]
    scores: dict[int, list[np.ndarray]] = {}
    for name, fold in evidence.models_of("vision").items():
        vision, model = evidence.bundle.vision_models[name]
        rows = OpenRows(
            track=track_numbers(asked["first"].to_numpy(), asked["second"].to_numpy()),
            step=asked["step_place"].to_numpy(),
            sensors=sensor_values(features[chosen], asked["screen"].to_numpy(), vision.tabular),
            crops=[crops],
            play=np.zeros(len(asked), dtype=np.int64),
            place=place[chosen],
        )
        scores.setdefault(fold, []).append(score_rows(model, rows, vision, config.threads, evidence.bundle.sights[name]))
    return {fold: sigmoid(np.mean(members, axis=0)) for fold, members in scores.items()}


def thresholds_out_of_fold(evidence: Evidence) -> str:
    """Thresholds, cut and decisions, chosen again on the out-of-fold rows: they are those of the bundle and of the table."""
    oof, bundle, run = evidence.oof, evidence.bundle, evidence.run
    label, ground = oof["contact"].to_numpy(dtype=bool), is_ground(run.season.rows)
    chosen = best_thresholds(label, oof["blend"].to_numpy(), ground)
    if chosen != bundle.thresholds:
        raise AuditError(f"the out-of-fold rows are best decided by {_pair(chosen)}, but the bundle has {_pair(bundle.thresholds)}")
    final = decide_out_of_fold(label, oof["blend"].to_numpy(), ground, oof["fold"].to_numpy())
    if (final != oof["final"].to_numpy(dtype=bool)).any():
        raise AuditError("the scored decisions are not those of thresholds that were chosen on the other folds")
    candidates = run.candidates["row"].to_numpy()
    cut = open_cut(oof["screen"].to_numpy()[candidates], label[candidates], run.config.screen.lost_positives)
    if cut != bundle.cut:
        raise AuditError(f"the out-of-fold rows give the screen's cut {cut:.4f}, but the bundle has {bundle.cut:.4f}")
    return f"{_pair(chosen)} and the screen's cut {cut:.4f}, chosen again on {len(oof):,} out-of-fold rows"


def _pair(thresholds) -> str:
    return f"thresholds {thresholds.pair:.4f} (pairs) and {thresholds.ground:.4f} (ground)"


def features_know_no_label(evidence: Evidence) -> str:
    """The features of a play, computed once more and once with every label turned round: both times the bytes that the models learnt from."""
    run, play = evidence.run, _some_plays(evidence.run)[0]
    (tables,) = run.season.plays([play])
    turned = tables.rows.assign(contact=1 - tables.rows["contact"])
    for rows, words in ((tables.rows, "computed again"), (turned, "with every label turned round")):
        with tempfile.TemporaryDirectory() as name, quiet():
            given = PlayTables(play, rows, tables.tracking, tables.helmets, tables.videos, tables.video_folder)
            write_play_features(given, Path(name), run.config)
            again, kept = (Path(name) / f"{play}.npy").read_bytes(), read_places(Path(name), play)["row"].tolist()
        if again != (run.folder / "features" / f"{play}.npy").read_bytes() or kept != read_places(run.folder / "features", play)["row"].tolist():
            raise AuditError(f"the features of {play} {words} are others than those that the models learnt from")
    return f"the {len(kept):,} candidates of {play} have the same bytes with every label turned round"


def no_skill_without_labels(evidence: Evidence) -> str:
    """The whole chain on tables without videos, labels permuted within each play: what learns from its own fold, or from labels in its features,
    would still score."""
    run = evidence.run
    with tempfile.TemporaryDirectory() as name, quiet():
        folder = Path(name)
        plays = permuted_season(run, folder / "season")
        permuted = Run(quick(run.config), folder / "season", folder / "run", run.workers, run.simulated)
        run_pipeline(permuted, "ladder")
        scores = {rung["name"]: rung["mcc"] for rung in read_json(folder / "run" / "ladder.json")["rungs"] if rung["name"] in ("screen", "blend")}
    said = ", ".join(f"{name} {score:+.3f}" for name, score in scores.items())
    if max(map(abs, scores.values())) > NO_SKILL:
        raise AuditError(f"with labels permuted within plays the chain still scores {said} (chance: at most {NO_SKILL})")
    return f"{said} on {len(plays)} plays without videos, few rounds (chance: at most {NO_SKILL})"


def permuted_season(run: Run, folder: Path) -> list[str]:
    """Writes the tables of some whole games, taken from the folds in turn, with the labels of each play permuted; returns the plays."""
    folder.mkdir(parents=True)
    games = run.folds.groupby(["fold", "game"])["game_play"].agg(list).reset_index()
    games["turn"] = games.groupby("fold").cumcount()
    plays: list[str] = []
    for of_game in games.sort_values(["turn", "fold"], kind="stable")["game_play"]:
        if len(plays) < PLAYS_PERMUTED:
            plays += of_game
    random = np.random.default_rng(run.config.seed)
    for name, table in (
        ("train_labels", formats.LABELS),
        ("train_player_tracking", formats.TRACKING),
        ("train_baseline_helmets", formats.HELMETS),
        ("train_video_metadata", formats.VIDEOS),
    ):
        frame = pd.read_csv(run.input / f"{name}.csv", usecols=list(table.fields), dtype=str, keep_default_na=False)
        frame = frame[frame["game_play"].isin(plays)]
        if "contact" in frame:
            frame["contact"] = frame.groupby("game_play")["contact"].transform(lambda labels: random.permutation(labels.to_numpy()))
        frame.to_csv(folder / f"{name}.csv", index=False)
    return plays


def quick(config: Config) -> Config:
    """The same chain with few rounds, and hardly a picture: there are no videos."""

    def few(section, rounds: int):
        return section.model_copy(update={"booster": section.booster.model_copy(update={"rounds": min(section.booster.rounds, rounds)})})

    return config.model_copy(
        update={
            "faults": "skip",
            "screen": few(config.screen, 60).model_copy(update={"lost_positives": 0.9}),
            "blend": few(config.blend, 40),
            "crops": config.crops.model_copy(update={"size": 32, "frames": (0,), "others": 0}),
            "vision": config.vision.model_copy(update={"image_size": 32}),
        }
    )


@contextmanager
def quiet() -> Iterator[None]:
    """What the stages say of a run that nobody asked for is not said."""
    package = logging.getLogger("player_contact")
    before = package.level
    package.setLevel(logging.ERROR)
    try:
        yield
    finally:
        package.setLevel(before)


def _some_plays(run: Run) -> list[str]:
    """A few plays of each fold, drawn from the run's seed."""
    drawn = run.folds.sample(frac=1, random_state=run.config.seed).groupby("fold", sort=True).head(PLAYS_ASKED_AGAIN)
    return drawn["game_play"].tolist()


CHECKS: dict[str, Callable[[Evidence], str]] = {
    "folds share no game": games_apart,
    "models never saw the games they predict": never_seen,
    "rows were predicted by those models": asked_again,
    "thresholds come from out-of-fold rows": thresholds_out_of_fold,
    "features do not depend on labels": features_know_no_label,
    "labels permuted within plays leave no skill": no_skill_without_labels,
}
