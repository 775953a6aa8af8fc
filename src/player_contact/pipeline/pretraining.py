"""Weights to start from: an encoder trained on the truth of a simulated season."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.features.feature_store import candidate_rows
from player_contact.pipeline.code_hash import code_hash
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import check_vision, vision_fingerprint
from player_contact.pipeline.vision_rows import model_rows, visible_rows
from player_contact.play import build_play
from player_contact.utils.errors import ConfigError, InputError
from player_contact.video.crop_store import open_crops

log = logging.getLogger(__name__)

# Of a play's truth, as the simulation writes it.
ARRAYS = {"steps", "players", "lowest", "position", "pair_contact", "ground_contact"}
HEIGHT, DISTANCE = 0.6, 3.0  # yd: what is higher or farther counts as that


def pretrain(run: Run, output: Path) -> None:
    """Trains an encoder on all open rows of a simulated season, and writes it.

    The run must be past its crops. An interrupted training goes on after its last epoch. Raises
    as `check_pretraining`, and InputError where nothing knows the truth.
    """
    from player_contact.vision.device import make_fabric, reserve_gpus
    from player_contact.vision.encoders import save_encoder
    from player_contact.vision.pretrain import pretrain_encoder
    from player_contact.vision.train import EpochLog, TrainingJob

    config, vision = run.config, run.config.vision
    check_pretraining(config)
    folders = [run.folder / "crops" / game_play for game_play in run.folds["game_play"]]
    table, _ = visible_rows(run, folders)
    if not len(table):
        raise InputError(f"No view of {run.input} shows an open row: was the season filmed?")
    tabular = np.empty((len(table), 0), dtype=np.float32)
    job = TrainingJob(
        rows=model_rows(table, tabular, [open_crops(folder) for folder in folders]),
        label=season_truth(run, table),
        config=vision.model_copy(update={"tabular": ()}),
        num_frames=len(config.crops.frame_offsets),
        seed=(config.seed, *([vision.seed] if vision.seed else [])),
        num_threads=config.num_threads,
    )

    def on_epoch(epoch: EpochLog) -> None:
        text = "epoch %d of %d: loss %.4f"
        log.info(text, epoch.epoch + 1, vision.image_epochs, epoch.train_loss)

    settings = vision_fingerprint(run, config) + code_hash(pretrain)
    key = hashlib.blake2b(settings.encode(), digest_size=6).hexdigest()
    checkpoint = run.folder / f"pretrain-{key}.checkpoint"
    for stale in set(run.folder.glob("pretrain-*.checkpoint")) - {checkpoint}:
        stale.unlink()
    with reserve_gpus() as gpus:
        encoder = pretrain_encoder(job, on_epoch, checkpoint, make_fabric(vision, gpus))
    save_encoder(encoder.state_dict(), output)
    checkpoint.unlink(missing_ok=True)


def check_pretraining(config: Config) -> None:
    """Raises ConfigError where no encoder can be pretrained with these settings."""
    vision = config.vision
    check_vision(config)
    if vision.members or vision.family != "pairs":
        raise ConfigError("One encoder of vision.family pairs is pretrained: no vision.members")
    if vision.devices > 1:
        raise ConfigError("An encoder is pretrained on one device: set vision.devices to 1")
    if not vision.image_epochs:
        raise ConfigError("Pretraining is of images: set vision.image_epochs to 1 or more")
    if vision.augment.mixup_alpha or vision.augment.time_jitter_prob:
        raise ConfigError(
            "Pretraining knows no mixup and no time jitter: set vision.augment.mixup_alpha and "
            "vision.augment.time_jitter_prob to 0"
        )


def season_truth(run: Run, table: pd.DataFrame) -> np.ndarray:
    """[M, K] float32 `vision.pretrain.TARGETS` of M candidates of a run, in 0..1; NaN: of other
    kinds of rows. Raises InputError where the season has not the truth of a play."""
    from player_contact.vision.pretrain import TARGETS

    truth = np.full((len(table), len(TARGETS)), np.nan, dtype=np.float32)
    play_index = table["play_index"].to_numpy()
    for number, tables in enumerate(run.season.plays()):
        of_play = np.flatnonzero(play_index == number)
        path = run.input / "truth" / f"{tables.game_play}.npz"
        if not path.is_file():
            raise InputError(
                f"There is no {path}: only a simulated season knows the truth that an encoder is "
                "pretrained on. Without INPUT= one is simulated"
            )
        with np.load(path, allow_pickle=False) as file:
            known = dict(file)
        if missing := sorted(ARRAYS - known.keys()):
            raise InputError(
                f"{path} lacks {', '.join(missing)}: an older version simulated it. Simulate again"
            )
        truth[of_play] = play_truth(tables, table.iloc[of_play], known)
    return truth


def play_truth(tables: PlayTables, table: pd.DataFrame, known: dict[str, np.ndarray]) -> np.ndarray:
    """[N, K] of N candidates of a play, by the arrays in its file of the truth."""
    from player_contact.vision.pretrain import TARGETS

    play, rows = build_play(tables)[0], candidate_rows(table)
    step = pd.Index(known["steps"]).get_indexer(play.steps[rows.step])
    player = pd.Index(known["players"]).get_indexer(play.players)
    first = player[rows.first]
    second = np.where(rows.is_ground, first, player[rows.second])
    height = np.clip(known["lowest"] / HEIGHT, 0, 1)
    one, other = height[step, first], height[step, second]
    apart = known["position"][step, first] - known["position"][step, second]
    pair = known["pair_contact"]
    of_ground = {
        "contact": known["ground_contact"][step, first],
        "height": one,
        "touches": pair[step, first].any(-1),
    }
    of_pair = {
        "contact": pair[step, first, second],
        "distance": np.clip(np.linalg.norm(apart, axis=-1) / DISTANCE, 0, 1),
        "lower_height": np.minimum(one, other),
        "upper_height": np.maximum(one, other),
    }
    truth = np.full((len(table), len(TARGETS)), np.nan, dtype=np.float32)
    for kind, targets in ((rows.is_ground, of_ground), (~rows.is_ground, of_pair)):
        for name, values in targets.items():
            truth[kind, TARGETS.index(name)] = values[kind]
    return truth
