"""The second model: trained a fold at a time on the crops of the open rows."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.config import Config
from player_contact.files import read_json, write_json
from player_contact.odds import sigmoid
from player_contact.parallel import run_all
from player_contact.stages.evidence import write_learnt
from player_contact.stages.run import Run
from player_contact.video.store import open_crops, read_crop_rows
from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers

log = logging.getLogger(__name__)


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
    from player_contact.vision.train import vision_workers

    folder = out / "vision"
    folder.mkdir(exist_ok=True)
    table = run.open_rows()
    names = run.config.vision.tabular
    features = run.features_of([name for name in names if name != "screen"]).loc[table.index]
    sensors = sensor_values(features, table["screen"].to_numpy(), names)
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
    workers = vision_workers(run.workers)
    tasks = [FoldTask(fold, table, sensors[seen], crop_folders, run.config, folder / f"fold{fold}.safetensors") for fold in folds]
    vision, lines = np.zeros(len(table), dtype=np.float32), []
    fold_of = table["fold"].to_numpy()
    for fold, (logits, epochs) in zip(folds, run_all(train_fold, tasks, len(tasks), "training vision", workers), strict=True):
        vision[fold_of == fold] = sigmoid(logits)  # NaN where the fold has no model
        lines += [{"fold": fold, **epoch} for epoch in epochs]
    vision_rows = pd.DataFrame({"row": table["row"], "vision": vision})
    pd.DataFrame(lines).to_csv(folder / "log.csv", index=False, float_format="%.6g")
    vision_rows.dropna().to_parquet(folder / "oof.parquet", index=False)


def train_fold(task: FoldTask) -> tuple[np.ndarray, list[dict]]:
    """Trains on the other folds, keeps the weights, and returns the log odds of the fold's own rows in the table's order, and the training log.

    A fold that an interrupted run finished is read, not trained again. Where all rows lie in the fold there is nothing to train on: NaN.
    """
    from safetensors.torch import save_file

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
    if not len(label):
        log.warning("fold %d: no other fold has a row that a camera saw; its rows are decided without vision", task.fold)
        return np.full(int(inside.sum()), np.nan, dtype=np.float32), []
    finished = task.weights.with_name(f"fold{task.fold}.parquet")
    epochs_path = task.weights.with_name(f"fold{task.fold}.json")
    if task.weights.is_file() and epochs_path.is_file():
        return pd.read_parquet(finished)["log_odds"].to_numpy(), read_json(epochs_path)

    def report(epoch) -> None:
        log.info("fold %d, epoch %d of %d: loss %.4f", task.fold, epoch.epoch + 1, config.vision.epochs, epoch.loss, extra={"live": True})

    model, epochs = train_model(rows(~inside), label, config.vision, len(config.crops.frames), (config.seed, task.fold), config.threads, report)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, task.weights)
    write_learnt(task.weights, table[~inside], [folder.name for folder in task.crop_folders])
    logits = score_rows(model, rows(inside), config.vision, config.threads)
    lines = [dataclasses.asdict(epoch) for epoch in epochs]
    pd.DataFrame({"log_odds": logits}).to_parquet(finished, index=False)
    write_json(lines, epochs_path)  # written last: it says that the fold is finished
    return logits, lines
