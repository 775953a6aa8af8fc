"""Training of the helmet detector, on tiles of frames."""

import logging

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from player_contact.config import DetectorConfig
from player_contact.detection.detector_model import make_detector
from player_contact.detection.tiles import TileDataset, collate_tiles
from player_contact.detection.training_frames import Frames
from player_contact.utils.progress import progress_bar
from player_contact.vision.device import autocast, inference_device, keep_freed_memory
from player_contact.vision.model import to_channels_last

log = logging.getLogger(__name__)

LOGGED_STEPS = 100
MIN_STEPS = 6  # with five, OneCycleLR divides by 0


def train_detector(
    frames: Frames, config: DetectorConfig, seed: int, num_threads: int, workers: int = 0
) -> nn.Module:
    """The moving average of a detector trained by AdamW on one-cycle rates.

    `workers` processes make the tiles, and change no result.
    """
    from lightning_fabric.utilities.seed import seed_everything

    torch.set_num_threads(num_threads)
    keep_freed_memory()
    seed_everything(seed, verbose=False)
    device = inference_device()
    model = to_channels_last(make_detector(config).to(device)).train()
    average = AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay), use_buffers=True
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    loader = DataLoader(
        TileDataset(frames, config, (seed,)),
        config.batch_size,
        drop_last=True,
        num_workers=workers,
        collate_fn=collate_tiles,
    )
    steps = max(len(loader), MIN_STEPS)
    schedule = OneCycleLR(optimizer, config.learning_rate, total_steps=steps)
    total = 0.0
    for step, (images, targets) in enumerate(progress_bar(loader, len(loader), "training")):
        on_device = [{k: v.to(device) for k, v in target.items()} for target in targets]
        with autocast("auto"):
            parts = model([image.to(device) for image in images], on_device)
        loss = torch.stack(list(parts.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        total += float(loss.detach())
        if (step + 1) % LOGGED_STEPS == 0:
            log.info("step %d of %d: loss %.3f", step + 1, steps, total / LOGGED_STEPS)
            total = 0.0
    return average.module.cpu().eval()
