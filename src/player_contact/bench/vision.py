"""Rows a second that the vision model learns from and scores, beside its encoder alone and beside the design that scores one row a forward pass."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from player_contact.bench.measure import Line
from player_contact.config import Config
from player_contact.video.crops import Crops

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from player_contact.vision.tracks import OpenRows

Part = tuple[Callable[[], object], int]  # what is timed, and how many rows it handles

TRACKS, LENGTH = 16, 32  # pairs, steps of each
PEER_FRAMES, PEER_SIZE, PEER_SENSORS, PEER_BATCH = 13, 256, 18, 2
ROUNDS = 3  # the parts take turns, and the median of their times counts


def bench_vision(config: Config) -> list[Line]:
    """Three lines: training on single pictures, on stretches, and scoring, of made-up rows that both views saw, with as many threads as the config
    gives a fold.

    The peer is a plain re-build of the public 2.5D notebook's design: ResNet-50 over 13 grey frames of 256 pixels in each of two views, 18 sensor
    values, one row a forward pass. Both sides use the same precision and layout of memory.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    from player_contact.vision.curriculum import Phase, contact_loss, draw_data, pictures_loss
    from player_contact.vision.dataset import Item, collate
    from player_contact.vision.device import keep_freed_memory, scoring, use_bf16
    from player_contact.vision.model import ContactModel
    from player_contact.vision.score import score_rows

    torch.set_num_threads(config.threads)
    keep_freed_memory()
    torch.manual_seed(config.seed)
    vision, frames = config.vision, len(config.crops.frames)
    rows, label = _made_up_rows(config)
    device, _ = scoring(vision)
    model = ContactModel(vision, frames).to(device).to(memory_format=torch.channels_last)

    def stepping(network: "nn.Module", loss_of: "Callable[[], Tensor]", whole: bool = False) -> Callable[[], None]:
        """A training step; a `whole` one clips gradients and averages weights too, as ours does."""
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(vision.average), use_buffers=True) if whole else None

        def step() -> None:
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bf16(vision.precision)):
                loss = loss_of()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if average is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), vision.clip)
            optimizer.step()
            if average is not None:
                average.update_parameters(network)

        return step

    peer, peer_batch = _peer(device)

    def training(phase: Phase, loss: "Callable[[Item], Tensor]") -> dict[str, Part]:
        data = draw_data(phase, rows, label, vision, np.random.default_rng(config.seed), (config.seed,))

        def batch() -> "Item":
            items = collate([data[place] for place in range(min(phase.batch, len(data)))])
            return {name: values.to(device) for name, values in items.items()}

        one = batch()
        count = int(one["present"].sum())
        return {
            "ours": (stepping(model, lambda: loss(batch()), whole=True), count),
            "encoder": (stepping(model, lambda: model.see(one["pictures"]).sum()), count),
            "peer": (stepping(peer, lambda: binary_cross_entropy_with_logits(peer(*peer_batch), torch.ones(PEER_BATCH, device=device))), PEER_BATCH),
        }

    @torch.inference_mode()
    def peer_scores() -> None:
        with scoring(vision)[1]:
            peer(*peer_batch)

    whole = _all_pictures(rows, config).to(device)

    @torch.inference_mode()
    def encode() -> None:
        with scoring(vision)[1]:
            for start in range(0, len(whole), 256):
                model.see(whole[start : start + 256])

    model.train(), peer.train()
    timed = {
        "trained on single pictures": _seconds_a_row(
            training(Phase("pictures", 1, 1, vision.picture_batch), lambda batch: pictures_loss(model, batch))
        ),
        "trained on stretches": _seconds_a_row(
            training(Phase("stretches", 1, 1, vision.batch), lambda batch: contact_loss(model, batch, vision.picture_loss))
        ),
    }
    model.eval(), peer.eval()
    timed["scored"] = _seconds_a_row(
        {
            "ours": (lambda: score_rows(model, rows, vision, config.threads), len(rows)),
            "encoder": (encode, len(rows)),
            "peer": (peer_scores, PEER_BATCH),
        }
    )
    return [
        Line(
            f"vision, {what}", len(rows), 1 / seconds["ours"], None, "its encoder alone", seconds["ours"] / seconds["encoder"],
            "ResNet-50 row by row (2 x 13 frames, 256 px)", seconds["peer"] / seconds["ours"],
            {"% of the time outside the encoder": 100 * (1 - seconds["encoder"] / seconds["ours"]), "rows/s of the peer": 1 / seconds["peer"]},
        )
        for what, seconds in timed.items()
    ]  # fmt: skip


def _seconds_a_row(parts: dict[str, Part]) -> dict[str, float]:
    """The median over ROUNDS of each part's time for a row; the parts take turns, so that a busy machine is busy for all of them."""
    for work, _ in parts.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, (work, rows) in parts.items():
            started = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - started) / rows)
    return {name: float(np.median(values)) for name, values in times.items()}


def _made_up_rows(config: Config) -> "tuple[OpenRows, np.ndarray]":
    from player_contact.vision.tracks import OpenRows

    random, n, size = np.random.default_rng(config.seed), TRACKS * LENGTH, config.crops.size
    pictures = random.integers(0, 256, (n, 2, len(config.crops.frames), size, size), dtype=np.uint8)
    corner = random.uniform(0, size / 2, (n, 2, 2 + config.crops.others, 2))
    boxes = np.concatenate([corner, corner + size / 5], axis=-1).astype(np.float32)
    crops = Crops(pictures, boxes, np.ones(boxes.shape[:3], dtype=bool), np.ones((n, 2), dtype=bool))
    sensors = random.normal(size=(n, len(config.vision.tabular))).astype(np.float32)
    track, step = np.divmod(np.arange(n), LENGTH)
    return OpenRows(track, step, sensors, [crops], np.zeros(n, dtype=np.int64), np.arange(n)), random.random(n) < 0.5


def _all_pictures(rows: "OpenRows", config: Config) -> "Tensor":
    from player_contact.vision.dataset import RowDataset

    return RowDataset(rows, config.vision, together=len(rows))[0]


def _peer(device: "torch.device") -> "tuple[nn.Module, tuple[Tensor, Tensor]]":
    """ResNet-50 for each view's stack of frames, a layer for the sensor values, and one logit a row."""
    import timm
    import torch
    from torch import nn

    class RowByRow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = timm.create_model("resnet50", in_chans=PEER_FRAMES, num_classes=0)
            self.sensors = nn.Sequential(nn.Linear(PEER_SENSORS, 64), nn.ReLU())
            self.head = nn.Linear(2 * 2048 + 64, 1)

        def forward(self, pictures: "Tensor", sensors: "Tensor") -> "Tensor":
            """pictures [B, 2, C, H, W], sensors [B, K] -> logits [B]."""
            features = self.encoder(pictures.flatten(0, 1).contiguous(memory_format=torch.channels_last)).unflatten(0, (-1, 2))
            return self.head(torch.cat([features.flatten(1), self.sensors(sensors)], dim=-1)).squeeze(-1).float()

    peer = RowByRow().to(device).to(memory_format=torch.channels_last)
    return peer, (
        torch.randn(PEER_BATCH, 2, PEER_FRAMES, PEER_SIZE, PEER_SIZE, device=device),
        torch.randn(PEER_BATCH, PEER_SENSORS, device=device),
    )
