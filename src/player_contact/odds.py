"""Probabilities and log odds."""

import numpy as np


def log_odds(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of probabilities, float32, kept within +-14; NaN stays NaN."""
    clipped = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped)).astype(np.float32)


def sigmoid(values: np.ndarray) -> np.ndarray:
    """float32 probabilities of log odds."""
    return (1 / (1 + np.exp(-np.asarray(values, dtype=np.float64)))).astype(np.float32)
