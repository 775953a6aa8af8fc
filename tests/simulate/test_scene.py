"""What the pictures show besides the players: the ball, the officials, and blur where something moves."""

from dataclasses import fields

import numpy as np
import pytest

from player_contact.competition import clock
from player_contact.competition.names import FIELD_WIDTH
from player_contact.simulate import contact, figure, officials, play, pose, render, video
from player_contact.simulate.ball import LIES, ball_at
from player_contact.simulate.motion import Motion
from player_contact.simulate.state import DROPPED, NOBODY

SPOT = np.array([50.0, 26.0])
PASSER, CATCHER = 0, 1


def follow_ball(caught: bool) -> tuple[np.ndarray, np.ndarray, pose.Bodies]:
    """Seconds since the snap, the ball and the bodies of a passer, and 20 yd ahead a catcher; thrown after 1 s, there after 2 s."""
    grid = np.arange(-1, 4.05, 0.05)
    T = len(grid)
    place = np.tile([(45.0, 26.0), (65.0, 26.0)], (T, 1, 1))
    zero, after = np.zeros((T, 2)), CATCHER if caught else DROPPED
    holder = np.where(grid < 1, PASSER, np.where(grid < 2, NOBODY, after))
    moves = Motion(
        time=grid, position=place, heading=zero, crouch=zero, down=zero, fall=zero, hold=np.full((T, 2), -1),
        ball=np.where(grid[:, None] < 1.5, place[:, PASSER], place[:, CATCHER]), holder=holder, spot=SPOT, calm=False,
    )  # fmt: skip
    idle = contact.Contacts(
        target=np.full((T, 2, 2), NOBODY), reach=np.zeros((T, 2, 2)), style=np.zeros((T, 2), int),
        pair=np.zeros((T, 2, 2), bool), ground=np.zeros((T, 2), bool),
    )  # fmt: skip
    time = np.arange(-0.9, 3.9, 1 / clock.FRAMES_PER_SECOND)
    bodies = pose.bodies_at(moves, idle, time)
    return time, ball_at(moves, bodies, time), bodies


def test_the_ball_lies_at_the_line_until_the_snap_then_is_in_the_passers_hands_then_in_the_catchers():
    time, ball, bodies = follow_ball(caught=True)
    gap = np.linalg.norm(bodies.joint("chest") - ball[:, None], axis=-1)
    assert np.allclose(ball[time < 0], [*SPOT, LIES])
    assert gap[(time > 0.4) & (time < 0.95), PASSER].max() < 0.6
    assert gap[time > 2.05, CATCHER].max() < 0.6
    assert np.linalg.norm(np.diff(ball, axis=0), axis=1).max() < 0.5


def test_a_pass_flies_in_an_arc():
    time, ball, bodies = follow_ball(caught=True)
    flight = ball[(time > 1.05) & (time < 1.95)]
    assert flight[:, 2].argmax() == pytest.approx(len(flight) / 2, abs=4)
    assert flight[:, 2].max() > bodies.joint("head")[..., 2].max() + 0.5


def test_a_pass_that_nobody_catches_ends_on_the_ground():
    time, ball, _ = follow_ball(caught=False)
    assert ball[(time > 1.9) & (time < 1.95), 2].min() > 1.0
    assert ball[time > 3.5, 2].max() < LIES + 0.1
    assert np.linalg.norm(np.diff(ball[time > 3.5], axis=0), axis=1).max() < 0.05


def test_in_a_play_the_ball_is_always_at_a_player_on_the_ground_or_in_the_air_and_never_jumps(plays):
    for one in plays:
        assert (one.ball[:, 2] > 0).all()
        assert np.linalg.norm(np.diff(one.ball, axis=0), axis=1).max() < 1.0


def test_no_official_has_a_box_and_the_tables_do_not_know_where_they_are(plays, monkeypatch):
    there = officials.officials_at

    def elsewhere(rng, motion, sign, time):
        bodies = there(rng, motion, sign, time)
        return pose.Bodies(bodies.joints + 3.0, bodies.heading, bodies.down)

    monkeypatch.setattr(officials, "officials_at", elsewhere)
    moved = play.simulate_play(11, 0, 74)
    assert not np.allclose(moved.officials.joints, plays[0].officials.joints)
    for view in plays[0].views.values():
        assert view.boxes.shape[1] == len(plays[0].lineup.ids)
    for table in (play.tracking_table, play.labels_table, play.video_table, lambda one: play.helmets_table(one, {})):
        assert table(moved).equals(table(plays[0]))


def test_seven_officials_stand_round_the_play_and_come_after_the_ball(plays):
    for one in plays:
        place, ball = one.officials.joint("pelvis")[..., :2], one.ball[:, :2]
        snap = round(clock.SECONDS_BEFORE_SNAP * clock.FRAMES_PER_SECOND)
        assert place.shape[1] == 7
        at_the_line = np.abs(place[snap, :, 0] - ball[snap - 5, 0]) < 3
        beside = (place[snap, :, 1] < 1) | (place[snap, :, 1] > FIELD_WIDTH - 1)
        assert (at_the_line & beside).sum() == 2
        assert beside.sum() == 4
        gap = np.linalg.norm(place[-1] - ball[-1], axis=1)
        assert gap.min() < 20


@pytest.fixture(scope="module")
def scene(plays):
    return video.draw_scene(plays[4], np.random.default_rng(3))


def detail(picture: np.ndarray) -> float:
    import cv2

    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var())


def test_a_picture_is_blurred_where_the_camera_pans_and_sharp_where_it_rests(plays, scene):
    camera = plays[4].views["Sideline"].camera
    quick, slow = (render.Painter(scene, camera, exposure) for exposure in (1 / 5000, 1 / 80))
    speed = np.abs(slow.pan).max(1)
    panning, resting = int(speed.argmax()), int(speed[300:330].argmin()) + 300
    assert detail(slow.draw(panning)) < 0.7 * detail(quick.draw(panning))
    assert detail(slow.draw(resting)) > 0.9 * detail(quick.draw(resting))


def test_an_official_hides_what_is_behind_him(plays, scene):
    """Where his chest is, the picture is black and white rather than green."""
    camera = plays[4].views["Endzone"].camera
    painter = render.Painter(scene, camera, 1 / 250)
    P, frame = len(plays[4].lineup.ids), 300
    chest = painter.points[frame, P:, figure.JOINT["chest"]] >> figure.SHIFT
    shown = ((chest > 30) & (chest < [1250, 690])).all(1)
    assert shown.any()
    nearest = painter.order[frame].tolist()
    who = max(np.flatnonzero(shown).tolist(), key=lambda n: nearest.index(P + n))
    x, y = chest[who]
    part = painter.draw(frame)[y - 3 : y + 8, x - 5 : x + 6].astype(int)
    assert np.median(part.max(-1) - part.min(-1)) < 12
    assert part.max() - part.min() > 120


def test_the_scene_is_the_same_every_time(plays, scene):
    again = video.draw_scene(plays[4], np.random.default_rng(3))
    for field in fields(render.Scene):
        if isinstance(getattr(scene, field.name), np.ndarray):
            assert np.array_equal(getattr(scene, field.name), getattr(again, field.name))
