"""What a GPU does with the configs made for one: as the CPU does it, how fast, in what memory."""

import gc
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from player_contact.config import Config, TransferConfig
from player_contact.pipeline.run import Run
from player_contact.play import Rows
from player_contact.utils.errors import ConfigError, InputError
from player_contact.video.crops import Crops

if TYPE_CHECKING:
    from player_contact.vision.clips import OpenRows
    from player_contact.vision.train import Trainer

log = logging.getLogger(__name__)

CONFIGS = ("gpu", "kaggle", "gpu_large")
SMALL_RUN = (  # on top of configs/tiny.yaml: enough for probabilities that differ
    *("season.plays=6", "crops.size=64", "crops.jpeg_quality=90", "vision.encoder=resnet18"),
    *(
        "vision.image_size=64",
        "vision.image_epochs=4",
        "vision.clips_per_epoch=64",
        "vision.inference_backend=torch",
    ),
)
TRACKS, LENGTH = 64, 32  # pairs, and steps of each
WARM_UP = 2  # batches
GIGABYTE = 1e9


@dataclass(frozen=True)
class Rate:
    """Images a second, and the GPU's memory at the most, in GB (NaN: there is no GPU)."""

    images: float
    memory: float


@dataclass(frozen=True)
class GpuSpeed:
    """Of one encoder of a config: training on clips and scoring, and its encoder alone at both."""

    name: str
    encoder: str
    train: Rate
    train_alone: Rate
    score: Rate
    score_alone: Rate


def require_gpu() -> "list[str]":
    """The names of the GPUs and what they compute in. Raises InputError where there is none."""
    import torch

    from player_contact.vision.device import resolve_precision, usable_gpus

    if not usable_gpus():
        raise InputError(f"torch {torch.__version__} can use no GPU here: nothing to check")
    precision = resolve_precision("auto")
    return [f"{torch.cuda.get_device_name(gpu)}, in {precision}" for gpu in usable_gpus()]


def audit_without_gpu(run: Run) -> bool:
    """Whether the audit passes where the GPUs are hidden: it predicts again what the GPU did."""
    command = ["-m", "run_checks", "audit", "--run", run.folder.name]
    command += ["--outputs", str(run.folder.parent), "--input", str(run.input)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    return not subprocess.run([sys.executable, *command], env=environment, check=False).returncode


def measure_config(name: str, config: Config) -> Iterable[GpuSpeed]:
    """Of every encoder of a config, with random weights, on random images."""
    from player_contact.vision.device import is_out_of_memory, reserve_gpus

    for vision in config.vision.ensemble:
        plain = {"weights": "none", "transfer": TransferConfig(), "devices": 1, "image_epochs": 0}
        shown = {"view_dropout_prob": 0.0, "image_dropout_prob": 0.0}  # every image counts
        plain["augment"] = vision.augment.model_copy(update=shown)
        own = config.model_copy(update={"vision": vision.model_copy(update=plain)})
        try:
            with reserve_gpus() as gpus:
                rates = *_measure_training(own, gpus), *_measure_scoring(own)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            log.warning("%s, %s: does not fit into this GPU (%s)", name, vision.encoder, error)
            continue
        yield GpuSpeed(name, vision.encoder, *rates)


def _measure_training(config: Config, gpus: list[int]) -> tuple[Rate, Rate]:
    """On clips, loaded and augmented as in a run, and the encoder alone on images that are there.

    The seconds of a long epoch less those of a short one: neither starts of processes count.
    """
    import torch

    from player_contact.vision.dataset import collate, split_batch
    from player_contact.vision.device import autocast, inference_device, make_fabric
    from player_contact.vision.sampling import epoch_dataset
    from player_contact.vision.train import Trainer, TrainingJob

    rows, label = random_rows(config, TRACKS, LENGTH)

    def epoch(batches: int | None) -> "tuple[Trainer, int]":
        vision, size = config.vision, config.vision.batch_size
        count = len(rows) if batches is None else batches * size
        vision = vision.model_copy(update={"clips_per_epoch": count, "val_rows": 0})
        num_frames = len(config.crops.frame_offsets)
        job = TrainingJob(rows, label, vision, num_frames, (config.seed,), config.num_threads)
        trainer = Trainer(job, make_fabric(vision, gpus), None)
        clips = min(count, len(rows) // vision.clip_length)
        return trainer, clips * vision.clip_length * len(vision.views)

    def timed(batches: int | None) -> "tuple[Trainer, float, int, float]":
        trainer, images = epoch(batches)
        rate = _timed(lambda: trainer.train_one_epoch(0), images)
        return trainer, images / rate.images, images, rate.memory

    (_, short, few, _), (trainer, long, many, memory) = timed(WARM_UP), timed(None)
    rng = np.random.default_rng(config.seed)
    data = epoch_dataset(trainer.phases[0], rows, label, trainer.job.config, rng, (config.seed,))
    samples = [data[i] for i in range(min(config.vision.batch_size, len(data)))]
    batch = split_batch(collate(samples), trainer.micro_batches)[0]
    images, model = batch.batch["images"].to(inference_device()), trainer.model

    def step() -> None:
        with autocast(config.vision.precision):
            loss = model.embed_images(images).sum()
        trainer.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trainer.optimizer.step()

    step()
    torch.set_num_threads(config.num_threads)
    ours = Rate((many - few) / max(long - short, 1e-9), memory)
    return ours, _timed(step, len(images))


def _measure_scoring(config: Config) -> tuple[Rate, Rate]:
    """As in a run, and the encoder alone on images that are there."""
    import torch

    from player_contact.vision.dataset import InferenceDataset
    from player_contact.vision.device import autocast, inference_device
    from player_contact.vision.model import PairModel, to_channels_last
    from player_contact.vision.scoring import IMAGES_PER_BATCH, predict_logits

    vision, device = config.vision, inference_device()
    rows, _ = random_rows(config, TRACKS // 4, LENGTH)
    model = PairModel(vision, len(config.crops.frame_offsets)).to(device).eval()
    model = to_channels_last(model)
    images = InferenceDataset(rows, vision, batch_size=len(rows))[0].to(device)

    @torch.inference_mode()
    def embed() -> None:
        with autocast(vision.precision):
            for batch in images.split(IMAGES_PER_BATCH):
                model.embed_images(batch)

    def score() -> None:
        predict_logits(model, rows, vision, config.num_threads)

    embed()
    score()
    return _timed(score, len(images)), _timed(embed, len(images))


def _timed(work: Callable[[], object], images: int) -> Rate:
    """Until the GPU is done with it."""
    import torch

    on_gpu, memory = torch.cuda.is_initialized(), float("nan")
    if on_gpu:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize()
        memory = torch.cuda.max_memory_reserved() / GIGABYTE
    return Rate(images / (time.perf_counter() - started), memory)


def random_rows(config: Config, tracks: int, length: int) -> "tuple[OpenRows, np.ndarray]":
    """`tracks` times `length` rows that both views show, and their labels.

    Raises ConfigError for models of tokens, which need players as well.
    """
    from player_contact.vision.clips import open_rows

    if config.vision.family != "pairs":
        raise ConfigError("Benchmarks time the pair family: leave vision.family as it is")
    rng, n, size = np.random.default_rng(config.seed), tracks * length, config.crops.stored_size
    shape = (n, 2, len(config.crops.frame_offsets), size, size)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    corner = rng.uniform(0, size / 2, (n, 2, 2 + config.crops.max_other_boxes, 2))
    boxes = np.concatenate([corner, corner + size / 5], axis=-1).astype(np.float32)
    seen = np.ones(boxes.shape[:3], dtype=bool)
    crops = Crops(images, boxes, seen, seen[..., 0], config.crops.margin)
    tabular = rng.normal(size=(n, len(config.vision.tabular))).astype(np.float32)
    track, step = np.divmod(np.arange(n), length)
    rows = open_rows(Rows(np.arange(n), step, track, track + 1), tabular, [crops])
    return rows, rng.random(n) < 0.5


def speeds_text(speeds: Iterable[GpuSpeed]) -> Iterable[str]:
    """A line an encoder: images a second and GB, each beside those of the encoder alone."""
    yield f"{'':11}{'':26}{'trained a second':>25}{'scored a second':>25}{'memory, GB':>20}"
    for one in speeds:
        rates = (one.train, one.train_alone), (one.score, one.score_alone)
        cells = [f"{ours.images:,.0f} of {alone.images:,.0f}" for ours, alone in rates]
        memory = f"{one.train.memory:.1f} of {one.train_alone.memory:.1f}"
        encoder = one.encoder.partition(".")[0]
        yield f"{one.name:11}{encoder:26}{cells[0]:>25}{cells[1]:>25}{memory:>20}"


def configs_for_gpus(folder: Path) -> dict[str, Config]:
    """The configs that are made for GPUs, by name."""
    from player_contact.config import load_config

    return {name: load_config(folder / f"{name}.yaml", []) for name in CONFIGS}
