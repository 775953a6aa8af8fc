"""The seven officials: figures in the pictures that no table knows, trotting after the ball."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from player_contact.competition.names import FIELD_WIDTH
from player_contact.simulate.contact import SWING, Contacts
from player_contact.simulate.motion import Motion
from player_contact.simulate.pose import Bodies, bodies_at
from player_contact.simulate.rules import RATE
from player_contact.simulate.state import NOBODY

DELAY = 0.7  # s
ROOM = 1.7  # yd an official keeps between himself and a player
SIDE = FIELD_WIDTH / 2 + 0.9  # yd from the middle of the field, beyond the sideline
BEHIND_DEFENCE = 0.3  # how often the umpire stands there rather than in the backfield


def officials_at(rng: np.random.Generator, motion: Motion, sign: int, time: np.ndarray) -> Bodies:
    """The bodies of the seven at `time` [F], s since the snap; the offence attacks larger x where `sign` is +1, else smaller x."""
    position = _paths(rng, motion, sign)
    velocity = np.gradient(position, axis=0) * RATE
    to_ball = motion.ball[:, None] - position
    to_ball /= np.maximum(np.linalg.norm(to_ball, axis=-1, keepdims=True), 1e-6)
    facing = gaussian_filter1d(to_ball + 0.4 * velocity, 4.0, axis=0, mode="nearest")  # one who runs looks where he goes
    T, N = position.shape[:2]
    zero = np.zeros((T, N))
    alone = Motion(
        time=motion.time, position=position, heading=np.arctan2(facing[..., 1], facing[..., 0]), crouch=zero + rng.uniform(0, 0.35, N),
        down=zero, fall=zero, hold=np.full((T, N), NOBODY), ball=motion.ball, holder=motion.holder, spot=motion.spot, calm=True,
    )  # fmt: skip
    idle = Contacts(
        target=np.full((T, N, 2), NOBODY), reach=np.zeros((T, N, 2)), style=np.full((T, N), SWING),
        pair=np.zeros((T, N, N), bool), ground=np.zeros((T, N), bool),
    )  # fmt: skip
    return bodies_at(alone, idle, time)


def _paths(rng: np.random.Generator, motion: Motion, sign: int) -> np.ndarray:
    """[T, 7, 2] yd; each goes a share of the ball's way, late, and round the players."""
    ahead, left = rng.uniform(-1.5, 1.5, 7), rng.uniform(-1.0, 1.0, 7)
    wing = rng.choice([-1, 1])
    umpire = (6.0, 1.5 * wing) if rng.random() < BEHIND_DEFENCE else (-11.0, -8.0 * wing)
    start = np.array([(-12.5, 8.0 * wing), umpire, (0.0, 0.0), (0.0, 0.0), (20.0, 0.0), (20.0, 0.0), (25.0, 0.0)])
    start = motion.spot + sign * (start + np.stack([ahead, left], -1))
    sideline = FIELD_WIDTH / 2 + np.array([-SIDE, SIDE])
    start[2:6, 1] = [*sideline, *sideline]  # the line of scrimmage, then the deep ones
    follow = np.array([(0.75, 0.6), (0.75, 0.6), (0.9, 0.12), (0.9, 0.12), (0.6, 0.1), (0.6, 0.1), (0.6, 0.5)])
    late = int(DELAY * RATE)
    way = motion.ball - motion.ball[0]
    way = np.concatenate([np.repeat(way[:1], late, axis=0), way[:-late]])
    path = start + follow * gaussian_filter1d(way, 0.5 * RATE, axis=0, mode="nearest")[:, None]
    away = path[:, :, None] - motion.position[:, None]
    gap = np.linalg.norm(away, axis=-1, keepdims=True) + 1e-3
    aside = (away / gap * np.clip(ROOM - gap, 0, None)).sum(2)
    return path + gaussian_filter1d(aside, 0.3 * RATE, axis=0, mode="nearest")
