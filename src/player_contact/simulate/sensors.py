"""What the sensors report: the players a moment ago, a few tenths of a yard off."""

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.simulate.motion import Motion

POSITION_ERROR = 0.15  # yd, per axis, the slow part for a typical player
BAD_SENSORS = 0.05  # share of the players
ERROR_SECONDS = 2.5  # how long it stays alike
JITTER = 0.004  # yd, the fast part


def sense(rng: np.random.Generator, motion: Motion, time: np.ndarray, lag: float) -> pd.DataFrame:
    """What the sensors report at `time` [S] (s since the snap): S*P rows, step-major, with the measured columns of the tracking table.

    The report of a moment shows the world `lag` seconds earlier.
    """
    dt = 1 / STEPS_PER_SECOND
    padded = np.concatenate([[time[0] - dt], time, [time[-1] + dt]])
    world = CubicSpline(motion.time, motion.position)(padded - lag)
    players = (world.shape[1], 1)
    error = POSITION_ERROR * rng.lognormal(-0.05, 0.35, players)  # some sensors sit worse than others, a few are far off
    error *= np.where(rng.random(players) < BAD_SENSORS, 2.7, 1.0)
    track = world + _drift(rng, world.shape, error, ERROR_SECONDS) + rng.normal(0, JITTER, world.shape)
    central = (track[2:] - track[:-2]) / (2 * dt)
    step = np.linalg.norm(track[1:-1] - track[:-2], axis=-1)
    position = track[1:-1]
    shape = position.shape[:2]
    speed = np.abs(np.linalg.norm(central, axis=-1) + rng.normal(0, 0.04, shape))
    smooth = gaussian_filter1d(central, 1.0, axis=0, mode="nearest")
    change = np.gradient(smooth, dt, axis=0)
    acceleration = np.linalg.norm(change, axis=-1) + np.abs(rng.normal(0, 0.05, shape))
    along = (change * smooth).sum(-1) / np.maximum(np.linalg.norm(smooth, axis=-1), 0.05)
    moving = np.degrees(np.arctan2(central[..., 0], central[..., 1])) + rng.normal(0, 1, shape)
    chest = CubicSpline(motion.time, np.unwrap(motion.heading, axis=0))(time - lag)
    facing = 90 - np.degrees(chest) + _drift(rng, shape, 9.0, 1.5)
    report = {
        "x_position": position[..., 0], "y_position": position[..., 1], "speed": speed, "distance": step, "direction": moving % 360,
        "orientation": facing % 360, "acceleration": acceleration, "sa": np.clip(along, -acceleration, acceleration),
    }  # fmt: skip
    return pd.DataFrame({name: np.round(values.ravel(), 2) for name, values in report.items()})


def _drift(rng: np.random.Generator, shape: tuple, size: float | np.ndarray, seconds: float) -> np.ndarray:
    """A smooth wandering error along the first axis (10 Hz) with standard deviation `size`."""
    keep = np.exp(-1 / (seconds * STEPS_PER_SECOND))
    values = rng.normal(0, 1, shape)
    for t in range(1, shape[0]):
        values[t] = keep * values[t - 1] + np.sqrt(1 - keep**2) * values[t]
    return size * gaussian_filter1d(values, 3.0, axis=0, mode="nearest")
