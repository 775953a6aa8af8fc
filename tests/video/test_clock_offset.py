import dataclasses

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from player_contact.competition.season import read_season
from player_contact.play import Play, View, build_play
from player_contact.video import clock_offset
from player_contact.video.clock_offset import (
    UNKNOWN,
    ClockOffset,
    facing_at,
    field_at,
    helmets_at,
    measure_clock_offset,
)
from player_contact.video.homography import project
from tests.makers import camera, first_play, make_play, positions

SECONDS = np.arange(80)[:, None] / 10


def runners(facing: float) -> Play:
    """Fourteen players who run in circles, at 0.3 to 6 yd/s, and face where they run, turned by
    `facing` degrees."""
    radius = 3.0
    angle = SECONDS * np.linspace(0.3, 6, 14) / radius + np.arange(14)
    position = positions(6)[0] + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    orientation = np.float32(np.degrees(-angle) + facing) % 360
    play = make_play(players=14, steps=80)
    return dataclasses.replace(play, position=np.float32(position), orientation=orientation)


def filmed(play: Play, offset: ClockOffset, drift: float = 0.0) -> View:
    """The Sideline of a still camera, boxes at the helmets, which drift by yards over seconds."""
    view, random = play.views["Sideline"], np.random.default_rng(5)
    frame = np.arange(len(view.boxes))
    slow = np.sin(frame[:, None, None] / 60 + random.uniform(0, 6, (14, 2)))
    helmets = helmets_at(play, view, frame, offset) + drift * slow
    pixels = project(np.repeat(camera(6)[None], len(frame), axis=0), helmets)
    boxes = np.concatenate([pixels - 8, np.full_like(pixels, 16)], axis=-1)
    boxes += random.normal(0, 0.5, boxes.shape)
    return dataclasses.replace(view, boxes=boxes.astype(np.float32))


@pytest.mark.parametrize("shift", [-0.05, 0.0, 0.08, 0.16])
def test_the_shift_a_view_was_made_with_is_measured(shift):
    play = make_play(players=14, steps=80)
    velocity = np.random.default_rng(5).uniform(-5, 5, (14, 2))
    position = positions(6)[0] + velocity * np.sin(1.5 * SECONDS[..., None]) / 1.5
    play = dataclasses.replace(play, position=position.astype(np.float32))
    view = filmed(play, ClockOffset(shift, 0.0, 0.0))
    assert measure_clock_offset(play, view).shift == pytest.approx(shift, abs=0.01)


@pytest.mark.parametrize("drift", [0.0, 0.2])
@pytest.mark.parametrize("facing", [0, 40, 180])
def test_a_lean_is_not_taken_for_a_shift(facing, drift):
    play, truth = runners(facing), ClockOffset(0.03, 0.25, 0.0)
    measured = measure_clock_offset(play, filmed(play, truth, drift))
    assert measured.shift == pytest.approx(truth.shift, abs=0.02)  # without leans it would be .08
    assert measured.lean == pytest.approx(truth.lean, abs=0.1)


def test_the_offset_does_not_depend_on_threads():
    play = runners(40)
    view = filmed(play, ClockOffset(0.03, 0.25, 0.0), 0.2)
    with threadpool_limits(1):
        single = measure_clock_offset(play, view)
    with threadpool_limits(2):
        assert measure_clock_offset(play, view) == single


def test_a_helmet_is_ahead_where_its_player_faces():
    play = make_play(players=1)
    play = dataclasses.replace(play, orientation=np.full_like(play.orientation, 90))  # along +x
    view, frame = play.views["Sideline"], np.array([30, 60])
    helmets = helmets_at(play, view, frame, ClockOffset(0.1, 0.5, 1.0))
    ahead = helmets - field_at(play, view, frame, 0.1)
    np.testing.assert_allclose(ahead, np.broadcast_to([0.5, 0.0], ahead.shape), atol=1e-5)


def test_an_unknown_offset_is_taken_for_the_prior():
    play, frame = make_play(players=3), np.arange(40, 50)
    view = play.views["Sideline"]
    prior = ClockOffset(clock_offset.PRIOR_SHIFT, clock_offset.PRIOR_LEAN, 1.0)
    unknown, expected = (helmets_at(play, view, frame, offset) for offset in (UNKNOWN, prior))
    np.testing.assert_array_equal(unknown, expected)


def test_a_player_of_unknown_facing_does_not_lean():
    play, frame = make_play(players=3), np.arange(40, 50)
    play = dataclasses.replace(play, orientation=np.full_like(play.orientation, np.nan))
    view = play.views["Sideline"]
    assert not facing_at(play, view, frame, 0.1).any()
    helmets = helmets_at(play, view, frame, ClockOffset(0.1, 0.3, 1.0))
    np.testing.assert_array_equal(helmets, field_at(play, view, frame, 0.1))


def test_without_boxes_no_offset_is_measured():
    play = make_play(players=4)
    assert np.isnan(measure_clock_offset(play, play.views["Endzone"]).shift)


def test_positions_outside_the_tracking_are_nan():
    play = make_play(players=3, steps=10)
    field = field_at(play, play.views["Sideline"], np.array([-60, 20, 900]), 0.0)
    assert np.isnan(field).all((1, 2)).tolist() == [True, False, True]
    assert np.isfinite(field[1]).all()


def test_a_real_play_is_registered_to_within_a_helmet(real_folder):
    play, _ = first_play(read_season(real_folder.folder, "test"))
    for view in play.views.values():
        measured = measure_clock_offset(play, view)
        assert 0.04 < measured.shift < 0.12
        assert 0.05 < measured.lean < 0.3
        assert measured.error < np.nanmedian(view.boxes[..., 2])


@pytest.mark.slow
def test_a_simulated_play_is_registered_like_a_real_one(season_tables):
    errors = []
    for tables in read_season(season_tables, "train").plays():
        play, _ = build_play(tables)
        errors += [measure_clock_offset(play, view).error for view in play.views.values()]
    assert 3 < np.nanmedian(errors) < 12
