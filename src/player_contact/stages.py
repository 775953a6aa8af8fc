"""The stages of a run. Each reads what earlier ones wrote, calls plain functions, and writes its own outputs into the folder it is given.

    folds -> features -> screen -> crops -> vision -> blend -> ladder -> bundle -> submission -> report

Tables of predictions have a column `row`, the row's place in the season's labels, and are joined on it.
"""

import dataclasses
import logging
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table
from player_contact.boosting.booster import booster_probability, train_booster
from player_contact.bundle import write_bundle
from player_contact.competition.metric import Thresholds, best_thresholds
from player_contact.competition.season import PlayTables, Season, fingerprint, is_ground, read_season
from player_contact.config import BoosterConfig, Config
from player_contact.evaluation.folds import make_folds
from player_contact.evaluation.ladder import decide_out_of_fold, ladder_text, make_ladder
from player_contact.features.table import feature_table, helmet_columns, is_candidate
from player_contact.files import read_json, write_json
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.predict import predict_folder, sensor_values, sigmoid
from player_contact.video.crops import cut_crops
from player_contact.video.store import open_crops, read_crop_rows, write_crops

log = logging.getLogger(__name__)

PLACES = ["row", "step_place", "first", "second", "contact"]  # columns of a features file that are not features


@dataclasses.dataclass(frozen=True)
class Run:
    """What every stage is told: settings, where data comes from and where outputs lie."""

    config: Config
    input: Path
    folder: Path
    workers: int
    simulated: bool

    @cached_property
    def season(self) -> Season:
        """The training split, read once."""
        log.info("reading the tables of %s", self.input)
        return read_season(self.input, "train")

    @cached_property
    def folds(self) -> pd.DataFrame:
        """game_play, game, contacts, fold."""
        return pd.read_csv(self.folder / "folds.csv", dtype={"game_play": str, "game": str})

    def fold_of(self, game_play: pd.Series) -> np.ndarray:
        """[N] int8 fold of each play."""
        return game_play.astype(str).map(self.folds.set_index("game_play")["fold"]).to_numpy().astype(np.int8)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The features files of all plays, one after the other, with the fold of each row."""
        parts = [
            pd.read_parquet(self.folder / "features" / f"{game_play}.parquet").assign(fold=np.int8(fold), play=np.int32(place))
            for place, (game_play, fold) in enumerate(self.folds[["game_play", "fold"]].itertuples(index=False))
        ]
        return pd.concat(parts, ignore_index=True)


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
    work = partial(write_play_features, folder=folder, max_distance=run.config.screen.max_distance)
    kept = sum(run_all(work, run.season.plays(), len(run.season.game_plays), "features", run.workers))
    log.info("%d of %d rows are candidates", kept, len(run.season.rows))


def write_play_features(tables: PlayTables, folder: Path, max_distance: float) -> int:
    """Writes the features file of a play; returns its number of candidates."""
    play, rows = build_play(tables)
    candidate = np.flatnonzero(is_candidate(play, rows, max_distance))
    kept = rows[candidate]
    places = {"row": kept.row, "step_place": kept.step, "first": kept.first, "second": kept.second}
    places["contact"] = tables.rows["contact"].to_numpy()[candidate].astype(np.int8)
    pd.concat([pd.DataFrame(places), feature_table(play, kept)], axis=1).to_parquet(folder / f"{tables.game_play}.parquet", index=False)
    return len(kept)


def screen_stage(run: Run, out: Path) -> None:
    """Trains the screen, with and without helmet features, and chooses which rows stay open."""
    folder = out / "screen"
    folder.mkdir(exist_ok=True)
    table = run.candidates
    names = [name for name in table.columns if name not in (*PLACES, "fold", "play")]
    sensors_only = [name for name in names if name not in helmet_columns(names)]
    label, fold = table["contact"].to_numpy(dtype=bool), table["fold"].to_numpy()
    oof = table[["row"]].copy()
    settings = run.config.screen.booster
    for model, columns, prefix in (("screen", names, "fold"), ("sensors", sensors_only, "sensors_fold")):
        values = table[columns].to_numpy(dtype=np.float32)
        oof[model] = _out_of_fold(values, columns, label, fold, settings, run, folder / prefix, f"training {model}")
    oof.to_parquet(folder / "oof.parquet", index=False)
    cut = open_cut(oof["screen"].to_numpy(), label, run.config.screen.lost_positives)
    is_open = oof["screen"].to_numpy() >= cut
    lost = int((label & ~is_open).sum())
    write_json({"cut": cut, "open": int(is_open.sum()), "candidates": len(table), "lost_positives": lost, "features": names}, folder / "cut.json")
    log.info("%d of %d candidates stay open; the cut leaves %d of %d contacts unseen", is_open.sum(), len(table), lost, label.sum())


def open_cut(probability: np.ndarray, label: np.ndarray, lost: float) -> float:
    """The highest probability below which at most a share `lost` of the contacts lies."""
    positives = np.sort(probability[label])
    return float(positives[int(len(positives) * lost)]) if len(positives) else 0.0


def _out_of_fold(
    values: np.ndarray,
    columns: list[str],
    label: np.ndarray,
    fold: np.ndarray,
    settings: BoosterConfig,
    run: Run,
    prefix: Path,
    what: str,
    blind: np.ndarray | None = None,
    blind_of: np.ndarray | None = None,
) -> np.ndarray:
    """[N] out-of-fold probabilities of [N, K] values; writes the text of each fold's booster.

    `blind` [M, K] are further rows to train on, other views of the rows `blind_of` [M].
    """
    folds = sorted(set(fold.tolist()))
    work = partial(
        _train_one, values=values, columns=columns, label=label, fold=fold, settings=settings, run_seed=run.config.seed,
        threads=run.config.threads, prefix=prefix, blind=blind, blind_of=blind_of,
    )  # fmt: skip
    probability = np.zeros(len(label), dtype=np.float32)
    for one, predicted in zip(folds, run_all(work, folds, len(folds), what, run.workers), strict=True):
        probability[fold == one] = predicted
    return probability


def _train_one(one, values, columns, label, fold, settings, run_seed, threads, prefix, blind, blind_of) -> np.ndarray:
    inside = fold == one
    train, target = values[~inside], label[~inside]
    if blind is not None:
        use = fold[blind_of] != one
        train, target = np.concatenate([train, blind[use]]), np.concatenate([target, label[blind_of[use]]])
    text = train_booster(pd.DataFrame(train, columns=columns), target, settings, run_seed + int(one), threads)
    prefix.with_name(f"{prefix.name}{one}.txt").write_text(text)
    return booster_probability(text, pd.DataFrame(values[inside], columns=columns), threads)


def crops_stage(run: Run, out: Path) -> None:
    """Cuts the crops of the open rows."""
    folder = out / "crops"
    folder.mkdir(exist_ok=True)
    open_rows = _open_rows(run)
    frames, size, views = len(run.config.crops.frames), run.config.crops.size, 2
    log.info("crops of %d rows will take %.1f GB", len(open_rows), len(open_rows) * frames * size * size * views / 1e9)
    by_play = {play: part["row"].to_numpy() for play, part in open_rows.groupby("play")}
    none = np.empty(0, dtype=np.int64)
    # Plays that an interrupted run finished are kept: the folder belongs to exactly these settings.
    items = ((tables, by_play.get(place, none)) for place, tables in enumerate(run.season.plays()))
    work = partial(write_play_crops, folder=folder, config=run.config)
    seen = np.sum(list(run_all(work, items, len(run.folds), "crops", run.workers)), axis=0)
    log.info("rows seen: Sideline %d, Endzone %d of %d", *seen, len(open_rows))


def write_play_crops(item: tuple[PlayTables, np.ndarray], folder: Path, config: Config) -> np.ndarray:
    """Writes the crops of a play's open rows; returns how many each view saw."""
    tables, open_rows = item
    target = folder / tables.game_play
    if not target.is_dir():
        play, rows = build_play(tables)
        kept = rows[np.isin(rows.row, open_rows)]
        write_crops(cut_crops(play, kept, config.crops), kept.row, target)
    return open_crops(target).seen.sum(axis=0)


def _open_rows(run: Run) -> pd.DataFrame:
    """The candidates that the screen left open."""
    oof = pd.read_parquet(run.folder / "screen" / "oof.parquet")
    return run.candidates.assign(screen=oof["screen"].to_numpy())[oof["screen"].to_numpy() >= read_json(run.folder / "screen" / "cut.json")["cut"]]


@dataclasses.dataclass(frozen=True)
class FoldTask:
    """What a process needs to train and score the vision model of one fold."""

    fold: int
    table: pd.DataFrame  # open rows that at least one view saw: play, step_place, first, second, contact, fold, place
    sensors: np.ndarray  # [M, K] float32
    crop_folders: list[Path]
    config: Config
    weights: Path


def vision_stage(run: Run, out: Path) -> None:
    """Trains a vision model a fold and scores the open rows out of fold."""
    folder = out / "vision"
    folder.mkdir(exist_ok=True)
    table = _open_rows(run)
    names = run.config.vision.tabular
    sensors = sensor_values(table, table["screen"].to_numpy(), names)
    table, crop_folders = table[["row", "play", "step_place", "first", "second", "contact", "fold"]], []
    place, seen = np.zeros(len(table), dtype=np.int64), np.zeros(len(table), dtype=bool)
    for number, game_play in enumerate(run.folds["game_play"]):
        crop_folders.append(run.folder / "crops" / game_play)
        inside = np.flatnonzero(table["play"].to_numpy() == number)
        order = read_crop_rows(crop_folders[-1])
        place[inside] = pd.Index(order).get_indexer(table["row"].to_numpy()[inside])
        seen[inside] = np.asarray(open_crops(crop_folders[-1]).seen.any(axis=1))[place[inside]]
    table = table.assign(place=place)[seen].reset_index(drop=True)
    folds = sorted(run.folds["fold"].unique().tolist())
    if not len(table):
        log.warning("No open row was seen by a camera: there is no vision model, the blend works from the screen alone")
        pd.DataFrame({"row": table["row"], "vision": np.empty(0, dtype=np.float32)}).to_parquet(folder / "oof.parquet", index=False)
        return
    tasks = [FoldTask(fold, table, sensors[seen], crop_folders, run.config, folder / f"fold{fold}.safetensors") for fold in folds]
    vision, lines = np.zeros(len(table), dtype=np.float32), []
    fold_of = table["fold"].to_numpy()
    for fold, (logits, epochs) in zip(folds, run_all(train_fold, tasks, len(tasks), "training vision", run.workers), strict=True):
        vision[fold_of == fold] = sigmoid(logits)
        lines += [{"fold": fold, **dataclasses.asdict(epoch)} for epoch in epochs]
    pd.DataFrame(lines).to_csv(folder / "log.csv", index=False, float_format="%.6g")
    pd.DataFrame({"row": table["row"], "vision": vision}).to_parquet(folder / "oof.parquet", index=False)


def train_fold(task: FoldTask) -> tuple[np.ndarray, list]:
    """Trains on the other folds, keeps the weights, and returns the log odds of the fold's own rows in the table's order."""
    from safetensors.torch import save_file

    from player_contact.vision.tracks import OpenRows, track_numbers
    from player_contact.vision.train import score_rows, train_model

    table, config = task.table, task.config
    crops = [open_crops(folder) for folder in task.crop_folders]
    track = table["play"].to_numpy().astype(np.int64) * (1 << 20) + track_numbers(table["first"].to_numpy(), table["second"].to_numpy())

    def rows(chosen: np.ndarray) -> OpenRows:
        of = table[chosen]
        return OpenRows(
            track=track[chosen],
            step=of["step_place"].to_numpy(),
            sensors=task.sensors[chosen],
            crops=crops,
            play=of["play"].to_numpy(),
            place=of["place"].to_numpy(),
        )

    inside = table["fold"].to_numpy() == task.fold
    label = table["contact"].to_numpy(dtype=bool)[~inside]

    def report(epoch) -> None:
        log.info("fold %d, epoch %d of %d: loss %.4f", task.fold, epoch.epoch + 1, config.vision.epochs, epoch.loss, extra={"live": True})

    model, epochs = train_model(rows(~inside), label, config.vision, len(config.crops.frames), (config.seed, task.fold), config.threads, report)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, task.weights)
    return score_rows(model, rows(inside), config.vision, config.threads), epochs


def blend_stage(run: Run, out: Path) -> None:
    """Trains the last model on what screen and vision say along neighbouring steps."""
    folder = out / "blend"
    folder.mkdir(exist_ok=True)
    table = run.candidates[[*PLACES, "fold", "play"]]
    screen = pd.read_parquet(run.folder / "screen" / "oof.parquet")["screen"].to_numpy()
    vision = pd.read_parquet(run.folder / "vision" / "oof.parquet").set_index("row")["vision"].reindex(table["row"]).to_numpy(dtype=np.float32)
    random = np.random.default_rng([run.config.seed, 3])
    blind_plays = random.random(len(run.folds)) < run.config.blend.without_vision
    places = [np.flatnonzero(table["play"].to_numpy() == number) for number in range(len(run.folds))]
    items = (
        (tables, table.iloc[here], screen[here], vision[here], bool(blind))
        for tables, here, blind in zip(run.season.plays(), places, blind_plays, strict=True)
    )
    tables, blind_tables, blind_of = [], [], []
    work = partial(play_blend_tables, reach=run.config.blend.reach)
    for here, (one, blind) in zip(places, run_all(work, items, len(places), "neighbouring steps", run.workers), strict=True):
        tables.append(one)
        if blind is not None:
            blind_tables.append(blind.to_numpy())
            blind_of.append(here)
    columns = list(tables[0].columns)
    probability = _out_of_fold(
        np.concatenate([one.to_numpy() for one in tables]),
        columns,
        table["contact"].to_numpy(dtype=bool),
        table["fold"].to_numpy(),
        run.config.blend.booster,
        run,
        folder / "fold",
        "training the blend",
        blind=np.concatenate(blind_tables) if blind_tables else None,
        blind_of=np.concatenate(blind_of) if blind_of else None,
    )
    pd.DataFrame({"row": table["row"], "blend": probability}).to_parquet(folder / "oof.parquet", index=False)


def play_blend_tables(item: tuple[PlayTables, pd.DataFrame, np.ndarray, np.ndarray, bool], reach: int) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The blend's table of a play and, where asked for, the same as if its videos had failed."""
    tables, candidates, screen, vision, blind = item
    play, _ = build_play(tables)
    rows = Rows(*(candidates[name].to_numpy() for name in ("row", "step_place", "first", "second")))
    table = blend_table(play, rows, screen, vision, reach)
    return table, blend_table(play, rows, screen, np.full_like(vision, np.nan), reach) if blind else None


RUNGS = {  # name in the ladder -> column of oof.parquet
    "distance": "distance",
    "screen without helmets": "sensors",
    "screen": "screen",
    "vision": "vision",
    "blend": "blend",
}
GAIN_OVER = {"screen without helmets": "distance", "screen": "screen without helmets", "vision": "screen", "blend": "screen"}


def ladder_stage(run: Run, out: Path) -> None:
    """Writes the out-of-fold table, the ladder, and the thresholds that predicting uses (chosen on all out-of-fold rows)."""
    rows = run.season.rows
    label, ground = rows["contact"].to_numpy(dtype=bool), is_ground(rows)
    fold, game = run.fold_of(rows["game_play"]), pd.factorize(rows["game_play"].astype(str).str.slice(0, 5))[0]
    columns = {"distance": 1 / (1 + run.candidates["distance"].fillna(np.inf))}
    scores = {"distance": _over_all(rows, run.candidates["row"], columns["distance"])}
    for stage, names in (("screen", ("sensors", "screen")), ("vision", ("vision",)), ("blend", ("blend",))):
        oof = pd.read_parquet(run.folder / stage / "oof.parquet")
        scores |= {name: _over_all(rows, oof["row"], oof[name]) for name in names}
    decisions = {name: decide_out_of_fold(label, scores[column], ground, fold) for name, column in RUNGS.items()}
    rungs = make_ladder(label, ground, game, decisions, GAIN_OVER, run.config.seed)
    thresholds: Thresholds = best_thresholds(label, scores["blend"], ground)
    table = rows[["contact_id", "game_play", "contact"]].assign(fold=fold, **scores, final=decisions["blend"].astype(np.int8))
    table["game_play"] = table["game_play"].astype(str)
    table.to_parquet(out / "oof.parquet", index=False)
    text = ladder_text(rungs, run.simulated)
    result = {"simulated": run.simulated, "rows": len(rows), "contacts": int(label.sum()), "thresholds": dataclasses.asdict(thresholds)}
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
    write_bundle(out / "bundle", run.config, run.folder, Thresholds(**ladder["thresholds"]), cut["cut"], origin)


def submission_stage(run: Run, out: Path) -> None:
    """Predicts the test plays with the bundle."""
    counted = predict_folder(run.folder / "bundle", run.input, out / "submission.csv", run.workers)
    write_json(dict(counted), out / "submission.json")
    log.info("submission: %s", ", ".join(f"{name} {number}" for name, number in counted.items()))


def report_stage(run: Run, out: Path) -> None:
    """Writes the report page."""
    from player_contact.evaluation.report import write_report

    write_report(run.folder, out / "report")
