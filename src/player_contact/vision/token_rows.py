"""Open rows and their players for the token family. Letters of shapes: see `token_model`."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from player_contact.competition.constants import VIEWS
from player_contact.play import Play, Rows
from player_contact.video.crops import median_size
from player_contact.video.step_boxes import step_boxes
from player_contact.vision.clips import MAX_PLAYERS, NO_CROP, OpenRows, split_into_clips

# Of a player, relative to the mean of all players at the step: position (10 yards) and velocity
# (10 yards a second) along and across the field, facing (cosine and sine), and the team; then the
# helmet's position in each view (10 helmets), to the right and down.
ON_FIELD = ("along", "across", "speed_along", "speed_across", "facing", "facing_across", "home")
IN_IMAGES = ("sideline_right", "sideline_down", "endzone_right", "endzone_down")
GEOMETRY = (*ON_FIELD, *IN_IMAGES)
MIRRORED = [GEOMETRY.index(name) for name in IN_IMAGES[::2]]  # with the images
UNIT = 10.0  # yards, helmets
MAX_STEPS = 1 << 20  # base of keys of (track, step): more than any play has


def player_geometry(play: Play, rows: Rows, max_gap: int) -> np.ndarray:
    """[N, G] float32 of each row's first player; NaN: not tracked, no box. `max_gap` as in crops.

    The play's boxes are to be completed before.
    """
    at = rows.step, rows.first
    direction, facing = (np.deg2rad(v[at]) for v in (play.direction, play.orientation))
    speed = play.speed[at] / UNIT
    columns = [
        *(_off_centre(play.position)[at] / UNIT).T,
        speed * np.sin(direction),
        speed * np.cos(direction),
        np.sin(facing),
        np.cos(facing),
        play.home[rows.first],
    ]
    for name in VIEWS:
        if name in play.views:
            boxes = step_boxes(play, play.views[name], max_gap)
            helmets = boxes.centre / median_size(boxes)[:, None, None]
            columns += [*(_off_centre(helmets)[at] / UNIT).T]
        else:
            columns += 2 * [np.full(len(rows), np.nan)]
    return np.stack(columns, axis=1).astype(np.float32)


def _off_centre(points: np.ndarray) -> np.ndarray:
    """[S, P, 2] relative to the mean of each step."""
    known = ~np.isnan(points[..., :1])
    mean = np.where(known, points, 0).sum(1) / np.maximum(known.sum(1), 1)
    return points - mean[:, None]


@dataclass(frozen=True)
class TokenRows:
    """M open rows, and N players at steps that are in any of them.

    rows      as for pairs, without crops
    players   one row for each player at a step: that of the player and the ground, open or not
    first     [M] int64, index in `players` of each row's first player
    second    [M] int64, of its second one; of the ground: the first
    geometry  [N, G] float32
    """

    rows: OpenRows
    players: OpenRows
    first: np.ndarray
    second: np.ndarray
    geometry: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: np.ndarray) -> "TokenRows":
        """The chosen rows with the players in them."""
        return token_rows(self.rows[chosen], self.players, self.geometry)

    @property
    def track(self) -> np.ndarray:
        """[M] int64, as in OpenRows."""
        return self.rows.track

    @property
    def tabular(self) -> np.ndarray:
        """[M, K] of the rows."""
        return self.rows.tabular

    @property
    def is_ground(self) -> np.ndarray:
        """[M] bool: a player and the ground."""
        return self.rows.is_ground

    @property
    def is_visible(self) -> np.ndarray:
        """[M] bool: a view shows a player of the row."""
        shown = self.players.is_visible
        return shown[self.first] | shown[self.second]

    @property
    def image_rows(self) -> OpenRows:
        """The rows whose images are embedded: those of players."""
        return self.players


def token_rows(rows: OpenRows, players: OpenRows, geometry: np.ndarray) -> TokenRows:
    """The rows with those of `players` (as in TokenRows, in any order) that are in them.

    A player who is missing there is one without images, features and geometry.
    """
    first, second = rows.track // MAX_PLAYERS % MAX_PLAYERS, rows.track % MAX_PLAYERS - 1
    second = np.where(rows.is_ground, first, second)
    play = rows.play_index * MAX_PLAYERS**2
    wanted = [_key(play + player * MAX_PLAYERS, rows.step) for player in (first, second)]
    keys, number = np.unique(np.concatenate(wanted), return_inverse=True)
    index = pd.Index(_key(players.track, players.step)).get_indexer(keys)
    found = index >= 0

    def take(values: np.ndarray, missing: float) -> np.ndarray:
        taken = np.full((len(index), *values.shape[1:]), missing, dtype=values.dtype)
        taken[found] = values[index[found]]
        return taken

    track, step = np.divmod(keys, MAX_STEPS)
    chosen = OpenRows(
        track,
        step,
        take(players.tabular, np.nan),
        players.crops,
        track // MAX_PLAYERS**2,
        take(players.crop_index, NO_CROP),
    )
    one, other = np.split(number.ravel(), 2)
    return TokenRows(rows, chosen, one, other, take(geometry, np.nan))


def is_seen(rows: OpenRows, players: OpenRows | None) -> np.ndarray:
    """[M] bool: a view shows the row or, where models of tokens get `players`, one of its own."""
    if players is None:
        return rows.is_visible
    nothing = np.empty((len(players), 0), dtype=np.float32)
    return rows.is_visible | token_rows(rows, players, nothing).is_visible


def _key(track: np.ndarray, step: np.ndarray) -> np.ndarray:
    return track * MAX_STEPS + step


def rows_with_images(rows: Rows, is_open: np.ndarray, families: Collection[str]) -> np.ndarray:
    """[N] bool: rows of a play whose images the families need. Pairs: the open ones, [N] bool;
    tokens: each player of these with the ground, where that is among the rows."""
    chosen = is_open & ("pairs" in families)
    if "tokens" in families:
        opened = rows[is_open]
        others = np.where(opened.is_ground, opened.first, opened.second)
        seen = [opened.step * MAX_PLAYERS + player for player in (opened.first, others)]
        is_seen = np.isin(rows.step * MAX_PLAYERS + rows.first, np.concatenate(seen))
        chosen |= rows.is_ground & is_seen
    return chosen


@dataclass(frozen=True)
class Window:
    """T steps of a play: the tracks of its players and the clips of its rows.

    players        [R, T] index in `TokenRows.players`; -1: not in an open row
    rows           [B, T] index in `TokenRows.rows`; -1: no open row
    first, second  [B] index in `players`
    """

    players: np.ndarray
    rows: np.ndarray
    first: np.ndarray
    second: np.ndarray


def split_into_windows(rows: TokenRows, length: int, offset: int) -> list[Window]:
    """All rows and players in windows that start where (step + offset) is a multiple of length."""
    players, clips = (
        split_into_clips(one.track, one.step, length, offset) for one in (rows.players, rows.rows)
    )
    track_of = np.full(len(rows.players), -1)  # of a player's row: its line in `players`
    line, position = np.nonzero(players >= 0)
    track_of[players[line, position]] = line
    some_row = clips[np.arange(len(clips)), (clips >= 0).argmax(axis=1)]
    first, second = track_of[rows.first[some_row]], track_of[rows.second[some_row]]

    def key(one: OpenRows, clip: np.ndarray) -> np.ndarray:
        index = clip[np.arange(len(clip)), (clip >= 0).argmax(axis=1)]
        return np.stack([one.play_index[index], (one.step[index] + offset) // length], axis=1)

    keys = key(rows.players, players), key(rows.rows, clips)
    unique, number = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    number = number.ravel()
    of_player, of_clip = number[: len(players)], number[len(players) :]
    windows = []
    for window in range(len(unique)):
        tracks, own = np.flatnonzero(of_player == window), np.flatnonzero(of_clip == window)
        if not len(own):
            continue
        windows.append(
            Window(
                players[tracks],
                clips[own],
                np.searchsorted(tracks, first[own]),
                np.searchsorted(tracks, second[own]),
            )
        )
    return windows
