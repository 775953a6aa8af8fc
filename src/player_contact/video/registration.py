"""A homography of every frame from field positions to helmets, smooth over time."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from player_contact.competition.clock import FRAMES_PER_SECOND
from player_contact.play import Play, View
from player_contact.video import homography as hg
from player_contact.video.clock_offset import ClockOffset, helmets_at, measure_clock_offset
from player_contact.video.homography import nan_mean, nan_median, project

STRIDE = 3  # of the frames that are registered; the camera moves smoothly in between
SIGMA = 4.0  # of the smoothing, in registered frames
CORNERS = np.array([[-6.0, -6], [6, -6], [6, 6], [-6, 6]])  # yd around the mean of the players
EXTRAPOLATED = 12  # frames before the first and after the last registered one


@dataclass(frozen=True)
class Registration:
    """Where a view should show the players; NaN: frame not registered, or player not tracked."""

    clock_offset: ClockOffset
    expected: np.ndarray  # [F, P, 2] px, of the helmets
    nearness: np.ndarray  # [F, P] relative size of a helmet there, up to a factor of the frame
    error: np.ndarray  # [F] px, smoothed median distance of boxes from `expected`


def register(play: Play, view: View) -> Registration:
    """Registers a view: a robust homography of every STRIDE-th frame, smoothed over time.

    What is smoothed are the images of four points of the field. All NaN where a view has less than
    a second of frames with MIN_BOXES boxes.
    """
    frames, players = view.boxes.shape[:2]
    offset = measure_clock_offset(play, view)
    nothing = np.full((frames, players, 2), np.nan)
    unregistered = Registration(offset, nothing, nothing[..., 0], nothing[:, 0, 0])
    centre = view.boxes[..., :2] + view.boxes[..., 2:] / 2
    grid = np.flatnonzero((~np.isnan(centre[..., 0])).sum(1) >= hg.MIN_BOXES)[::STRIDE]
    frame = np.arange(frames)
    field = helmets_at(play, view, frame, offset)
    mean = nan_mean(field)
    known = np.isfinite(mean[:, 0])
    if not known.any():
        return unregistered
    mean = np.stack([np.interp(frame, frame[known], xy[known]) for xy in mean.T], axis=1)
    points = gaussian_filter1d(mean, STRIDE * SIGMA, axis=0, mode="nearest")[:, None] + CORNERS
    corners = project(hg.fit_homographies(field[grid], centre[grid]), points[grid])  # [G, 4, 2]
    good = np.isfinite(corners).all((1, 2))
    grid, corners = grid[good], corners[good]
    if len(grid) < FRAMES_PER_SECOND / STRIDE:
        return unregistered
    corners = median_filter(corners, (5, 1, 1), mode="nearest")
    corners = gaussian_filter1d(corners, SIGMA, axis=0, mode="nearest").reshape(len(grid), -1)
    corners = np.stack([np.interp(frame, grid, values) for values in corners.T], axis=1)
    homography = hg.homographies_of_four(points, corners.reshape(frames, 4, 2))
    homography[(frame < grid[0] - EXTRAPOLATED) | (frame > grid[-1] + EXTRAPOLATED)] = np.nan
    depth = (homography[:, None, 2, :2] * field).sum(-1) + homography[:, None, 2, 2]
    expected = project(homography, field)
    median = nan_median(np.linalg.norm(expected - centre, axis=-1)[grid])
    error = np.interp(frame, grid, gaussian_filter1d(median, 2 * SIGMA, mode="nearest"))
    error[np.isnan(homography[:, 0, 0])] = np.nan
    return Registration(offset, expected, 1 / depth, error)
