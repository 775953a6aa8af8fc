"""How the players of one play move: from the huddle until well after the whistle."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator.dynamics import RATE, Simulation
from season_simulator.geometry import smooth, unit
from season_simulator.roster import LINEMEN, Lineup
from season_simulator.state import NOBODY, Scenario, State

SMOOTHING = {"position": 2.6, "down": 2.0, "crouch": 2.0, "ball": 2.0}  # integration steps
TURN_RATE = 9.0  # radians a second, the fastest that a player turns round
BEND_SECONDS, BEND, BEND_MUCH = 0.6, 0.52, 0.98  # how long one bends at the waist; how deep
SLOW = 1.5  # yd/s; whoever stands about, or is engaged, bends much
BEND_RAMP = (0.5, 3.0), (0.15, 1.0)  # s after the snap; share of that depth
TRIP_SECONDS, TRIP_DEPTH = 0.6, 0.6  # of a knee that touches in passing
FALL_SECONDS, RISE_SECONDS = 0.45, 0.8  # from the feet to the ground, and back


@dataclass(frozen=True)
class Motion:
    """The players' bodies over T times, in field coordinates; P players."""

    time: np.ndarray  # [T] s since the snap
    position: np.ndarray  # [T, P, 2] yd
    heading: np.ndarray  # [T, P] radians from +x towards +y, where the chest points
    crouch: np.ndarray  # [T, P] 0 upright .. 1 three-point stance
    down: np.ndarray  # [T, P] 0 on the feet .. 1 lying
    fall_angle: np.ndarray  # [T, P] radians, from the feet to the head of a lying player
    engaged: np.ndarray  # [T, P] index of the player blocked or tackled, or NOBODY
    ball: np.ndarray  # [T, 2] yd, the quarterback before the snap, then the ball
    holder: np.ndarray  # [T] index of who has the ball, NOBODY while it flies, then maybe DROPPED
    spot: np.ndarray  # [2] yd, where the ball lies before the snap
    no_contact: bool  # nobody means to touch anybody

    def nearest(self, time: np.ndarray) -> np.ndarray:
        """[F] the index nearest to each `time` [F]."""
        index = np.rint((time - self.time[0]) / (self.time[1] - self.time[0])).astype(int)
        return np.clip(index, 0, len(self.time) - 1)


def simulate_motion(
    rng: Generator, lineup: Lineup, scenario: Scenario, spot: np.ndarray, sign: int
) -> Motion:
    """The play from its `spot` [2] on; the offence attacks larger x where `sign` is 1, not -1."""
    start, end = np.floor(scenario.start * RATE), np.ceil(scenario.end * RATE)
    time = np.arange(start, end + 1) / RATE
    corners = sign * (np.array([[0.0, 0.0], [FIELD_LENGTH, FIELD_WIDTH]]) - spot)
    before = int((time < 0).sum())
    walk = _before_snap(rng, lineup.start, time[:before])
    state = Simulation(rng, lineup, scenario, np.sort(corners, axis=0))
    snapshots = []
    for now in time[before:]:
        state.now = now
        state.move_ball()
        snapshots.append(_snapshot(state))
        if not scenario.no_contact:
            state.update_holds()
            state.update_falls()
        state.integrate()
    track = {name: np.stack([s[name] for s in snapshots]) for name in snapshots[0]}
    reacted = time[before:, None] >= state.traits.reaction
    ramp = np.interp(time[before:], *BEND_RAMP)[:, None]
    speed = np.linalg.norm(np.gradient(track["position"], axis=0), axis=-1) * RATE
    bent = (track["engaged"] != NOBODY) | (speed < SLOW)
    bend = np.where(reacted, ramp * _bend(rng, bent), 0)
    track["crouch"] = np.clip(track["crouch"] + bend, 0, 1)
    for name, values in track.items():
        first = walk if name == "position" else np.repeat(values[:1], before, axis=0)
        track[name] = np.concatenate([first, values])
    track |= {name: smooth(track[name], sigma) for name, sigma in SMOOTHING.items()}
    track |= {name: spot + sign * track[name] for name in ("position", "ball")}
    turn = 0.0 if sign > 0 else np.pi
    track["fall_angle"] += turn
    heading = smooth(_follow_angle(track.pop("facing")), 3.0) + turn
    return Motion(time=time, heading=heading, spot=spot, no_contact=scenario.no_contact, **track)


def _before_snap(rng: Generator, start: np.ndarray, time: np.ndarray) -> np.ndarray:
    """[T, P, 2] walking from the huddle to the line, then waiting with a little sway."""
    own_side = np.where(start[:, :1] < 0, -6.0, 5.0) * np.array([1.0, 0.0])
    huddle = own_side + rng.normal(0, 2.2, start.shape) + 0.35 * start
    arrival = rng.uniform(-7.5, -5.0, len(start))
    walk = np.clip((time[:, None] - (arrival - 5.0)) / 5.0, 0, 1)[..., None]
    walk = walk * walk * (3 - 2 * walk)
    sway = smooth(rng.normal(0, 1, (len(time), *start.shape)), 18)
    settle = np.clip(-time / 0.8, 0, 1)[:, None, None]  # still at the snap
    return huddle + walk * (start - huddle) + 1.2 * sway * settle


def _snapshot(state: Simulation) -> dict[str, np.ndarray]:
    """The bodies at this step, as fields of `Motion`, `facing` instead of the heading."""
    now, lineup = state.now, state.lineup
    risen = np.clip((now - state.rise_at) / RISE_SECONDS, 0, 1)
    down = np.clip((now - state.fall_at) / FALL_SECONDS, 0, 1) * (1 - risen)
    stance = np.where(lineup.start[:, 0] > -2, 0.3, 0.15)
    stance[np.isin(lineup.positions, LINEMEN)] = 1.0
    crouch = np.where(state.engaged != NOBODY, 0.3, 0.12)
    return {
        "position": state.position,
        "facing": _facing(state),
        "crouch": np.where(now < state.traits.reaction, stance, crouch),
        "down": np.maximum(
            down * state.fall_depth, TRIP_DEPTH * (now - state.trip_at < TRIP_SECONDS)
        ),
        "fall_angle": state.fall_angle.copy(),
        "engaged": state.engaged.copy(),
        "ball": state.ball,
        "holder": np.array(state.ball_holder()),
    }


def _facing(state: State) -> np.ndarray:
    """[P, 2] ahead at first, then at the one engaged, else where one runs, else at the ball."""
    fast = np.linalg.norm(state.velocity, axis=1) > 1.8
    facing = np.where(fast[:, None], state.velocity, state.ball - state.position)
    engaged = state.engaged != NOBODY
    facing[engaged] = (state.position[state.engaged] - state.position)[engaged]
    ahead = np.where(state.lineup.offence, 1.0, -1.0)[:, None] * np.array([1.0, 0.0])
    return unit(np.where((state.now < state.traits.reaction + 0.3)[:, None], ahead, facing))


def _bend(rng: Generator, much: np.ndarray) -> np.ndarray:
    """[T, P] how far each bends beyond his stance: low helmets that are not on the ground."""
    noise = smooth(rng.normal(0, 1, much.shape), BEND_SECONDS * RATE)
    noise *= np.sqrt(2 * np.sqrt(np.pi) * BEND_SECONDS * RATE)  # standard deviation 1
    return np.clip(np.where(much, BEND_MUCH, BEND) * noise, 0, 1)


def _follow_angle(facing: np.ndarray) -> np.ndarray:
    """[T, P] radians of the vectors [T, P, 2], followed no faster than a player turns."""
    target = np.arctan2(facing[..., 1], facing[..., 0])
    heading = target.copy()
    for t in range(1, len(heading)):
        error = (target[t] - heading[t - 1] + np.pi) % (2 * np.pi) - np.pi
        heading[t] = heading[t - 1] + np.clip(error, -TURN_RATE / RATE, TURN_RATE / RATE)
    return heading
