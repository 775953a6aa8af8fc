"""Whose a helmet is: that of the tracked player whom the camera should see there."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from player_contact.detection.aim_search import LEAST_HELMETS, camera_places, find_camera
from player_contact.detection.helmets import Helmets
from player_contact.detection.matching import Points, assign, gated_cost, match
from player_contact.detection.tripod import project
from player_contact.video import homography as hg

NOBODY = -1
NAMING_ROUNDS = 5
NAMED_GATE = 2.6  # helmets from where a player is expected: farther ones all cost the same
FARTHEST = 4.0  # helmets from there, beyond which none is his in that frame, whatever its track
MEDIAN_FRAMES, MEAN_FRAMES = 9, 5  # over which offsets are smoothed
MAX_OFF = 2.5  # helmets between camera and homography; where they differ more, neither is trusted
USUAL_SHARE = 0.6  # of a player's usual offset: half a wrong name is not learnt
LEAST_FRAMES = 5  # with enough helmets, of which a view is named
LINK = 1.5  # helmets from where a helmet of the frame before is expected
TRACK_FRAMES = 21  # over which a helmet's distances to the players are averaged


@dataclass(frozen=True)
class Named:
    """Names of the helmets of F frames."""

    player: tuple[np.ndarray, ...]  # F of [K] index of the player, or NOBODY
    fit: float  # mean share of the helmets that lie at a player, nearer ones more; 0: not found


def name_helmets(view: str, field: np.ndarray, helmets: list[Helmets]) -> Named:
    """Whose the helmets of F frames of a view are.

    `field` [F, P, 2] yd is where the tracking has each player's helmet then; NaN: nowhere.
    """
    nobody = tuple(np.full(len(one.boxes), NOBODY) for one in helmets)
    seen = [Points.of(one) for one in helmets]
    tracked = np.isfinite(field).all(-1).sum(1)
    enough = [
        s.count >= LEAST_HELMETS and n >= LEAST_HELMETS for s, n in zip(seen, tracked, strict=True)
    ]
    usable = np.flatnonzero(enough)
    if len(usable) < LEAST_FRAMES:
        return Named(nobody, 0.0)
    seen, field = [seen[frame] for frame in usable.tolist()], field[usable]
    camera = find_camera(camera_places(view), field, seen)
    names = list(nobody)
    expected = project(camera.place, camera.aim, field)
    for frame, found in zip(usable.tolist(), _name(expected, field, seen), strict=True):
        names[frame] = found
    return Named(tuple(names), camera.fit)


def _name(aimed: np.ndarray, field: np.ndarray, seen: list[Points]) -> list[np.ndarray]:
    """[K] players of the helmets of each of U frames: those who fit a helmet's track best.

    `aimed` [U, P, 2] is where the camera should see the players of `field`. Names and what they are
    expected by improve each other: a free homography of each frame, for the camera's model is a
    simple one, and what each player's helmet is usually off by.
    """
    size = np.array([points.size for points in seen])[:, None, None]
    centres = [points.centre for points in seen]
    expected, usual = aimed, np.zeros_like(aimed)
    tracks = link(centres, aimed, size[:, 0, 0])
    names = list[np.ndarray]()
    for number in range(NAMING_ROUNDS):
        there = (expected + usual) / size
        apart = [
            np.linalg.norm(c[:, None] / s - e, axis=-1)
            for c, s, e in zip(centres, size, there, strict=True)
        ]
        costs = along_tracks([gated_cost(distance / NAMED_GATE) for distance in apart], tracks)
        pixels, names = np.full_like(aimed, np.nan), []
        for row, (centre, cost) in enumerate(zip(centres, costs, strict=True)):
            helmet, player = assign(np.where(apart[row] < FARTHEST, cost, 1.0))
            name = np.full(len(centre), NOBODY)
            name[helmet] = player
            pixels[row, player] = centre[helmet]
            names.append(name)
        if number:
            registered = hg.project(hg.fit_homographies(field, pixels), field)
            off = (registered - aimed) / size
            off[~(np.linalg.norm(off, axis=-1) < MAX_OFF)] = np.nan
            expected = aimed + _smooth(off) * size
        usual = USUAL_SHARE * _smooth((pixels - expected) / size) * size
    return names


def link(centres: list[np.ndarray], expected: np.ndarray, size: np.ndarray) -> list[np.ndarray]:
    """[K] the track of each helmet of U frames: the same number for those that follow each other.

    `centres` are U of [K, 2]; what moves between two frames moves like the expected players
    [U, P, 2] next to it.
    """
    tracks, count = [np.arange(len(centres[0]))], len(centres[0])
    for row in range(1, len(centres)):
        last, now = centres[row - 1], centres[row]
        motion = expected[row] - expected[row - 1]
        known = np.flatnonzero(np.isfinite(motion).all(-1))
        if len(known):
            apart = np.linalg.norm(last[:, None] - expected[row - 1][None, known], axis=-1)
            near = np.argsort(apart, axis=1)[:, :3]
            last = last + np.median(motion[known][near], axis=1)
        before, after = match(last, now, LINK * size[row])
        track = np.full(len(now), NOBODY)
        track[after] = tracks[-1][before]
        new = np.flatnonzero(track == NOBODY)
        track[new] = count + np.arange(len(new))
        count += len(new)
        tracks.append(track)
    return tracks


def along_tracks(costs: list[np.ndarray], tracks: list[np.ndarray]) -> list[np.ndarray]:
    """U of [K, P], each a running mean over the track of its helmet."""
    rows = np.concatenate(costs)
    track = np.concatenate(tracks)
    smooth = np.empty_like(rows)
    for number in np.unique(track):
        at = np.flatnonzero(track == number)  # in the order of the frames
        smooth[at] = uniform_filter1d(rows[at], TRACK_FRAMES, axis=0, mode="nearest")
    return np.split(smooth, np.cumsum([len(cost) for cost in costs])[:-1])


def _smooth(offset: np.ndarray) -> np.ndarray:
    """[U, P, 2] running median, then mean, of what is known; 0 of players who hardly are."""
    filled, rows = np.zeros_like(offset), np.arange(len(offset))
    for player in range(offset.shape[1]):
        known = np.flatnonzero(np.isfinite(offset[:, player]).all(-1))
        if len(known) < 3:
            continue
        smooth = median_filter(offset[known, player], (MEDIAN_FRAMES, 1), mode="nearest")
        smooth = uniform_filter1d(smooth, MEAN_FRAMES, axis=0, mode="nearest")
        for axis in (0, 1):
            filled[:, player, axis] = np.interp(rows, known, smooth[:, axis])
    return filled
