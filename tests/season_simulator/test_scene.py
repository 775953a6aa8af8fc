"""What the images show besides the players: the ball, the officials, and motion blur."""

from dataclasses import replace

import numpy as np
import pytest

from player_contact.competition import clock
from player_contact.competition.constants import FIELD_LENGTH, FIELD_WIDTH
from season_simulator import officials, render, simulated_play, video_writer
from season_simulator.ball import GROUND_HEIGHT, ball_track
from season_simulator.bystanders import Crowd
from season_simulator.contacts import idle_arms
from season_simulator.figure import JOINT, SHIFT
from season_simulator.pose import Poses, poses_at
from season_simulator.season_writer import play_tables
from season_simulator.state import DROPPED, NOBODY
from tests.season_simulator.conftest import SEED, make_motion

SPOT = np.array([50.0, 26.0])
PASSER, CATCHER = 0, 1


def throw(caught: bool) -> tuple[np.ndarray, np.ndarray, Poses]:
    """Time, ball and poses of a pass over 20 yd: thrown after 1 s, there after 2 s."""
    grid = np.arange(-1, 4.05, 0.05)
    position = np.tile([(45.0, 26.0), (65.0, 26.0)], (len(grid), 1, 1))
    holder = np.select([grid < 1, grid < 2], [PASSER, NOBODY], CATCHER if caught else DROPPED)
    ball = np.where(grid[:, None] < 1.5, position[:, PASSER], position[:, CATCHER])
    motion = make_motion(grid, position, ball=ball, holder=holder, spot=SPOT)
    time = np.arange(-0.9, 3.9, 1 / clock.FRAMES_PER_SECOND)
    poses = poses_at(motion, idle_arms(len(grid), 2), time)
    return time, ball_track(motion, poses, time), poses


def steps(ball: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(ball, axis=0), axis=1)


def test_the_ball_goes_from_the_line_to_the_passer_to_the_catcher():
    time, ball, poses = throw(caught=True)
    distance = np.linalg.norm(poses.joint("chest") - ball[:, None], axis=-1)
    assert np.allclose(ball[time < 0], [*SPOT, GROUND_HEIGHT])
    assert distance[(time > 0.4) & (time < 0.95), PASSER].max() < 0.6
    assert distance[time > 2.05, CATCHER].max() < 0.6
    assert steps(ball).max() < 0.5


def test_a_pass_flies_in_an_arc():
    time, ball, poses = throw(caught=True)
    height = ball[(time > 1.05) & (time < 1.95), 2]
    assert height.argmax() == pytest.approx(len(height) / 2, abs=4)
    assert height.max() > poses.joint("head")[..., 2].max() + 0.5


def test_a_pass_that_nobody_catches_ends_on_the_ground():
    time, ball, _ = throw(caught=False)
    assert ball[(time > 1.9) & (time < 1.95), 2].min() > 1.0
    assert ball[time > 3.5, 2].max() < GROUND_HEIGHT + 0.1
    assert steps(ball[time > 3.5]).max() < 0.05


def test_the_ball_of_a_play_never_jumps_nor_sinks(plays):
    for play in plays:
        assert (play.ball[:, 2] > 0).all()
        assert steps(play.ball).max() < 1.0


def test_officials_change_neither_boxes_nor_tables(plays, monkeypatch):
    original = officials.officials_at

    def shifted(*args):
        poses = original(*args)
        return Poses(poses.joints + 3.0, poses.heading, poses.down)

    monkeypatch.setattr(officials, "officials_at", shifted)
    moved = simulated_play.simulate_play(SEED, 0, 74)
    assert not np.allclose(moved.officials.joints, plays[0].officials.joints)
    for view in plays[0].views.values():
        assert view.boxes.shape[1] == len(plays[0].lineup.ids)
    tables = play_tables(plays[0], "train", {})
    for name, table in play_tables(moved, "train", {}).items():
        assert table.equals(tables[name])


def test_seven_officials_stand_round_the_play_and_trail_the_ball(plays):
    snap = round(clock.SECONDS_BEFORE_SNAP * clock.FRAMES_PER_SECOND)
    for play in plays:
        position, ball = play.officials.joint("pelvis")[..., :2], play.ball[:, :2]
        assert position.shape[1] == 7
        x, y = position[snap].T
        beside = (y < 1) | (y > FIELD_WIDTH - 1)
        assert ((np.abs(x - ball[snap - 5, 0]) < 3) & beside).sum() == 2
        assert beside.sum() == 4
        assert np.linalg.norm(position[-1] - ball[-1], axis=1).min() < 20


@pytest.fixture(scope="module")
def scene(plays):
    return video_writer.draw_scene(plays[4], np.random.default_rng(3))


def detail(image: np.ndarray) -> float:
    import cv2

    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var())


def test_an_image_is_blurred_where_the_camera_pans_and_else_sharp(plays, scene):
    camera = plays[4].views["Sideline"].camera
    short, long = (render.Renderer(scene, camera, exposure) for exposure in (1 / 5000, 1 / 80))
    speed = np.abs(long.pan).max(1)
    panning, still = int(speed.argmax()), int(speed[300:330].argmin()) + 300
    assert detail(long.render(panning)) < 0.7 * detail(short.render(panning))
    assert detail(long.render(still)) > 0.9 * detail(short.render(still))


def test_an_official_hides_what_is_behind_him(plays, scene):
    """Where his chest is, the image is black and white rather than green."""
    renderer = render.Renderer(scene, plays[4].views["Endzone"].camera, 1 / 250)
    P, frame = len(plays[4].lineup.ids), 300
    chest = renderer.points[frame, P:, JOINT["chest"]] >> SHIFT
    inside = np.flatnonzero(((chest > 30) & (chest < [1250, 690])).all(1))
    order = renderer.order[frame].tolist()
    x, y = chest[max(inside.tolist(), key=lambda n: order.index(P + n))]
    part = renderer.render(frame)[y - 3 : y + 8, x - 5 : x + 6].astype(int)
    assert np.median(part.max(-1) - part.min(-1)) < 12
    assert part.max() - part.min() > 120


def test_the_scene_is_the_same_every_time(plays, scene):
    again = video_writer.draw_scene(plays[4], np.random.default_rng(3))
    for name in ("field", "ball", "lights"):
        assert np.array_equal(getattr(scene, name), getattr(again, name))
    assert again.appearances == scene.appearances
    assert np.array_equal(again.bystanders.feet, scene.bystanders.feet)


def test_people_stand_upright_along_the_sidelines_and_behind_the_ends(plays, scene):
    x, y, height = scene.bystanders.feet.T
    outside = (y < -2) | (y > FIELD_WIDTH + 2) | (x < -2) | (x > FIELD_LENGTH + 2)
    assert outside.all()
    assert (height == 0).all()
    image = np.zeros((720, 1280, 3), np.uint8)
    for view in (view for play in plays for view in play.views.values()):
        Crowd(scene.bystanders, view.camera).draw(image, 300)
    assert image.any(-1).sum() > 500


def test_a_shadow_lies_on_the_side_that_is_away_from_the_light(plays, scene):
    camera = plays[4].views["Sideline"].camera
    lit = {
        side: render.Renderer(replace(scene, lights=np.array([[side, 0.0, 0.5]])), camera, 1e-4)
        for side in (-1.0, 1.0)
    }
    assert lit[-1.0].light * lit[1.0].light < 0
