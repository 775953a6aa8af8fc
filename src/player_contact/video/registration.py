"""Where the field lies in the picture: for every frame a homography from field positions to helmets, smooth over time."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.play import Play, View
from player_contact.video.homography import LEAST_BOXES, fit_homographies, homographies_of_four, nan_mean, nan_median, project
from player_contact.video.lag import Clock, helmets_at, measure_clock

GRID = 3  # frames between those that are registered; the camera moves smoothly in between
SMOOTHING = 4.0  # of these
CORNERS = np.array([[-6.0, -6.0], [6.0, -6.0], [6.0, 6.0], [-6.0, 6.0]])  # yd around the middle of the players: four points make a homography
BEYOND = 12  # frames before the first and after the last registered one that are still answered


@dataclass(frozen=True)
class Registration:
    """Where a view should see the players; F frames, P players.

    clock     how the sensors lie to the picture
    expected  [F, P, 2] px, where the helmets should be; NaN where the frame could not be registered or the player is not tracked
    nearness  [F, P] how large a helmet is there, up to a factor of the frame
    error     [F] px, the usual distance of boxes from where they should be around that moment; NaN where it is not known
    """

    clock: Clock
    expected: np.ndarray
    nearness: np.ndarray
    error: np.ndarray


def register(play: Play, view: View) -> Registration:
    """Registers a view: a robust homography for every third frame, smoothed along time as the four places to which it takes four points of the field.

    A view with fewer than a second of frames with LEAST_BOXES boxes is not registered: everything is NaN.
    """
    frames, players = view.boxes.shape[:2]
    clock = measure_clock(play, view)
    nothing = np.full((frames, players, 2), np.nan)
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    grid = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= LEAST_BOXES)[::GRID]
    every = np.arange(frames)
    field = helmets_at(play, view, every, clock)
    middle = _filled(nan_mean(field))
    if np.isnan(middle).any():
        return Registration(clock, nothing, nothing[..., 0], nothing[:, 0, 0])
    points = gaussian_filter1d(middle, GRID * SMOOTHING, axis=0, mode="nearest")[:, None] + CORNERS
    seen = project(fit_homographies(field[grid], centre[grid]), points[grid])  # [G, 4, 2]
    good = np.isfinite(seen).all((1, 2))
    grid, seen = grid[good], seen[good]
    if len(grid) < FRAMES_PER_SECOND / GRID:
        return Registration(clock, nothing, nothing[..., 0], nothing[:, 0, 0])
    seen = gaussian_filter1d(median_filter(seen, (5, 1, 1), mode="nearest"), SMOOTHING, axis=0, mode="nearest")
    between = np.stack([np.interp(every, grid, values) for values in seen.reshape(len(grid), -1).T], axis=1).reshape(frames, 4, 2)
    homography = homographies_of_four(points, between)
    homography[(every < grid[0] - BEYOND) | (every > grid[-1] + BEYOND)] = np.nan
    depth = (homography[:, None, 2, :2] * field).sum(-1) + homography[:, None, 2, 2]
    expected = project(homography, field)
    away = np.linalg.norm(expected - centre, axis=-1)
    usual = np.interp(every, grid, gaussian_filter1d(nan_median(away[grid]), 2 * SMOOTHING, mode="nearest"))
    return Registration(clock, expected, 1 / depth, np.where(np.isnan(homography[:, 0, 0]), np.nan, usual))


def _filled(values: np.ndarray) -> np.ndarray:
    """[F, 2] with gaps and ends filled from the nearest known; NaN where nothing is known."""
    known = np.isfinite(values[:, 0])
    if not known.any():
        return values
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[known], column[known]) for column in values.T], axis=1)
