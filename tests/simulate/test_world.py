import numpy as np

from player_contact.competition import clock
from player_contact.simulate import contact, pose
from player_contact.simulate.sensors import sense


def distances(position):
    return np.linalg.norm(position[:, :, None] - position[:, None], axis=-1)


def test_players_keep_within_human_limits(plays):
    for play in plays:
        velocity = np.diff(play.position, axis=0) * clock.STEPS_PER_SECOND
        acceleration = np.diff(velocity, axis=0) * clock.STEPS_PER_SECOND
        assert np.linalg.norm(velocity, axis=-1).max() < 10.5
        assert np.linalg.norm(acceleration, axis=-1).max() < 12
        assert np.percentile(np.linalg.norm(acceleration, axis=-1), 95) < 7


def test_two_players_at_an_arms_length_touch_or_not_and_no_distance_tells_which(plays):
    touching, apart = [], []
    for play in plays:
        gap = distances(play.position)
        near = (gap > 0.8) & (gap < 0.95)
        touching.append(gap[near & play.pair_truth])
        apart.append(gap[near & ~play.pair_truth])
    touching, apart = np.concatenate(touching), np.concatenate(apart)
    assert min(len(touching), len(apart)) > 100
    assert abs(touching.mean() - apart.mean()) < 0.03


def test_the_hidden_decision_leaves_the_sensors_as_they_are(plays, monkeypatch):
    """Without a single outstretched arm the sensors report the same numbers."""
    from player_contact.simulate.play import simulate_play

    monkeypatch.setattr(contact, "GRAB", dict.fromkeys(contact.GRAB, 0.0))
    unarmed = simulate_play(11, 0, 74)
    assert unarmed.pair_truth.sum() < plays[0].pair_truth.sum()
    assert unarmed.tracking.equals(plays[0].tracking)


def test_an_arm_in_contact_reaches_the_other_body_in_the_picture_and_an_idle_arm_does_not():
    time = np.array([0.0, 1.0])
    reaching = hand_gap(time, reach=1.0)
    assert reaching < 0.32
    assert hand_gap(time, reach=0.5) > reaching + 0.15
    assert hand_gap(time, reach=0.0) > reaching + 0.2


def hand_gap(time: np.ndarray, reach: float) -> float:
    """Yards between the nearer hand of a player and the middle of the body 0.9 yd in front of him."""
    from player_contact.simulate.motion import Motion

    grid = np.arange(-1, 2.05, 0.05)
    T = len(grid)
    still = np.tile([[50.0, 20.0], [50.9, 20.0]], (T, 1, 1))
    zero = np.zeros((T, 2))
    motion = Motion(
        time=grid, position=still, heading=np.tile([0.0, np.pi], (T, 1)), crouch=zero + 0.3, down=zero, fall=zero,
        hold=np.full((T, 2), -1), ball=zero, holder=zero[:, 0].astype(int), spot=zero[0], calm=False,
    )  # fmt: skip
    arms = contact.Contacts(
        target=np.tile([[1, 1], [-1, -1]], (T, 1, 1)), reach=np.tile([[reach, reach], [0, 0]], (T, 1, 1)),
        style=np.full((T, 2), contact.TUCKED), pair=np.zeros((T, 2, 2), bool), ground=np.zeros((T, 2), bool),
    )  # fmt: skip
    bodies = pose.bodies_at(motion, arms, time)
    middle = 0.5 * (bodies.joint("chest") + bodies.joint("pelvis"))[0, 1]
    hands = np.stack([bodies.joint("left_hand"), bodies.joint("right_hand")])[:, 0, 0]
    return float(np.linalg.norm((hands - middle)[:, :2], axis=-1).min())


def test_only_a_fallen_player_is_in_contact_with_the_ground_and_he_lies_low(plays):
    for play in plays:
        early = (play.snap_time - clock.step_zero(play.snap_time)).astype(int) / 1000
        frame = np.rint((play.steps / 10 - early + 5) * clock.FRAMES_PER_SECOND).astype(int)
        inside = frame < len(play.bodies.down)
        head = play.bodies.joint("head")[frame[inside], :, 2]
        fallen = play.ground_truth[inside]
        assert not fallen.any() or head[fallen].max() < 1.6
        assert head[~fallen & (play.bodies.down[frame[inside]] < 0.05)].min() > 0.9


def test_labels_differ_from_the_truth_only_now_and_then(plays):
    truth, label = (np.concatenate([getattr(play, name).ravel() for play in plays]) for name in ("pair_truth", "pair_label"))
    wrong = (truth != label).sum() / truth.sum()
    assert 0.01 < wrong < 0.2


def test_contacts_are_as_rare_as_in_the_real_season(plays):
    pairs = np.concatenate([np.triu(play.pair_label, 1)[:, ~np.tri(play.pair_label.shape[1], dtype=bool)].ravel() for play in plays])
    ground = np.concatenate([play.ground_label.ravel() for play in plays])
    assert 0.0055 < pairs.mean() < 0.022
    assert 0.02 < ground.mean() < 0.08


def test_the_sensors_report_the_world_a_moment_late(plays):
    from player_contact.simulate.motion import Motion

    grid = np.arange(-2, 4.05, 0.05)
    T, P = len(grid), 12
    x = 6.0 * grid[:, None] + np.arange(P)
    zero = np.zeros((T, P))
    nobody = np.full(T, -1)
    motion = Motion(grid, np.stack([x, zero], -1), zero, zero, zero, zero, zero.astype(int), np.zeros((T, 2)), nobody, np.zeros(2), calm=False)
    time = np.arange(0, 3, 0.1)
    report = sense(np.random.default_rng(1), motion, time, lag=0.07)
    shown = report.x_position.to_numpy().reshape(len(time), P)
    behind = 6.0 * time[:, None] + np.arange(P) - shown
    assert abs(behind.mean() - 6.0 * 0.07) < 0.15


def test_speed_and_distance_fit_the_positions_and_acceleration_bounds_its_signed_part(plays):
    table = plays[1].tracking.sort_values(["nfl_player_id", "step"])
    by_player = table.groupby("nfl_player_id")
    moved = np.hypot(by_player.x_position.diff(), by_player.y_position.diff())
    assert (moved - table.distance).abs().median() < 0.01
    assert (10 * moved - table.speed).abs().mean() < 0.15
    assert (table.sa.abs() <= table.acceleration).all()


def test_direction_is_clockwise_from_the_y_axis(plays):
    table = plays[1].tracking.sort_values(["nfl_player_id", "step"])
    by_player = table.groupby("nfl_player_id")
    dx, dy = (by_player[axis].shift(-1) - by_player[axis].shift(1) for axis in ("x_position", "y_position"))
    fast = table.speed > 3
    direction = np.radians(table.direction[fast])
    along = (np.sin(direction) * dx[fast] + np.cos(direction) * dy[fast]) / np.hypot(dx[fast], dy[fast])
    assert along.dropna().min() > 0.95
