"""Who touches whom. Bodies that overlap touch; between there and an arm's length a hidden decision says whether a hand is laid on.

The decision is drawn (the arm is stretched out to the other's body or it is not) but leaves no trace in the players' positions.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing, binary_opening

from player_contact.simulate.motion import Motion
from player_contact.simulate.roster import Lineup
from player_contact.simulate.rules import RATE
from player_contact.simulate.state import NOBODY

ARM = 1.1  # yd between two upright bodies that an arm can bridge
BODY = 0.55  # yd between the middles of two bodies that touch
BRIEF = 0.3  # s: nobody notes a brush that is shorter, or so short a gap
KEEP = 1.12  # a touch, once there, lasts to a slightly larger distance
LYING = 0.45  # `down` from which a knee or a back is on the ground
STRETCH = 7.0  # share of a full stretch an arm gains a second
SWING, TUCKED, WIDE = 0, 1, 2  # what an idle arm does

# rates a second of laying a hand on somebody within reach, and of letting go
GRAB = {"held": 9.0, "opponent": 0.42, "mate": 0.07}
LET_GO = {"held": 0.19, "opponent": 0.33, "mate": 0.8}


@dataclass(frozen=True)
class Contacts:
    """Arms and touches over the moments of a `Motion`; T moments, P players.

    target  [T, P, 2] int, whom the left and the right arm reach for, -1 for nobody
    reach   [T, P, 2] 0 idle .. 1 hand on the other's body; an arm that is never to arrive stops half way
    style   [T, P] int, what idle arms do
    pair    [T, P, P] bool, symmetric
    ground  [T, P] bool
    """

    target: np.ndarray
    reach: np.ndarray
    style: np.ndarray
    pair: np.ndarray
    ground: np.ndarray


def decide(rng: np.random.Generator, motion: Motion, lineup: Lineup) -> Contacts:
    """Draws the hidden decisions and works out who touches whom."""
    T, P = motion.position.shape[:2]
    body = _body_points(motion)
    mates = lineup.offence[:, None] == lineup.offence
    grab, let_go = (np.where(mates, rates["mate"], rates["opponent"]) for rates in (GRAB, LET_GO))
    grab = 0.0 * grab if motion.calm else grab
    want, bluff = np.zeros((P, P), bool), np.zeros((P, P), bool)
    reach = np.zeros((P, P))
    players = np.arange(P)
    targets, reaches = np.full((T, P, 2), NOBODY), np.zeros((T, P, 2))
    pair, overlaps = np.zeros((T, P, P), bool), np.zeros((T, P, P), bool)
    for t in range(T):
        distance = _body_distance(body[t], motion.down[t])
        middle = np.linalg.norm(motion.position[t, :, None] - motion.position[t], axis=-1)
        np.fill_diagonal(distance, np.inf)
        np.fill_diagonal(middle, np.inf)
        able = (np.minimum(middle, distance) < np.where(want, KEEP * ARM, ARM)) & (motion.down[t] < 0.8)[:, None]
        held = np.zeros((P, P), bool)
        held[players, motion.hold[t]] = motion.hold[t] != NOBODY
        chance = rng.random((3, P, P))
        want &= able & (chance[0] > np.where(held, LET_GO["held"], let_go) / RATE)
        want |= able & (chance[1] < np.where(held, GRAB["held"], grab) / RATE)
        _two_hands_only(want, distance)
        bluff = (bluff | (chance[2] < 0.8 / RATE)) & able & ~want & ~mates & (chance[2] > 0.03)
        goal = np.where(want, 1.0, np.where(bluff, 0.5, 0.0))
        reach += np.clip(goal - reach, -STRETCH / RATE, STRETCH / RATE)
        overlaps[t] = distance < np.where(overlaps[t - 1], KEEP * BODY, BODY)
        touch = want & (reach > 0.85)
        pair[t] = touch | touch.T
        targets[t], reaches[t] = _arms(reach)
    pair |= overlaps
    brief = np.ones((int(BRIEF * RATE), 1, 1), bool)
    pair = binary_opening(binary_closing(pair, brief), brief)
    style = _styles(rng, T, P)
    return Contacts(targets, reaches, style, pair, motion.down > LYING)


def _body_points(motion: Motion) -> np.ndarray:
    """[T, P, 3, 2] chest, hips and knees on the ground plane; an upright body is one point."""
    along = np.stack([np.cos(motion.fall), np.sin(motion.fall)], axis=-1) * motion.down[..., None]
    return np.stack([motion.position, motion.position - 0.5 * along, motion.position - 0.8 * along], axis=2)


def _body_distance(points: np.ndarray, down: np.ndarray) -> np.ndarray:
    """[P, P] the smallest distance between the bodies' points."""
    P = len(points)
    flat = points.reshape(-1, 2)
    gap = np.linalg.norm(flat[:, None] - flat, axis=-1).reshape(P, 3, P, 3)
    return gap.min(axis=(1, 3))


def _two_hands_only(want: np.ndarray, distance: np.ndarray) -> None:
    """Leaves every player at most his two nearest targets."""
    for i in np.flatnonzero(want.sum(1) > 2):
        chosen = np.flatnonzero(want[i])
        want[i, chosen[np.argsort(distance[i, chosen])[2:]]] = False


def _arms(reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[P, 2] target and reach of the two arms: the two strongest, or both arms to the only one."""
    order = np.argsort(-reach, axis=1, kind="stable")[:, :2]
    amount = np.take_along_axis(reach, order, axis=1)
    alone = amount[:, 1] < 0.05
    order[alone, 1] = order[alone, 0]
    amount[alone, 1] = amount[alone, 0]
    return np.where(amount > 0.02, order, NOBODY), amount


def _styles(rng: np.random.Generator, T: int, P: int) -> np.ndarray:
    """[T, P] what idle arms do, changing every second or so."""
    piece = int(RATE * 1.2)
    drawn = rng.choice([SWING, SWING, TUCKED, WIDE], size=(T // piece + 2, P))
    return np.repeat(drawn, piece, axis=0)[:T]


def label_noise(rng: np.random.Generator, contact: np.ndarray) -> np.ndarray:
    """[S, N] the truth as an annotator would write it: edges of runs a step early or late, very rarely a run forgotten.

    contact [S, N] bool, one column for each pair or player.
    """
    noisy = contact.copy()
    steps = np.diff(contact.astype(np.int8), axis=0, prepend=0, append=0)
    for n in np.flatnonzero(contact.any(0)):
        for start, stop in zip(np.flatnonzero(steps[:, n] == 1), np.flatnonzero(steps[:, n] == -1), strict=True):
            if rng.random() < 0.015:
                noisy[start:stop, n] = False
                continue
            shift = rng.choice([-1, 0, 0, 1], size=2)
            noisy[start:stop, n] = False
            noisy[max(start + shift[0], 0) : max(stop + shift[1], 0), n] = True
    return noisy
