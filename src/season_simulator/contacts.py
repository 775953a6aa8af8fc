"""Who touches whom: bodies that overlap, and within an arm's length by a hidden decision."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.ndimage import binary_closing, binary_dilation, binary_opening

from season_simulator.dynamics import RATE
from season_simulator.geometry import direction
from season_simulator.motion import Motion
from season_simulator.roster import Lineup
from season_simulator.state import NOBODY

ARM, DIVE = 1.06, 1.22  # yd between two bodies that an arm, and a tackler's arm, can bridge
BODY = 0.52  # yd between the centers of two bodies that touch
HYSTERESIS = 1.12  # a contact, once begun, lasts to a slightly larger distance
BRIEF_SECONDS = 0.4  # nobody labels a shorter contact, or a shorter gap in one
LYING = 0.45  # `down` from which a knee or a back is on the ground
PILE_REACH, BODY_DEPTH, PILE_HEIGHT = 1.1, 0.24, 0.55  # yd
HELD_UP = 0.25  # yd above the others in a pile from which nothing of a body is on the ground
REACH_RATE = 9.0  # share of a full reach an arm gains a second
SWING, TUCKED, WIDE = 0, 1, 2  # what an idle arm does

Shifts = tuple[tuple[int, ...], tuple[int, ...]]
# Steps by which annotators see a contact begin and end too late, drawn for each.
PAIR_SHIFTS: Shifts = (-1, 0, 0, 1), (-1, 0, 0, 1)
GROUND_SHIFTS: Shifts = (-1, 0, 0, 1, 1, 2), (-2, -1, 0, 0, 1, 1)
FORGOTTEN, MISTAKEN = 0.02, 0.021  # share of the runs that nobody labels, and of wrong ones
MISTAKEN_STEPS, DOUBTFUL = (3, 12), 1.5  # of a wrong run; yd between the two of a wrong pair
# Rates a second of reaching for somebody within an arm's length, and of letting go.
GRAB = {"engaged": 9.0, "carrier": 10.0, "opponent": 0.13, "teammate": 0.07}
HAND_FIGHTING = 0.06  # more for opponents, of each yd/s of the slower one
PASSING = 0.17  # and of each yd/s of one against the other: who runs past is fended off or grabbed
SUDDEN, SUDDEN_STEPS = 3.0, 3  # yd/s, as above, at which contact counts however short, with margin
LET_GO = {"engaged": 0.14, "opponent": 0.2, "teammate": 0.8}


@dataclass(frozen=True)
class Contacts:
    """Arms and contacts at the T times of a `Motion`; P players."""

    target: np.ndarray  # [T, P, 2] int, whom the left and the right arm reach for, or NOBODY
    reach: np.ndarray  # [T, P, 2] 0 idle .. 1 hand on the other's body; 0.5: it never arrives
    style: np.ndarray  # [T, P] int, what idle arms do
    pair: np.ndarray  # [T, P, P] bool, symmetric
    ground: np.ndarray  # [T, P] bool


def idle_arms(T: int, P: int) -> Contacts:
    """Nobody reaches for anybody."""
    target, reach, style = np.full((T, P, 2), NOBODY), np.zeros((T, P, 2)), np.full((T, P), SWING)
    return Contacts(target, reach, style, np.zeros((T, P, P), bool), np.zeros((T, P), bool))


def simulate_contacts(rng: Generator, motion: Motion, lineup: Lineup) -> Contacts:
    """Draws the hidden decisions and finds out who touches whom."""
    T, P = motion.position.shape[:2]
    points = _body_points(motion)
    teammates = lineup.offence[:, None] == lineup.offence
    grab, let_go = (np.where(teammates, r["teammate"], r["opponent"]) for r in (GRAB, LET_GO))
    grab = 0.0 * grab if motion.no_contact else grab
    reaching, feint = np.zeros((P, P), bool), np.zeros((P, P), bool)
    velocity = np.gradient(motion.position, axis=0) * RATE  # [T, P, 2] yd/s
    speed = np.linalg.norm(velocity, axis=-1)
    opponents = ~teammates & (not motion.no_contact)
    touch, overlap, sudden = (np.zeros((T, P, P), bool) for _ in range(3))
    reach = np.zeros((T, P, P))
    for t in range(T):
        gap = np.linalg.norm(points[t][:, None] - points[t], axis=-1)
        distance = gap.reshape(P, 3, P, 3).min(axis=(1, 3))
        np.fill_diagonal(distance, np.inf)
        tackle = opponents & (np.arange(P) == motion.holder[t])
        arm = np.where(tackle, DIVE, ARM)
        able = distance < np.where(reaching, HYSTERESIS * arm, arm)
        able &= (motion.down[t] < 0.8)[:, None]
        engaged = motion.engaged[t][:, None] == np.arange(P)
        chance = rng.random((3, P, P))
        reaching &= able & (chance[0] > np.where(engaged, LET_GO["engaged"], let_go) / RATE)
        passing = np.linalg.norm(velocity[t][:, None] - velocity[t], axis=-1)
        running = HAND_FIGHTING * np.minimum(speed[t][:, None], speed[t]) + PASSING * passing
        rate = np.where(tackle, GRAB["carrier"], grab + opponents * running)
        rate = np.where(engaged, GRAB["engaged"], rate)
        reaching |= able & (chance[1] < rate / RATE)
        nearest = np.where(reaching, distance, np.inf).argsort(axis=1).argsort(axis=1)
        reaching &= nearest < 2  # with two hands
        feint = (feint | (chance[2] < 0.8 / RATE)) & able & ~reaching & ~teammates
        feint &= chance[2] > 0.03
        step = np.where(reaching, 1.0, np.where(feint, 0.5, 0.0)) - reach[t - 1]
        reach[t] = reach[t - 1] + np.clip(step, -REACH_RATE / RATE, REACH_RATE / RATE)
        overlap[t] = distance < np.where(overlap[t - 1], HYSTERESIS * BODY, BODY)
        touch[t] = reaching & (reach[t] > 0.85)
        sudden[t] = touch[t] & (tackle | (opponents & (passing > SUDDEN)))
    brief = np.ones((int(BRIEF_SECONDS * RATE), 1, 1), bool)
    pair = touch | touch.transpose(0, 2, 1) | overlap
    pair = binary_opening(binary_closing(pair, brief), brief)
    sudden = binary_dilation(sudden, np.ones((SUDDEN_STEPS, 1, 1), bool))
    pair |= sudden | sudden.transpose(0, 2, 1)
    length = int(RATE * 1.2)  # of a style of idle arms
    style = rng.choice([SWING, SWING, TUCKED, WIDE], size=(T // length + 2, P))
    style = np.repeat(style, length, axis=0)[:T]
    ground = (motion.down > LYING) & (pile_height(motion.position, motion.down) < HELD_UP)
    ground = binary_opening(binary_closing(ground, brief[..., 0]), brief[..., 0])
    return Contacts(*_assign_arms(reach), style, pair, ground)


def _body_points(motion: Motion) -> np.ndarray:
    """[T, 3 P, 2] chest, hips and knees of each on the ground; of an upright body one point."""
    axis, position = direction(motion.fall_angle) * motion.down[..., None], motion.position
    points = np.stack([position, position - 0.5 * axis, position - 0.8 * axis], axis=2)
    return points.reshape(len(points), -1, 2)


def pile_height(position: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[T, P] yd by which bodies in a pile lie on, not in, each other: earlier players lower."""
    distance = np.linalg.norm(position[:, :, None] - position[:, None], axis=-1)
    below = np.tri(position.shape[1], k=-1)
    near = np.clip((PILE_REACH - distance) / 0.5, 0, 1) * down[:, :, None] * down[:, None]
    return np.minimum(BODY_DEPTH * (near * below).sum(-1), PILE_HEIGHT)


def _assign_arms(reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[T, P, 2] target and reach of both arms: the two strongest, or both to the only one."""
    target = np.argsort(-reach, axis=-1, kind="stable")[..., :2]
    amount = np.take_along_axis(reach, target, axis=-1)
    alone = amount[..., 1] < 0.05
    target[alone, 1], amount[alone, 1] = target[alone, 0], amount[alone, 0]
    return np.where(amount > 0.02, target, NOBODY), amount


def add_label_noise(
    rng: Generator, contact: np.ndarray, doubtful: np.ndarray, shifts: Shifts
) -> np.ndarray:
    """[S, N] bool as annotators label it: runs begin and end `shifts` late, a few are forgotten,
    and a few more are seen where `doubtful` [S, N]."""
    noisy = contact.copy()
    edges = np.diff(contact.astype(np.int8), axis=0, prepend=0, append=0).T
    runs = 0
    for n in np.flatnonzero(contact.any(0)):
        starts, stops = np.flatnonzero(edges[n] == 1), np.flatnonzero(edges[n] == -1)
        for start, stop in zip(starts, stops, strict=True):
            runs += 1
            noisy[start:stop, n] = False
            if rng.random() >= FORGOTTEN:
                shift = [rng.choice(steps) for steps in shifts]
                noisy[max(start + shift[0], 0) : max(stop + shift[1], 0), n] = True
    places = np.argwhere(doubtful & ~contact)
    if len(places):
        for step, n in rng.choice(places, rng.poisson(MISTAKEN * runs)).tolist():
            noisy[step : step + int(rng.integers(*MISTAKEN_STEPS)), n] = True
    return noisy
