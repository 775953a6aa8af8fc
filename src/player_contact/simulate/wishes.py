"""Where every player wants to go: the velocity he would have if nobody stood in his way."""

import numpy as np

from player_contact.simulate.roster import HEAVY
from player_contact.simulate.state import NOBODY, State

EDGE = 2.5  # yd from a sideline at which a player turns back in


def wish(state: State, i: int, now: float) -> np.ndarray:
    """[2] yd/s that player `i` wants at `now`."""
    if now < state.traits.react[i] or now > state.fallen[i]:
        return np.zeros(2)
    if now > state.dead:
        return _after_whistle(state, i, now)
    if state.hold[i] != NOBODY:
        return _held(state, i)
    if i == state.carrier and state.script.carried(now):
        return _pass_or_hand_off(state, i) if i == state.jobs.quarterback else _carry(state, i, now)
    return _attack(state, i, now) if state.lineup.offence[i] else _defend(state, i, now)


def towards(goal: np.ndarray, speed: float, eager: float = 1.8) -> np.ndarray:
    """[2] velocity along `goal`, slowing down near it: `eager` yd/s for each yard left."""
    distance = float(np.linalg.norm(goal))
    return goal / max(distance, 1e-6) * min(speed, eager * distance)


def _held(state: State, i: int) -> np.ndarray:
    """Blocker and rusher, tackler and runner: together, at arm's length, pushed about."""
    j = state.hold[i]
    away = state.position[i] - state.position[j]
    distance = max(float(np.linalg.norm(away)), 1e-3)
    spring = 2.5 * (min(state.gap[i], state.gap[j]) - distance) * away / distance
    if j == state.carrier:
        return state.velocity[j] + spring
    rusher = j if state.lineup.offence[i] else i
    drive = state.traits.drive[rusher] * towards(state.ball - state.position[rusher], 1.0)
    return 0.5 * (state.push[i] + state.push[j]) + drive + spring


def _after_whistle(state: State, i: int, now: float) -> np.ndarray:
    """Some go and look at the pile, the others slow down to a stroll."""
    away = state.ball - state.position[i]
    distance = float(np.linalg.norm(away))
    curious = state.traits.leaning[i] < 0.5 and state.lineup.positions[i] not in HEAVY
    if curious and now < state.dead + 1.5 and distance > state.traits.stand_off[i] - 0.8:
        return away / distance * min(3.0, distance)
    return 0.85 * state.velocity[i] + 0.15 * state.traits.stroll[i]


def _pass_or_hand_off(state: State, i: int) -> np.ndarray:
    """The quarterback drops back and avoids whoever comes near."""
    goal = np.array([-3.5, 0.0]) if state.script.run_play else state.jobs.drop
    return towards(goal - state.position[i], 5.0) + 2.5 * _threat(state, i, reach=3.5)


def _carry(state: State, i: int, now: float) -> np.ndarray:
    """Through the line, then downfield, away from defenders and sidelines; slower with every tackler who hangs on."""
    script, position = state.script, state.position[i]
    through_line = script.run_play and position[0] < 0.5
    goal = state.jobs.aim - position if through_line else np.array([1.0, 0.0])
    way = goal / max(float(np.linalg.norm(goal)), 1e-6) + 0.8 * _threat(state, i, reach=4.0)
    low, high = state.bounds[:, 1]
    way[1] += np.clip(low + 2 * EDGE - position[1], 0, EDGE) - np.clip(position[1] - high + 2 * EDGE, 0, EDGE)
    tired = np.clip(1.0 - 0.35 * max(now - script.tackle + 0.3, 0), 0.25, 1.0)  # somebody has to catch him
    speed = 0.9 * state.traits.top[i] * 0.5 ** int((state.hold == i).sum()) * tired
    return way / max(float(np.linalg.norm(way)), 1e-6) * speed


def _threat(state: State, i: int, reach: float) -> np.ndarray:
    """[2] away from the defenders who are within `reach` yards."""
    away = state.position[i] - state.position[~state.lineup.offence]
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    return (away / np.maximum(distance, 0.1) * np.clip(1 - distance / reach, 0, 1)).sum(0)


def _attack(state: State, i: int, now: float) -> np.ndarray:
    """Blockers block, receivers run their routes; once another has the ball, they trot after it."""
    if i in state.jobs.blockers:
        return _seek_block(state, i, now)
    after_ball = state.ball + state.traits.spread[i] - state.position[i]
    if i == state.jobs.quarterback:
        return towards(after_ball, 2.5)
    if now > state.script.catch:
        return towards(after_ball, 0.8 * state.traits.top[i])
    cut, bend, speed = state.jobs.route[i]
    angle = bend * np.clip((now - cut) / 0.4, 0, 1)
    way = speed * np.array([np.cos(angle), np.sin(angle)])
    low, high = state.bounds[:, 1]
    if not low + EDGE < state.position[i, 1] < high - EDGE:
        way[1] = np.sign(0.5 * (low + high) - state.position[i, 1]) * 1.5
    return way


def _seek_block(state: State, i: int, now: float) -> np.ndarray:
    """Between one's own defender and the ball; with nobody to block, back into the pocket or ahead of the runner."""
    script, position, top = state.script, state.position[i], state.traits.top[i]
    away = state.ball - position
    distance = float(np.linalg.norm(away))
    if distance > 7.0 and now > script.handoff:
        return towards(away * (1 - state.traits.stand_off[i] / distance), 0.75 * top)
    defender = state.jobs.task.get(i)
    reach = 12.0 if script.run_play else 3.0
    if defender is not None and np.linalg.norm(state.position[defender] - position) < reach and now < state.fallen[defender]:
        between = 0.85 * state.position[defender] + 0.15 * state.position[state.carrier]
        return towards(between - position, top * (0.75 if script.run_play else 0.55))
    place = state.lineup.place[i]
    if script.run_play:
        return towards(place + np.array([min(3.0 * now, 6.0), 0.5 * state.jobs.aim[1]]) - position, 0.55 * top)
    pocket = place + min(now / 1.8, 1.0) * np.array([-2.2 - 0.5 * abs(place[1]), 0.35 * place[1]])
    return towards(pocket - position, 0.6 * top)


def _defend(state: State, i: int, now: float) -> np.ndarray:
    """Rush, cover a receiver or hold a zone; close in on a runner who comes near."""
    script, position, top = state.script, state.position[i], state.traits.top[i]
    near = state.rank[i] < 3 or np.linalg.norm(state.ball - position) < state.traits.wake[i]
    seen = now > state.traits.react[i] + 0.7
    if i in state.jobs.rushers or (near and (now > script.catch or (script.run_play and seen))):
        return _chase(state, i, now)
    if i in state.jobs.cover and not (script.run_play and now > state.traits.react[i] + 1.5):
        receiver = state.jobs.cover[i]
        cushion = state.traits.cushion[i]
        spot = state.position[receiver] + cushion * np.array([0.8, -0.3 * np.sign(state.position[receiver, 1])])
        return 0.85 * state.velocity[receiver] + towards(spot - position, 0.6 * top, eager=1.2)
    place = state.lineup.place[i]
    zone = place + np.array([3.0, 0.45 * (state.ball[1] - place[1])])
    return towards(zone - position, 0.75 * top)


def _chase(state: State, i: int, now: float) -> np.ndarray:
    """At the ball: the nearest straight at it and round the blockers, the others staying clear of the crowd."""
    script, traits = state.script, state.traits
    carried = script.carried(now)
    goal = state.position[state.carrier] + 0.35 * state.velocity[state.carrier] if carried else state.ball
    way = goal - state.position[i]
    if i in state.jobs.rushers and now < script.handoff:  # keep to the lane
        way[1] += 0.5 * state.lineup.place[i, 1] * np.clip(abs(way[0]) / 5.0, 0, 1)
    distance = float(np.linalg.norm(way))
    first = state.rank[i] < (3 if carried else 5)
    if not first and now < script.tackle + 1.0:
        way = way * max(distance - traits.stand_off[i], 0) / max(distance, 1e-6)
    return towards(way, traits.top[i] * (1.0 if first else 0.85)) + 1.6 * _sidestep(state, i)


def _sidestep(state: State, i: int) -> np.ndarray:
    """[2] round the nearest blocker, if one is near."""
    away = state.position[i] - state.position
    distance = np.where(state.lineup.offence, np.linalg.norm(away, axis=1), np.inf)
    distance[state.carrier] = np.inf
    k = int(np.argmin(distance))
    if distance[k] > 1.6:
        return np.zeros(2)
    side = 1.0 if state.traits.leaning[i] < 0.5 else -1.0
    return side * np.array([-away[k, 1], away[k, 0]]) / max(distance[k], 0.2)
