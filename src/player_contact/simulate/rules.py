"""What happens to the players from one integration step to the next: holds, falls, forces, the ball."""

import numpy as np

from player_contact.simulate.state import DROPPED, NOBODY, State
from player_contact.simulate.wishes import wish

RATE = 20.0  # integration steps a second
LEGS = 5.0  # yd/s2, the most that legs give
BUMP = 12.0  # yd/s2, the most that a collision gives
END_ZONE = 10.0  # yd
HESITATION = 0.28  # s until a changed mind shows in the legs
DOWN, STUMBLE = (0.55, 1.0), (0.2, 0.42)  # how far down a fall goes, and a stumble
BLOCK_REACH, TACKLE_REACH = 1.0, 1.1  # yd


def move_ball(state: State, now: float) -> None:
    """The ball is carried, flies or lies; decides when the play is dead."""
    script, jobs = state.script, state.jobs
    in_the_air = not script.run_play and script.handoff <= now < script.catch
    if now < script.handoff:
        state.ball = state.thrown_from = state.position[jobs.quarterback]
    elif in_the_air and now < state.dead:
        share = (now - script.handoff) / max(script.catch - script.handoff, 1e-3)
        state.ball = (1 - share) * state.thrown_from + share * state.position[jobs.target]
    else:
        if state.carrier == jobs.quarterback and now < state.dead:
            state.carrier = jobs.target
            state.dead = np.inf if script.caught else now
        state.ball = state.position[state.carrier]
    low, high = state.bounds
    x, y = state.position[state.carrier]
    scored_or_out = script.carried(now) and (x > high[0] - END_ZONE or not low[1] < y < high[1])
    if scored_or_out or now > script.whistle + 1.2:
        state.dead = min(state.dead, now)
    gap = np.linalg.norm(state.position - state.ball, axis=1) + np.where(state.lineup.offence, 1e3, 0.0)
    state.rank = gap.argsort(kind="stable").argsort(kind="stable")


def holder(state: State, now: float) -> int:
    """The index of who has the ball after `move_ball`; `NOBODY` while a pass flies and `DROPPED` after nobody caught it."""
    script = state.script
    flies = not script.run_play and script.handoff <= now < min(script.catch, state.dead)
    if state.carrier == state.jobs.target and not script.caught:
        return DROPPED
    return NOBODY if flies else state.carrier


def hold_and_release(state: State, rng: np.random.Generator, now: float) -> None:
    """Blocks and tackles begin and end."""
    n, offence = len(state.hold), state.lineup.offence
    for i in np.flatnonzero((state.hold != NOBODY) & (now > state.until)).tolist():
        missed_tackle = state.hold[i] == state.carrier and not offence[i]
        _release(state, rng, i, now)
        if missed_tackle and rng.random() < 0.6:
            _drop(state, rng, i, now)
    far = (np.linalg.norm(state.position - state.ball, axis=1) > 4.5) & (now > state.script.handoff)
    over = now > state.dead + 0.3
    hazard = np.full(n, 1.2) if over else np.where(far & offence, 2.0, 0.0)  # the ball has gone elsewhere
    for i in np.flatnonzero((state.hold != NOBODY) & (rng.random(n) < hazard / RATE)).tolist():
        _release(state, rng, i, now)
    if over:
        return
    distance = np.linalg.norm(state.position[:, None] - state.position, axis=-1)
    ready = (now > state.free) & (now < state.fallen) & (now > state.traits.react)
    for i in np.flatnonzero(ready & (state.hold == NOBODY)).tolist():
        if i in state.jobs.blockers and not far[i]:
            loose = (distance[i] < BLOCK_REACH) & ~offence & (now > state.free) & (now < state.fallen)
            near = [j for j in np.flatnonzero(loose).tolist() if (state.hold == j).sum() < 2]
            if near:
                _block(state, rng, i, min(near, key=lambda j: distance[i, j]), now)
        elif not offence[i] and now < state.dead and state.script.carried(now) and distance[i, state.carrier] < TACKLE_REACH:
            if rng.random() < 8.0 / RATE:
                _tackle(state, rng, i, now)


def _block(state: State, rng: np.random.Generator, i: int, j: int, now: float) -> None:
    state.hold[i] = j
    if state.hold[j] == NOBODY:
        state.hold[j] = i
        state.until[j] = np.inf  # the blocker decides
    state.until[i] = now + 0.6 + rng.exponential(2.2)
    state.push[[i, j]] = rng.normal((2.2, 0.0) if state.script.run_play else (0.0, 0.0), 0.9)


def _tackle(state: State, rng: np.random.Generator, i: int, now: float) -> None:
    """One that is to succeed brings both down after a moment; the others are shaken off."""
    state.hold[i] = state.carrier
    state.gap[i] = rng.uniform(0.5, 0.85)
    if now < state.script.tackle and rng.random() < 0.85:
        state.until[i] = now + rng.uniform(0.2, 0.6)
        return
    state.until[i] = np.inf
    if state.fallen[state.carrier] == np.inf:
        down = now + rng.uniform(0.25, 0.9)
        _drop(state, rng, state.carrier, down)
        state.dead = min(state.dead, down + 0.25)
    if rng.random() < 0.8:
        _drop(state, rng, i, max(now, state.fallen[state.carrier] + rng.normal(0, 0.12)))


def _release(state: State, rng: np.random.Generator, i: int, now: float) -> None:
    partner = state.hold[i]
    state.hold[i] = NOBODY
    state.free[i] = now + rng.uniform(0.3, 1.2)
    if partner != NOBODY and state.hold[partner] == i:
        state.hold[partner] = NOBODY
        state.free[partner] = now + rng.uniform(0.1, 0.6)


def fall_and_rise(state: State, rng: np.random.Generator, now: float) -> None:
    """Linemen are put on the ground now and then; the pile draws in those who arrive late; many stumble and stay up."""
    standing = state.fallen == np.inf
    hazard = np.where(state.hold != NOBODY, 0.043, 0.004)
    if state.fallen[state.carrier] < np.inf and state.dead - 0.3 < now < state.dead + 0.8:
        near = np.linalg.norm(state.position - state.position[state.carrier], axis=1) < 1.4
        hazard = np.where(near, 1.1, hazard)
    for i in np.flatnonzero(standing & (rng.random(len(standing)) < hazard / RATE)).tolist():
        _drop(state, rng, i, now)
    stumbles = np.where(state.hold != NOBODY, 0.10, 0.02)
    stumbles[state.carrier] = 0
    for i in np.flatnonzero((state.fallen == np.inf) & (rng.random(len(standing)) < stumbles / RATE)).tolist():
        _drop(state, rng, i, now)
        state.depth[i] = rng.uniform(*STUMBLE)
        state.rise[i] = now + rng.uniform(0.3, 0.7)
    up_again = ~standing & (now > state.rise + 0.8)
    state.fallen[up_again] = state.rise[up_again] = np.inf


def _drop(state: State, rng: np.random.Generator, i: int, when: float) -> None:
    """Player `i` begins to fall at `when`."""
    if state.fallen[i] < np.inf:
        return
    state.fallen[i] = when
    state.depth[i] = rng.uniform(*DOWN)
    state.rise[i] = when + 0.3 + rng.lognormal(np.log(2.9), 0.5)
    leader = i if state.hold[i] == NOBODY else state.hold[i]  # a tackler goes down with his man
    tumble = 1.4 * state.velocity[leader] + rng.normal(0, 0.6, 2)
    state.fall[i] = np.arctan2(tumble[1], tumble[0])


def move(state: State, rng: np.random.Generator, now: float) -> None:
    """Legs towards the wish, bodies keep each other at a distance, then one Euler step."""
    held = state.hold != NOBODY
    state.push[held] += rng.normal(0, 1.1 / np.sqrt(RATE), (int(held.sum()), 2)) - 0.05 * state.push[held]
    wishes = np.array([wish(state, i, now) for i in range(len(state.hold))])
    wishes = 0.3 * wishes if state.script.calm else wishes
    state.intent += (wishes - state.intent) / (HESITATION * RATE)
    lying = now > state.fallen
    legs = _limit((state.intent - state.velocity) * np.where(lying, 1.4, 2.8)[:, None], LEGS)
    low, high = state.bounds
    legs += 6.0 * (np.clip(low - 1 - state.position, 0, 1.5) - np.clip(state.position - high - 1, 0, 1.5))  # back on the field
    pull = _limit(legs + _limit(_bumps(state, lying, now), BUMP), 0.8 * BUMP)
    state.velocity = state.velocity + pull / RATE
    speed = np.linalg.norm(state.velocity, axis=1)
    state.velocity *= np.minimum(1, state.traits.top / np.maximum(speed, 1e-6))[:, None]
    state.position = state.position + state.velocity / RATE


def _bumps(state: State, lying: np.ndarray, now: float) -> np.ndarray:
    """[P, 2] yd/s2 with which bodies keep each other at a distance."""
    offence = state.lineup.offence
    offset = state.position[:, None] - state.position
    distance = np.linalg.norm(offset, axis=-1) + 1e-3
    np.fill_diagonal(distance, np.inf)
    mates = offence[:, None] == offence
    over = lying[:, None] | lying
    wide = np.where(over, 0.50, np.where(mates | state.script.calm, 1.6, 0.85))
    if state.script.carried(now):  # a tackler does not keep his distance
        wide[state.carrier, ~offence] = wide[~offence, state.carrier] = 0.2
    closing = -((state.velocity[:, None] - state.velocity) * offset).sum(-1) / distance
    shove = np.clip(wide - distance, 0, 0.4) * np.where(over, 12.0, 20.0)
    shove = shove + 3.0 * np.clip(closing, 0, None) * np.clip((wide + 0.45 - distance) / 0.45, 0, 1)  # nobody runs through anybody
    held = state.hold[:, None] == np.arange(len(lying))
    shove = np.where((held | held.T) & ~over, 0.3 * shove, shove)
    return (offset / distance[..., None] * shove[..., None]).sum(1)


def _limit(vector: np.ndarray, most: float) -> np.ndarray:
    """[P, 2] the same, no longer than `most`."""
    return vector * np.minimum(1, most / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-6))
