"""Mixup: training on stretches laid over each other, and on the mean of what is said of them (Zhang et al. 2018, arXiv:1710.09412)."""

import numpy as np
import torch

from player_contact.vision.dataset import Item


def mix(batch: Item, strength: float, random: np.random.Generator) -> Item:
    """The batch with each stretch laid over one of it, drawn at random, in shares drawn from Beta(strength, strength). One that draws itself stays as
    it is: of two every second time.

    A step is mixed only with one that is present and was seen by the same views, so every picture finds a partner; other steps stay as they are, and
    a sensor value that only one of the two has stays its own.
    """
    seen, present = batch["seen"], batch["present"]
    other = torch.from_numpy(random.permutation(len(seen))).to(seen.device)
    share = torch.from_numpy(random.beta(strength, strength, len(seen)).astype(np.float32)).to(seen.device)
    alike = present & present[other] & (seen == seen[other]).all(-1)  # [B, T]
    weight = torch.where(alike, share[:, None], 1.0)
    number = torch.zeros(seen.shape, dtype=torch.int64, device=seen.device)
    number[seen] = torch.arange(int(seen.sum()), device=seen.device)
    partner = torch.where(alike[..., None], number[other], number)[seen]  # [N]
    of_picture = weight[..., None].expand(seen.shape)[seen][:, None, None, None]
    pictures = of_picture * batch["pictures"] + (1 - of_picture) * batch["pictures"][partner]
    sensors = weight[..., None] * batch["sensors"] + (1 - weight[..., None]) * batch["sensors"][other]
    return batch | {
        "pictures": pictures,
        "sensors": torch.where(torch.isnan(sensors), batch["sensors"], sensors),
        "label": weight * batch["label"] + (1 - weight) * batch["label"][other],
    }
