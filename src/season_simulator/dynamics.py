"""What happens to the players from one integration step to the next: holds, falls, forces."""

import numpy as np

from season_simulator.geometry import direction
from season_simulator.state import DROPPED, NOBODY, State
from season_simulator.steering import Steering

RATE = 20.0  # integration steps a second
LEG_ACCELERATION, COLLISION_ACCELERATION = 5.5, 12.0  # yd/s2, the largest
END_ZONE = 10.0  # yd
HESITATION = 0.28  # s until a changed mind shows in the legs
KNEEL_DEPTH, LIE_DEPTH, STUMBLE_DEPTH = (0.5, 0.64), (0.66, 0.92), (0.2, 0.43)
KNEELING = 0.78  # share of the falls that end on the knees
# Rates a second of falling and of stumbling, of one who is engaged, is not, or is near the pile.
FALL_RATES, STUMBLE_RATES = (0.032, 0.006, 0.35), (0.1, 0.02, 0.27)
CROUCH_SECONDS = (0.3, 1.5)  # s until one who stumbles, or squats, is up again
TRIP_RATE = 0.005  # a second, of a knee that touches in passing
# What a fallen player does: share of the falls; grip, 1/s; crawl, yd/s; median s there.
GROUND_WAYS = (
    (0.08, (1.2, 2.5), (0.2, 1.2), 0.8),  # gets up at once
    (0.1, (0.5, 0.9), (0.1, 0.6), 3.5),  # slides
    (0.1, (1.0, 2.0), (0.3, 1.0), 4.5),  # rolls or crawls
    (0.72, (1.2, 2.5), (0.0, 0.1), 5.2),  # lies
)
LOCKED = 0.6  # share of the blocks that hardly move
BRUSHES = 0.85  # share of the failing tackles that only put out an arm
SHAKEN = (0.2, 0.8)  # share of his speed that one who missed a tackle keeps
HELD_UP, HELD_SECONDS = 0.1, (0.5, 2.5)  # share of the tackled who stay on their feet; how long
BLOCK_REACH, TACKLE_REACH = 1.0, 1.2  # yd


class Simulation(State):
    """A state that is stepped: `move_ball`, `update_holds`, `update_falls`, then `integrate`."""

    def move_ball(self) -> None:
        """The ball is carried, flies or lies; decides when the play is dead."""
        scenario, assignments, now = self.scenario, self.assignments, self.now
        if now < scenario.handoff:
            self.ball = self.thrown_from = self.position[assignments.quarterback]
        elif not scenario.run_play and now < min(scenario.catch, self.dead_at):
            share = (now - scenario.handoff) / max(scenario.catch - scenario.handoff, 1e-3)
            receiver = self.position[assignments.target]
            self.ball = (1 - share) * self.thrown_from + share * receiver
        else:
            if self.carrier == assignments.quarterback and now < self.dead_at:
                self.carrier = assignments.target
                self.dead_at = np.inf if scenario.caught else now
            self.ball = self.position[self.carrier]
        low, high = self.bounds
        x, y = self.position[self.carrier]
        scored_or_out = x > high[0] - END_ZONE or not low[1] < y < high[1]
        if (self.ball_in_hand and scored_or_out) or now > scenario.whistle + 1.2:
            self.dead_at = min(self.dead_at, now)
        distance = np.linalg.norm(self.position - self.ball, axis=1)
        distance += np.where(self.lineup.offence, 1e3, 0.0)
        self.rank = distance.argsort(kind="stable").argsort(kind="stable")

    def ball_holder(self) -> int:
        """Who has the ball after `move_ball`; NOBODY: it flies, DROPPED: nobody caught it."""
        scenario = self.scenario
        if self.carrier == self.assignments.target and not scenario.caught:
            return DROPPED
        in_flight = scenario.handoff <= self.now < min(scenario.catch, self.dead_at)
        return NOBODY if in_flight and not scenario.run_play else self.carrier

    def update_holds(self) -> None:
        """Blocks and tackles end and begin."""
        offence, now, rng = self.lineup.offence, self.now, self.rng
        for i in np.flatnonzero((self.engaged != NOBODY) & (now > self.release_at)).tolist():
            missed_tackle = self.engaged[i] == self.carrier and not offence[i]
            self._release(i)
            if missed_tackle:
                self.velocity[i] *= rng.uniform(*SHAKEN)
                if rng.random() < 0.6:
                    self._start_fall(i, now)
        # Offence lets go once the ball is far, everybody once the play is dead.
        far = np.linalg.norm(self.position - self.ball, axis=1) > 4.5
        far &= now > self.scenario.handoff
        over = now > self.dead_at + 0.3
        rate = np.where(over, 1.2, np.where(far & offence, 2.0, 0.0))
        ends = (self.engaged != NOBODY) & (rng.random(len(rate)) < rate / RATE)
        for i in np.flatnonzero(ends).tolist():
            self._release(i)
        if over:
            return
        distance = np.linalg.norm(self.position[:, None] - self.position, axis=-1)
        ready = (now > self.free_at) & (now < self.fall_at) & (now > self.traits.reaction)
        for i in np.flatnonzero(ready & (self.engaged == NOBODY)).tolist():
            if i in self.assignments.blockers and not far[i]:
                loose = (now > self.free_at) & (now < self.fall_at) & ~offence
                blockers = (self.engaged == np.arange(len(far))[:, None]).sum(1)
                gap = np.where(loose & (blockers < 2), distance[i], np.inf)
                if gap.min() < BLOCK_REACH:
                    self._block(i, int(gap.argmin()))
            elif not offence[i] and now < self.dead_at and self.ball_in_hand:
                if distance[i, self.carrier] < TACKLE_REACH and rng.random() < 8.0 / RATE:
                    self._tackle(i)

    def _block(self, i: int, j: int) -> None:
        self.engaged[i] = j
        if self.engaged[j] == NOBODY:
            self.engaged[j] = i
            self.release_at[j] = np.inf  # the blocker decides
        self.release_at[i] = self.now + 0.6 + self.rng.exponential(2.2)
        mean = (2.2, 0.0) if self.scenario.run_play else (0.0, 0.0)
        self.drift[[i, j]] = self.rng.normal(mean, 0.9)
        self.locked[[i, j]] = self.rng.random() < LOCKED

    def _tackle(self, i: int) -> None:
        """One that is to succeed brings both down a little later; the others are shaken off."""
        rng, now = self.rng, self.now
        self.engaged[i] = self.carrier
        self.hold_distance[i] = rng.uniform(0.5, 0.85)
        if now < self.scenario.tackle and rng.random() < 0.85:
            self.release_at[i] = now + rng.uniform(0.2, 0.6)
            self.brushes[i] = rng.random() < BRUSHES
            return
        self.release_at[i] = np.inf
        if self.fall_at[self.carrier] == np.inf:
            fall_at = now + rng.uniform(0.25, 0.9)
            self.dead_at = min(self.dead_at, fall_at + 0.25)
            if rng.random() < HELD_UP:
                self.held_until[self.carrier] = fall_at + rng.uniform(*HELD_SECONDS)
                return
            self._start_fall(self.carrier, fall_at)
        if rng.random() < 0.58:
            self._start_fall(i, max(now, self.fall_at[self.carrier] + rng.normal(0, 0.12)))

    def _release(self, i: int) -> None:
        partner = self.engaged[i]
        self.engaged[i], self.brushes[i] = NOBODY, False
        self.free_at[i] = self.now + self.rng.uniform(0.3, 1.2)
        if partner != NOBODY and self.engaged[partner] == i:
            self.engaged[partner] = NOBODY
            self.free_at[partner] = self.now + self.rng.uniform(0.1, 0.6)

    def update_falls(self) -> None:
        """Linemen fall now and then, who arrives late falls on the pile; many stumble or trip."""
        rng, now, engaged = self.rng, self.now, self.engaged != NOBODY
        standing = self.fall_at == np.inf
        to_carrier = np.linalg.norm(self.position - self.position[self.carrier], axis=1)
        rate = np.where(engaged, *FALL_RATES[:2])
        if self.fall_at[self.carrier] < np.inf and self.dead_at - 0.3 < now < self.dead_at + 0.8:
            rate = np.where(to_carrier < 1.4, FALL_RATES[2], rate)
        for i in np.flatnonzero(standing & (rng.random(len(rate)) < rate / RATE)).tolist():
            self._start_fall(i, now)
        rate = np.where(engaged, *STUMBLE_RATES[:2])
        if self.dead_at - 0.5 < now < self.dead_at + 1.5:
            rate = np.where(to_carrier < 2.0, STUMBLE_RATES[2], rate)
        rate[self.carrier] = 0
        stumbles = (self.fall_at == np.inf) & (rng.random(len(rate)) < rate / RATE)
        for i in np.flatnonzero(stumbles).tolist():
            self._start_fall(i, now)
            self.fall_depth[i] = rng.uniform(*STUMBLE_DEPTH)
            self.rise_at[i] = now + rng.uniform(*CROUCH_SECONDS)
        trips = (self.fall_at == np.inf) & (rng.random(len(rate)) < TRIP_RATE / RATE)
        for i in np.flatnonzero(trips).tolist():  # a knee touches, and on he goes
            self.trip_at[i] = now
        upright = ~standing & (now > self.rise_at + 0.8)
        self.fall_at[upright] = self.rise_at[upright] = np.inf

    def _start_fall(self, i: int, when: float) -> None:
        if self.fall_at[i] < np.inf:
            return
        rng, self.fall_at[i] = self.rng, when
        share = [way[0] for way in GROUND_WAYS]
        _, grip, crawl, seconds = GROUND_WAYS[int(rng.choice(len(share), p=share))]
        self.fall_depth[i] = rng.uniform(*(KNEEL_DEPTH if rng.random() < KNEELING else LIE_DEPTH))
        self.rise_at[i] = when + 0.3 + rng.lognormal(np.log(seconds), 0.45)
        self.grip[i] = rng.uniform(*grip)
        self.crawl[i] = rng.uniform(*crawl) * direction(rng.uniform(-np.pi, np.pi))
        leader = i if self.engaged[i] == NOBODY else self.engaged[i]  # a tackler falls with his man
        x, y = 1.4 * self.velocity[leader] + rng.normal(0, 0.6, 2)
        self.fall_angle[i] = np.arctan2(y, x)

    def integrate(self) -> None:
        """Legs follow the steering, bodies repel each other, then one Euler step."""
        engaged = self.engaged != NOBODY
        drift = self.drift[engaged]
        step = self.rng.normal(0, 1.1 / np.sqrt(RATE), drift.shape)
        self.drift[engaged] += step - 0.05 * drift
        desired = np.array([Steering(self, i).velocity() for i in range(len(engaged))])
        if self.scenario.no_contact:
            desired *= 0.6
        self.intent += (desired - self.intent) / (HESITATION * RATE)
        lying = self.now > self.fall_at
        gain = np.where(lying, self.grip, 2.8)[:, None]
        legs = _limit((self.intent - self.velocity) * gain, LEG_ACCELERATION)
        low, high = self.bounds
        legs += 6.0 * np.clip(low - 1 - self.position, 0, 1.5)  # back onto the field
        legs -= 6.0 * np.clip(self.position - high - 1, 0, 1.5)
        collisions = _limit(self._repulsion(lying), COLLISION_ACCELERATION)
        acceleration = _limit(legs + collisions, 0.8 * COLLISION_ACCELERATION)
        self.velocity = self.velocity + acceleration / RATE
        speed = np.linalg.norm(self.velocity, axis=1)
        self.velocity *= np.minimum(1, self.traits.top_speed / np.maximum(speed, 1e-6))[:, None]
        self.position = self.position + self.velocity / RATE

    def _repulsion(self, lying: np.ndarray) -> np.ndarray:
        """[P, 2] yd/s2 with which bodies keep each other at a distance."""
        offence = self.lineup.offence
        offset = self.position[:, None] - self.position
        distance = np.linalg.norm(offset, axis=-1) + 1e-3
        np.fill_diagonal(distance, np.inf)
        over = lying[:, None] | lying
        spacious = (offence[:, None] == offence) | self.scenario.no_contact
        radius = np.where(over, 0.50, np.where(spacious, 1.6, 0.85))
        if self.ball_in_hand:  # a tackler does not keep his distance
            radius[self.carrier, ~offence] = radius[~offence, self.carrier] = 0.2
        closing = -((self.velocity[:, None] - self.velocity) * offset).sum(-1) / distance
        force = np.clip(radius - distance, 0, 0.4) * np.where(over, 12.0, 20.0)
        damping = np.clip((radius + 0.45 - distance) / 0.45, 0, 1)  # nobody runs through anybody
        force = force + 3.0 * np.clip(closing, 0, None) * damping
        engaged = self.engaged[:, None] == np.arange(len(lying))
        force = np.where((engaged | engaged.T) & ~over, 0.3 * force, force)
        return (offset / distance[..., None] * force[..., None]).sum(1)


def _limit(vector: np.ndarray, length: float) -> np.ndarray:
    """[P, 2] the same, no longer than `length`."""
    norm = np.linalg.norm(vector, axis=1, keepdims=True)
    return vector * np.minimum(1, length / np.maximum(norm, 1e-6))
