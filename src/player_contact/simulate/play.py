"""One simulated play from its number: the world, then what sensors, cameras, detector and annotators make of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from player_contact.competition import clock
from player_contact.competition.names import FIELD_WIDTH, GROUND_TEXT, VIEWS
from player_contact.simulate import ball, camera, contact, helmets, motion, officials, pose, roster, rules, script, sensors

PLAYS_A_GAME = 1.6  # as in the real season
FIRST_GAME = 58_168
SECONDS_AFTER = 6.5  # what is simulated beyond the last labelled step
YARDS_BETWEEN_HASHES = 6.17


@dataclass(frozen=True)
class View:
    """What one camera recorded; F frames, P players.

    camera   where it stood and pointed
    boxes    [F, P, 4] true helmet boxes: left, top, width, height in pixels; NaN off the picture
    visible  [F, P] share of the helmet that is not covered
    found    detector rows, see `helmets.detect`
    """

    camera: camera.Camera
    boxes: np.ndarray
    visible: np.ndarray
    found: pd.DataFrame


@dataclass(frozen=True)
class SimulatedPlay:
    """Everything about one play; S labelled steps, F frames, P players in the order of the lineup."""

    game_play: str
    game: int  # number of the game within the season, from 0
    lineup: roster.Lineup
    snap_time: np.datetime64
    start_time: np.datetime64
    end_time: np.datetime64
    position: np.ndarray  # [S, P, 2] yd, at the datetimes of the labels
    pair_truth: np.ndarray  # [S, P, P] bool
    ground_truth: np.ndarray  # [S, P] bool
    pair_label: np.ndarray  # [S, P, P] bool, with the annotators' errors
    ground_label: np.ndarray  # [S, P] bool
    tracking: pd.DataFrame
    sensor_lag: float  # s, by which the sensors report late
    bodies: pose.Bodies
    officials: pose.Bodies  # seven more, in the pictures only
    ball: np.ndarray  # [F, 3] yd
    views: dict[str, View]

    @property
    def steps(self) -> np.ndarray:
        """[S] the labelled steps."""
        return np.arange(len(self.position))


def simulate_play(seed: int, index: int, median_steps: int, missing: int = 0) -> SimulatedPlay:
    """Play number `index` of the season `seed`, with `missing` players fewer than 22. Pure: no files, no clock, no globals."""
    game = int(index / PLAYS_A_GAME)
    game_rng = np.random.default_rng([seed, game, 1])
    home, away = roster.draw_squads(game_rng)
    near_side = bool(game_rng.random() < 0.5)
    kickoff = np.datetime64("2020-09-10T17:00:00.000", "ms") + np.timedelta64(86_400_000 * (game // 4), "ms")
    rng = np.random.default_rng([seed, index, 2])

    of_game = index - int(np.ceil(game * PLAYS_A_GAME))  # 0 or 1: a later play has a larger number and a later time
    play_id = int(rng.integers(40, 2000)) + 2200 * of_game
    snap_time = kickoff + np.timedelta64(int(play_id * 2400 + rng.integers(2000)), "ms")
    start_time = snap_time - np.timedelta64(int(clock.SECONDS_BEFORE_SNAP * 1000), "ms")
    early = (snap_time - clock.step_zero(snap_time)).astype(int) / 1000  # s that step 0 lies before the snap
    spread = 0.17 if rng.random() < 0.85 else 0.42
    steps = int(np.clip(median_steps * np.exp(rng.normal(0, spread)), 36 / 74 * median_steps, 172 / 74 * median_steps))
    label_time = np.arange(steps) / clock.STEPS_PER_SECOND - early
    seconds = clock.SECONDS_BEFORE_SNAP + label_time[-1] + rng.uniform(-0.03, 0.2)
    frame_time = np.arange(int(seconds * clock.FRAMES_PER_SECOND)) / clock.FRAMES_PER_SECOND - clock.SECONDS_BEFORE_SNAP

    first, beyond = -int(rng.integers(60, 200)), int(rng.integers(20, 60))
    plan = script.draw_script(rng, steps, first / 10 - 1.0, label_time[-1] + SECONDS_AFTER)
    lineup = roster.draw_lineup(rng, home, away, plan.run_play, missing)
    sign = int(rng.choice([-1, 1]))
    spot = (float(rng.uniform(25, 95)), float(FIELD_WIDTH / 2 + rng.choice([-1, 0, 0, 1]) * YARDS_BETWEEN_HASHES / 2))
    moves = motion.play_out(rng, lineup, plan, spot, sign)
    contacts = contact.decide(rng, moves, lineup)

    tracking_steps = np.arange(first, steps + beyond)
    lag = rng.uniform(0.08, 0.11)
    report = sensors.sense(rng, moves, tracking_steps / clock.STEPS_PER_SECOND - early, lag)
    bodies = pose.bodies_at(moves, contacts, frame_time)
    cameras = _cameras(rng, moves, frame_time, near_side, sign)
    views = {name: _view(rng, cameras[name], bodies) for name in VIEWS}

    at = np.rint((label_time - moves.time[0]) * rules.RATE).astype(int)
    pair, ground = contacts.pair[at], contacts.ground[at]
    upper = np.triu_indices(len(lineup.ids), 1)
    pair_label = np.zeros_like(pair)
    pair_label[:, upper[0], upper[1]] = contact.label_noise(rng, pair[:, upper[0], upper[1]])
    return SimulatedPlay(
        game_play=f"{FIRST_GAME + game * 3}_{play_id:06d}",
        game=game,
        lineup=lineup,
        snap_time=snap_time,
        start_time=start_time,
        end_time=start_time + np.timedelta64(round(seconds * 1000), "ms"),
        position=moves.position[at],
        pair_truth=pair,
        ground_truth=ground,
        pair_label=pair_label | pair_label.transpose(0, 2, 1),
        ground_label=contact.label_noise(rng, ground),
        tracking=_tracking_table(report, lineup, tracking_steps),
        sensor_lag=lag,
        bodies=bodies,
        officials=officials.officials_at(np.random.default_rng([seed, index, 4]), moves, sign, frame_time),
        ball=ball.ball_at(moves, bodies, frame_time),
        views=views,
    )


def _cameras(rng: np.random.Generator, moves: motion.Motion, time: np.ndarray, near_side: bool, sign: int) -> dict[str, camera.Camera]:
    def at(values: np.ndarray) -> np.ndarray:
        smooth = gaussian_filter1d(values, 4, axis=0, mode="nearest")
        return np.column_stack([np.interp(time, moves.time, smooth[:, k]) for k in range(2)])

    ball, crowd = at(moves.ball), at(moves.position.mean(1))
    behind_offence = bool(rng.random() < 0.5)
    at_end = behind_offence == (sign < 0)
    return {
        "Sideline": camera.sideline_camera(rng, ball, crowd, near_side, zoom=float(np.clip(rng.lognormal(np.log(14.5), 0.14), 10, 22))),
        "Endzone": camera.endzone_camera(rng, ball, crowd, at_end, zoom=float(np.clip(rng.lognormal(np.log(20), 0.22), 12, 30))),
    }


def _view(rng: np.random.Generator, lens: camera.Camera, bodies: pose.Bodies) -> View:
    boxes, depth = helmets.true_boxes(lens, bodies)
    visible = helmets.visibility(lens, bodies, boxes, depth)
    return View(lens, boxes, visible, helmets.detect(rng, boxes, visible, bodies.down))


def _tracking_table(report: pd.DataFrame, lineup: roster.Lineup, steps: np.ndarray) -> pd.DataFrame:
    """The report with the columns that say when and who."""
    P, times = len(lineup.ids), len(steps)
    return report.assign(
        nfl_player_id=np.tile(lineup.ids, times),
        step=np.repeat(steps, P),
        team=np.tile(np.where(lineup.home, "home", "away"), times),
        position=np.tile(np.array(lineup.positions), times),
        jersey_number=np.tile(lineup.jerseys, times),
    )


def tracking_table(play: SimulatedPlay) -> pd.DataFrame:
    """The play's rows of {train,test}_player_tracking.csv, without column order."""
    zero = clock.step_zero(play.snap_time)
    return _named(play, play.tracking.assign(datetime=clock.to_text(zero + play.tracking.step.to_numpy() * clock.STEP)))


def helmets_table(play: SimulatedPlay, spelling: dict[str, str]) -> pd.DataFrame:
    """The play's rows of {train,test}_baseline_helmets.csv, without column order; `spelling` renames views."""
    lineup = play.lineup
    label = np.char.add(np.where(lineup.home, "H", "V"), lineup.jerseys.astype(str))
    tables = []
    for view in sorted(VIEWS):
        found, name = play.views[view].found, spelling.get(view, view)
        player = found.player.to_numpy()
        tables.append(found.assign(
            view=name, video=f"{play.game_play}_{name}.mp4", nfl_player_id=lineup.ids[player], player_label=label[player]
        ))  # fmt: skip
    return _named(play, pd.concat(tables, ignore_index=True))


def video_table(play: SimulatedPlay) -> pd.DataFrame:
    """The play's two rows of {train,test}_video_metadata.csv, without column order."""
    times = {name: clock.to_text(np.array([getattr(play, name)]))[0] for name in ("start_time", "end_time", "snap_time")}
    return _named(play, pd.DataFrame({"view": sorted(VIEWS)}).assign(**times))


def labels_table(play: SimulatedPlay) -> pd.DataFrame:
    """The play's rows of train_labels.csv: every step all pairs (smaller id first), then every player with the ground."""
    ids, S = play.lineup.ids, len(play.position)
    first, second = np.nonzero(ids[:, None] < ids)
    one = np.concatenate([ids[first], ids]).astype(str)
    two = np.concatenate([ids[second].astype(str), np.full(len(ids), GROUND_TEXT)])
    contact_now = np.concatenate([play.pair_label[:, first, second], play.ground_label], axis=1)
    step = np.repeat(play.steps, len(one))
    one, two = np.tile(one, S), np.tile(two, S)
    times = clock.to_text(clock.step_zero(play.snap_time) + play.steps * clock.STEP)
    row = pd.DataFrame({
        "datetime": np.repeat(times, contact_now.shape[1]), "step": step, "nfl_player_id_1": one, "nfl_player_id_2": two,
        "contact": contact_now.ravel().astype(int),
    })  # fmt: skip
    row["game_play"] = play.game_play
    row["contact_id"] = play.game_play + "_" + row["step"].astype(str) + "_" + row["nfl_player_id_1"] + "_" + row["nfl_player_id_2"]
    return row


def _named(play: SimulatedPlay, table: pd.DataFrame) -> pd.DataFrame:
    game_key, play_id = play.game_play.split("_")
    return table.assign(game_play=play.game_play, game_key=int(game_key), play_id=int(play_id))
