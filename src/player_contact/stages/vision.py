"""The second model: trained a fold at a time on the crops of the open rows."""

import dataclasses
import itertools
import logging
import multiprocessing
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from player_contact.config import Config, VisionConfig
from player_contact.errors import ConfigError, WorkerError
from player_contact.files import read_json, write_json
from player_contact.odds import shift_to_mean, sigmoid
from player_contact.parallel import Record, end_with_parent, end_workers, log_records, recorded, run_all
from player_contact.stages.evidence import write_learnt
from player_contact.stages.run import Run
from player_contact.video.crops import Crops
from player_contact.video.store import open_crops, read_crop_rows
from player_contact.vision.tracks import TRACKS, OpenRows, sensor_values, track_numbers

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from player_contact.vision.model import ContactModel
    from player_contact.vision.train import Epoch

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FoldTask:
    """What a process needs to train and score one member's model of one fold."""

    fold: int
    member: int
    vision: VisionConfig
    table: pd.DataFrame  # open rows that at least one view saw: play, step_place, first, second, contact, fold, screen, place
    sensors: np.ndarray  # [M, K] float32
    crop_folders: list[Path]
    config: Config
    folder: Path

    @property
    def name(self) -> str:
        """Of the files that it writes."""
        return f"fold{self.fold}-{self.member}"


def vision_stage(run: Run, out: Path) -> None:
    """Trains a vision model a fold, or one of each member of an ensemble, and scores the open rows out of fold."""
    folder = out / "vision"
    folder.mkdir(exist_ok=True)
    oof, lines = vision_out_of_fold(run, folder, sorted(run.folds["fold"].unique().tolist()))
    if lines:
        pd.DataFrame(lines).to_csv(folder / "log.csv", index=False, float_format="%.6g")
    oof.to_parquet(folder / "oof.parquet", index=False)


def vision_out_of_fold(run: Run, folder: Path, folds: list[int]) -> tuple[pd.DataFrame, list[dict]]:
    """The open rows of the folds that a camera saw, as `row` and the probability `vision`, and the training log; models are written to `folder`.

    Of an ensemble, `vision` comes from the mean of the members' log odds, and `vision_0`, ... from each alone.
    """
    return vision_by_configs(run, [(run.config, folder)], folds)[0]


def vision_by_configs(run: Run, wanted: Sequence[tuple[Config, Path]], folds: list[int]) -> list[tuple[pd.DataFrame, list[dict]]]:
    """`vision_out_of_fold` by each of several configs that differ in their vision models alone, with a folder of its own for its
    models; the folds of all are trained side by side."""
    from player_contact.vision.device import vision_processes

    opened = run.open_rows()
    table, crop_folders = _seen_rows(run, opened)
    if not len(table):
        log.warning("No open row was seen by a camera: there is no vision model, the blend works from the screen alone")
        return [(pd.DataFrame({"row": table["row"], "vision": np.empty(0, dtype=np.float32)}), []) for _ in wanted]
    seen, table = table.index, table.reset_index(drop=True)
    asked = {vision.tabular for config, _ in wanted for vision in config.vision.ensemble}
    sensors = {names: _sensors(run, opened, names).loc[seen].to_numpy(dtype=np.float32) for names in sorted(asked)}
    tasks = [
        FoldTask(fold, member, vision, table, sensors[vision.tabular], crop_folders, config, folder)
        for config, folder in wanted
        for fold, (member, vision) in itertools.product(folds, enumerate(config.vision.ensemble))
    ]
    devices = max(task.vision.devices for task in tasks)
    workers = vision_processes(run.workers, devices) if isinstance(run.workers, int) else run.workers.with_gpus(devices)
    results = list(zip(tasks, run_all(train_fold_on_gpus, tasks, len(tasks), "training vision", workers), strict=True))
    end_workers()
    return [_gathered(table, [one for one in results if one[0].folder == folder]) for _, folder in wanted]


def _gathered(table: pd.DataFrame, results: list[tuple[FoldTask, tuple[np.ndarray, list[dict]]]]) -> tuple[pd.DataFrame, list[dict]]:
    """What the folds and members of one config say, together."""
    members = 1 + max(task.member for task, _ in results)
    scores, lines = np.full((members, len(table)), np.nan, dtype=np.float32), []
    for task, (logits, epochs) in results:
        scores[task.member, table["fold"].to_numpy() == task.fold] = logits
        lines += [{"fold": task.fold, "member": task.member, **epoch} for epoch in epochs]
    columns = {"row": table["row"], "vision": sigmoid(scores.mean(axis=0))}
    if members > 1:
        columns |= {f"vision_{member}": sigmoid(of_member) for member, of_member in enumerate(scores)}
    return pd.DataFrame(columns).dropna(), lines


def _seen_rows(run: Run, opened: pd.DataFrame) -> tuple[pd.DataFrame, list[Path]]:
    """The open rows that at least one view saw, with their `place` in the crops of their play; and the plays' folders of crops."""
    folders = [run.folder / "crops" / game_play for game_play in run.folds["game_play"]]
    place, seen = np.zeros(len(opened), dtype=np.int64), np.zeros(len(opened), dtype=bool)
    for number, folder in enumerate(folders):
        inside = np.flatnonzero(opened["play"].to_numpy() == number)
        place[inside] = pd.Index(read_crop_rows(folder)).get_indexer(opened["row"].to_numpy()[inside])
        seen[inside] = np.asarray(open_crops(folder).seen.any(axis=1))[place[inside]]
    return opened[["row", "play", "step_place", "first", "second", "contact", "fold", "screen"]].assign(place=place)[seen], folders


def _sensors(run: Run, opened: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """The [M, K] sensor values of the open rows, by their index."""
    features = run.features_of([name for name in names if name != "screen"]).loc[opened.index]
    return pd.DataFrame(sensor_values(features, opened["screen"].to_numpy(), names), index=opened.index)


def train_fold_on_gpus(task: FoldTask) -> tuple[np.ndarray, list[dict]]:
    """`train_fold` on GPUs of its own, where there are some."""
    from player_contact.vision.device import taking_gpus

    with taking_gpus(task.vision.devices) as gpus:
        return train_fold(task, gpus)


def train_fold(task: FoldTask, gpus: list[int]) -> tuple[np.ndarray, list[dict]]:
    """Trains on the other folds, keeps the weights, and returns the log odds of the fold's own rows in the table's order, and the training log.

    A fold that an interrupted run finished is read, not trained again; one that it had begun goes on after its last finished epoch. Where all rows
    lie in the fold there is nothing to train on: NaN. Raises ConfigError where several devices are to train it, and this process may start none;
    WorkerError where one of its processes fails.
    """
    from player_contact.vision.device import make_fabric

    inside, told = task.table["fold"].to_numpy() == task.fold, task.folder / f"{task.name}.json"
    if inside.all():
        log.warning("fold %d: no other fold has a row that a camera saw; its rows are decided without vision", task.fold)
        return np.full(len(inside), np.nan, dtype=np.float32), []
    if not told.is_file():
        fabric = make_fabric(task.vision, gpus)
        if task.vision.devices == 1:
            _train(fabric, task)
        elif multiprocessing.current_process().daemon:
            raise ConfigError("vision.devices above 1 needs workers that may start processes: dask worker --no-nanny")
        else:
            _train_on_all(fabric, task)
    return pd.read_parquet(told.with_suffix(".parquet"))["log_odds"].to_numpy(), read_json(told)


def _train_on_all(fabric: "Fabric", task: FoldTask) -> None:
    """Trains a fold in a process for each device. Raises WorkerError where one of them fails, or is ended from outside."""
    from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

    before = set(multiprocessing.active_children())
    try:
        log_records(fabric.launch(partial(_train_together, task=task, parent=os.getpid())))
    except ProcessRaisedException as error:
        last = re.sub(r"^player_contact\.errors\.\w+: ", "", str(error).strip().splitlines()[-1])
        raise WorkerError(f"A process that trained fold {task.fold} failed: {last}") from None
    except ProcessExitedException:
        raise WorkerError(
            f"A process that trained fold {task.fold} was ended from outside, mostly because memory ran out. What was finished is kept: run again"
        ) from None
    finally:
        for process in set(multiprocessing.active_children()) - before:  # Ctrl-C reaches only this one
            process.terminate()
        os.environ.pop("MASTER_PORT", None)  # the next fold looks for a free one itself


def _train_together(fabric: "Fabric", task: FoldTask, parent: int) -> list[Record]:
    """One of several processes that train a fold; what the first one logged."""
    end_with_parent(parent)
    return recorded(partial(_train, fabric), task)[1]


def _train(fabric: "Fabric", task: FoldTask) -> None:
    """Trains a fold's model and writes its weights, the log odds of the fold's own rows, and the log; of several processes the first does.

    The model is shifted so that it expects as many contacts as the screen does in the fold's own pairs, and as many on the ground: training sees more
    of them than there are, and the models of two folds end at different levels.
    """
    import torch
    from safetensors.torch import save

    from player_contact.vision.score import make_see, score_rows
    from player_contact.vision.train import Epoch, train_model

    table, vision, threads = task.table, task.vision, task.config.threads
    inside = table["fold"].to_numpy() == task.fold
    crops = [open_crops(folder) for folder in task.crop_folders]
    own, others = _rows_of(task, crops, inside), _rows_of(task, crops, ~inside)
    label = table["contact"].to_numpy(dtype=bool)
    weights, log_odds, told, checkpoint = (task.folder / f"{task.name}{end}" for end in (".safetensors", ".parquet", ".json", ".checkpoint"))
    member = f", member {task.member}" if len(task.config.vision.ensemble) > 1 else ""

    def report(epoch: Epoch) -> None:
        held_out = f", held out {epoch.held_out:.4f}" if np.isfinite(epoch.held_out) else ""
        text, last = "fold %d%s, epoch %d of %d (%s): loss %.4f%s", vision.picture_epochs + vision.epochs
        log.info(text, task.fold, member, epoch.epoch + 1, last, epoch.phase, epoch.loss, held_out, extra={"live": True})
        _write_curves(task.folder / "tensorboard" / task.name, epoch)

    seed = (task.config.seed, task.fold, vision.seed) if vision.seed else (task.config.seed, task.fold)
    first, frames = fabric.is_global_zero, len(task.config.crops.frames)
    watch = _watcher(task, crops, inside, label[inside]) if first and vision.watched and len(own) else None
    model, epochs = train_model(others, label[~inside], vision, frames, seed, threads, report if first else None, watch, checkpoint, fabric)
    if not first:
        return
    logits = score_rows(model, own, vision, threads, make_see(model, vision, frames, threads))
    shifts = shifts_to_screen(logits, table["screen"][inside].to_numpy(), own.is_ground)
    model.shift.copy_(torch.from_numpy(shifts))
    logits += shifts[own.is_ground.astype(int)]
    weights.write_bytes(save({name: value.contiguous() for name, value in model.state_dict().items()}))  # for all who may read the rest, too
    write_learnt(weights, table[~inside], [folder.name for folder in task.crop_folders])
    lines = [dataclasses.asdict(epoch) for epoch in epochs]
    pd.DataFrame({"log_odds": logits}).to_parquet(log_odds, index=False)
    write_json(lines, told)  # written last: it says that the fold is finished
    checkpoint.unlink(missing_ok=True)


def shifts_to_screen(logits: np.ndarray, screen: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """[2] float32 for pairs and for the ground: what is added to [M] log odds so that as many contacts are expected as by the screen's [M]
    probabilities. A kind of row that there is none of gets what all rows together would.

    No label enters it; without it no threshold would fit the models of two folds.
    """
    every = np.ones(len(logits), dtype=bool)
    kinds = [kind if kind.any() else every for kind in (~ground, ground)]
    return np.array([shift_to_mean(logits[kind], float(screen[kind].mean())) if kind.any() else 0 for kind in kinds], dtype=np.float32)


def _write_curves(folder: Path, epoch: "Epoch") -> None:
    """The numbers of an epoch for TensorBoard: `tensorboard --logdir` shows the folder, while training goes on too."""
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder), filename_suffix=f".epoch{epoch.epoch}") as writer:
        for name, value in dataclasses.asdict(epoch).items():
            if name not in ("epoch", "phase") and np.isfinite(value):
                writer.add_scalar(name, value, epoch.epoch)


def _rows_of(task: FoldTask, crops: list[Crops], chosen: np.ndarray) -> OpenRows:
    table = task.table[chosen]
    track = table["play"].to_numpy().astype(np.int64) * TRACKS + track_numbers(table["first"].to_numpy(), table["second"].to_numpy())
    return OpenRows(
        track=track,
        step=table["step_place"].to_numpy(),
        sensors=task.sensors[chosen],
        crops=crops,
        play=table["play"].to_numpy(),
        place=table["place"].to_numpy(),
    )


def _watcher(task: FoldTask, crops: list[Crops], inside: np.ndarray, label: np.ndarray) -> Callable[["ContactModel"], float]:
    """The cross entropy of a model on some whole tracks of the fold's rows, the same after every epoch."""
    from player_contact.vision.score import score_rows

    own = _rows_of(task, crops, inside)
    tracks = np.random.default_rng((task.config.seed, task.fold)).permutation(np.unique(own.track))
    order = pd.Series(np.arange(len(tracks)), index=tracks)[own.track].to_numpy()
    size = np.bincount(order)
    chosen = (np.cumsum(size) - size < task.vision.watched)[order]
    watched = inside.copy()
    watched[inside] = chosen
    rows = _rows_of(task, crops, watched)

    def watch(model: "ContactModel") -> float:
        logits = score_rows(model, rows, task.vision, task.config.threads).astype(np.float64)
        return float(np.mean(np.logaddexp(0, np.where(label[chosen], -logits, logits))))

    return watch
