"""Vectors, smoothing and noise that several modules share."""

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

GROUND_PLANE = np.array([1, 1, 0])  # times a point: its projection onto the ground
UP = np.array([0.0, 0.0, 1.0])


def direction(angle: float | np.ndarray) -> np.ndarray:
    """[..., 2] unit vectors at `angle` [...], radians from +x towards +y."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def unit(vector: np.ndarray) -> np.ndarray:
    """[..., D] the same direction with length 1; zero stays zero."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)


def lift(vector: np.ndarray, height: float | np.ndarray = 0.0) -> np.ndarray:
    """[..., 3] of vectors [..., 2] and a height [...]."""
    z = np.broadcast_to(height, vector.shape[:-1])[..., None]
    return np.concatenate([vector, z], -1)


def right_of(vector: np.ndarray) -> np.ndarray:
    """[..., 3] horizontal vectors a quarter turn to the right of [..., 2 or 3]."""
    return lift(np.stack([vector[..., 1], -vector[..., 0]], -1))


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter along the first axis."""
    return np.asarray(gaussian_filter1d(values, sigma, axis=0, mode="nearest"))


def ar1_noise(rng: Generator, shape: tuple[int, ...], length: float) -> np.ndarray:
    """Unit noise, autoregressive along the first axis with a correlation length in samples."""
    keep = np.exp(-1 / length)
    values = rng.normal(0, 1, shape)
    for t in range(1, shape[0]):
        values[t] = keep * values[t - 1] + np.sqrt(1 - keep**2) * values[t]
    return values
