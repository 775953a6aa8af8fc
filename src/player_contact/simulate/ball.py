"""Where the ball is, in three dimensions: on the ground, in somebody's arm, or in the air between the two."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.simulate.motion import Motion
from player_contact.simulate.pose import Bodies
from player_contact.simulate.state import DROPPED, NOBODY

UNDER_CENTRE = -3  # who has the ball before the snap
SNAP, HAND_OVER = 0.35, 0.25  # s from one pair of hands to the next
LIES = 0.10  # yd, the height of a ball on the ground
GRAVITY = 10.7  # yd/s2
TURN = 5.0  # frames over which the ball swings round with a body that turns
MISSED = 1.2  # yd, the height at which a pass goes past its receiver


def ball_at(motion: Motion, bodies: Bodies, time: np.ndarray) -> np.ndarray:
    """[F, 3] yd where the ball is at `time` [F], s since the snap, one video frame apart; `bodies` are the players at these moments."""
    nearest = np.clip(np.rint((time - motion.time[0]) / (motion.time[1] - motion.time[0])).astype(int), 0, len(motion.time) - 1)
    holder, middle, hands = motion.holder[nearest], motion.ball[nearest], _hands(bodies)
    holder = np.where(time < 0, UNDER_CENTRE, holder)
    ball = np.tile(np.array([*motion.spot, LIES]), (len(time), 1))
    begins = np.flatnonzero(np.diff(holder, prepend=UNDER_CENTRE)).tolist()
    for first, stop in zip(begins, [*begins[1:], len(time)], strict=True):
        who, before = int(holder[first]), int(holder[max(first - 1, 0)])
        here, step = ball[max(first - 1, 0)], ball[max(first - 1, 0)] - ball[max(first - 2, 0)]
        if who == NOBODY:
            caught = stop < len(time) and holder[stop] >= 0
            there = hands[stop, holder[stop]] if caught else np.array([*middle[stop - 1], MISSED])
            ball[first:stop] = _fly(here, there, stop - first)
        elif who == DROPPED:
            ball[first:stop] = _bounce(here, step, stop - first)
        elif before == NOBODY:
            ball[first:stop] = hands[first:stop, who]
        else:
            takes = SNAP if before == UNDER_CENTRE else HAND_OVER
            share = np.clip(np.arange(1, stop - first + 1) / FRAMES_PER_SECOND / takes, 0, 1)[:, None]
            ball[first:stop] = (1 - share) * here + share * hands[first:stop, who]
    return ball


def _hands(bodies: Bodies) -> np.ndarray:
    """[F, P, 3] where each player would carry the ball: before the chest, on the right; under him where he lies."""
    forward = np.stack([np.cos(bodies.heading), np.sin(bodies.heading), np.zeros_like(bodies.heading)], -1)
    right = np.stack([forward[..., 1], -forward[..., 0], forward[..., 2]], -1)
    reach = 0.7 * (bodies.joint("chest") - bodies.joint("pelvis")) + 0.24 * forward + 0.14 * right
    place = bodies.joint("pelvis") + gaussian_filter1d(reach, TURN, axis=0, mode="nearest")
    place[..., 2] = np.maximum(place[..., 2] - 0.1 * bodies.down, LIES)
    return place


def _fly(here: np.ndarray, there: np.ndarray, frames: int) -> np.ndarray:
    """[frames, 3] the arc of a throw between two places [3]."""
    share = (np.arange(1, frames + 1) / (frames + 1))[:, None]
    arc = (1 - share) * here + share * there
    arc[:, 2] += 0.5 * GRAVITY * (frames / FRAMES_PER_SECOND) ** 2 * (share * (1 - share))[:, 0]
    return arc


def _bounce(here: np.ndarray, step: np.ndarray, frames: int) -> np.ndarray:
    """[frames, 3] a ball that falls from `here` [3] with `step` [3] yd a frame: it drops, bounces ever lower and rolls out."""
    time = np.arange(1, frames + 1) / FRAMES_PER_SECOND
    fall = np.sqrt(2 * max(here[2] - LIES, 0.01) / GRAVITY)
    path = here + 0.4 * FRAMES_PER_SECOND * step * (1 - np.exp(-1.5 * time))[:, None]
    bounces = 0.45 * np.exp(-1.8 * (time - fall)) * np.abs(np.sin(np.pi * (time - fall) / 0.45))
    path[:, 2] = LIES + np.where(time < fall, here[2] - LIES - 0.5 * GRAVITY * time**2, bounces)
    return path
