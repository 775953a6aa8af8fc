"""What the tracking sensors report: the players a little late, a few tenths of a yard off."""

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy.interpolate import CubicSpline

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.competition.constants import TRACKING_COLUMNS
from season_simulator.geometry import ar1_noise, smooth
from season_simulator.motion import Motion

POSITION_ERROR = 0.148  # yd, per axis, the slow part for a typical player
BAD_SENSORS = 0.05  # share of the players
ERROR_SECONDS = 2.5  # correlation time of the slow part
JITTER = 0.004  # yd, the fast part, not in the speed, which the sensors filter
SPEED_ERROR, SPEED_ERROR_SECONDS = 0.035, 0.5  # yd/s
TURN_ERRORS = ((18.0, 1.6), (3.5, 0.35))  # degrees and s: shoulders turn where feet do not


def simulate_tracking(rng: Generator, motion: Motion, time: np.ndarray, lag: float) -> pd.DataFrame:
    """The measured columns of the tracking table at `time` [S] less the `lag`; step-major rows."""
    dt = 1 / STEPS_PER_SECOND
    padded = np.concatenate([[time[0] - dt], time, [time[-1] + dt]])
    world = CubicSpline(motion.time, motion.position)(padded - lag)
    P = world.shape[1]
    error = POSITION_ERROR * rng.lognormal(-0.05, 0.42, (P, 1))  # some sensors sit worse
    error *= np.where(rng.random((P, 1)) < BAD_SENSORS, 2.7, 1.0)
    track = world + error * _drift(rng, world.shape, ERROR_SECONDS)
    velocity = (track[2:] - track[:-2]) / (2 * dt)
    track = track + rng.normal(0, JITTER, world.shape)
    position, shape = track[1:-1], (len(time), P)
    smoothed = smooth(velocity, 1.0)
    change = np.gradient(smoothed, dt, axis=0)
    off = SPEED_ERROR * _drift(rng, shape, SPEED_ERROR_SECONDS, 1.2)
    speed = np.abs(np.linalg.norm(velocity, axis=-1) + off)
    acceleration = np.linalg.norm(change, axis=-1) + np.abs(rng.normal(0, 0.05, shape))
    signed = (change * smoothed).sum(-1) / np.maximum(np.linalg.norm(smoothed, axis=-1), 0.05)
    signed = np.clip(signed, -acceleration, acceleration)
    direction = np.degrees(np.arctan2(velocity[..., 0], velocity[..., 1])) + rng.normal(0, 1, shape)
    heading = CubicSpline(motion.time, np.unwrap(motion.heading, axis=0))(time - lag)
    turn = sum(degrees * _drift(rng, shape, seconds, 1.5) for degrees, seconds in TURN_ERRORS)
    orientation = 90 - np.degrees(heading) + turn
    distance = np.linalg.norm(position - track[:-2], axis=-1)
    angles = (direction % 360, orientation % 360)
    report = np.stack(
        [*np.moveaxis(position, -1, 0), speed, distance, *angles, acceleration, signed]
    )
    values = np.round(report.reshape(len(report), -1).T, 2)
    return pd.DataFrame(values, columns=list(TRACKING_COLUMNS[-len(report) :]))


def _drift(
    rng: Generator, shape: tuple[int, ...], seconds: float, sigma: float = 3.0
) -> np.ndarray:
    """A slow error along the first axis with a standard deviation of about 1."""
    return smooth(ar1_noise(rng, shape, seconds * STEPS_PER_SECOND), sigma)
