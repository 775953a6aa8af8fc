"""Steering behaviours: the velocity each player would have if nobody stood in his way."""

import numpy as np

from season_simulator.geometry import direction
from season_simulator.roster import LINEMEN
from season_simulator.state import NOBODY, State

AHEAD = (0.15, 1.2)  # s by which a pursuer aims ahead of the runner, the farther the more
CHASE_GAIN = 6.0  # 1/s; he hardly slows down before he is there
SIDELINE_MARGIN = 2.5  # yd from a sideline at which a player turns back in


def arrive(offset: np.ndarray, speed: float, gain: float = 1.8) -> np.ndarray:
    """[2] velocity along `offset`, slowing down near its end: `gain` yd/s for each yard left."""
    return _unit(offset) * min(speed, gain * _length(offset))


def _length(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(_length(vector), 1e-6)


def _at_most(vector: np.ndarray, length: float) -> np.ndarray:
    return vector * min(1.0, length / max(_length(vector), 1e-6))


class Steering:
    """The behaviours of player `i`."""

    def __init__(self, state: State, i: int) -> None:
        self.state, self.i, self.now = state, i, state.now
        self.scenario, self.assignments = state.scenario, state.assignments
        self.position, self.start = state.position[i], state.lineup.start[i]
        self.to_ball = state.ball - self.position
        self.top_speed, self.reaction = state.traits.top_speed[i], state.traits.reaction[i]
        self.stand_off, self.bias = state.traits.stand_off[i], state.traits.bias[i]

    def velocity(self) -> np.ndarray:
        """[2] yd/s that the player steers for."""
        if self.now < max(self.reaction, self.state.held_until[self.i]):
            return np.zeros(2)
        if self.now > self.state.fall_at[self.i]:
            return self.state.crawl[self.i]
        if self.now > self.state.dead_at:
            return self._after_whistle()
        if self.state.engaged[self.i] != NOBODY and not self.state.brushes[self.i]:
            return self._grapple()
        if self.i == self.state.carrier and self.state.ball_in_hand:
            quarterback = self.i == self.assignments.quarterback
            return self._quarterback() if quarterback else self._carry()
        return self._attack() if self.state.lineup.offence[self.i] else self._defend()

    def _after_whistle(self) -> np.ndarray:
        """Some approach the pile, the others slow down to a walk."""
        curious = self.bias < 0.5 and self.state.lineup.positions[self.i] not in LINEMEN
        outside = _length(self.to_ball) > self.state.traits.gathers[self.i]
        if curious and self.now < self.state.dead_at + 1.5 and outside:
            return arrive(self.to_ball, 3.0, gain=1.0)
        return 0.85 * self.state.velocity[self.i] + 0.15 * self.state.traits.walk[self.i]

    def _grapple(self) -> np.ndarray:
        """Blocker and rusher, tackler and runner: together, at arm's length, pushed about."""
        state, i, j = self.state, self.i, self.state.engaged[self.i]
        away = self.position - state.position[j]
        distance = max(_length(away), 1e-3)
        stretch = min(state.hold_distance[i], state.hold_distance[j]) - distance
        spring = 2.5 * stretch * away / distance
        if j == state.carrier:
            return state.velocity[j] + spring
        if state.locked[i] and state.locked[j]:
            return spring
        rusher = j if state.lineup.offence[i] else i
        push = state.traits.push_speed[rusher] * arrive(state.ball - state.position[rusher], 1.0)
        return 0.5 * (state.drift[i] + state.drift[j]) + push + spring

    def _quarterback(self) -> np.ndarray:
        """He drops back and evades whoever comes near."""
        target = np.array([-3.5, 0.0]) if self.scenario.run_play else self.assignments.dropback
        return arrive(target - self.position, 5.0) + 2.5 * self._evade(3.5)

    def _carry(self) -> np.ndarray:
        """Through the line, then downfield, away from defenders and sidelines."""
        behind_line = self.scenario.run_play and self.position[0] < 0.5
        ahead = self.assignments.run_lane - self.position if behind_line else np.array([1.0, 0.0])
        momentum = self.state.velocity[self.i] / self.top_speed
        heading = _unit(ahead) + 0.6 * momentum + _at_most(0.8 * self._evade(4.0), 0.8)
        low, high, margin = *self.state.bounds[:, 1], SIDELINE_MARGIN
        heading[1] += np.clip(low + 2 * margin - self.position[1], 0, margin)
        heading[1] -= np.clip(self.position[1] - high + 2 * margin, 0, margin)
        fatigue = np.clip(1.0 - 0.1 * max(self.now - self.scenario.tackle, 0), 0.7, 1.0)
        holds = (self.state.engaged == self.i) & ~self.state.brushes
        tacklers = int(holds.sum())  # each slows him down
        return _unit(heading) * (self.top_speed * 0.6**tacklers * fatigue)

    def _evade(self, radius: float) -> np.ndarray:
        """Away from the defenders who are within `radius` yards."""
        away = self.position - self.state.position[~self.state.lineup.offence]
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        return (away / np.maximum(distance, 0.1) * np.clip(1 - distance / radius, 0, 1)).sum(0)

    def _attack(self) -> np.ndarray:
        """Blockers block, receivers run their routes; once another has the ball, they trail it."""
        if self.i in self.assignments.blockers:
            return self._seek_block()
        trail = self.state.ball + self.state.traits.trail[self.i] - self.position
        if self.i == self.assignments.quarterback:
            return arrive(trail, 2.5)
        if self.now > self.scenario.catch:
            return arrive(trail, 0.8 * self.top_speed)
        turn_at, bend, pace = self.assignments.routes[self.i]
        angle = bend * np.clip((self.now - turn_at) / 0.4, 0, 1)
        velocity = pace * self.top_speed * direction(angle)
        low, high = self.state.bounds[:, 1]
        if not low + SIDELINE_MARGIN < self.position[1] < high - SIDELINE_MARGIN:
            velocity[1] = np.sign(0.5 * (low + high) - self.position[1]) * 1.5
        return velocity

    def _seek_block(self) -> np.ndarray:
        """Between his defender and the ball; without one into the pocket or ahead of the run."""
        run_play, start, distance = self.scenario.run_play, self.start, _length(self.to_ball)
        if distance > 7.0 and self.now > self.scenario.handoff:
            return arrive(self.to_ball * (1 - self.stand_off / distance), 0.75 * self.top_speed)
        defender = self.assignments.blocked.get(self.i)
        if defender is not None and self.now < self.state.fall_at[defender]:
            target, reach = self.state.position[defender], 12.0 if run_play else 3.0
            if _length(target - self.position) < reach:
                between = 0.85 * target + 0.15 * self.state.position[self.state.carrier]
                speed = self.top_speed * (0.75 if run_play else 0.55)
                return arrive(between - self.position, speed)
        if run_play:
            ahead = np.array([min(3.0 * self.now, 6.0), 0.5 * self.assignments.run_lane[1]])
            return arrive(start + ahead - self.position, 0.55 * self.top_speed)
        pocket = np.array([-2.2 - 0.5 * abs(start[1]), 0.35 * start[1]])
        offset = start + min(self.now / 1.8, 1.0) * pocket - self.position
        return arrive(offset, 0.6 * self.top_speed)

    def _defend(self) -> np.ndarray:
        """Rush, cover a receiver or hold a zone; close in on a runner who comes near."""
        state, i, run_play, top = self.state, self.i, self.scenario.run_play, self.top_speed
        near = state.rank[i] < 3 or _length(self.to_ball) < state.traits.pursuit_radius[i]
        recognised = run_play and self.now > self.reaction + 0.7
        on_ball = near and (self.now > self.scenario.catch or recognised)
        if i in self.assignments.rushers or on_ball:
            return self._pursue()
        receiver = self.assignments.coverage.get(i)
        if receiver is not None and not (run_play and self.now > self.reaction + 1.5):
            beside = np.array([0.8, -0.3 * np.sign(state.position[receiver, 1])])
            offset = state.position[receiver] + state.traits.cushion[i] * beside - self.position
            return 0.85 * state.velocity[receiver] + arrive(offset, 0.6 * top, gain=1.2)
        zone = self.start + np.array([3.0, 0.45 * (state.ball[1] - self.start[1])])
        return arrive(zone - self.position, 0.75 * top)

    def _pursue(self) -> np.ndarray:
        """The nearest straight at the ball and round the blockers, the others stand off."""
        state, offset, nearest = self.state, self.to_ball.copy(), 5
        if state.ball_in_hand:
            ahead = np.clip(_length(offset) / self.top_speed, *AHEAD)
            target = state.position[state.carrier] + ahead * state.velocity[state.carrier]
            offset, nearest = target - self.position, 3
        if self.i in self.assignments.rushers and self.now < self.scenario.handoff:  # in his lane
            offset[1] += 0.5 * self.start[1] * np.clip(abs(offset[0]) / 5.0, 0, 1)
        first = state.rank[self.i] < nearest
        if not first and self.now < self.scenario.tackle + 1.0:
            distance = _length(offset)
            offset = offset * max(distance - self.stand_off, 0) / max(distance, 1e-6)
        speed, chases = self.top_speed * (1.0 if first else 0.85), first and state.ball_in_hand
        gain = CHASE_GAIN if chases and self.now > self.scenario.handoff else 1.8
        return arrive(offset, speed, gain) + 1.6 * self._sidestep()

    def _sidestep(self) -> np.ndarray:
        """Round the nearest blocker, if one is near."""
        away = self.position - self.state.position
        distance = np.where(self.state.lineup.offence, np.linalg.norm(away, axis=1), np.inf)
        distance[self.state.carrier] = np.inf
        k = int(np.argmin(distance))
        if distance[k] > 1.6:
            return np.zeros(2)
        side = 1.0 if self.bias < 0.5 else -1.0
        return side * np.array([-away[k, 1], away[k, 0]]) / max(distance[k], 0.2)
