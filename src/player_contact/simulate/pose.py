"""Bodies in three dimensions: from position, heading, crouch, fall and arms to the joints that are drawn."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from player_contact.simulate.contact import TUCKED, WIDE, Contacts
from player_contact.simulate.motion import Motion
from player_contact.simulate.state import NOBODY

JOINTS = (
    "pelvis", "chest", "head", "left_hip", "right_hip", "left_knee", "right_knee", "left_foot", "right_foot",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hand", "right_hand",
)  # fmt: skip
TRUNK = 0.58  # yd, pelvis to chest
ARM_LENGTH = 0.80  # yd, shoulder to hand
HELMET_RADIUS = 0.168  # yd
SHORT = 0.4  # yd by which a hand that is not laid on stays away
PILE_REACH, BODY_DEPTH, PILE_HEIGHT = 1.1, 0.24, 0.55  # yd
STRIDE = 2.1  # yd a full cycle of both legs


@dataclass(frozen=True)
class Bodies:
    """The players at given moments; F moments, P players.

    joints   [F, P, J, 3] yd, in the order of `JOINTS`
    heading  [F, P] radians
    down     [F, P] 0 on the feet .. 1 lying
    """

    joints: np.ndarray
    heading: np.ndarray
    down: np.ndarray

    def joint(self, name: str) -> np.ndarray:
        """[F, P, 3] one joint."""
        return self.joints[:, :, JOINTS.index(name)]


def bodies_at(motion: Motion, contacts: Contacts, time: np.ndarray) -> Bodies:
    """The bodies at `time` [F], seconds since the snap."""
    position = CubicSpline(motion.time, motion.position)(time)
    travelled = np.cumsum(np.linalg.norm(np.diff(motion.position, axis=0, prepend=motion.position[:1]), axis=-1), axis=0)
    speed = np.linalg.norm(CubicSpline(motion.time, motion.position)(time, 1), axis=-1)
    facing = _unit(_blend(motion.time, np.stack([np.cos(motion.heading), np.sin(motion.heading)], -1), time))
    crouch, down, phase = (_blend(motion.time, values, time) for values in (motion.crouch, motion.down, travelled))
    nearest = np.clip(np.rint((time - motion.time[0]) / (motion.time[1] - motion.time[0])).astype(int), 0, len(motion.time) - 1)
    fall, style, target = motion.fall[nearest], contacts.style[nearest], contacts.target[nearest]
    reach = _blend(motion.time, contacts.reach, time)
    phase = 2 * np.pi * phase / STRIDE + np.arange(position.shape[1])
    stride = np.clip(speed / 6.0, 0, 1)

    F, P = position.shape[:2]
    up = np.array([0.0, 0.0, 1.0])
    forward = _flat(facing)
    right = np.stack([forward[..., 1], -forward[..., 0], np.zeros((F, P))], -1)
    along = np.stack([np.cos(fall), np.sin(fall), np.full((F, P), 0.10)], -1)
    across = np.stack([along[..., 1], -along[..., 0], np.zeros((F, P))], -1)
    across *= np.where((across * right).sum(-1) < 0, -1.0, 1.0)[..., None]

    d = down[..., None]
    lean = np.radians(8 + 62 * crouch + 14 * stride)[..., None]
    trunk = _unit((1 - d) * (np.sin(lean) * forward + np.cos(lean) * up) + d * along)
    side = _unit((1 - d) * right + d * across)
    hips = position - TRUNK * trunk[..., :2]  # the sensors, and so the position, sit in the shoulder pads
    pelvis = np.concatenate([hips, ((1 - down) * (0.98 - 0.30 * crouch) + 0.17 * down)[..., None]], -1)
    chest = pelvis + TRUNK * trunk
    head = chest + 0.24 * trunk + (1 - d) * (0.05 * forward + 0.10 * crouch[..., None] * up)
    joints = {"pelvis": pelvis, "chest": chest, "head": head}
    for name, sign in (("left", -1.0), ("right", 1.0)):
        swing = np.sin(phase + (0 if sign > 0 else np.pi))[..., None]
        lift = np.clip(np.cos(phase + (0 if sign > 0 else np.pi)), 0, 1)[..., None]
        hip = pelvis + sign * 0.13 * side
        spread = 0.17 + 0.19 * crouch[..., None]
        s = stride[..., None]
        step = (0.55 * s * swing - 0.12 * crouch[..., None]) * forward + (0.05 + 0.32 * s * lift) * up
        standing = _flat(0.7 * hips + 0.3 * position) + sign * spread * right + step
        lying = pelvis - 0.85 * along * np.array([1, 1, 0]) + sign * 0.2 * side
        foot = (1 - d) * standing + d * lying
        foot[..., 2] = np.maximum(foot[..., 2], 0.04)
        knee = 0.5 * (hip + foot) + (1 - d) * (0.10 + 0.14 * crouch[..., None] + 0.12 * s * lift) * forward + d * 0.12 * up
        shoulder = chest + sign * 0.25 * side - 0.04 * trunk
        joints |= {f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_foot": foot, f"{name}_shoulder": shoulder}
        hand = _idle_hand(shoulder, forward, side, sign, swing, style, stride, crouch, down)
        k = 0 if sign < 0 else 1
        has = target[..., k] != NOBODY
        amount = np.where(has, reach[..., k], 0.0)[..., None]
        hand = hand + amount * (_grip(pelvis, chest, target[..., k], sign, 0.10 + SHORT * (1 - amount)) - hand)
        stretch = hand - shoulder
        length = np.linalg.norm(stretch, axis=-1, keepdims=True)
        hand = shoulder + stretch * np.minimum(1, ARM_LENGTH / np.maximum(length, 1e-6))
        hand[..., 2] = np.maximum(hand[..., 2], 0.05)
        bend = np.sqrt(np.maximum((ARM_LENGTH / 2) ** 2 - np.minimum(length, ARM_LENGTH) ** 2 / 4, 0))
        elbow = 0.5 * (shoulder + hand) + bend * _unit(sign * side - 0.9 * (1 - d) * up - 0.2 * forward)
        elbow[..., 2] = np.maximum(elbow[..., 2], 0.06)
        joints |= {f"{name}_elbow": elbow, f"{name}_hand": hand}
    heading = np.arctan2(facing[..., 1], facing[..., 0])
    whole = np.stack([joints[name] for name in JOINTS], axis=2)
    whole[..., 2] += _piled(position, down)[..., None]
    return Bodies(whole, heading, down)


def _piled(position: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[F, P] yd by which one who lies across others is lifted by them: bodies in a pile lie on, not in, each other."""
    gap = np.linalg.norm(position[:, :, None] - position[:, None], axis=-1)
    below = np.tri(position.shape[1], k=-1)  # whoever comes first in the lineup lies below
    near = np.clip((PILE_REACH - gap) / 0.5, 0, 1) * down[:, :, None] * down[:, None]
    return np.minimum(BODY_DEPTH * (near * below).sum(-1), PILE_HEIGHT)


def _idle_hand(
    shoulder: np.ndarray, forward: np.ndarray, side: np.ndarray, sign: float,
    swing: np.ndarray, style: np.ndarray, stride: np.ndarray, crouch: np.ndarray, down: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """[F, P, 3] where a hand is that reaches for nobody: swinging, tucked at the chest or held wide; on the ground in a stance."""
    up = np.array([0.0, 0.0, 1.0])
    s = stride[..., None]
    swinging = shoulder - (0.62 - 0.25 * s) * up + (0.08 - 0.42 * s * swing + 0.1 * s) * forward + 0.06 * sign * side
    tucked = shoulder - 0.28 * up + 0.13 * forward - 0.14 * sign * side
    wide = shoulder - 0.35 * up + 0.42 * sign * side - 0.05 * forward
    hand = np.where((style == TUCKED)[..., None], tucked, np.where((style == WIDE)[..., None], wide, swinging))
    stance = np.clip((crouch - 0.7) / 0.3, 0, 1)[..., None]
    grounded = shoulder * np.array([1, 1, 0]) + 0.15 * forward - 0.1 * sign * side
    hand = hand + (stance if sign > 0 else 0.5 * stance) * (grounded - hand)
    lying = shoulder * np.array([1, 1, 0]) + 0.45 * sign * side
    return hand + down[..., None] * (lying - hand)


def _grip(pelvis: np.ndarray, chest: np.ndarray, target: np.ndarray, sign: float, before: np.ndarray) -> np.ndarray:
    """[F, P, 3] the point on the target's jersey that a hand goes for: `before` yards on the near side, a hand's breadth left or right."""
    rows = np.arange(len(pelvis))[:, None]
    goal = 0.65 * chest[rows, target] + 0.35 * pelvis[rows, target]
    way = (goal - chest) * np.array([1, 1, 0])
    way = _unit(way)
    beside = np.stack([way[..., 1], -way[..., 0], np.zeros(way.shape[:2])], -1)
    return goal - before * way + sign * 0.09 * beside


def _blend(grid: np.ndarray, values: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Linear interpolation of `values` [T, ...] at `time` [F]."""
    place = np.clip((time - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1.001)
    low = place.astype(int)
    share = (place - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[low] + share * values[low + 1]


def _flat(vector: np.ndarray) -> np.ndarray:
    """[..., 3] a vector of the ground plane, height 0."""
    return np.concatenate([vector, np.zeros((*vector.shape[:-1], 1))], -1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-6)
