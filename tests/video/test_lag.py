import dataclasses

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from player_contact.competition.season import read_season
from player_contact.play import build_play
from player_contact.video.homography import project
from player_contact.video.lag import UNKNOWN, USUAL_LEAN, USUAL_SHIFT, Clock, facing_at, field_at, helmets_at, measure_clock
from tests.makers import camera, first_play, make_play, positions


@pytest.mark.parametrize("shift", [-0.05, 0.0, 0.08, 0.16])
def test_the_clock_is_found_where_the_picture_was_made_with_it(shift):
    play = make_play(players=14, steps=80)
    random = np.random.default_rng(5)
    velocity = random.uniform(-5, 5, (14, 2))
    still = positions(6)[0]
    seconds = np.arange(80)[:, None, None] / 10
    position = still + velocity * np.sin(1.5 * seconds) / 1.5
    play = dataclasses.replace(play, position=position.astype(np.float32))
    view = play.views["Sideline"]
    frame = np.arange(len(view.boxes))
    pixels = project(np.repeat(camera(6)[None], len(frame), axis=0), field_at(play, view, frame, shift))
    boxes = np.concatenate([pixels - 8, np.full_like(pixels, 16)], axis=-1) + random.normal(0, 0.5, (len(frame), 14, 4))
    assert measure_clock(play, dataclasses.replace(view, boxes=boxes.astype(np.float32))).shift == pytest.approx(shift, abs=0.01)


def runners(facing: float):
    """Fourteen players who run in circles, each at his own speed up to 6 yd/s, and face where they run, turned by so many degrees."""
    play = make_play(players=14, steps=80)
    seconds = np.arange(80)[:, None] / 10
    speed, radius = np.linspace(0.3, 6, 14), 3.0
    angle = seconds * speed / radius + np.arange(14)
    position = positions(6)[0] + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return dataclasses.replace(play, position=position.astype(np.float32), orientation=np.float32(np.degrees(-angle) + facing) % 360)


def filmed(play, clock: Clock, wander: float = 0.0):
    """The play's Sideline with boxes where a still camera sees the helmets, each of which wanders about by so many yards within seconds."""
    view = play.views["Sideline"]
    frame = np.arange(len(view.boxes))
    random = np.random.default_rng(5)
    slow = np.sin(frame[:, None, None] / 60 + random.uniform(0, 6, (14, 2)))
    pixels = project(np.repeat(camera(6)[None], len(frame), axis=0), helmets_at(play, view, frame, clock) + wander * slow)
    boxes = np.concatenate([pixels - 8, np.full_like(pixels, 16)], axis=-1) + random.normal(0, 0.5, (len(frame), 14, 4))
    return dataclasses.replace(view, boxes=boxes.astype(np.float32))


@pytest.mark.parametrize("wander", [0.0, 0.2])
@pytest.mark.parametrize("facing", [0, 40, 180])
def test_a_lean_is_not_taken_for_a_shift_of_the_clock(facing, wander):
    play = runners(facing)
    truth = Clock(0.03, 0.25, 0.0)
    found = measure_clock(play, filmed(play, truth, wander))
    assert found.shift == pytest.approx(truth.shift, abs=0.02)  # blind to leans it would be .08
    assert found.lean == pytest.approx(truth.lean, abs=0.1)


def test_the_clock_is_the_same_however_many_threads_measure_it():
    play = runners(40)
    view = filmed(play, Clock(0.03, 0.25, 0.0), 0.2)
    with threadpool_limits(1):
        one = measure_clock(play, view)
    with threadpool_limits(2):
        assert measure_clock(play, view) == one


def test_a_helmet_is_ahead_of_the_sensors_where_its_player_faces():
    play = make_play(players=1)
    play = dataclasses.replace(play, orientation=np.full_like(play.orientation, 90))  # along +x
    view, frame = play.views["Sideline"], np.array([30, 60])
    ahead = helmets_at(play, view, frame, Clock(0.1, 0.5, 1.0)) - field_at(play, view, frame, 0.1)
    np.testing.assert_allclose(ahead, np.broadcast_to([0.5, 0.0], ahead.shape), atol=1e-5)


def test_where_no_clock_could_be_measured_the_usual_one_is_taken():
    play = make_play(players=3)
    view, frame = play.views["Sideline"], np.arange(40, 50)
    np.testing.assert_array_equal(helmets_at(play, view, frame, UNKNOWN), helmets_at(play, view, frame, Clock(USUAL_SHIFT, USUAL_LEAN, 1.0)))


def test_a_player_of_unknown_facing_is_where_his_sensors_are():
    play = make_play(players=3)
    play = dataclasses.replace(play, orientation=np.full_like(play.orientation, np.nan))
    view, frame = play.views["Sideline"], np.arange(40, 50)
    assert not facing_at(play, view, frame, 0.1).any()
    np.testing.assert_array_equal(helmets_at(play, view, frame, Clock(0.1, 0.3, 1.0)), field_at(play, view, frame, 0.1))


def test_without_boxes_no_clock_is_measured():
    play = make_play(players=4)
    assert np.isnan(measure_clock(play, play.views["Endzone"]).shift)


def test_positions_before_and_after_the_tracking_are_not_known():
    play = make_play(players=3, steps=10)
    view = play.views["Sideline"]
    field = field_at(play, view, np.array([-60, 20, 900]), 0.0)
    assert np.isnan(field[[0, 2]]).all()
    assert np.isfinite(field[1]).all()


def test_a_real_play_is_registered_to_within_a_helmet(real_folder):
    play, _ = first_play(read_season(real_folder.folder, "test"))
    for view in play.views.values():
        measured = measure_clock(play, view)
        assert 0.04 < measured.shift < 0.12
        assert 0.05 < measured.lean < 0.3
        assert measured.error < np.nanmedian(view.boxes[..., 2])


def test_a_simulated_play_is_registered_like_a_real_one(season_tables):
    errors = []
    for tables in read_season(season_tables, "train").plays():
        play, _ = build_play(tables)
        errors += [measure_clock(play, view).error for view in play.views.values()]
    assert 3 < np.nanmedian(errors) < 12
