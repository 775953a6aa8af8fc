"""Probabilities and log odds."""

import numpy as np
from scipy.special import expit

MAX_SHIFT = 10.0


def logit(probability: np.ndarray) -> np.ndarray:
    """float32 log odds of probabilities, kept within +-14; NaN stays NaN."""
    clipped = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped)).astype(np.float32)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """float32 probabilities of log odds."""
    return expit(np.asarray(logits, dtype=np.float64)).astype(np.float32)


def shift_to_mean(logits: np.ndarray, mean: float) -> float:
    """What to add to [N] log odds so that their mean probability is `mean`: +-MAX_SHIFT at most."""
    from scipy.optimize import brentq

    def excess(shift: float) -> float:
        return float(sigmoid(logits.astype(np.float64) + shift).mean()) - mean

    if excess(-MAX_SHIFT) >= 0:
        return -MAX_SHIFT
    return float(brentq(excess, -MAX_SHIFT, MAX_SHIFT)) if excess(MAX_SHIFT) > 0 else MAX_SHIFT
