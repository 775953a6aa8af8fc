"""The second model: trained one fold at a time on the crops of the open rows."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.config import Config
from player_contact.pipeline.fold_training import FoldTask, train_fold
from player_contact.pipeline.run import Run
from player_contact.pipeline.vision_rows import PlayerRows, tabular_of, visible_rows
from player_contact.utils.errors import ConfigError
from player_contact.utils.logits import sigmoid
from player_contact.utils.parallel import Workers, end_workers, parallel_map

log = logging.getLogger(__name__)

FoldResult = tuple[np.ndarray, list[dict]]  # logits and training log of a model
Trained = tuple[pd.DataFrame, list[dict]]  # out-of-fold probabilities and training log


def vision_stage(run: Run, out: Path) -> str:
    """Trains the vision models of every fold, and predicts the open rows out of fold."""
    folder = out / "vision"
    folder.mkdir(exist_ok=True)
    _warn_without_gpu(run.config)
    oof, epochs = vision_out_of_fold(run, folder, sorted(run.folds["fold"].unique().tolist()))
    if epochs:
        pd.DataFrame(epochs).to_csv(folder / "log.csv", index=False, float_format="%.6g")
    oof.to_parquet(folder / "oof.parquet", index=False)
    models = len({(epoch["fold"], epoch["member"]) for epoch in epochs})
    return f"{models} models on {len(oof):,} rows"


def _warn_without_gpu(config: Config) -> None:
    """Where a config for a GPU would train on a CPU, for days."""
    from player_contact.vision.device import usable_gpus

    if config.vision.weights == "timm" and config.vision.num_workers and not usable_gpus():
        log.warning("No GPU that torch can use: vision trains on the CPU. Ask make doctor why")


def vision_out_of_fold(run: Run, folder: Path, folds: list[int]) -> Trained:
    """The visible open rows of the folds as `row` and `vision`, and the training log.

    `vision` is the sigmoid of the mean logit of an ensemble, `vision_0`, ... that of each member.
    Models are written to `folder`.
    """
    return train_configs(run, [(run.config, folder)], folds)[0]


def train_configs(
    run: Run, configs: Sequence[tuple[Config, Path]], folds: list[int]
) -> list[Trained]:
    """`vision_out_of_fold` by configs that differ only in `vision`, each with its folder.

    The folds of all are trained in parallel.
    """
    for config, _ in configs:
        if other := config.vision.families - run.config.vision.families:
            raise ConfigError(
                f"The run has no crops for vision.family {', '.join(other)}: start another run "
                "with this setting, or with vision.members of both families"
            )
    folders = [run.folder / "crops" / game_play for game_play in run.folds["game_play"]]
    table, players = visible_rows(run, folders)
    if not len(table):
        log.warning(
            "No open row is visible: there is no vision model, the blend has the screen alone"
        )
        oof = pd.DataFrame({"row": table["row"], "vision": np.empty(0, dtype=np.float32)})
        return [(oof, []) for _ in configs]
    inputs = {vision.tabular for config, _ in configs for vision in config.vision.ensemble}
    tabular = {names: tabular_of(run, table, names) for names in sorted(inputs)}
    tokens: dict[tuple[str, ...], PlayerRows] = {}
    if players is not None:
        for names in sorted(inputs):
            of_players = tabular_of(run, players.table, names)
            tokens[names] = dataclasses.replace(players, tabular=of_players)
    from player_contact.vision.transfer import as_trained

    table, num_frames = table.reset_index(drop=True), len(run.config.crops.frame_offsets)
    members = [
        [as_trained(vision, num_frames) for vision in config.vision.ensemble]
        for config, _ in configs
    ]
    tasks = [
        FoldTask(
            fold,
            member,
            vision,
            table,
            tabular[vision.tabular],
            folders,
            config,
            folder,
            tokens[vision.tabular] if vision.family == "tokens" else None,
        )
        for (config, folder), ensemble in zip(configs, members, strict=True)
        for fold in folds
        for member, vision in enumerate(ensemble)
    ]
    results = list(zip(tasks, train_folds(tasks, run.workers), strict=True))
    return [
        _gather(table, [result for result in results if result[0].folder == folder])
        for _, folder in configs
    ]


def train_folds(tasks: Sequence[FoldTask], workers: Workers) -> list[FoldResult]:
    """The results of `train_fold` in order; those on equally many devices train side by side."""
    from player_contact.vision.device import concurrent_models

    trained: dict[int, FoldResult] = {}
    for devices in sorted({task.vision.devices for task in tasks}):
        at_a_time = (
            concurrent_models(workers, devices)
            if isinstance(workers, int)
            else workers.with_gpus(devices)
        )
        group = [index for index, task in enumerate(tasks) if task.vision.devices == devices]
        chosen = [tasks[index] for index in group]
        results = parallel_map(train_fold, chosen, len(group), "training vision", at_a_time)
        trained |= dict(zip(group, results, strict=True))
        end_workers()
    return [trained[index] for index in range(len(tasks))]


def _gather(table: pd.DataFrame, results: list[tuple[FoldTask, FoldResult]]) -> Trained:
    """The results of all folds and members of a config together."""
    members = 1 + max(task.member for task, _ in results)
    logits, epochs = np.full((members, len(table)), np.nan, dtype=np.float32), []
    for task, (fold_logits, fold_epochs) in results:
        logits[task.member, task.in_fold] = fold_logits
        epochs += [{"fold": task.fold, "member": task.member, **epoch} for epoch in fold_epochs]
    oof = {"row": table["row"], "vision": sigmoid(logits.mean(axis=0))}
    if members > 1:
        oof |= {f"vision_{member}": sigmoid(logits[member]) for member in range(members)}
    return pd.DataFrame(oof).dropna(), epochs
