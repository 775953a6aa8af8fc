"""Where the ball is, in three dimensions: on the ground, in somebody's arm, or in the air."""

import numpy as np

from player_contact.competition.clock import FRAMES_PER_SECOND
from season_simulator.geometry import direction, lift, right_of, smooth
from season_simulator.motion import Motion
from season_simulator.pose import Poses
from season_simulator.state import DROPPED, NOBODY

BEFORE_SNAP = -3  # stands for the holder
SNAP_SECONDS, HANDOFF_SECONDS = 0.35, 0.25  # from one pair of hands to the next
GROUND_HEIGHT = 0.10  # yd, of a ball on the ground
MISSED_HEIGHT = 1.2  # yd, at which a pass goes past its receiver
GRAVITY = 10.7  # yd/s2
SWING = 5.0  # frames over which the ball follows a body that turns


def ball_track(motion: Motion, poses: Poses, time: np.ndarray) -> np.ndarray:
    """[F, 3] yd where the ball is at `time` [F], s since the snap, one frame apart, as `poses`."""
    nearest = motion.nearest(time)
    holder = np.where(time < 0, BEFORE_SNAP, motion.holder[nearest])
    center, hands = motion.ball[nearest], _carried(poses)
    ball = np.tile(np.array([*motion.spot, GROUND_HEIGHT]), (len(time), 1))
    begins = np.flatnonzero(np.diff(holder, prepend=BEFORE_SNAP)).tolist()
    for first, stop in zip(begins, [*begins[1:], len(time)], strict=True):
        current, previous = int(holder[first]), int(holder[max(first - 1, 0)])
        origin = ball[max(first - 1, 0)]
        if current == NOBODY:
            caught = stop < len(time) and holder[stop] >= 0
            missed = np.array([*center[stop - 1], MISSED_HEIGHT])
            target = hands[stop, holder[stop]] if caught else missed
            ball[first:stop] = _throw(origin, target, stop - first)
        elif current == DROPPED:
            step = origin - ball[max(first - 2, 0)]
            ball[first:stop] = _bounce(origin, step, stop - first)
        elif previous == NOBODY:
            ball[first:stop] = hands[first:stop, current]
        else:
            duration = SNAP_SECONDS if previous == BEFORE_SNAP else HANDOFF_SECONDS
            share = np.arange(1, stop - first + 1) / FRAMES_PER_SECOND / duration
            share = np.clip(share, 0, 1)[:, None]
            ball[first:stop] = (1 - share) * origin + share * hands[first:stop, current]
    return ball


def _carried(poses: Poses) -> np.ndarray:
    """[F, P, 3] where each would carry the ball: before the chest, on the right, or under him."""
    forward = lift(direction(poses.heading))
    pelvis, chest = poses.joint("pelvis"), poses.joint("chest")
    reach = 0.7 * (chest - pelvis) + 0.24 * forward + 0.14 * right_of(forward)
    position = pelvis + smooth(reach, SWING)
    position[..., 2] = np.maximum(position[..., 2] - 0.1 * poses.down, GROUND_HEIGHT)
    return position


def _throw(origin: np.ndarray, target: np.ndarray, frames: int) -> np.ndarray:
    """[frames, 3] the arc of a throw between two positions [3]."""
    share = (np.arange(1, frames + 1) / (frames + 1))[:, None]
    arc = (1 - share) * origin + share * target
    arc[:, 2] += 0.5 * GRAVITY * (frames / FRAMES_PER_SECOND) ** 2 * (share * (1 - share))[:, 0]
    return arc


def _bounce(origin: np.ndarray, step: np.ndarray, frames: int) -> np.ndarray:
    """[frames, 3] a ball that falls, bounces ever lower and rolls out; yd, and yd a frame [3]."""
    time = np.arange(1, frames + 1) / FRAMES_PER_SECOND
    height = origin[2] - GROUND_HEIGHT
    landing = np.sqrt(2 * max(height, 0.01) / GRAVITY)
    path = origin + 0.4 * FRAMES_PER_SECOND * step * (1 - np.exp(-1.5 * time))[:, None]
    since = time - landing
    bounces = 0.45 * np.exp(-1.8 * since) * np.abs(np.sin(np.pi * since / 0.45))
    falling = height - 0.5 * GRAVITY * time**2
    path[:, 2] = GROUND_HEIGHT + np.where(time < landing, falling, bounces)
    return path
