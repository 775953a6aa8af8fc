"""One play as dense arrays. Everything after this is a function of them."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import clock
from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH, GROUND, VIEWS
from player_contact.competition.season import PlayTables

log = logging.getLogger(__name__)

MAX_LATE_FRAMES = 60  # boxes later than this after the end of their video are dropped
CHANNELS = ("speed", "distance", "direction", "orientation", "acceleration", "sa")


@dataclass(frozen=True)
class View:
    """The helmet boxes and the video of one camera. Letters as in `Play`."""

    start_time: np.datetime64  # of frame 0
    # [F, P, 4] float32: left, top, width, height in pixels (not the CSV's order); NaN: no box
    boxes: np.ndarray
    video: Path  # which may be missing
    detected: np.ndarray | None = None  # [F, P] bool; False: completed. None: all are detected
    # [F, P, 2] float32, pixels right and down from where registration expects the box; NaN: not
    # detected. None: not registered
    residual: np.ndarray | None = None

    def frame_of(self, time: np.ndarray) -> np.ndarray:
        """The frame (from 0) nearest to each datetime; may lie outside the video."""
        return clock.frame_of_time(time, self.start_time)


@dataclass(frozen=True)
class Play:
    """Tracking and views of one play, on one clock.

    Letters used everywhere: S steps of 10 Hz, P players, F video frames, N rows (a pair of
    players, or a player and the ground, at a step). NaN: not tracked.
    """

    game_play: str  # "58168_003392", as in the competition's tables
    steps: np.ndarray  # [S] int32, without gaps; 0 is the snap, negative before it
    times: np.ndarray  # [S] datetime64[ms]
    players: np.ndarray  # [P] int64, nfl_player_id ascending; the P axis of every array below
    home: np.ndarray  # [P] bool, False: away
    role: np.ndarray  # [P] text, `position` of the tables such as "QB"; "": never tracked
    position: np.ndarray  # [S, P, 2] float32, x (0..120) and y (0..53.3) in yards
    speed: np.ndarray  # [S, P] float32, yd/s
    distance: np.ndarray  # [S, P] float32, yd since the last step
    direction: np.ndarray  # [S, P] float32, degrees clockwise from +y, of the motion
    orientation: np.ndarray  # [S, P] float32, degrees clockwise from +y, of the body
    acceleration: np.ndarray  # [S, P] float32, yd/s2, unsigned
    sa: np.ndarray  # [S, P] float32, yd/s2, signed
    views: dict[str, View] = field(default_factory=dict)  # of each camera with metadata

    def __post_init__(self) -> None:
        s, p = len(self.steps), len(self.players)
        expected = {"times": (s,), "home": (p,), "role": (p,), "position": (s, p, 2)}
        expected |= dict.fromkeys(CHANNELS, (s, p))
        shapes = {name: getattr(self, name).shape for name in expected}
        for name, view in self.views.items():
            shapes[f"{name} boxes"] = view.boxes.shape
            expected[f"{name} boxes"] = (len(view.boxes), p, 4)
        fault = "play {0}: {1} has shape {2}, expected {3}"
        for name, shape in expected.items():
            if shapes[name] != shape:
                raise ValueError(fault.format(self.game_play, name, shapes[name], shape))
        if (np.diff(self.steps) != 1).any() or (np.diff(self.players) <= 0).any():
            fault = "steps must be consecutive and players ascending"
            raise ValueError(f"play {self.game_play}: {fault}")


@dataclass(frozen=True)
class Rows:
    """N rows of one play, as [N] int64 indices into the axes of its `Play`."""

    row: np.ndarray  # index in the season's table
    step: np.ndarray  # on the S axis
    first: np.ndarray  # on the P axis
    second: np.ndarray  # on the P axis; GROUND (-1) for the ground

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, index: np.ndarray | slice) -> "Rows":
        return Rows(self.row[index], self.step[index], self.first[index], self.second[index])

    @property
    def is_ground(self) -> np.ndarray:
        """[N] bool."""
        return self.second == GROUND


def build_play(tables: PlayTables) -> tuple[Play, Rows]:
    """The arrays of a play and its rows.

    A step or player of the rows that was never tracked is NaN in the arrays, and is logged.
    """
    rows, tracking = tables.rows, tables.tracking
    first, second, tracked = (
        ids.to_numpy(dtype=np.int64)
        for ids in (rows["nfl_player_id_1"], rows["nfl_player_id_2"], tracking["nfl_player_id"])
    )
    players = np.unique(np.concatenate([first, second, tracked]))
    players = players[players != GROUND]
    row_step, tracked_step = (table["step"].to_numpy(dtype=np.int64) for table in (rows, tracking))
    all_steps = np.concatenate([row_step, tracked_step])
    steps = np.arange(all_steps.min(), all_steps.max() + 1, dtype=np.int32)

    at, player = tracked_step - int(steps[0]), np.searchsorted(players, tracked)
    channels = {}
    for name in ("x_position", "y_position", *CHANNELS):
        channels[name] = np.full((len(steps), len(players)), np.nan, dtype=np.float32)
        channels[name][at, player] = tracking[name].to_numpy()
    home = np.zeros(len(players), dtype=bool)
    home[player] = tracking["team"].to_numpy() == "home"
    role = np.full(len(players), "", dtype="U5")
    role[player] = tracking["position"].astype(str).to_numpy()

    play = Play(
        game_play=tables.game_play,
        steps=steps,
        times=_step_times(tables, steps),
        players=players,
        home=home,
        role=role,
        position=np.stack([channels.pop("x_position"), channels.pop("y_position")], axis=-1),
        views=_views(tables, players),
        **channels,
    )
    play_rows = Rows(
        row=rows["row"].to_numpy(dtype=np.int64),
        step=row_step - int(steps[0]),
        first=np.searchsorted(players, first),
        second=np.where(second == GROUND, GROUND, np.searchsorted(players, second)),
    )
    _log_missing(play, play_rows)
    return play, play_rows


def _log_missing(play: Play, rows: Rows) -> None:
    name, untracked = play.game_play, np.isnan(play.position[..., 0])
    never = untracked.all(axis=0)
    if never.any():
        text = "%s: players %s have no tracking data; no model decides their rows"
        log.warning(text, name, play.players[never].tolist())
    gaps = untracked & ~never
    missing = gaps[rows.step, rows.first] | (gaps[rows.step, rows.second] & ~rows.is_ground)
    if missing.any():
        steps = play.steps[rows.step[missing]]
        text = "%s: %d rows between steps %d and %d lack a player's tracking data"
        log.warning(text, name, missing.sum(), steps.min(), steps.max())
    for view_name, view in play.views.items():
        frame = view.frame_of(play.times[rows.step])
        if np.isnan(view.boxes).all():
            log.warning("%s %s: no helmet box of any of its players", name, view_name)
        elif not ((frame >= 0) & (frame < len(view.boxes))).any():
            log.warning("%s %s: tracking and video do not overlap in time", name, view_name)


def _step_times(tables: PlayTables, steps: np.ndarray) -> np.ndarray:
    """[S] datetime64[ms], from the step 0 of most tracking rows; without, of the snap."""
    tracking = tables.tracking
    times = tracking["datetime"].to_numpy().astype("datetime64[ms]")
    zeros = times - tracking["step"].to_numpy() * clock.STEP
    origins, counts = np.unique(zeros[~np.isnat(zeros)], return_counts=True)
    if len(origins):
        origin = origins[counts.argmax()]
        if other := counts.sum() - counts.max():
            log.info("%s: %d tracking rows are on another clock", tables.game_play, other)
    elif len(tables.videos):
        origin = clock.step_zero(tables.videos["snap_time"].to_numpy()[0])
    else:
        origin = np.datetime64(0, "ms")
    return origin + steps * clock.STEP


def _views(tables: PlayTables, players: np.ndarray) -> dict[str, View]:
    views = {}
    for video in tables.videos.sort_values("view").itertuples():
        name = f"{tables.game_play} {video.view}"
        start, end = np.datetime64(video.start_time, "ms"), np.datetime64(video.end_time, "ms")
        last = int(clock.frame_of_time(np.array([end]), start)[0])
        helmets = tables.helmets[tables.helmets["view"] == video.view]
        unknown = ~helmets["nfl_player_id"].isin(players)
        late = helmets["frame"] - clock.FIRST_FRAME_NUMBER > last + MAX_LATE_FRAMES
        outside = ~_is_in_image(helmets)
        reasons = "of players without rows", "after the video's end", "outside of the image"
        dropped = np.zeros(len(helmets), dtype=bool)
        for bad, reason in zip((unknown, late, outside), reasons, strict=True):
            if (more := bad & ~dropped).any():
                log.warning("%s: %d boxes %s dropped", name, more.sum(), reason)
            dropped |= bad
        helmets = helmets[~dropped]
        frame = helmets["frame"].to_numpy() - clock.FIRST_FRAME_NUMBER
        frames = max(last, int(frame.max(initial=0))) + 1
        boxes = np.full((frames, len(players), 4), np.nan, dtype=np.float32)
        player = np.searchsorted(players, helmets["nfl_player_id"].to_numpy())
        boxes[frame, player] = helmets[["left", "top", "width", "height"]].to_numpy()
        path = tables.video_folder / f"{tables.game_play}_{video.view}.mp4"
        views[video.view] = View(start, boxes, path)
    if unexpected := sorted(set(map(str, tables.helmets["view"].unique())) - set(views)):
        text = "%s: boxes of %s dropped, the video metadata has no such view"
        log.warning(text, tables.game_play, ", ".join(unexpected))
    return {name: views[name] for name in VIEWS if name in views}


def _is_in_image(helmets: pd.DataFrame) -> pd.Series:
    """[N] bool: a part of the box at least."""
    left, top = helmets["left"], helmets["top"]
    inside = (left < FRAME_WIDTH) & (left + helmets["width"] > 0)
    return inside & (top < FRAME_HEIGHT) & (top + helmets["height"] > 0)
