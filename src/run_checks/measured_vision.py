"""What vision models cost, measured on batches of few images with all workers busy."""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from player_contact.config import Config, VisionConfig
from player_contact.utils.errors import ConfigError
from player_contact.utils.parallel import Failure, fault_tolerant_map
from player_contact.vision.clips import OpenRows
from player_contact.vision.token_rows import TokenRows
from run_checks.measured_play import MEGABYTE, MeasuredPlay

if TYPE_CHECKING:
    from torch import Tensor

    from player_contact.vision.train import Trainer

FEW_IMAGES, MORE_IMAGES = 4, 8  # trained on at a time: large encoders take 40 MB an image
SCORED_IMAGES = 32  # at a time; first half as many, to see what an image takes in memory
LOADED_ROWS = 64  # whose images are loaded and augmented
PADDED_TO = 16  # images, as `ContactModel.embed_images` pads a batch
LOADED_SAMPLES = 8  # clips or windows, that those of a batch repeat
SECONDS = 2.0  # of each repeated measurement
MIN_REPEATS, MAX_REPEATS = 3, 50
LEAST_SLOPE = 0.6  # set after a comparison with real steps of two networks: docs/scale.md
# Of an image's memory in training: ResNet-50 at 128 pixels, 16 and 32 images, took 41 MB more for
# each, of which the forward pass keeps 28. The difference in a small process is too noisy to use.
PEAK_TO_KEPT = 41 / 28


@dataclass(frozen=True)
class VisionCost:
    """Of one of the processes that train or score at a time; what takes a number is linear in it.

    start, ready   s until a new process can take its first step; until it can score
    load           s to load and augment an image for training
    image, batch   s of forward and backward passes of the encoder: an image, and a batch besides
    update, head   s a step: of the optimizer and the moving average; of the layers over a clip
    scoring        s a row
    images         of a row: of its views, those that show it; of tokens, rows are players
    weights_mb     of the weights
    base_mb        of a process that trains, without images; image_mb more for each of a batch
    scoring_mb     of a process that scores SCORED_IMAGES; scored_mb more for each image above
    gmacs          10^9 multiply-accumulates of the encoder, an image
    """

    start: float
    ready: float
    load: float
    image: float
    batch: float
    update: float
    head: float
    scoring: float
    images: float
    weights_mb: float
    base_mb: float
    image_mb: float
    scoring_mb: float
    scored_mb: float
    gmacs: float

    def step(self, rows: float, clips: bool, frozen: bool = False) -> float:
        """Seconds of an optimizer step on so many rows, in clips or as single images.

        An encoder that is frozen has no backward pass, which takes twice as long as the other.
        """
        images = rows * self.images
        padded = math.ceil(images / PADDED_TO) * PADDED_TO
        passes = (padded * self.image + self.batch) / (3 if frozen else 1)
        return images * self.load + passes + self.update + self.head * clips

    def training_mb(self, rows: float) -> float:
        """Memory of a process that trains on so many rows at a time."""
        return self.base_mb + rows * self.images * self.image_mb


def measure_vision(
    play: MeasuredPlay, vision: VisionConfig, config: Config, processes: int
) -> VisionCost:
    """Measured on a play's crops, in new processes, so that their memory is known."""
    rows = play.rows_for(vision)
    work = partial(
        time_vision, rows=rows, label=play.open_label, vision=vision, config=config, seconds=SECONDS
    )
    costs = []
    for _, cost in fault_tolerant_map(work, range(processes), processes):
        if isinstance(cost, Failure):
            raise ConfigError(f"The vision model can't be measured: {cost.reason}")
        costs.append(dataclasses.astuple(cost))
    return VisionCost(*np.mean(costs, axis=0).tolist())


def time_vision(
    _: int,
    rows: OpenRows | TokenRows,
    label: np.ndarray,
    vision: VisionConfig,
    config: Config,
    seconds: float,
) -> VisionCost:
    """In this process. The encoder trains on MORE_IMAGES at most, and scores SCORED_IMAGES."""
    started = time.perf_counter()
    import torch

    from player_contact.vision.dataset import TrainDataset, collate
    from player_contact.vision.device import keep_freed_memory, make_fabric, reserve_gpus
    from player_contact.vision.train import Trainer, TrainingJob

    num_frames, threads = len(config.crops.frame_offsets), config.num_threads
    torch.set_num_threads(threads)
    keep_freed_memory()  # so that memory after a batch is the peak until then
    imports = time.perf_counter() - started
    # Initial weights change no time and may have to be downloaded.
    plain = {"weights": "none", "num_workers": 0, "devices": 1, "compile": False}
    vision = vision.model_copy(update=plain)
    with reserve_gpus() as gpus:
        # Before training, whose freed memory would hide what scoring takes.
        scoring = _measure_scoring(rows, vision, num_frames, threads, seconds)
        begun = time.perf_counter()
        job = TrainingJob(rows, label, vision, num_frames, (1,), threads)
        trainer = Trainer(job, make_fabric(vision, gpus), None)
        start = imports + time.perf_counter() - begun
        image_rows = rows.image_rows
        chosen = np.random.default_rng(1).permutation(len(image_rows))[:LOADED_ROWS]
        nothing = np.zeros(len(image_rows), dtype=bool)
        data = TrainDataset(image_rows, chosen.reshape(-1, 1), vision, nothing, (1,))
        begun = time.perf_counter()
        images = collate([data[sample] for sample in range(len(data))])["images"]
        load = (time.perf_counter() - begun) / max(1, len(images))
        training = _measure_training(trainer, images, seconds)
    per_row = len(images) / len(data)
    return VisionCost(start=start, load=load, images=per_row, **scoring, **training)


def _measure_scoring(
    rows: OpenRows | TokenRows, vision: VisionConfig, num_frames: int, threads: int, seconds: float
) -> dict[str, float]:
    """What a VisionCost says of scoring, and of the model."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from player_contact.vision.families import FAMILIES
    from player_contact.vision.model import input_channels
    from player_contact.vision.scoring import make_image_embedder, predict_logits

    begun = time.perf_counter()
    model = FAMILIES[vision.family].model(vision, num_frames)
    embed = make_image_embedder(model, vision, num_frames, threads)
    ready = time.perf_counter() - begun
    weights = sum(value.nbytes for value in model.state_dict().values()) / MEGABYTE
    image = torch.zeros(1, input_channels(vision, num_frames), *[vision.image_size] * 2)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model.encoder.eval()(image)

    def score(count: int, images: int) -> float:
        part, before = rows[first_rows[:count]], time.perf_counter()
        predict_logits(model, part, vision, threads, embed, images)
        return time.perf_counter() - before

    # Of tokens at the first steps, so that their windows are whole.
    step = rows.rows.step if isinstance(rows, TokenRows) else np.zeros(len(rows))
    first_rows = np.argsort(step, kind="stable")
    count, memory = min(len(rows), SCORED_IMAGES), []
    for images in (SCORED_IMAGES // 2, SCORED_IMAGES):
        warm = score(count, images)
        memory.append(_memory_mb())
    count = min(len(rows), max(count, round(count * seconds / warm)))
    return {
        "ready": ready,
        "scoring": score(count, SCORED_IMAGES) / len(rows[first_rows[:count]].image_rows),
        "weights_mb": weights,
        "scoring_mb": memory[1],
        "scored_mb": (memory[1] - memory[0]) / (SCORED_IMAGES // 2),
        "gmacs": flops.get_total_flops() / 2e9,
    }


def _measure_training(trainer: "Trainer", images: "Tensor", seconds: float) -> dict[str, float]:
    """What a VisionCost says of steps on [N, C, H, W] images."""
    import torch

    from player_contact.vision.model import normalize

    model, fabric, config = trainer.model, trainer.fabric, trainer.job.config
    kept: dict[int, float] = {}
    empty = images.new_zeros(1, *images.shape[1:])  # where no view shows any row
    images = (images if len(images) else empty).to(fabric.device)

    def encode(batch: "Tensor") -> None:
        with fabric.autocast():
            loss = model.embed(model.encoder(normalize(batch))).float().square().mean()
        fabric.backward(loss)
        float(loss.detach())  # waits for a GPU

    def update() -> None:
        optimizer = trainer.fabric_optimizer
        fabric.clip_gradients(trainer.fabric_model, optimizer, max_norm=config.grad_clip)
        optimizer.step()
        trainer.ema.update_parameters(model)

    passes = {}
    for count in (FEW_IMAGES, MORE_IMAGES):
        batch = images[torch.arange(count, device=images.device) % len(images)]
        passes[count] = partial(encode, batch)
        kept[count] = _kept_mb(passes[count])
    few, more = (_repeat(passes[count], seconds, min) for count in (FEW_IMAGES, MORE_IMAGES))
    # An image costs no more than on average, and about LEAST_SLOPE of it: of large networks, small
    # batches use the processor as well, and what the difference says beyond that is noise.
    difference, average = (more - few) / (MORE_IMAGES - FEW_IMAGES), more / MORE_IMAGES
    image = min(max(difference, LEAST_SLOPE * average), average)
    image_mb = (kept[MORE_IMAGES] - kept[FEW_IMAGES]) / (MORE_IMAGES - FEW_IMAGES) * PEAK_TO_KEPT
    updates, head = _repeat(update, seconds), _repeat(_clip_pass(trainer), seconds)
    return {
        "image": image,
        "batch": more - MORE_IMAGES * image,
        "update": updates,
        "head": head,
        "base_mb": _memory_mb() - MORE_IMAGES * image_mb,
        "image_mb": image_mb,
    }


def _clip_pass(trainer: "Trainer") -> Callable[[], None]:
    """Forward and backward of the layers over a whole batch of clips; images have no part in it."""
    import torch

    from player_contact.vision.sampling import LABELS

    job, family = trainer.job, trainer.family
    model: Any = trainer.model
    config, device = job.config, trainer.fabric.device
    phase, rng = trainer.phases[-1], np.random.default_rng(1)
    data = family.epoch_dataset(phase, job.rows, job.label, config, rng, (1,))
    loaded = [data[index] for index in range(min(LOADED_SAMPLES, len(data)))]
    samples = [loaded[index % len(loaded)] for index in range(config.batch_size)]
    samples = [one | {"images": one["images"][:0]} for one in samples]
    batch = {name: value.to(device) for name, value in family.collate(samples).items()}
    inputs = {name: batch[name] for name in batch if name not in ("images", *LABELS)}
    count = int(batch["visible"].sum())
    x = torch.zeros(count, config.embed_dim, device=device, requires_grad=True)

    def work() -> None:
        with trainer.fabric.autocast():
            loss = model.forward_clips(x, **inputs).square().mean()
        trainer.fabric.backward(loss)
        float(loss.detach())

    return work


def _kept_mb(work: Callable[[], None]) -> float:
    """What a forward pass keeps for its backward pass, each memory once."""
    from torch.autograd.graph import saved_tensors_hooks

    kept: dict[int, int] = {}

    def keep(tensor: "Tensor") -> "Tensor":
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        work()
    return sum(kept.values()) / MEGABYTE


def _memory_mb() -> float:
    """Of this process, shared pages by their share where the system knows it."""
    import psutil

    memory = psutil.Process().memory_full_info()
    return getattr(memory, "pss", memory.rss) / MEGABYTE


def _repeat(
    work: Callable[[], Any], seconds: float, choose: Callable[[list[float]], Any] = np.median
) -> float:
    """The time of repeated work that was done once before: the median unless told otherwise."""
    times: list[float] = []
    work()
    while len(times) < MIN_REPEATS or (sum(times) < seconds and len(times) < MAX_REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(choose(times))
