"""One simulated play: the world, then what sensors, cameras, detector and annotators make of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from player_contact.competition import clock
from player_contact.competition.constants import FIELD_WIDTH
from season_simulator import ball, helmet_detector, officials
from season_simulator.camera import Camera, draw_cameras
from season_simulator.contacts import (
    DOUBTFUL,
    GROUND_SHIFTS,
    PAIR_SHIFTS,
    add_label_noise,
    simulate_contacts,
)
from season_simulator.dynamics import RATE
from season_simulator.motion import simulate_motion
from season_simulator.pose import Poses, poses_at
from season_simulator.roster import Lineup, draw_lineup, draw_squads
from season_simulator.state import Scenario
from season_simulator.tracking_sensors import simulate_tracking

PLAYS_PER_GAME = 1.6  # as in the real season
FIRST_KICKOFF = np.datetime64("2020-09-10T17:00:00.000", "ms")
FIRST_GAME_KEY = 58_168
SECONDS_AFTER = 6.5  # what is simulated beyond the last labelled step
YARDS_BETWEEN_HASHES = 6.17
# As real videos end: s from the last labelled step to the metadata's end, of which one in twelve
# lies before it; frames from there to the Endzone video's end, and from that to the Sideline's.
VIDEO_ENDS, EARLY_VIDEO_ENDS, EARLY_SHARE = (0.0, 0.065), (-0.28, -0.02), 0.08
ENDZONE_BEYOND_END, SIDELINE_LONGER = (-3, 2), (-1, 6)


@dataclass(frozen=True)
class View:
    """What one camera records; F frames of its video, P players."""

    camera: Camera
    boxes: np.ndarray  # [F, P, 4] true helmet boxes, see `helmet_detector.true_boxes`
    visible: np.ndarray  # [F, P] share of the helmet that is not covered
    detections: pd.DataFrame  # see `helmet_detector.detect`


class Timing:
    """When a play of the season's game number `game` happens."""

    def __init__(self, rng: Generator, game: int, index: int, median_steps: int) -> None:
        kickoff = FIRST_KICKOFF + np.timedelta64(86_400_000 * (game // 4), "ms")
        self.game, index_in_game = game, index - int(np.ceil(game * PLAYS_PER_GAME))
        self.play_id = int(rng.integers(40, 2000)) + 2200 * index_in_game
        since_kickoff = np.timedelta64(int(self.play_id * 2400 + rng.integers(2000)), "ms")
        self.snap_time = kickoff + since_kickoff
        spread = 0.17 if rng.random() < 0.85 else 0.42
        shortest, longest = 36 / 74 * median_steps, 172 / 74 * median_steps
        steps = int(np.clip(median_steps * np.exp(rng.normal(0, spread)), shortest, longest))
        self.labelled = np.arange(steps)
        last = self.since_snap(self.labelled)[-1]
        ends = EARLY_VIDEO_ENDS if rng.random() < EARLY_SHARE else VIDEO_ENDS
        seconds = clock.SECONDS_BEFORE_SNAP + last + rng.uniform(*ends)
        self.tracked = np.arange(-int(rng.integers(60, 200)), steps + int(rng.integers(20, 60)))
        before = np.timedelta64(int(clock.SECONDS_BEFORE_SNAP * 1000), "ms")
        self.start_time = self.snap_time - before  # of the video
        self.end_time = self.start_time + np.timedelta64(round(seconds * 1000), "ms")
        end = round(seconds * clock.FRAMES_PER_SECOND)
        longer, beyond = (
            int(rng.integers(*most, endpoint=True))
            for most in (SIDELINE_LONGER, ENDZONE_BEYOND_END)
        )
        # view -> how many its video has
        self.frames = {"Sideline": end + beyond + longer, "Endzone": end + beyond}
        frames = np.arange(max(self.frames.values())) / clock.FRAMES_PER_SECOND
        self.frame_time = frames - clock.SECONDS_BEFORE_SNAP  # [F] s since the snap

    def since_snap(self, steps: np.ndarray) -> np.ndarray:
        """Seconds since the snap at `steps`."""
        early = (self.snap_time - clock.step_zero(self.snap_time)).astype(int) / 1000
        return steps / clock.STEPS_PER_SECOND - early


@dataclass(frozen=True)
class SimulatedPlay:
    """Everything about one play; S labelled steps, P players as in the lineup, F frames of the
    longer video."""

    game_play: str
    lineup: Lineup
    timing: Timing
    position: np.ndarray  # [S, P, 2] yd, at the datetimes of the labels
    pair_truth: np.ndarray  # [S, P, P] bool
    ground_truth: np.ndarray  # [S, P] bool
    pair_label: np.ndarray  # [S, P, P] bool, with the annotators' errors
    ground_label: np.ndarray  # [S, P] bool
    lowest: np.ndarray  # [S, P] yd, height of the lowest joint but hands and feet
    tracking: pd.DataFrame  # see `simulate_tracking`
    sensor_lag: float  # s, by which the sensors report late
    poses: Poses
    officials: Poses  # seven more, in the images only
    ball: np.ndarray  # [F, 3] yd
    views: dict[str, View]


def simulate_play(seed: int, index: int, median_steps: int, missing: int = 0) -> SimulatedPlay:
    """Play `index` of a season, without `missing` of its 22 players: no files, no clock."""
    game = int(index / PLAYS_PER_GAME)
    game_rng = np.random.default_rng([seed, game, 1])
    squads = draw_squads(game_rng)
    near_side = bool(game_rng.random() < 0.5)
    rng = np.random.default_rng([seed, index, 2])
    timing = Timing(rng, game, index, median_steps)
    label_time, frame_time = timing.since_snap(timing.labelled), timing.frame_time
    start, end = timing.tracked[0] / 10 - 1.0, label_time[-1] + SECONDS_AFTER
    scenario = Scenario(rng, len(label_time), start, end)
    lineup = draw_lineup(rng, *squads, scenario.run_play, missing)
    sign = int(rng.choice([-1, 1]))
    x, hash_mark = rng.uniform(25, 95), rng.choice([-1, 0, 0, 1])
    spot = np.array([x, FIELD_WIDTH / 2 + hash_mark * YARDS_BETWEEN_HASHES / 2])
    motion = simulate_motion(rng, lineup, scenario, spot, sign)
    contacts = simulate_contacts(rng, motion, lineup)
    lag = rng.uniform(0.065, 0.095)
    tracking = simulate_tracking(rng, motion, timing.since_snap(timing.tracked), lag)
    poses = poses_at(motion, contacts, frame_time)
    cameras = draw_cameras(rng, motion, frame_time, near_side, sign)
    views = {
        name: _record(rng, camera.first(timing.frames[name]), poses.first(timing.frames[name]))
        for name, camera in cameras.items()
    }
    labelled = np.rint((label_time - motion.time[0]) * RATE).astype(int)
    pair, ground = contacts.pair[labelled], contacts.ground[labelled]
    i, j = np.triu_indices(len(lineup.ids), 1)
    pair_label = np.zeros_like(pair)
    position = motion.position[labelled]
    near = np.linalg.norm(position[:, i] - position[:, j], axis=-1) < DOUBTFUL
    noisy = add_label_noise(rng, pair[:, i, j], near, PAIR_SHIFTS)
    pair_label[:, i, j] = pair_label[:, j, i] = noisy
    anybody = np.full(ground.shape, not motion.no_contact)
    officials_rng = np.random.default_rng([seed, index, 4])
    return SimulatedPlay(
        game_play=f"{FIRST_GAME_KEY + game * 3}_{timing.play_id:06d}",
        lineup=lineup,
        timing=timing,
        position=position,
        pair_truth=pair,
        ground_truth=ground,
        pair_label=pair_label,
        ground_label=add_label_noise(rng, ground, anybody, GROUND_SHIFTS),
        lowest=poses_at(motion, contacts, label_time).lowest(),
        tracking=tracking,
        sensor_lag=lag,
        poses=poses,
        officials=officials.officials_at(officials_rng, motion, sign, frame_time),
        ball=ball.ball_track(motion, poses, frame_time),
        views=views,
    )


def _record(rng: Generator, camera: Camera, poses: Poses) -> View:
    boxes, depth = helmet_detector.true_boxes(camera, poses)
    visible = helmet_detector.visibility(camera, poses, boxes, depth)
    return View(camera, boxes, visible, helmet_detector.detect(rng, boxes, visible, poses.down))
