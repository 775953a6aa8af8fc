from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition import clock, constants
from season_simulator import contacts, pose
from season_simulator.season_writer import play_tables
from season_simulator.simulated_play import Timing, simulate_play
from season_simulator.tracking_sensors import simulate_tracking
from tests.season_simulator.conftest import SEED, make_motion


def test_players_keep_within_human_limits(plays):
    for play in plays:
        velocity = np.diff(play.position, axis=0) * clock.STEPS_PER_SECOND
        acceleration = np.diff(velocity, axis=0) * clock.STEPS_PER_SECOND
        assert np.linalg.norm(velocity, axis=-1).max() < 10.5
        assert np.linalg.norm(acceleration, axis=-1).max() < 12
        assert np.percentile(np.linalg.norm(acceleration, axis=-1), 95) < 7


def test_at_an_arms_length_no_distance_shows_who_touches(plays):
    touching, apart = [], []
    for play in plays:
        distance = np.linalg.norm(play.position[:, :, None] - play.position[:, None], axis=-1)
        near = (distance > 0.8) & (distance < 0.95)
        touching.append(distance[near & play.pair_truth])
        apart.append(distance[near & ~play.pair_truth])
    touching, apart = np.concatenate(touching), np.concatenate(apart)
    assert min(len(touching), len(apart)) > 100
    assert abs(touching.mean() - apart.mean()) < 0.03


def test_the_hidden_decision_does_not_change_the_tracking(plays, monkeypatch):
    monkeypatch.setattr(contacts, "GRAB", dict.fromkeys(contacts.GRAB, 0.0))
    unarmed = simulate_play(SEED, 0, 74)
    assert unarmed.pair_truth.sum() < plays[0].pair_truth.sum()
    assert unarmed.tracking.equals(plays[0].tracking)


def test_only_an_arm_in_contact_reaches_the_other_body():
    reaching = hand_distance(reach=1.0)
    assert reaching < 0.32
    assert hand_distance(reach=0.5) > reaching + 0.15
    assert hand_distance(reach=0.0) > reaching + 0.2


def hand_distance(reach: float) -> float:
    """Yards from the nearer hand of a player to the center of the body 0.9 yd in front of him."""
    grid = np.arange(-1, 2.05, 0.05)
    T = len(grid)
    position = np.tile([[50.0, 20.0], [50.9, 20.0]], (T, 1, 1))
    motion = make_motion(grid, position)
    heading, crouch = np.tile([0.0, np.pi], (T, 1)), np.full((T, 2), 0.3)
    arms = replace(
        contacts.idle_arms(T, 2),
        target=np.tile([[1, 1], [-1, -1]], (T, 1, 1)),
        reach=np.tile([[reach, reach], [0, 0]], (T, 1, 1)),
        style=np.full((T, 2), contacts.TUCKED),
    )
    poses = pose.poses_at(replace(motion, heading=heading, crouch=crouch), arms, np.arange(2.0))
    center = 0.5 * (poses.joint("chest") + poses.joint("pelvis"))[0, 1]
    hands = np.stack([poses.joint("left_hand"), poses.joint("right_hand")])[:, 0, 0]
    return float(np.linalg.norm((hands - center)[:, :2], axis=-1).min())


def test_only_who_has_fallen_touches_the_ground_and_he_lies_low(plays):
    for play in plays:
        seconds = play.timing.since_snap(play.timing.labelled) + clock.SECONDS_BEFORE_SNAP
        frame = np.rint(seconds * clock.FRAMES_PER_SECOND).astype(int)
        inside = frame < len(play.poses.down)
        head = play.poses.joint("head")[frame[inside], :, 2]
        fallen = play.ground_truth[inside]
        assert not fallen.any() or head[fallen].max() < 1.6
        upright = play.poses.down[frame[inside]] < 0.05
        assert head[~fallen & upright].min() > 0.9  # of one who lies: below 0.5


def test_videos_end_early_in_two_plays_of_five_and_mostly_in_the_endzone():
    missing = {view: [] for view in constants.VIEWS}
    for index in range(1000):
        timing = Timing(np.random.default_rng([SEED, index]), 0, index, 74)
        seconds = timing.since_snap(timing.labelled) + clock.SECONDS_BEFORE_SNAP
        frame = np.rint(seconds * clock.FRAMES_PER_SECOND)
        end = (timing.end_time - timing.start_time).astype(int) / 1000 * clock.FRAMES_PER_SECOND
        for view, frames in timing.frames.items():
            missing[view].append(int((frame >= frames).sum()))
            assert -4.6 < frames - end < 8.6
        assert abs(timing.frames["Sideline"] - timing.frames["Endzone"]) <= 6
    sideline, endzone = (np.array(missing[view]) > 0 for view in constants.VIEWS)
    assert (sideline | endzone).mean() == pytest.approx(98 / 240, abs=0.04)
    assert (sideline.sum() + endzone.sum()) / 2000 == pytest.approx(141 / 480, abs=0.03)
    assert endzone.sum() > 1.5 * sideline.sum()
    assert set(np.concatenate([*missing.values()])) == {0, 1, 2, 3, 4}


def test_labels_differ_from_the_truth_only_now_and_then(plays):
    plays = [*plays, *(simulate_play(SEED, index, 74) for index in range(len(plays), 12))]
    truth = np.concatenate([play.pair_truth.ravel() for play in plays])
    label = np.concatenate([play.pair_label.ravel() for play in plays])
    assert 0.01 < (truth != label).sum() / truth.sum() < 0.2


def test_annotators_are_late_forget_and_imagine_contacts():
    truth = np.zeros((60, 400), bool)
    truth[20:40] = True
    rng, nowhere = np.random.default_rng(1), np.zeros_like(truth)
    noisy = contacts.add_label_noise(rng, truth, nowhere, ((0, 1), (-2, 0)))
    begin, end = noisy.argmax(0), len(noisy) - noisy[::-1].argmax(0)
    kept = noisy.any(0)
    assert 0.95 < kept.mean() < 1
    assert set(begin[kept]) == {20, 21}
    assert set(end[kept]) == {38, 40}
    imagined = contacts.add_label_noise(rng, truth, ~truth, ((0,), (0,))) & ~truth
    assert 0 < imagined.any(0).sum() < 20


def test_contacts_are_as_rare_as_in_the_real_season(plays):
    plays = [*plays, *(simulate_play(SEED, index, 74) for index in range(len(plays), 12))]
    upper = [np.triu_indices(play.pair_label.shape[1], 1) for play in plays]
    pairs = [play.pair_label[:, i, j].ravel() for play, (i, j) in zip(plays, upper, strict=True)]
    ground = np.concatenate([play.ground_label.ravel() for play in plays])
    assert 0.0055 < np.concatenate(pairs).mean() < 0.022
    assert 0.02 < ground.mean() < 0.08


def test_the_sensors_report_the_world_late():
    grid, time = np.arange(-2, 4.05, 0.05), np.arange(0, 3, 0.1)
    x = 6.0 * grid[:, None] + np.arange(12)
    motion = make_motion(grid, np.stack([x, np.zeros_like(x)], -1))
    report = simulate_tracking(np.random.default_rng(1), motion, time, lag=0.07)
    behind = 6.0 * time[:, None] + np.arange(12) - report.x_position.to_numpy().reshape(-1, 12)
    assert abs(behind.mean() - 6.0 * 0.07) < 0.15


@pytest.fixture
def tracking(plays):
    table = play_tables(plays[1], "train", {})["train_player_tracking.csv"]
    return table.sort_values(["nfl_player_id", "step"])


def test_speed_distance_and_acceleration_fit_the_positions(tracking):
    by_player = tracking.groupby("nfl_player_id")
    moved = np.hypot(by_player.x_position.diff(), by_player.y_position.diff())
    assert (moved - tracking.distance).abs().median() < 0.01
    assert (10 * moved - tracking.speed).abs().mean() < 0.15
    assert (tracking.sa.abs() <= tracking.acceleration).all()


def test_direction_is_clockwise_from_the_y_axis(tracking):
    by_player, fast = tracking.groupby("nfl_player_id"), tracking.speed > 3
    positions = (by_player[name] for name in ("x_position", "y_position"))
    dx, dy = ((position.shift(-1) - position.shift(1))[fast] for position in positions)
    direction = np.radians(tracking.direction[fast])
    cosine = (np.sin(direction) * dx + np.cos(direction) * dy) / np.hypot(dx, dy)
    assert cosine.dropna().min() > 0.95


@given(crouch=st.floats(0, 1), fall_angle=st.floats(-3.1, 3.1))
def test_a_part_of_the_body_rests_on_the_turf_exactly_while_there_is_contact(crouch, fall_angle):
    down, players = np.linspace(0, 1, 101), 6
    grid, apart = np.arange(len(down)) / 20, 5.0 * np.arange(players)
    position = np.tile(np.stack([apart, apart], -1), (len(down), 1, 1))
    motion = replace(
        make_motion(grid, position),
        crouch=np.full((len(down), players), crouch),
        down=np.tile(down[:, None], players),
        fall_angle=np.full((len(down), players), fall_angle),
    )
    poses = pose.poses_at(motion, contacts.idle_arms(len(down), players), grid)
    parts = [name for name in pose.JOINTS if name.split("_")[-1] not in ("foot", "hand")]
    lowest = np.min([poses.joint(name)[..., 2] for name in parts], axis=0).max(1)
    assert lowest[down > contacts.LYING + 0.05].max() < 0.12
    assert lowest[down < contacts.LYING - 0.05].min() > 0.18


def test_who_lies_on_top_of_a_pile_does_not_touch_the_ground():
    position = np.array([[[0.0, 0.0], [0.3, 0.0], [0.4, 0.0], [5.0, 0.0]]])
    height = contacts.pile_height(position, np.ones((1, 4)))[0]
    assert height[0] == height[3] == 0
    assert height[2] > contacts.HELD_UP > height[1] > 0
    standing = contacts.pile_height(position, np.array([[0.0, 1, 1, 1]]))[0]
    assert standing[1] == 0
