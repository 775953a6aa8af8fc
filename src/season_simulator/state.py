"""What is to happen in a play, and its state, in the offence's frame as in `roster`."""

import numpy as np
from numpy.random import Generator
from scipy.optimize import linear_sum_assignment

from player_contact.competition.clock import STEPS_PER_SECOND
from season_simulator.geometry import direction
from season_simulator.roster import TOP_SPEED, Lineup

NOBODY, DROPPED = -1, -2


class Scenario:
    """A plan for `steps` labelled steps, simulated from `start` to `end`, s since the snap."""

    def __init__(self, rng: Generator, steps: int, start: float, end: float) -> None:
        self.start, self.end, last = start, end, steps / STEPS_PER_SECOND
        # A spike or a dead ball: hardly anybody moves, nobody touches anybody.
        self.no_contact = rng.random() < 0.015
        self.run_play = rng.random() < 0.42 and not self.no_contact  # else a pass
        # The back or the receiver gets the ball; else it is incomplete, without a tackle.
        self.caught = (self.run_play or rng.random() < 0.72) and not self.no_contact
        self.whistle = last - min(rng.uniform(1.3, 4.6), 0.5 * last)  # the end, at the latest
        self.tackle = self.whistle - min(1.2, 0.3 * self.whistle)  # tackles succeed from here on
        if self.run_play:
            self.handoff = self.catch = min(rng.uniform(0.7, 1.4), 0.4 * self.tackle)
            return
        flight, self.catch = min(rng.uniform(0.6, 1.4), 0.25 * self.tackle), self.whistle
        if self.caught:
            self.catch = max(self.tackle - rng.uniform(0.2, 2.5), 0.55 * self.tackle)
        self.handoff = self.catch - flight  # of a pass: when it is thrown


class Assignments:
    """Who does what; players by their index in the lineup."""

    def __init__(self, rng: Generator, lineup: Lineup, run_play: bool) -> None:
        positions, start = lineup.positions, lineup.start
        attackers = np.flatnonzero(lineup.offence).tolist()
        defenders = np.flatnonzero(~lineup.offence).tolist()
        self.quarterback = positions.index("QB")
        receivers = [i for i in attackers if positions[i] in ("WR", "TE", "RB")]
        backs = [i for i in receivers if positions[i] == "RB"]
        wide = [i for i in receivers if positions[i] != "RB"]
        self.target = backs[0]  # who gets the ball from the quarterback
        if not run_play:
            self.target = int(rng.choice(wide if rng.random() < 0.85 else backs))
        line = ("DE", "DT", "NT")  # they and all close to it go for the ball at once
        self.rushers = [i for i in defenders if positions[i] in line or start[i, 0] < 1.5]
        others = [i for i in defenders if i not in self.rushers]
        if rng.random() < 0.3:  # a blitz
            self.rushers.append(others.pop(int(rng.integers(len(others)))))
        if run_play:  # everyone blocks somebody, receivers the one opposite
            blockers = [i for i in attackers if i not in (self.target, self.quarterback)]
            opponents = [i for i in defenders if positions[i] != "FS"]
        else:
            tight = [i for i in receivers if i != self.target and positions[i] in ("TE", "RB")]
            blockers = [i for i in attackers if positions[i] in ("C", "G", "T", "FB")]
            blockers += [i for i in tight if rng.random() < 0.5]
            opponents = self.rushers
        self.blockers = blockers  # block rather than run a route
        across = np.abs(start[blockers, None, 1] - start[None, opponents, 1])
        rows, columns = linear_sum_assignment(across + 0.25 * np.abs(start[None, opponents, 0]))
        pairs = zip(rows, columns, strict=True)
        self.blocked = {blockers[a]: opponents[b] for a, b in pairs}  # the defender of each
        free = [i for i in others if positions[i] != "FS"]
        self.coverage: dict[int, int] = {}  # defender -> the receiver he follows
        for receiver in sorted(wide, key=lambda i: -abs(start[i, 1]))[: len(free)]:
            nearest = min(free, key=lambda i: float(np.linalg.norm(start[i] - start[receiver])))
            free.remove(nearest)
            self.coverage[nearest] = receiver
        self.routes = {}  # receiver -> s until the turn, radians, share of the top speed
        for i in receivers:
            bend = rng.choice([-1.6, -0.8, 0.0, 0.7, 1.4, 2.6]) * (np.sign(start[i, 1]) or 1.0)
            self.routes[i] = rng.uniform(0.8, 2.4), bend, rng.uniform(0.85, 1.0)
        self.run_lane = np.array([2.5, rng.choice([-1, 1]) * rng.uniform(0, 6.0)])
        self.dropback = np.array([-rng.uniform(5.5, 8.5), rng.normal(0, 1.0)])


class Traits:
    """How the P players differ."""

    def __init__(self, rng: Generator, lineup: Lineup) -> None:
        n = len(lineup.ids)
        angle, pace = rng.uniform(-np.pi, np.pi, n), rng.uniform(0.8, 4.0, n)
        pace = np.where(rng.random(n) < 0.12, rng.uniform(0, 0.5, n), pace)  # some stop and look
        top_speed = np.array([TOP_SPEED[p] for p in lineup.positions])
        self.top_speed = top_speed * rng.uniform(0.9, 1.03, n)  # yd/s
        self.reaction = rng.uniform(0.05, 0.35, n)  # s after the snap until they move
        self.push_speed = rng.uniform(0.4, 2.6, n)  # yd/s at which a rusher drives his blocker
        self.stand_off = rng.uniform(3.5, 15.0, n)  # yd one stays clear of the crowd
        self.gathers = rng.uniform(0.8, 10.0, n)  # yd from the pile at which the curious stop
        self.pursuit_radius = rng.uniform(7.0, 16.0, n)  # yd, a ball so near draws a defender
        self.cushion = rng.uniform(0.6, 3.6, n)  # yd a defender leaves his receiver
        self.trail = rng.normal((2.0, 0.0), 8.5, (n, 2))  # yd from a ball another has caught
        self.walk = pace[:, None] * direction(angle)  # [P, 2] yd/s after the whistle
        self.bias = rng.random(n)  # settles left or right, curious or not


class State:
    """What changes from step to step; at first the snap, on a field with these `bounds`."""

    def __init__(
        self, rng: Generator, lineup: Lineup, scenario: Scenario, bounds: np.ndarray
    ) -> None:
        n = len(lineup.ids)
        self.rng, self.lineup, self.scenario, self.now = rng, lineup, scenario, 0.0
        self.bounds = bounds  # [2, 2] yd, the lowest and the highest (x, y) of the field
        self.traits = Traits(rng, lineup)
        self.assignments = Assignments(rng, lineup, scenario.run_play)
        self.position, self.velocity = lineup.start.copy(), np.zeros((n, 2))
        self.intent = np.zeros((n, 2))  # yd/s, the desired velocity that has reached the legs
        self.engaged = np.full(n, NOBODY)  # whom one blocks or tackles
        self.locked = np.zeros(n, bool)  # in a block that hardly moves
        self.brushes = np.zeros(n, bool)  # no hold, only an arm put out in passing
        self.release_at = np.full(n, -np.inf)  # when that ends
        self.free_at = np.zeros(n)  # when the next may begin
        self.hold_distance = rng.uniform(0.6, 1.0, n)  # yd
        self.drift = np.zeros((n, 2))  # yd/s, how a block wanders
        self.fall_at, self.rise_at = np.full(n, np.inf), np.full(n, np.inf)
        self.fall_angle = rng.uniform(-np.pi, np.pi, n)  # towards which side his head falls
        self.fall_depth = np.ones(n)  # 1 is flat, a half on the knees, less a stumble
        self.trip_at = np.full(n, -np.inf)  # when a knee last touched in passing
        self.grip = np.ones(n)  # 1/s, how fast a fallen player comes to rest
        self.crawl = np.zeros((n, 2))  # yd/s, how he moves on the ground
        self.held_until = np.zeros(n)  # when one who was stopped on his feet goes on
        self.carrier = self.assignments.quarterback
        self.ball = self.thrown_from = lineup.start[self.carrier]  # [2]
        self.dead_at = np.inf  # when the play is over
        self.rank = np.arange(n)  # 0 the defender nearest to the ball, 1 the next, ...

    @property
    def ball_in_hand(self) -> bool:
        """Whether somebody can be tackled now: not while a pass is in the air."""
        run_play, handoff, catch = (
            self.scenario.run_play,
            self.scenario.handoff,
            self.scenario.catch,
        )
        return run_play or not handoff <= self.now < catch
