import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.season import read_season
from player_contact.play import build_play
from player_contact.video.homography import LEAST_BOXES, fit_homographies, project
from player_contact.video.lag import field_at, measure_clock
from tests.makers import first_play, make_play


def camera(seed: int) -> np.ndarray:
    """[3, 3] what a camera beside the field does to positions on it."""
    random = np.random.default_rng(seed)
    turn = random.uniform(-0.3, 0.3)
    place = np.array([[np.cos(turn), -np.sin(turn), 0], [0, 0, 0], [0, 0, 1.0]])
    place[1, :2] = [np.sin(turn), 0.25]
    view = np.array([[30, 0, -900], [0, -40, 900], [0, 0.004, 1]]) @ place
    return view / view[2, 2]


def positions(seed: int, players: int = 14) -> np.ndarray:
    return np.random.default_rng(seed).uniform([35, 10], [65, 45], (1, players, 2))


@given(st.integers(0, 1000))
def test_points_without_error_give_the_homography_that_made_them(seed):
    field, truth = positions(seed), camera(seed)[None]
    fitted = fit_homographies(field, project(truth, field))
    np.testing.assert_allclose(project(fitted, positions(seed + 1)), project(truth, positions(seed + 1)), atol=1e-2)


def test_two_players_under_each_other_s_name_do_not_pull_the_fit():
    for seed in range(400):
        field, truth = positions(seed, 16), camera(seed)[None]
        pixels = project(truth, field) + np.random.default_rng(seed).normal(0, 1, (1, 16, 2))
        swapped = pixels[:, [1, 0, *range(2, 16)]]
        away = np.linalg.norm(project(fit_homographies(field, swapped), field) - project(truth, field), axis=-1)
        assert np.median(away) < 3, seed


def test_a_frame_with_few_boxes_is_not_registered():
    field = positions(1, LEAST_BOXES - 1)
    assert np.isnan(fit_homographies(field, field)).all()


def test_missing_points_are_left_out():
    field, truth = positions(3), camera(3)[None]
    pixels = project(truth, field)
    pixels[0, :4], field[0, 5] = np.nan, np.nan
    seen = project(fit_homographies(field, pixels), positions(4))
    np.testing.assert_allclose(seen, project(truth, positions(4)), atol=1e-2)


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
        assert 0 < measured.shift < 0.2
        assert measured.error < np.nanmedian(view.boxes[..., 2])


def test_a_simulated_play_is_registered_like_a_real_one(season_tables):
    errors = []
    for tables in read_season(season_tables, "train").plays():
        play, _ = build_play(tables)
        errors += [measure_clock(play, view).error for view in play.views.values()]
    assert 3 < np.nanmedian(errors) < 12
