"""Scoring of the token family: images of players are embedded once, windows overlap."""

import numpy as np
import torch
from torch import Tensor

from player_contact.config import VisionConfig
from player_contact.vision.dataset import clip_tabular, visible_views
from player_contact.vision.device import autocast, inference_device
from player_contact.vision.token_data import collate_windows, window_geometry
from player_contact.vision.token_model import TokenModel
from player_contact.vision.token_rows import TokenRows, Window, split_into_windows

WINDOWS_PER_BATCH = 16


@torch.inference_mode()
def predict_from_embeddings(
    model: TokenModel,
    embeddings: Tensor,
    rows: TokenRows,
    config: VisionConfig,
    flip: bool = False,
) -> np.ndarray:
    """[M] logits from [N, E] embeddings of players' images, mirrored ones where `flip`: means over
    `tta.offsets` splits."""
    visible = visible_views(rows.players, np.arange(len(rows.players)), config)
    assert len(embeddings) == visible.sum(), "an embedding for each visible view of a player"
    image_index = np.cumsum(visible).reshape(visible.shape) - 1  # [players, V]
    length, count = config.clip_length, config.tta.offsets
    offsets = sorted({i * length // count for i in range(count)})
    total = np.zeros(len(rows))
    for offset in offsets:
        windows = split_into_windows(rows, length, offset)
        for start in range(0, len(windows), WINDOWS_PER_BATCH):
            chosen = windows[start : start + WINDOWS_PER_BATCH]
            batch = collate_windows([_inputs(rows, one, visible, flip) for one in chosen])
            tracks = np.concatenate([one.players for one in chosen])
            x = embeddings[image_index[tracks][batch["visible"].numpy()]]
            with autocast(config.precision):
                device = inference_device()
                on_device = {name: tensor.to(device) for name, tensor in batch.items()}
                logits = model.forward_clips(x.to(device), **on_device)
            index = np.concatenate([one.rows for one in chosen])
            np.add.at(total, index[index >= 0], logits.cpu().numpy()[index >= 0])
    return total / len(offsets)


def _inputs(rows: TokenRows, window: Window, visible: np.ndarray, flip: bool) -> dict[str, Tensor]:
    present, step_mask = window.players >= 0, window.rows >= 0
    arrays = {
        "visible": visible[window.players] & present[..., None],
        "present": present,
        "player_tabular": clip_tabular(rows.players, window.players),
        "geometry": window_geometry(rows, window, flip),
        "sample": np.zeros(len(present), dtype=np.int64),
        "first": window.first,
        "second": window.second,
        "tabular": clip_tabular(rows.rows, window.rows),
        "step_mask": step_mask,
        "is_ground": rows.rows.is_ground[window.rows],
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
