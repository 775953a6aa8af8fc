import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from player_contact.video.homography import LEAST_BOXES, fit_homographies, project
from tests.makers import camera, positions


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
