"""Rows a second that the vision model trains on and scores, beside its encoder and a peer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bench_table import BenchResult
from benchmarks.gpu_check import random_rows
from player_contact.config import Config, TransferConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from player_contact.vision.clips import OpenRows

Work = tuple[Callable[[], object], int]  # what is timed, and its number of rows

TRACKS, LENGTH = 16, 32  # pairs, and steps of each
PEER_FRAMES, PEER_SIZE, PEER_TABULAR, PEER_BATCH = 13, 256, 18, 2
PEER = "ResNet-50 row by row (2 x 13 frames, 256 px)"
ROUNDS, STEPS = 3, 4  # STEPS: of training, in a round


@dataclass(frozen=True)
class Peer:
    """A plain re-build of the public 2.5D notebook's design, with a batch for it.

    ResNet-50 over 13 gray frames of 256 pixels of each view, 18 tabular features, one row a forward
    pass; in the same precision and memory format as ours.
    """

    model: "nn.Module"
    batch: "tuple[Tensor, Tensor]"

    def loss(self) -> "Tensor":
        """Of contact in every row."""
        from torch.nn.functional import logsigmoid

        return -logsigmoid(self.model(*self.batch)).mean()


def bench_vision(config: Config) -> list[BenchResult]:
    """Training on single images and on clips, and scoring, of random rows visible in both views.

    With as many threads as the config gives a fold.
    """
    import torch

    from player_contact.vision.device import inference_device, keep_freed_memory

    torch.set_num_threads(config.num_threads)
    keep_freed_memory()
    torch.manual_seed(config.seed)
    config = untrained(config)
    rows, label = random_rows(config, TRACKS, LENGTH)
    peer = build_peer(inference_device())
    timed = {
        "trained on single images": _training(config, rows, label, 1, peer),
        "trained on clips": _training(config, rows, label, 0, peer),
        "scored": _scoring(config, rows, peer),
    }
    results = []
    for stage, seconds in timed.items():
        ours, encoder, peers = (seconds[name] for name in ("ours", "encoder", "peer"))
        result = BenchResult(f"vision, {stage}", len(rows), 1 / ours)
        result.limit, result.ratio_to_limit = "its encoder alone", ours / encoder
        result.peer, result.ratio_to_peer = PEER, peers / ours
        result.more["% of the time outside the encoder"] = 100 * (1 - encoder / ours)
        result.more["rows/s of the peer"] = 1 / peers
        results.append(result)
    return results


def untrained(config: Config, **vision: Any) -> Config:
    """The config with random weights, and one device that loads its images itself."""
    plain = {"weights": "none", "transfer": TransferConfig(), "devices": 1, "num_workers": 0}
    return config.model_copy(update={"vision": config.vision.model_copy(update=plain | vision)})


def _training(
    config: Config, rows: "OpenRows", label: np.ndarray, image_epochs: int, peer: Peer
) -> dict[str, float]:
    """Seconds a row of a training step, of clips where there are no `image_epochs`."""
    from player_contact.vision.dataset import collate
    from player_contact.vision.device import inference_device, make_fabric
    from player_contact.vision.sampling import epoch_dataset
    from player_contact.vision.train import Trainer, TrainingJob

    size = config.vision.image_batch_samples if image_epochs else config.vision.batch_size
    short = {"image_epochs": image_epochs, "clips_per_epoch": STEPS * size}
    vision, num_frames = config.vision.model_copy(update=short), len(config.crops.frame_offsets)
    job = TrainingJob(rows, label, vision, num_frames, (config.seed,), config.num_threads)
    device = inference_device()
    trainer = Trainer(job, make_fabric(vision, [0] if device.type == "cuda" else []), None)
    rng = np.random.default_rng((config.seed, 0))
    data = epoch_dataset(trainer.phases[0], rows, label, vision, rng, (config.seed, 0))
    batch, model = collate([data[sample] for sample in range(min(size, len(data)))]), trainer.model
    images = batch["images"].to(device)
    embed = _step(model, lambda: model.embed_images(images).sum(), vision.precision)
    train_peer = _step(peer.model.train(), peer.loss, vision.precision)
    works: dict[str, Work] = {
        "ours": (lambda: trainer.train_one_epoch(0), int((data.row_index >= 0).sum())),
        "encoder": (embed, int(batch["step_mask"].sum())),
        "peer": (train_peer, PEER_BATCH),
    }
    return seconds_a_row(works)


def _step(
    model: "nn.Module", loss_of: "Callable[[], Tensor]", precision: str
) -> Callable[[], None]:
    """A plain training step."""
    import torch

    from player_contact.vision.device import autocast

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with autocast(precision):
            loss = loss_of()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def _scoring(config: Config, rows: "OpenRows", peer: Peer) -> dict[str, float]:
    """Seconds a row."""
    import torch

    from player_contact.vision.dataset import InferenceDataset
    from player_contact.vision.device import autocast, inference_device
    from player_contact.vision.model import PairModel, to_channels_last
    from player_contact.vision.scoring import IMAGES_PER_BATCH, predict_logits

    vision, device = config.vision, inference_device()
    model = PairModel(vision, len(config.crops.frame_offsets)).to(device).eval()
    model = to_channels_last(model)
    images = InferenceDataset(rows, vision, batch_size=len(rows))[0].to(device)
    peer.model.eval()

    @torch.inference_mode()
    def embed() -> None:
        with autocast(vision.precision):
            for batch in images.split(IMAGES_PER_BATCH):
                model.embed_images(batch)

    @torch.inference_mode()
    def score_by_peer() -> None:
        with autocast(vision.precision):
            peer.model(*peer.batch)

    works: dict[str, Work] = {
        "ours": (lambda: predict_logits(model, rows, vision, config.num_threads), len(rows)),
        "encoder": (embed, len(rows)),
        "peer": (score_by_peer, PEER_BATCH),
    }
    return seconds_a_row(works)


def seconds_a_row(works: dict[str, Work]) -> dict[str, float]:
    """Of each work, medians of ROUNDS; they take turns: a busy machine is busy for all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + ROUNDS):
        for name, (work, rows) in works.items():
            started = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - started) / rows)
    return {name: float(np.median(seconds[1:])) for name, seconds in times.items()}


def build_peer(device: "torch.device") -> Peer:
    """With random weights."""
    import timm
    import torch
    from torch import nn

    class RowByRow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = timm.create_model("resnet50", in_chans=PEER_FRAMES, num_classes=0)
            self.tabular = nn.Sequential(nn.Linear(PEER_TABULAR, 64), nn.ReLU())
            self.head = nn.Linear(2 * 2048 + 64, 1)

        def forward(self, images: "Tensor", tabular: "Tensor") -> "Tensor":
            """images [B, 2, C, H, W], tabular [B, K] -> logits [B]."""
            both_views = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            embedding = self.encoder(both_views).unflatten(0, (-1, 2)).flatten(1)
            logits = self.head(torch.cat([embedding, self.tabular(tabular)], dim=-1))
            return logits.squeeze(-1).float()

    images = torch.randn(PEER_BATCH, 2, PEER_FRAMES, PEER_SIZE, PEER_SIZE, device=device)
    tabular = torch.randn(PEER_BATCH, PEER_TABULAR, device=device)
    model = RowByRow().to(device).to(memory_format=torch.channels_last)
    return Peer(model, (images, tabular))
