"""Mixup (Zhang et al. 2018, arXiv:1710.09412) of samples: clips or, in image epochs, T rows."""

import numpy as np
import torch

from player_contact.vision.dataset import Batch


def mixup(batch: Batch, alpha: float, rng: np.random.Generator) -> Batch:
    """Each sample mixed with a random one of the batch, with a weight from Beta(alpha, alpha).

    A step is mixed only where both samples have it, of the same type (pair, ground) and visible in
    the same views, so that every image has a partner. A feature that only one of them has is not
    mixed. Images become float32.
    """
    visible, step_mask = batch["visible"], batch["step_mask"]
    device = visible.device
    other = torch.from_numpy(rng.permutation(len(visible))).to(device)
    lam = torch.from_numpy(rng.beta(alpha, alpha, len(visible)).astype(np.float32)).to(device)
    mixable = step_mask & step_mask[other] & (visible == visible[other]).all(-1)  # [B, T]
    mixable &= batch["is_ground"] == batch["is_ground"][other]
    weight = torch.where(mixable, lam[:, None], 1.0)
    image_index = torch.zeros(visible.shape, dtype=torch.int64, device=device)
    image_index[visible] = torch.arange(int(visible.sum()), device=device)
    partner = torch.where(mixable[..., None], image_index[other], image_index)[visible]  # [N]
    image_weight = weight[..., None].expand(visible.shape)[visible][:, None, None, None]
    images, tabular, label = batch["images"], batch["tabular"], batch["label"]
    mixed = weight[..., None] * tabular + (1 - weight[..., None]) * tabular[other]
    return batch | {
        "images": image_weight * images + (1 - image_weight) * images[partner],
        "tabular": torch.where(torch.isnan(mixed), tabular, mixed),
        "label": weight * label + (1 - weight) * label[other],
    }
