"""How the players of one play move: formation, snap, blocks, routes, pursuit, tackles and falls.

Everything is integrated at `RATE` in the offence's frame (x downfield from the line of scrimmage, y to its left, yards; time in seconds since
the snap), then turned into field coordinates.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment

from player_contact.simulate.roster import HEAVY, TOP_SPEED, Lineup

RATE = 20.0  # integration steps a second
ACCELERATION = 4.8  # yd/s2, the most that legs give
BUMP = 12.0  # yd/s2, the most that a collision gives
SMOOTHING = 2.2  # integration steps, takes the corners off the path
NOBODY = -1


@dataclass(frozen=True)
class Script:
    """What is going to happen. Times in seconds since the snap."""

    run_play: bool
    caught: bool  # a pass; False: incomplete, no tackle
    handoff: float  # run: the back has the ball; pass: it is thrown
    catch: float  # pass: it arrives
    tackle: float  # from here on tackles succeed
    whistle: float  # at the latest
    start: float  # negative, first moment needed
    end: float  # last moment needed


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
    ball      [T, 2] yd
    """

    time: np.ndarray
    position: np.ndarray
    heading: np.ndarray
    crouch: np.ndarray
    down: np.ndarray
    fall: np.ndarray
    hold: np.ndarray
    ball: np.ndarray


def draw_script(rng: np.random.Generator, steps: int, start: float, end: float) -> Script:
    """A plan that fits a play of `steps` labelled steps."""
    last = steps / 10
    run_play = bool(rng.random() < 0.42)
    caught = bool(run_play or rng.random() < 0.72)
    whistle = last - min(rng.uniform(0.6, 3.4), 0.45 * last)
    tackle = whistle - min(0.8, 0.3 * whistle)
    if run_play:
        handoff = min(rng.uniform(0.7, 1.4), 0.4 * tackle)
        return Script(True, True, handoff, handoff, tackle, whistle, start, end)
    flight = min(rng.uniform(0.6, 1.4), 0.25 * tackle)
    catch = whistle if not caught else max(tackle - rng.uniform(0.2, 2.5), 0.55 * tackle)
    return Script(False, caught, catch - flight, catch, tackle, whistle, start, end)


def play_out(rng: np.random.Generator, lineup: Lineup, script: Script, spot: tuple[float, float], sign: int) -> Motion:
    """The whole play. `spot` is the ball before the snap in field coordinates, `sign` +1 where the offence attacks towards larger x."""
    time = np.arange(np.floor(script.start * RATE), np.ceil(script.end * RATE) + 1) / RATE
    game = _Game(rng, lineup, script, low=-(spot[1] if sign > 0 else 160 / 3 - spot[1]) + 0.8)
    before = int((time < 0).sum())
    place = _before_snap(rng, lineup.place, time[:before])
    for now in time[before:]:
        game.step(now)
    record = {name: np.stack(values) for name, values in game.record.items()}
    position = np.concatenate([place, record["position"]])
    position = gaussian_filter1d(position, SMOOTHING, axis=0, mode="nearest")

    def padded(name: str) -> np.ndarray:
        return np.concatenate([np.repeat(record[name][:1], before, axis=0), record[name]])

    facing = padded("facing")
    facing = gaussian_filter1d(facing, 3.0, axis=0, mode="nearest")
    down = gaussian_filter1d(padded("down"), 2.0, axis=0, mode="nearest")
    crouch = gaussian_filter1d(padded("crouch"), 2.0, axis=0, mode="nearest")
    ball = gaussian_filter1d(padded("ball"), 2.0, axis=0, mode="nearest")
    turn = 0.0 if sign > 0 else np.pi
    origin = np.array(spot)
    return Motion(
        time=time,
        position=origin + sign * position,
        heading=np.arctan2(facing[..., 1], facing[..., 0]) + turn,
        crouch=crouch,
        down=down,
        fall=padded("fall") + turn,
        hold=padded("hold"),
        ball=origin + sign * ball,
    )


def _before_snap(rng: np.random.Generator, place: np.ndarray, time: np.ndarray) -> np.ndarray:
    """[T, P, 2] walking from the huddle to the line, then waiting with a little sway."""
    huddle = np.array([-6.0, 0.0]) * (place[:, :1] < 0) + np.array([5.0, 0.0]) * (place[:, :1] > 0)
    huddle = huddle + rng.normal(0, 2.2, place.shape) + 0.35 * place
    arrive = rng.uniform(-7.5, -5.0, len(place))
    walk = np.clip((time[:, None] - (arrive - 5.0)) / 5.0, 0, 1)[..., None]
    walk = walk * walk * (3 - 2 * walk)
    sway = gaussian_filter1d(rng.normal(0, 1, (len(time), *place.shape)), 18, axis=0, mode="nearest")
    settle = np.clip(-time / 0.8, 0, 1)[:, None, None]  # still at the snap
    return huddle + walk * (place - huddle) + 0.6 * sway * settle


@dataclass
class _Game:
    """The state of the players between two integration steps."""

    rng: np.random.Generator
    lineup: Lineup
    script: Script
    low: float  # y of the nearer sideline in the offence's frame
    record: dict[str, list] = field(default_factory=lambda: {k: [] for k in ("position", "facing", "crouch", "down", "fall", "hold", "ball")})

    def __post_init__(self) -> None:
        rng, lineup = self.rng, self.lineup
        n = self.n = len(lineup.ids)
        self.position, self.velocity = lineup.place.copy(), np.zeros((n, 2))
        self.top = np.array([TOP_SPEED[p] for p in lineup.positions]) * rng.uniform(0.9, 1.03, n)
        self.heavy = np.array([p in HEAVY for p in lineup.positions])
        self.react = rng.uniform(0.05, 0.35, n)
        self.hold = np.full(n, NOBODY)
        self.gap = rng.uniform(0.65, 1.05, n)  # rest distance of a block
        self.until = np.full(n, -1.0)  # when the hold ends
        self.free = np.zeros(n)  # no new hold before
        self.fallen = np.full(n, np.inf)  # when the fall begins
        self.rise = np.full(n, np.inf)
        self.fall = rng.uniform(-np.pi, np.pi, n)
        self.push = np.zeros((n, 2))  # how a block wanders
        self.drive = rng.uniform(0.2, 1.9, n)  # yd/s with which a rusher pushes his blocker back
        self.intent = np.zeros((n, 2))  # the wish, less the twitches
        self.stand_off = rng.uniform(2.5, 9.0, n)
        self.wake = rng.uniform(7.0, 16.0, n)  # a ball nearer than this draws a defender from his man
        self.walk = rng.uniform(-np.pi, np.pi, n)  # where one strolls after the whistle
        self.kneel = rng.uniform(0.62, 1.0, n)  # how far down a fall goes
        self.quarterback = next(i for i, p in enumerate(lineup.positions) if p == "QB")
        self.carrier = self.quarterback
        self.dead = np.inf
        self.ball_from = lineup.place[self.quarterback]
        self.plan()

    def plan(self) -> None:
        """Who runs which route, covers whom, rushes or blocks."""
        rng, positions, offence = self.rng, self.lineup.positions, self.lineup.offence
        index = range(self.n)
        self.receivers = [i for i in index if offence[i] and positions[i] in ("WR", "TE", "RB")]
        self.line = [i for i in index if positions[i] in ("C", "G", "T")]
        backs = [i for i in index if positions[i] == "RB"]
        wide = [i for i in self.receivers if positions[i] != "RB"]
        self.target = backs[0] if self.script.run_play else int(rng.choice(wide if rng.random() < 0.85 else backs))
        stay = [i for i in self.receivers if i != self.target and positions[i] in ("TE", "RB") and rng.random() < 0.5]
        self.blockers = self.line + [i for i in index if positions[i] == "FB"] + stay
        self.rushers = [i for i in index if not offence[i] and (positions[i] in ("DE", "DT", "NT") or (self.lineup.place[i, 0] < 1.5))]
        others = [i for i in index if not offence[i] and i not in self.rushers]
        if rng.random() < 0.3:
            self.rushers.append(others.pop(int(rng.integers(len(others)))))
        blocked = self.rushers
        if self.script.run_play:  # everyone blocks somebody, receivers the one opposite
            self.blockers = [i for i in index if offence[i] and i not in (self.target, self.quarterback)]
            blocked = [i for i in index if not offence[i] and positions[i] != "FS"]
        place = self.lineup.place
        cost = np.abs(place[self.blockers, None, 1] - place[None, blocked, 1]) + 0.25 * np.abs(place[None, blocked, 0])
        self.task = {self.blockers[a]: blocked[b] for a, b in zip(*linear_sum_assignment(cost), strict=True)}
        self.cover = {}
        free = [i for i in others if positions[i] != "FS"]
        for receiver in sorted(wide, key=lambda i: -abs(self.lineup.place[i, 1])):
            if free:
                nearest = min(free, key=lambda i: np.linalg.norm(self.lineup.place[i] - self.lineup.place[receiver]))
                free.remove(nearest)
                self.cover[nearest] = receiver
        self.spread = rng.normal((2.0, 0.0), 4.5, (self.n, 2))  # where one trots once the ball is caught by another
        self.cushion = rng.uniform(0.6, 2.8, self.n)
        speed = rng.uniform(0.75, 0.95, self.n)
        self.route = {}
        for i in self.receivers:
            side = np.sign(self.lineup.place[i, 1]) or 1.0
            cut = rng.uniform(0.8, 2.4)
            bend = rng.choice([-1.6, -0.8, 0.0, 0.7, 1.4, 2.6]) * side
            self.route[i] = (cut, bend, speed[i] * self.top[i])
        self.aim = np.array([2.5, rng.choice([-1, 1]) * rng.uniform(0, 6.0)])
        self.drop = np.array([-rng.uniform(5.5, 8.5), rng.normal(0, 1.0)])

    # ---------------------------------------------------------------- one step
    def step(self, now: float) -> None:
        """Records the state at `now`, then moves everyone on by one integration step."""
        self._ball(now)
        self._save(now)
        self._holds(now)
        self._falls(now)
        gap = np.linalg.norm(self.position - self.ball, axis=1) + np.where(self.lineup.offence, 1e3, 0.0)
        self.rank = gap.argsort().argsort()  # 0: the defender nearest to the ball
        wish = np.array([self._wish(i, now) for i in range(self.n)])
        self.intent += (wish - self.intent) / (0.28 * RATE)
        self._move(self.intent, now)

    def _save(self, now: float) -> None:
        depth = np.clip((now - self.fallen) / 0.45, 0, 1) * (1 - np.clip((now - self.rise) / 0.8, 0, 1))
        facing = self._facing(now)
        wait = now < self.react
        stance = np.where(self.heavy, 1.0, np.where(self.lineup.place[:, 0] > -2, 0.3, 0.15))
        working = np.where(self.hold != NOBODY, 0.4, 0.12)
        values = {
            "position": self.position.copy(), "facing": facing, "crouch": np.where(wait, stance, working), "down": depth * self.kneel,
            "fall": self.fall.copy(), "hold": self.hold.copy(), "ball": self.ball.copy(),
        }  # fmt: skip
        for name, value in values.items():
            self.record[name].append(value)

    def _facing(self, now: float) -> np.ndarray:
        """[P, 2] unit vectors: the one held, else where one runs, else the ball."""
        away = self.ball - self.position
        speed = np.linalg.norm(self.velocity, axis=1)
        facing = np.where((speed > 1.8)[:, None], self.velocity, away)
        held = self.hold != NOBODY
        facing[held] = self.position[self.hold[held]] - self.position[held]
        straight = np.where(self.lineup.offence, 1.0, -1.0)[:, None] * np.array([1.0, 0.0])
        facing = np.where((now < self.react + 0.3)[:, None], straight, facing)
        return facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-6)

    def _ball(self, now: float) -> None:
        s = self.script
        if now < s.handoff or (not s.run_play and now < s.catch and self.carrier == self.quarterback and now < s.handoff):
            self.ball = self.position[self.quarterback]
            self.ball_from = self.ball.copy()
        elif not s.run_play and now < s.catch and self.dead > now:
            share = (now - s.handoff) / max(s.catch - s.handoff, 1e-3)
            self.ball = (1 - share) * self.ball_from + share * self.position[self.target]
        else:
            if self.carrier == self.quarterback and self.dead > now:
                self.carrier = self.target
                if not s.caught:
                    self.dead = now
            self.ball = self.position[self.carrier]
        if now > s.whistle + 1.2:
            self.dead = min(self.dead, now)

    # ---------------------------------------------------------------- contact
    def _holds(self, now: float) -> None:
        """Blocks and tackles begin and end."""
        rng = self.rng
        for i in np.flatnonzero((self.hold != NOBODY) & (now > self.until)):
            partner = self.hold[i]
            self._release(i, now)
            if partner == self.carrier and not self.lineup.offence[i] and rng.random() < 0.45:
                self._drop_player(i, now)  # a tackle missed
        if now > self.dead + 0.3:
            for i in np.flatnonzero((self.hold != NOBODY) & (rng.random(self.n) < 1.6 / RATE)):
                self._release(i, now)
            return
        far = np.linalg.norm(self.position - self.ball, axis=1) > 5.0
        far &= now > self.script.handoff
        for i in np.flatnonzero((self.hold != NOBODY) & far & self.lineup.offence & (rng.random(self.n) < 1.0 / RATE)):
            self._release(i, now)  # the ball has gone elsewhere
        offset = self.position[:, None] - self.position
        distance = np.linalg.norm(offset, axis=-1)
        standing = now < self.fallen
        for i in np.flatnonzero((self.hold == NOBODY) & (now > self.free) & standing & (now > self.react)):
            if self.lineup.offence[i]:
                if i in self.blockers and not far[i]:
                    near = [j for j in np.flatnonzero(distance[i] < 1.0) if not self.lineup.offence[j] and standing[j] and now > self.free[j]]
                    if near and (self.hold == near[0]).sum() < 2:
                        self._block(i, min(near, key=lambda j: distance[i, j]), now)
            elif now < self.dead and self._carried(now) and distance[i, self.carrier] < 1.1 and rng.random() < 8.0 / RATE:
                self._tackle(i, now)

    def _carried(self, now: float) -> bool:
        """Whether somebody can be tackled: not while a pass is in the air."""
        s = self.script
        return s.run_play or now < s.handoff or now >= s.catch

    def _block(self, i: int, j: int, now: float) -> None:
        rng = self.rng
        self.hold[i] = j
        if self.hold[j] == NOBODY:
            self.hold[j] = i
            self.until[j] = np.inf  # the blocker decides
        self.until[i] = now + 0.4 + rng.exponential(2.0)
        forward = (2.2, 0.0) if self.script.run_play else (0.0, 0.0)
        self.push[i] = self.push[j] = rng.normal(forward, 0.9)

    def _tackle(self, i: int, now: float) -> None:
        rng, s = self.rng, self.script
        self._release(i, now)
        self.hold[i] = self.carrier
        self.gap[i] = rng.uniform(0.5, 0.85)
        if now < s.tackle and rng.random() < 0.85:
            self.until[i] = now + rng.uniform(0.2, 0.6)
            return
        self.until[i] = np.inf
        if self.fallen[self.carrier] == np.inf:
            down = now + rng.uniform(0.25, 0.9)
            self._drop_player(self.carrier, down)
            self.dead = min(self.dead, down + 0.25)
        if rng.random() < 0.65:
            self._drop_player(i, max(now, self.fallen[self.carrier] + rng.normal(0, 0.12)))

    def _release(self, i: int, now: float) -> None:
        partner = self.hold[i]
        self.hold[i] = NOBODY
        self.free[i] = now + self.rng.uniform(0.3, 1.2)
        if partner != NOBODY and self.hold[partner] == i:
            self.hold[partner] = NOBODY
            self.free[partner] = now + self.rng.uniform(0.1, 0.6)

    def _falls(self, now: float) -> None:
        """Linemen are put on the ground now and then; the pile draws in those who arrive late."""
        standing = self.fallen == np.inf
        hazard = np.where(self.hold != NOBODY, 0.012, 0.0008)
        if now > self.dead - 0.3 and self.fallen[self.carrier] < np.inf:
            near = np.linalg.norm(self.position - self.position[self.carrier], axis=1) < 1.1
            hazard = np.where(near & (now < self.dead + 0.8), 0.35, hazard)
        for i in np.flatnonzero(standing & (self.rng.random(self.n) < hazard / RATE)):
            self._drop_player(i, now)
        for i in np.flatnonzero((now > self.rise + 0.8) & ~standing):
            self.fallen[i] = self.rise[i] = np.inf

    def _drop_player(self, i: int, when: float) -> None:
        if self.fallen[i] < np.inf:
            return
        self.fallen[i] = when
        self.rise[i] = when + 0.3 + self.rng.lognormal(np.log(2.4), 0.5)
        motion = self.velocity[i] + self.rng.normal(0, 0.8, 2)
        self.fall[i] = np.arctan2(motion[1], motion[0])

    # ---------------------------------------------------------------- wishes
    def _wish(self, i: int, now: float) -> np.ndarray:
        """[2] the velocity that player `i` wants."""
        if now < self.react[i]:
            return np.zeros(2)
        if now > self.fallen[i]:
            return np.zeros(2)
        if now > self.dead:
            return self._after_whistle(i, now)
        if self.hold[i] != NOBODY:
            return self._held(i)
        if i == self.carrier and self._carried(now):
            return self._carry(i, now)
        return self._attack(i, now) if self.lineup.offence[i] else self._defend(i, now)

    def _held(self, i: int) -> np.ndarray:
        j = self.hold[i]
        away = self.position[i] - self.position[j]
        distance = max(np.linalg.norm(away), 1e-3)
        spring = 2.5 * (min(self.gap[i], self.gap[j]) - distance) * away / distance
        if j == self.carrier:
            return self.velocity[j] + spring
        self.push[i] += self.rng.normal(0, 1.1 / np.sqrt(RATE), 2) - 0.05 * self.push[i]
        rusher = j if self.lineup.offence[i] else i
        shared = 0.5 * (self.push[i] + self.push[j]) + self.drive[rusher] * _towards(self.ball - self.position[rusher], 1.0)
        return shared + spring

    def _after_whistle(self, i: int, now: float) -> np.ndarray:
        since = now - self.dead
        curious = (self.ids_noise(i) < 0.5) and not self.heavy[i]
        away = self.ball - self.position[i]
        distance = np.linalg.norm(away)
        if curious and since < 1.5 and distance > self.stand_off[i] - 0.8:
            return away / distance * min(3.0, distance)
        stroll = (0.6 + 1.2 * self.ids_noise(i)) * np.array([np.cos(self.walk[i]), np.sin(self.walk[i])])
        return 0.85 * self.velocity[i] + 0.15 * stroll

    def ids_noise(self, i: int) -> float:
        """A number in 0..1 that stays with the player for the play."""
        return float(self.lineup.ids[i] * 0.6180339887 % 1.0)

    def _carry(self, i: int, now: float) -> np.ndarray:
        s = self.script
        position = self.position[i]
        if i == self.quarterback:
            goal = self.drop if not s.run_play else np.array([-3.5, 0.0])
            threat = self._threat(i, reach=3.5)
            return _towards(goal - position, 5.0) + 2.5 * threat
        goal = self.aim - position if s.run_play and position[0] < 0.5 else np.array([1.0, 0.0])
        wish = goal / max(np.linalg.norm(goal), 1e-6) + 0.8 * self._threat(i, reach=4.0)
        edge = position[1] - self.low
        wish[1] += np.clip(2.5 - edge, 0, 2.5) - np.clip(edge - (160 / 3 - 4.0), 0, 2.5)
        holders = int((self.hold == i).sum())
        late = np.clip(1.0 - 0.35 * max(now - s.tackle + 0.3, 0), 0.25, 1.0)
        speed = self.top[i] * 0.9 * 0.5**holders * late
        return wish / max(np.linalg.norm(wish), 1e-6) * speed

    def _threat(self, i: int, reach: float) -> np.ndarray:
        """[2] away from the defenders who are near."""
        away = self.position[i] - self.position[~self.lineup.offence]
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        weight = np.clip(1 - distance / reach, 0, 1)
        return (away / np.maximum(distance, 0.1) * weight).sum(0)

    def _attack(self, i: int, now: float) -> np.ndarray:
        """Blockers look for somebody to block, receivers run their routes."""
        s = self.script
        if i in self.blockers:
            return self._seek_block(i, now)
        if i == self.quarterback:
            return self.velocity[i] * 0.7
        if now > s.catch:
            return _towards(self.ball + self.spread[i] - self.position[i], 0.6 * self.top[i])
        cut, bend, speed = self.route[i]
        angle = bend * np.clip((now - cut) / 0.4, 0, 1)
        wish = speed * np.array([np.cos(angle), np.sin(angle)])
        edge = self.position[i, 1] - self.low
        if edge < 2.0 or edge > 160 / 3 - 3.5:
            wish[1] = np.sign(160 / 6 - edge) * 1.5
        return wish

    def _seek_block(self, i: int, now: float) -> np.ndarray:
        """Between one's own defender and the ball; with nobody to block, back into the pocket or ahead of the runner."""
        position, s = self.position[i], self.script
        away = self.ball - position
        distance = float(np.linalg.norm(away))
        if distance > 7.0 and now > s.handoff:
            return _towards(away * (1 - self.stand_off[i] / distance), 0.5 * self.top[i])
        rusher = self.task.get(i)
        reachable = rusher is not None and np.linalg.norm(self.position[rusher] - position) < (12.0 if s.run_play else 3.0)
        if reachable and not now > self.fallen[rusher]:
            goal = 0.85 * self.position[rusher] + 0.15 * self.position[self.carrier] - position
            return _towards(goal, self.top[i] * (0.7 if s.run_play else 0.5))
        place = self.lineup.place[i]
        if s.run_play:
            return _towards(place + np.array([min(3.0 * now, 6.0), 0.5 * self.aim[1]]) - position, 0.5 * self.top[i])
        back = min(now / 1.8, 1.0) * np.array([-2.2 - 0.5 * abs(place[1]), 0.35 * place[1]])
        return _towards(place + back - position, 0.6 * self.top[i])

    def _defend(self, i: int, now: float) -> np.ndarray:
        s = self.script
        near = np.linalg.norm(self.ball - self.position[i]) < self.wake[i]
        loose = (now > s.catch and near) or (s.run_play and now > 0.8 and near) or i in self.rushers
        if loose:
            lead = self.position[self.carrier] + 0.35 * self.velocity[self.carrier] if self._carried(now) else self.ball
            around = lead - self.position[i]
            if i in self.rushers and now < s.handoff:  # keep to the lane
                around[1] += 0.5 * self.lineup.place[i, 1] * np.clip(abs(around[0]) / 5.0, 0, 1)
            distance = float(np.linalg.norm(around))
            chasers = 3 if self._carried(now) else 5
            if self.rank[i] >= chasers and now < s.tackle + 1.0:  # the others close in, but stay clear of the crowd
                around *= max(distance - self.stand_off[i], 0) / max(distance, 1e-6)
            pace = self.top[i] * (0.95 if self.rank[i] < chasers else 0.7)
            return _towards(around, pace) + 1.6 * self._sidestep(i)
        if i in self.cover and not (s.run_play and now > self.react[i] + 1.5):
            receiver = self.cover[i]
            spot = self.position[receiver] + np.array([self.cushion[i] * 0.8, -0.3 * np.sign(self.position[receiver, 1]) * self.cushion[i]])
            return _towards(spot - self.position[i], self.top[i], eager=3.0)
        zone = self.lineup.place[i] + np.array([2.0, 0.0]) + 0.35 * (self.ball - self.lineup.place[i]) * np.array([0.0, 1.0])
        return _towards(zone - self.position[i], 0.6 * self.top[i])

    def _sidestep(self, i: int) -> np.ndarray:
        """[2] a sidestep round the nearest player of the offence."""
        away = self.position[i] - self.position[self.lineup.offence]
        distance = np.linalg.norm(away, axis=1)
        k = int(np.argmin(np.where(self.lineup.ids[self.lineup.offence] == self.lineup.ids[self.carrier], np.inf, distance)))
        if distance[k] > 1.6:
            return np.zeros(2)
        return np.array([-away[k, 1], away[k, 0]]) / max(distance[k], 0.2) * (1 if self.ids_noise(i) < 0.5 else -1)

    # ---------------------------------------------------------------- forces
    def _move(self, wish: np.ndarray, now: float) -> None:
        """Legs towards the wish, bodies keep each other at arm's length, then one Euler step."""
        slow = now > self.fallen
        pull = (wish - self.velocity) * np.where(slow, 1.8, 2.8)[:, None]
        size = np.linalg.norm(pull, axis=1, keepdims=True)
        pull *= np.minimum(1, ACCELERATION / np.maximum(size, 1e-6))
        offset = self.position[:, None] - self.position
        distance = np.linalg.norm(offset, axis=-1) + 1e-3
        np.fill_diagonal(distance, np.inf)
        mates = self.lineup.offence[:, None] == self.lineup.offence
        lying = slow[:, None] | slow
        wide = np.where(lying, 0.50, np.where(mates, 1.15, 0.75))
        if self._carried(now):  # the tackler does not keep his distance
            wide[self.carrier, ~self.lineup.offence] = wide[~self.lineup.offence, self.carrier] = 0.2
        shove = np.clip(wide - distance, 0, 0.4) * np.where(lying, 12.0, 20.0)
        closing = -((self.velocity[:, None] - self.velocity) * offset).sum(-1) / distance
        shove = shove + 3.0 * np.clip(closing, 0, None) * np.clip((wide + 0.45 - distance) / 0.45, 0, 1)  # nobody runs through anybody
        bump = (offset / distance[..., None] * shove[..., None]).sum(1)
        size = np.linalg.norm(bump, axis=1, keepdims=True)
        pull += bump * np.minimum(1, BUMP / np.maximum(size, 1e-6))
        self.velocity = self.velocity + pull / RATE
        speed = np.linalg.norm(self.velocity, axis=1)
        self.velocity *= np.minimum(1, self.top / np.maximum(speed, 1e-6))[:, None]
        self.position = self.position + self.velocity / RATE
        self.position[:, 1] = np.clip(self.position[:, 1], self.low - 1.0, self.low + 160 / 3 - 0.6)


def _towards(goal: np.ndarray, speed: float, eager: float = 1.8) -> np.ndarray:
    """[2] velocity along `goal`, slowing down near it."""
    distance = float(np.linalg.norm(goal))
    return goal / max(distance, 1e-6) * min(speed, eager * distance)
