"""Probabilities and log odds."""

import numpy as np

LARGEST_SHIFT = 10.0


def log_odds(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of probabilities, float32, kept within +-14; NaN stays NaN."""
    clipped = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped)).astype(np.float32)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """float32 probabilities of log odds."""
    return (1 / (1 + np.exp(-np.asarray(values, dtype=np.float64)))).astype(np.float32)


def shift_to_mean(odds: np.ndarray, mean: float) -> float:
    """What must be added to [N] log odds, so that the mean of their probabilities is `mean`, within 0..1; at most LARGEST_SHIFT to either side."""
    from scipy.optimize import brentq

    def beyond(shift: float) -> float:
        return float(sigmoid(odds.astype(np.float64) + shift).mean()) - mean

    if beyond(-LARGEST_SHIFT) >= 0:
        return -LARGEST_SHIFT
    return float(brentq(beyond, -LARGEST_SHIFT, LARGEST_SHIFT)) if beyond(LARGEST_SHIFT) > 0 else LARGEST_SHIFT
