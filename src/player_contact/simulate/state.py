"""The players between two integration steps, and what each of them is there for.

Everything is in the offence's frame: x downfield from the line of scrimmage, y to its left, yards; time in seconds since the snap.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from player_contact.simulate.roster import HEAVY, TOP_SPEED, Lineup
from player_contact.simulate.script import Script

NOBODY, DROPPED = -1, -2


@dataclass(frozen=True)
class Jobs:
    """Who does what; players by their index in the lineup.

    quarterback, target  who has the ball first, and who gets it
    blockers             block rather than run a route
    task                 blocker -> the defender he is to block
    rushers              defenders who go for the ball at once
    cover                defender -> the receiver he follows
    route                receiver -> (seconds until the cut, radians of the bend, yd/s)
    aim, drop            [2] where the runner hits the line, where the passer drops back to
    """

    quarterback: int
    target: int
    blockers: list[int]
    task: dict[int, int]
    rushers: list[int]
    cover: dict[int, int]
    route: dict[int, tuple[float, float, float]]
    aim: np.ndarray
    drop: np.ndarray


@dataclass(frozen=True)
class Traits:
    """How the players differ; P players.

    top, react          [P] yd/s; seconds after the snap until they move
    drive               [P] yd/s with which a rusher pushes his blocker back
    stand_off, wake     [P] yd: how clear of the crowd one stays; a ball nearer than this draws a defender from his man
    cushion             [P] yd a defender leaves his receiver
    spread              [P, 2] yd from the ball where one trots when another has caught it
    stroll              [P, 2] yd/s after the whistle
    leaning             [P] 0..1, settles left or right, curious or not
    """

    top: np.ndarray
    react: np.ndarray
    drive: np.ndarray
    stand_off: np.ndarray
    wake: np.ndarray
    cushion: np.ndarray
    spread: np.ndarray
    stroll: np.ndarray
    leaning: np.ndarray


@dataclass
class State:
    """What changes from step to step; P players.

    bounds              [2, 2] yd, the lowest and the highest (x, y) of the field
    position, velocity  [P, 2]
    intent              [P, 2] velocity wanted, less the twitches
    hold, until, free   [P] whom one blocks or tackles; when that ends; when the next may begin
    gap                 [P] yd, distance at which one holds another
    push                [P, 2] yd/s, how a block wanders
    fallen, rise, fall  [P] when a fall begins; when he gets up; radians, towards which side his head falls
    depth               [P] how far down the fall goes: 1 is flat, a half on the knees, less a stumble that the ground never sees
    carrier, ball       the index of who has the ball; [2] where it is
    thrown_from         [2] where it was last in the passer's hands
    dead                when the play is over
    rank                [P] 0 the defender nearest to the ball, 1 the next, ...
    """

    lineup: Lineup
    script: Script
    jobs: Jobs
    traits: Traits
    bounds: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    intent: np.ndarray
    hold: np.ndarray
    until: np.ndarray
    free: np.ndarray
    gap: np.ndarray
    push: np.ndarray
    fallen: np.ndarray
    rise: np.ndarray
    fall: np.ndarray
    depth: np.ndarray
    carrier: int
    ball: np.ndarray
    thrown_from: np.ndarray
    dead: float
    rank: np.ndarray


def draw_state(rng: np.random.Generator, lineup: Lineup, script: Script, bounds: np.ndarray) -> State:
    """The moment of the snap on a field with these `bounds`, see `State`."""
    n = len(lineup.ids)
    traits = _draw_traits(rng, lineup)
    jobs = _draw_jobs(rng, lineup, script, traits)
    return State(
        lineup=lineup,
        script=script,
        jobs=jobs,
        traits=traits,
        bounds=bounds,
        position=lineup.place.copy(),
        velocity=np.zeros((n, 2)),
        intent=np.zeros((n, 2)),
        hold=np.full(n, NOBODY),
        until=np.full(n, -np.inf),
        free=np.zeros(n),
        gap=rng.uniform(0.65, 1.05, n),
        push=np.zeros((n, 2)),
        fallen=np.full(n, np.inf),
        rise=np.full(n, np.inf),
        fall=rng.uniform(-np.pi, np.pi, n),
        depth=np.ones(n),
        carrier=jobs.quarterback,
        ball=lineup.place[jobs.quarterback],
        thrown_from=lineup.place[jobs.quarterback],
        dead=np.inf,
        rank=np.arange(n),
    )


def _draw_traits(rng: np.random.Generator, lineup: Lineup) -> Traits:
    n = len(lineup.ids)
    way, pace = rng.uniform(-np.pi, np.pi, n), rng.uniform(0.2, 3.6, n)
    return Traits(
        top=np.array([TOP_SPEED[p] for p in lineup.positions]) * rng.uniform(0.9, 1.03, n),
        react=rng.uniform(0.05, 0.35, n),
        drive=rng.uniform(0.4, 2.6, n),
        stand_off=rng.uniform(3.5, 15.0, n),
        wake=rng.uniform(7.0, 16.0, n),
        cushion=rng.uniform(0.6, 2.8, n),
        spread=rng.normal((2.0, 0.0), 6.5, (n, 2)),
        stroll=pace[:, None] * np.column_stack([np.cos(way), np.sin(way)]),
        leaning=rng.random(n),
    )


def _draw_jobs(rng: np.random.Generator, lineup: Lineup, script: Script, traits: Traits) -> Jobs:
    positions, offence, place = lineup.positions, lineup.offence, lineup.place
    attackers = [int(i) for i in np.flatnonzero(offence)]
    defenders = [int(i) for i in np.flatnonzero(~offence)]
    quarterback = positions.index("QB")
    receivers = [i for i in attackers if positions[i] in ("WR", "TE", "RB")]
    backs = [i for i in receivers if positions[i] == "RB"]
    wide = [i for i in receivers if positions[i] != "RB"]
    target = backs[0] if script.run_play else int(rng.choice(wide if rng.random() < 0.85 else backs))

    rushers = [i for i in defenders if positions[i] in ("DE", "DT", "NT") or place[i, 0] < 1.5]
    others = [i for i in defenders if i not in rushers]
    if rng.random() < 0.3:  # a blitz
        rushers.append(others.pop(int(rng.integers(len(others)))))

    if script.run_play:  # everyone blocks somebody, receivers the one opposite
        blockers = [i for i in attackers if i not in (target, quarterback)]
        blocked = [i for i in defenders if positions[i] != "FS"]
    else:
        stay = [i for i in receivers if i != target and positions[i] in ("TE", "RB") and rng.random() < 0.5]
        blockers = [i for i in attackers if positions[i] in ("C", "G", "T", "FB")] + stay
        blocked = rushers
    cost = np.abs(place[blockers, None, 1] - place[None, blocked, 1]) + 0.25 * np.abs(place[None, blocked, 0])
    task = {blockers[a]: blocked[b] for a, b in zip(*linear_sum_assignment(cost), strict=True)}

    cover: dict[int, int] = {}
    free = [i for i in others if positions[i] != "FS"]
    for receiver in sorted(wide, key=lambda i: -abs(place[i, 1]))[: len(free)]:
        nearest = min(free, key=lambda i: float(np.linalg.norm(place[i] - place[receiver])))
        free.remove(nearest)
        cover[nearest] = receiver
    route = {}
    for i in receivers:
        side = np.sign(place[i, 1]) or 1.0
        bend = rng.choice([-1.6, -0.8, 0.0, 0.7, 1.4, 2.6]) * side
        route[i] = (rng.uniform(0.8, 2.4), float(bend), float(rng.uniform(0.85, 1.0) * traits.top[i]))
    aim = np.array([2.5, rng.choice([-1, 1]) * rng.uniform(0, 6.0)])
    drop = np.array([-rng.uniform(5.5, 8.5), rng.normal(0, 1.0)])
    return Jobs(quarterback, target, blockers, task, rushers, cover, route, aim, drop)


def is_heavy(lineup: Lineup) -> np.ndarray:
    """[P] bool: a lineman, who starts in a three-point stance."""
    return np.isin(lineup.positions, HEAVY)
