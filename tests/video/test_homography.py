import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from player_contact.video.homography import MIN_BOXES, fit_homographies, project
from tests.makers import camera, positions


@given(st.integers(0, 1000))
def test_exact_points_give_the_homography_that_made_them(seed):
    field, other, truth = positions(seed), positions(seed + 1), camera(seed)[None]
    fitted = fit_homographies(field, project(truth, field))
    np.testing.assert_allclose(project(fitted, other), project(truth, other), atol=1e-2)


def test_two_swapped_players_do_not_pull_the_fit():
    for seed in range(400):
        field, truth = positions(seed, 16), camera(seed)[None]
        pixels = project(truth, field)
        noisy = pixels + np.random.default_rng(seed).normal(0, 1, (1, 16, 2))
        fitted = fit_homographies(field, noisy[:, [1, 0, *range(2, 16)]])
        error = np.linalg.norm(project(fitted, field) - pixels, axis=-1)
        assert np.median(error) < 3, seed


def test_a_frame_with_few_boxes_is_not_registered():
    field = positions(1, MIN_BOXES - 1)
    assert np.isnan(fit_homographies(field, field)).all()


def test_missing_points_are_ignored():
    field, truth = positions(3), camera(3)[None]
    pixels = project(truth, field)
    pixels[0, :4], field[0, 5] = np.nan, np.nan
    projected = project(fit_homographies(field, pixels), positions(4))
    np.testing.assert_allclose(projected, project(truth, positions(4)), atol=1e-2)
