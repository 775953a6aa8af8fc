"""How the players of one play move: from the huddle to the line, then step by step until well after the whistle.

The play is integrated at `rules.RATE` in the offence's frame and turned into field coordinates at the end.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from player_contact.competition.names import FIELD_LENGTH, FIELD_WIDTH
from player_contact.simulate import rules
from player_contact.simulate.roster import Lineup
from player_contact.simulate.rules import RATE
from player_contact.simulate.script import Script
from player_contact.simulate.state import NOBODY, State, draw_state, is_heavy

SMOOTHING = 2.6  # integration steps, takes the corners off the paths
TURN = 9.0  # radians a second, the fastest that a player turns round
STOOP_SECONDS, STOOP, STOOP_HELD = 0.45, 0.26, 0.38  # how long one bends at the waist; how deep, and how deep with a man in the hands
FALLING, RISING = 0.45, 0.8  # s from the feet to the ground, and back


@dataclass(frozen=True)
class Motion:
    """The players' bodies over time; T moments, P players.

    time      [T] s since the snap
    position  [T, P, 2] yd, field coordinates
    heading   [T, P] radians from +x towards +y, where the chest points
    crouch    [T, P] 0 upright .. 1 three-point stance
    down      [T, P] 0 on the feet .. 1 lying
    fall      [T, P] radians, the direction from the feet to the head of a lying player
    hold      [T, P] index of the player blocked or tackled, -1 for nobody
    ball      [T, 2] yd, what the play turns round: the quarterback before the snap, then the ball
    holder    [T] index of who has the ball, -1 while it flies, -2 once it was dropped
    spot      [2] yd, where the ball lies before the snap
    calm      nobody means to touch anybody
    """

    time: np.ndarray
    position: np.ndarray
    heading: np.ndarray
    crouch: np.ndarray
    down: np.ndarray
    fall: np.ndarray
    hold: np.ndarray
    ball: np.ndarray
    holder: np.ndarray
    spot: np.ndarray
    calm: bool


def play_out(rng: np.random.Generator, lineup: Lineup, script: Script, spot: tuple[float, float], sign: int) -> Motion:
    """The whole play. `spot` is the ball before the snap in field coordinates; `sign` is +1 where the offence attacks larger x, else -1."""
    time = np.arange(np.floor(script.start * RATE), np.ceil(script.end * RATE) + 1) / RATE
    corners = sign * (np.array([[0.0, 0.0], [FIELD_LENGTH, FIELD_WIDTH]]) - spot)
    bounds = np.sort(corners, axis=0)
    before = int((time < 0).sum())
    place = _before_snap(rng, lineup.place, time[:before])
    state = draw_state(rng, lineup, script, bounds)
    moments = []
    for now in time[before:]:
        rules.move_ball(state, now)
        moments.append(_snapshot(state, now))
        if not script.calm:
            rules.hold_and_release(state, rng, now)
            rules.fall_and_rise(state, rng, now)
        rules.move(state, rng, now)
    track = {}
    for name in moments[0]:
        after = np.stack([moment[name] for moment in moments])
        if name == "crouch":
            after = np.clip(after + _stoop(rng, time[before:], state.traits.react, np.stack([moment["hold"] for moment in moments])), 0, 1)
        first = place if name == "position" else np.repeat(after[:1], before, axis=0)
        track[name] = np.concatenate([first, after])
    for name, sigma in (("position", SMOOTHING), ("down", 2.0), ("crouch", 2.0), ("ball", 2.0)):
        track[name] = gaussian_filter1d(track[name], sigma, axis=0, mode="nearest")
    turn = 0.0 if sign > 0 else np.pi
    origin = np.array(spot)
    return Motion(
        time=time,
        position=origin + sign * track["position"],
        heading=gaussian_filter1d(_turned(track["facing"]), 3.0, axis=0, mode="nearest") + turn,
        crouch=track["crouch"],
        down=track["down"],
        fall=track["fall"] + turn,
        hold=track["hold"],
        ball=origin + sign * track["ball"],
        holder=track["holder"],
        spot=origin,
        calm=script.calm,
    )


def _before_snap(rng: np.random.Generator, place: np.ndarray, time: np.ndarray) -> np.ndarray:
    """[T, P, 2] walking from the huddle to the line, then waiting with a little sway."""
    own_side = np.where(place[:, :1] < 0, -6.0, 5.0) * np.array([1.0, 0.0])
    huddle = own_side + rng.normal(0, 2.2, place.shape) + 0.35 * place
    arrive = rng.uniform(-7.5, -5.0, len(place))
    walk = np.clip((time[:, None] - (arrive - 5.0)) / 5.0, 0, 1)[..., None]
    walk = walk * walk * (3 - 2 * walk)
    sway = gaussian_filter1d(rng.normal(0, 1, (len(time), *place.shape)), 18, axis=0, mode="nearest")
    settle = np.clip(-time / 0.8, 0, 1)[:, None, None]  # still at the snap
    return huddle + walk * (place - huddle) + 1.2 * sway * settle


def _snapshot(state: State, now: float) -> dict[str, np.ndarray]:
    """The bodies at `now`."""
    depth = np.clip((now - state.fallen) / FALLING, 0, 1) * (1 - np.clip((now - state.rise) / RISING, 0, 1))
    stance = np.where(is_heavy(state.lineup), 1.0, np.where(state.lineup.place[:, 0] > -2, 0.3, 0.15))
    working = np.where(state.hold != NOBODY, 0.4, 0.12)
    return {
        "position": state.position,
        "facing": _facing(state, now),
        "crouch": np.where(now < state.traits.react, stance, working),
        "down": depth * state.depth,
        "fall": state.fall.copy(),
        "hold": state.hold.copy(),
        "ball": state.ball,
        "holder": np.array(rules.holder(state, now)),
    }


def _stoop(rng: np.random.Generator, time: np.ndarray, react: np.ndarray, hold: np.ndarray) -> np.ndarray:
    """[T, P] how far each bends beyond his stance, as players do who fend off, reach, tire or look: low helmets that are not on the ground."""
    wander = gaussian_filter1d(rng.normal(0, 1, hold.shape), STOOP_SECONDS * RATE, axis=0, mode="nearest")
    wander *= np.sqrt(2 * np.sqrt(np.pi) * STOOP_SECONDS * RATE)  # standard deviation 1
    deep = np.where(hold != NOBODY, STOOP_HELD, STOOP)
    return np.where(time[:, None] < react, 0, np.clip(deep * wander, 0, 0.75))


def _turned(facing: np.ndarray) -> np.ndarray:
    """[T, P] radians: the way of the `facing` vectors [T, P, 2], followed no faster than a player turns."""
    wanted = np.arctan2(facing[..., 1], facing[..., 0])
    heading = wanted.copy()
    for t in range(1, len(heading)):
        off = (wanted[t] - heading[t - 1] + np.pi) % (2 * np.pi) - np.pi
        heading[t] = heading[t - 1] + np.clip(off, -TURN / RATE, TURN / RATE)
    return heading


def _facing(state: State, now: float) -> np.ndarray:
    """[P, 2] unit vectors: straight ahead at first, then at the one held, else where one runs, else at the ball."""
    fast = np.linalg.norm(state.velocity, axis=1) > 1.8
    facing = np.where(fast[:, None], state.velocity, state.ball - state.position)
    held = state.hold != NOBODY
    facing[held] = (state.position[state.hold] - state.position)[held]
    ahead = np.where(state.lineup.offence, 1.0, -1.0)[:, None] * np.array([1.0, 0.0])
    facing = np.where((now < state.traits.react + 0.3)[:, None], ahead, facing)
    return facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-6)
