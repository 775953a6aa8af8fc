"""The seven officials: figures in the images that no table holds, trotting after the ball."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_WIDTH
from season_simulator.contacts import idle_arms
from season_simulator.dynamics import RATE
from season_simulator.geometry import smooth, unit
from season_simulator.motion import Motion
from season_simulator.pose import Poses, poses_at

DELAY = 0.7  # s
PLAYER_DISTANCE = 1.7  # yd an official keeps between himself and a player
SIDE = FIELD_WIDTH / 2 + 0.9  # yd from the middle of the field, beyond the sideline
UMPIRE_BEHIND_DEFENCE = 0.3  # how often he stands there rather than in the backfield


def officials_at(rng: Generator, motion: Motion, sign: int, time: np.ndarray) -> Poses:
    """The poses of the seven at `time` [F], s since the snap; `sign` as in `simulate_motion`."""
    position = _paths(rng, motion, sign)
    velocity = np.gradient(position, axis=0) * RATE
    facing = smooth(unit(motion.ball[:, None] - position) + 0.4 * velocity, 4.0)
    heading, zero = np.arctan2(facing[..., 1], facing[..., 0]), np.zeros(position.shape[:2])
    body = {"position": position, "heading": heading, "down": zero, "fall_angle": zero}
    body["crouch"] = zero + rng.uniform(0, 0.35, position.shape[1])
    return poses_at(replace(motion, **body), idle_arms(len(zero), 7), time)


def _paths(rng: Generator, motion: Motion, sign: int) -> np.ndarray:
    """[T, 7, 2] yd; each goes a share of the ball's way, late, and round the players."""
    ahead, left = rng.uniform(-1.5, 1.5, 7), rng.uniform(-1.0, 1.0, 7)
    wing = rng.choice([-1, 1])
    start = np.array([(-12.5, 8.0 * wing), *[(0.0, 0.0)] * 3, *[(20.0, 0.0)] * 2, (25.0, 0.0)])
    behind_defence = rng.random() < UMPIRE_BEHIND_DEFENCE
    start[1] = (6.0, 1.5 * wing) if behind_defence else (-11.0, -8.0 * wing)
    start = motion.spot + sign * (start + np.stack([ahead, left], -1))
    sidelines = FIELD_WIDTH / 2 + np.array([-SIDE, SIDE])
    start[2:6, 1] = [*sidelines, *sidelines]  # the line of scrimmage, then the deep ones
    share = np.repeat([(0.75, 0.6), (0.9, 0.12), (0.6, 0.1), (0.6, 0.5)], (2, 2, 2, 1), axis=0)
    delay = int(DELAY * RATE)
    travel = motion.ball - motion.ball[0]
    travel = np.concatenate([np.repeat(travel[:1], delay, axis=0), travel[:-delay]])
    path = start + share * smooth(travel, 0.5 * RATE)[:, None]
    away = path[:, :, None] - motion.position[:, None]
    distance = np.linalg.norm(away, axis=-1, keepdims=True) + 1e-3
    aside = (away / distance * np.clip(PLAYER_DISTANCE - distance, 0, None)).sum(2)
    return path + smooth(aside, 0.3 * RATE)
