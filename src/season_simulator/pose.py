"""Poses in three dimensions: from position, heading, crouch, fall and arms to the joints."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from season_simulator.contacts import LYING, TUCKED, WIDE, Contacts, pile_height
from season_simulator.geometry import GROUND_PLANE, UP, direction, lift, right_of, unit
from season_simulator.motion import Motion
from season_simulator.state import NOBODY

SIDES = ("left", "right")
SIGN = np.array([-1.0, 1.0]).reshape(2, 1, 1, 1)
LIMBS = ("hip", "knee", "foot", "shoulder", "elbow", "hand")
JOINTS = ("pelvis", "chest", "head", *(f"{side}_{name}" for name in LIMBS for side in SIDES))
TRUNK, NECK = 0.60, 0.26  # yd, pelvis to chest, chest to head
SENSOR_DEPTH = 0.12  # yd, sensor to chest
ARM_LENGTH = 0.82  # yd, shoulder to hand
SHIN = 0.46  # yd, knee to foot
HELMET_RADIUS = 0.145  # yd
HIP_HEIGHT, KNEELING, LYING_HEIGHT = 1.04, 0.50, 0.16  # yd of the pelvis
KNEE_HEIGHT = 0.06  # yd, of a knee on the turf
# `down`: between the first two the knees go to the turf, where contact begins at `LYING`; between
# the last two the trunk does. Below it one stumbles, the lower the nearer to the first.
KNEES, TRUNK_DOWN = (LYING - 0.09, LYING + 0.05), (0.64, 0.95)
TILT = np.array([[0.0, LYING, 0.56, 0.66, 0.95], [0.0, 0.55, 0.25, 0.4, 1.0]])  # of the trunk
FEINT_DISTANCE = 0.4  # yd by which a hand that is not laid on stays away
STRIDE = 2.1  # yd a full cycle of both legs


@dataclass(frozen=True)
class Poses:
    """The figures at F times; P figures."""

    joints: np.ndarray  # [F, P, J, 3] yd, in the order of `JOINTS`
    heading: np.ndarray  # [F, P] radians
    down: np.ndarray  # [F, P] 0 on the feet .. 1 lying

    def first(self, frames: int) -> "Poses":
        """The poses of so many frames."""
        return Poses(self.joints[:frames], self.heading[:frames], self.down[:frames])

    def joint(self, name: str) -> np.ndarray:
        """[F, P, 3] one joint."""
        return self.joints[:, :, JOINTS.index(name)]

    def lowest(self) -> np.ndarray:
        """[F, P] yd, the height of the lowest joint but hands and feet: what makes a contact."""
        body = [not name.endswith(("hand", "foot")) for name in JOINTS]
        return self.joints[:, :, body, 2].min(axis=-1)


def poses_at(motion: Motion, contacts: Contacts, time: np.ndarray) -> Poses:
    """The poses at `time` [F], seconds since the snap."""
    body = _Skeleton(motion, contacts, time)
    hips, knees, feet = body.legs()
    shoulders, elbows, hands = body.arms()
    sides = (*hips, *knees, *feet, *shoulders, *elbows, *hands)
    joints = np.stack([body.pelvis, body.chest, body.head, *sides], axis=2)
    joints[..., 2] += pile_height(body.position, body.down)[..., None]
    return Poses(joints, np.arctan2(body.forward[..., 1], body.forward[..., 0]), body.down)


class _Skeleton:
    """Forward kinematics in vectors [F, P, 3] and weights [F, P, 1]; pairs [2, F, P, 3]."""

    def __init__(self, motion: Motion, contacts: Contacts, time: np.ndarray) -> None:
        grid, nearest = motion.time, motion.nearest(time)
        spline = CubicSpline(grid, motion.position)
        self.position = spline(time)  # [F, P, 2]
        steps = np.diff(motion.position, axis=0, prepend=motion.position[:1])
        travelled = np.cumsum(np.linalg.norm(steps, axis=-1), axis=0)
        cycle = 2 * np.pi * _interpolate(grid, travelled, time) / STRIDE
        cycle = cycle + np.arange(self.position.shape[1])
        self.phase = np.stack([cycle + np.pi, cycle])[..., None]
        self.stride = np.clip(np.linalg.norm(spline(time, 1), axis=-1) / 6.0, 0, 1)[..., None]
        self.crouch = _interpolate(grid, motion.crouch, time)[..., None]
        self.down = _interpolate(grid, motion.down, time)  # [F, P]
        d = self.down[..., None]
        self.stumble = np.clip(d / LYING, 0, 1)
        self.kneeling, self.lying = _smooth_step(d, *KNEES), _smooth_step(d, *TRUNK_DOWN)
        one = np.arange(self.position.shape[1]) % 3 - motion.fall_angle[nearest] // np.pi
        # [2, F, P, 1] whether the left and the right knee go down: one of them, or both
        self.kneels = np.stack([one != 1, one != 0])[..., None]
        self.forward = lift(unit(_interpolate(grid, direction(motion.heading), time)))
        self.right = right_of(self.forward)
        self.fallen = lift(direction(motion.fall_angle[nearest]), 0.10)
        across = right_of(self.fallen)
        across *= np.where((across * self.right).sum(-1) < 0, -1.0, 1.0)[..., None]
        lean = np.radians(np.minimum(8 + 70 * self.crouch + 14 * self.stride, 80))
        upright = np.sin(lean) * self.forward + np.cos(lean) * UP
        tilt = np.interp(d, *TILT)
        self.trunk = unit((1 - tilt) * upright + tilt * self.fallen)
        self.side = unit((1 - self.lying) * self.right + self.lying * across)
        # Sensors sit behind the chest, between the shoulder blades.
        self.hips = self.position + (SENSOR_DEPTH * self.forward - TRUNK * self.trunk)[..., :2]
        standing = HIP_HEIGHT - 0.37 * self.crouch
        standing = np.maximum(standing - 0.2 * self.stumble, 0.62)
        grounded = _mix(KNEELING, LYING_HEIGHT, self.lying)
        height = _mix(standing, grounded, self.kneeling)
        self.pelvis = np.concatenate([self.hips, height], -1)
        self.chest = self.pelvis + TRUNK * self.trunk
        nod = 0.09 * self.forward + 0.10 * self.crouch * UP
        self.head = self.chest + NECK * self.trunk + (1 - self.lying) * nod
        self.style = contacts.style[nearest][..., None]
        self.target = np.moveaxis(contacts.target[nearest], -1, 0)  # [2, F, P]
        reach = np.moveaxis(_interpolate(grid, contacts.reach, time), -1, 0)
        self.reach = np.where(self.target != NOBODY, reach, 0.0)[..., None]

    def legs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hips, knees and feet."""
        crouch, forward = self.crouch, self.forward
        swing, lifted = np.sin(self.phase), np.clip(np.cos(self.phase), 0, 1)
        hip = self.pelvis + SIGN * 0.13 * self.side
        step = (0.55 * self.stride * swing - 0.12 * crouch) * forward
        step = step + (0.05 + 0.32 * self.stride * lifted) * UP
        spread = SIGN * (0.17 + 0.19 * crouch) * self.right
        standing = lift(0.7 * self.hips + 0.3 * self.position) + spread + step
        bend = (0.10 + 0.14 * crouch + 0.12 * self.stride * lifted) * forward
        standing_knee = 0.5 * (hip + standing) + bend
        standing_knee = _above(standing_knee, 0.28)
        # On one knee the other foot is planted ahead, on both they lie behind.
        below = hip * GROUND_PLANE + SIGN * 0.05 * self.right
        knee = np.where(self.kneels, below + KNEE_HEIGHT * UP, hip + 0.4 * forward - 0.02 * UP)
        back = np.where(self.kneels, -SHIN * forward + 0.03 * UP, -0.44 * UP + 0.03 * forward)
        outstretched = self.pelvis - 0.9 * self.fallen * GROUND_PLANE + SIGN * 0.18 * self.side
        flat = 0.5 * (hip + outstretched) * GROUND_PLANE + (KNEE_HEIGHT + 0.04) * UP
        knee, foot = (
            _mix(upright, _mix(kneeling, lying, self.lying), self.kneeling)
            for upright, kneeling, lying in (
                (standing_knee, knee, flat),
                (standing, knee + back, outstretched),
            )
        )
        return hip, knee, _above(foot, 0.04)

    def arms(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shoulders, elbows and hands."""
        shoulder = self.chest + SIGN * 0.25 * self.side - 0.04 * self.trunk
        hand = self._idle_hands(shoulder)
        offset = hand + self.reach * (self._grips() - hand) - shoulder
        length = np.linalg.norm(offset, axis=-1, keepdims=True)
        hand = shoulder + offset * np.minimum(1, ARM_LENGTH / np.maximum(length, 1e-6))
        hand = _above(hand, 0.05)
        slack = (ARM_LENGTH / 2) ** 2 - np.minimum(length, ARM_LENGTH) ** 2 / 4
        outwards = unit(SIGN * self.side - 0.9 * (1 - self.lying) * UP - 0.2 * self.forward)
        elbow = 0.5 * (shoulder + hand) + np.sqrt(np.maximum(slack, 0)) * outwards
        return shoulder, _above(elbow, 0.06), hand

    def _idle_hands(self, shoulder: np.ndarray) -> np.ndarray:
        """Swinging, tucked at the chest or held wide; on the ground in a stance."""
        forward, side, s = self.forward, self.side, self.stride
        hand = shoulder - (0.62 - 0.25 * s) * UP
        hand = hand + (0.08 - 0.42 * s * np.sin(self.phase) + 0.1 * s) * forward
        hand = hand + 0.06 * SIGN * side
        tucked = shoulder - 0.28 * UP + 0.13 * forward - 0.14 * SIGN * side
        wide = shoulder - 0.35 * UP + 0.42 * SIGN * side - 0.05 * forward
        hand = np.where(self.style == TUCKED, tucked, np.where(self.style == WIDE, wide, hand))
        stance = np.where(SIGN > 0, 1.0, 0.5) * np.clip((self.crouch - 0.7) / 0.3, 0, 1)
        grounded = shoulder * GROUND_PLANE + 0.15 * forward - 0.1 * SIGN * side
        hand = hand + stance * (grounded - hand)
        # A stumbling player's right hand gropes for the turf, a lying one's are on it.
        low = np.where(SIGN > 0, np.maximum(self.lying, 0.6 * self.stumble), self.lying)
        return hand + low * (shoulder * GROUND_PLANE + 0.45 * SIGN * side - hand)

    def _grips(self) -> np.ndarray:
        """On the targets' jerseys, a little left or right; feints fall short."""
        rows = np.arange(len(self.chest))[:, None]
        goal = 0.65 * self.chest[rows, self.target] + 0.35 * self.pelvis[rows, self.target]
        towards = unit((goal - self.chest) * GROUND_PLANE)
        gap = 0.10 + FEINT_DISTANCE * (1 - self.reach)
        return goal - gap * towards + SIGN * 0.09 * right_of(towards)


def _mix(low: float | np.ndarray, high: float | np.ndarray, share: np.ndarray) -> np.ndarray:
    """Linear interpolation from `low` to `high`."""
    return (1 - share) * low + share * high


def _smooth_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, without a corner in between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _above(points: np.ndarray, height: float) -> np.ndarray:
    """The points [..., 3], none lower than `height`; changes them in place."""
    points[..., 2] = np.maximum(points[..., 2], height)
    return points


def _interpolate(grid: np.ndarray, values: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Linear interpolation of `values` [T, ...] on an even `grid` [T] at `time` [F]."""
    index = np.clip((time - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1.001)
    low = index.astype(int)
    share = (index - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[low] + share * values[low + 1]
