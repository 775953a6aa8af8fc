"""One play as a handful of dense arrays. Everything after this is a function of them."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from player_contact.competition import clock
from player_contact.competition.names import GROUND, VIEWS
from player_contact.competition.season import PlayTables

log = logging.getLogger(__name__)

FRAMES_TOO_LATE = 60  # a box so long after the end of its video is of no picture
CHANNELS = ("speed", "distance", "direction", "orientation", "acceleration", "sa")


@dataclass(frozen=True)
class View:
    """What one camera saw. Letters as in `Play`.

    start_time  when frame 0 was taken, datetime64[ms]
    boxes       [F, P, 4] float32: left, top, width, height in pixels (not the order of the CSV); NaN: no box
    video       where its video should lie; it may be missing
    detected    [F, P] bool, the boxes that a detector found; the others were completed. None: all were found
    residual    [F, P, 2] float32, pixels right and down from where registration expects the box; NaN: not detected. None: not registered
    """

    start_time: np.datetime64
    boxes: np.ndarray
    video: Path
    detected: np.ndarray | None = None
    residual: np.ndarray | None = None

    def frame_of(self, time: np.ndarray) -> np.ndarray:
        """The frame (from 0) nearest to each datetime; may lie outside the video."""
        return clock.frame_of_time(time, self.start_time)


@dataclass(frozen=True)
class Play:
    """What the sensors and the two cameras saw of one play, on one clock.

    Letters used everywhere: S steps of 10 Hz, P players, F video frames, N rows (a pair of players, or a player and the ground, at a step).

    game_play     "58168_003392", as in the competition's tables
    steps         [S] int32, without gaps; 0 is the snap, negative before it
    times         [S] datetime64[ms] of the steps
    players       [P] int64, nfl_player_id ascending; the P axis of every array below
    home          [P] bool, False: away
    role          [P] text, the tables' position such as "QB"; "" where a player was never tracked
    position      [S, P, 2] float32, x (0..120) and y (0..53.3) in yards; NaN: not tracked at that step
    speed         [S, P] float32, yd/s                  distance      [S, P] float32, yd since the last step
    direction     [S, P] float32, degrees clockwise from +y, of the motion
    orientation   [S, P] float32, degrees clockwise from +y, of the body
    acceleration  [S, P] float32, yd/s2, unsigned       sa            [S, P] float32, yd/s2, signed
    views         view name -> View, for each camera with metadata
    """

    game_play: str
    steps: np.ndarray
    times: np.ndarray
    players: np.ndarray
    home: np.ndarray
    role: np.ndarray
    position: np.ndarray
    speed: np.ndarray
    distance: np.ndarray
    direction: np.ndarray
    orientation: np.ndarray
    acceleration: np.ndarray
    sa: np.ndarray
    views: dict[str, View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        s, p = len(self.steps), len(self.players)
        shapes = {"times": (s,), "home": (p,), "role": (p,), "position": (s, p, 2)} | dict.fromkeys(CHANNELS, (s, p))
        for name, expected in shapes.items():
            if (actual := getattr(self, name).shape) != expected:
                raise ValueError(f"play {self.game_play}: {name} has shape {actual}, expected {expected}")
        if (np.diff(self.steps) != 1).any() or (np.diff(self.players) <= 0).any():
            raise ValueError(f"play {self.game_play}: steps must be consecutive and players ascending")
        for name, view in self.views.items():
            if view.boxes.ndim != 3 or view.boxes.shape[1:] != (p, 4):
                raise ValueError(f"play {self.game_play}: boxes of {name} have shape {view.boxes.shape}, expected (F, {p}, 4)")


@dataclass(frozen=True)
class Rows:
    """N rows of one play, as places on the axes of its `Play`, in the order given.

    row     [N] int64, where the row stands in the season's table
    step    [N] int64, place on the S axis
    first   [N] int64, place on the P axis
    second  [N] int64, place on the P axis; GROUND (-1) for the ground
    """

    row: np.ndarray
    step: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Rows":
        return Rows(self.row[chosen], self.step[chosen], self.first[chosen], self.second[chosen])

    @property
    def is_ground(self) -> np.ndarray:
        """[N] bool."""
        return self.second == GROUND


def build_play(tables: PlayTables) -> tuple[Play, Rows]:
    """The dense arrays of a play and the places of its rows on them.

    Every row finds a place: a step or a player that the sensors never reported becomes one without measurements (NaN), and is logged.
    """
    rows, tracking = tables.rows, tables.tracking
    ids = [rows["nfl_player_id_1"].to_numpy(), rows["nfl_player_id_2"].to_numpy(), tracking["nfl_player_id"].to_numpy()]
    players = np.unique(np.concatenate(ids).astype(np.int64))
    players = players[players != GROUND]
    reach = np.concatenate([rows["step"].to_numpy(), tracking["step"].to_numpy()]).astype(np.int64)
    steps = np.arange(reach.min(), reach.max() + 1, dtype=np.int32)

    place = np.searchsorted(players, tracking["nfl_player_id"].to_numpy())
    at = tracking["step"].to_numpy() - steps[0]
    channels = {name: np.full((len(steps), len(players)), np.nan, dtype=np.float32) for name in ("x_position", "y_position", *CHANNELS)}
    for name, values in channels.items():
        values[at, place] = tracking[name].to_numpy()
    home = np.zeros(len(players), dtype=bool)
    home[place] = tracking["team"].to_numpy() == "home"
    role = np.full(len(players), "", dtype="U5")
    role[place] = tracking["position"].astype(str).to_numpy()

    times = _step_times(tables, steps)
    play = Play(
        game_play=tables.game_play,
        steps=steps,
        times=times,
        players=players,
        home=home,
        role=role,
        position=np.stack([channels.pop("x_position"), channels.pop("y_position")], axis=-1),
        views=_views(tables, players),
        **channels,
    )
    second = rows["nfl_player_id_2"].to_numpy()
    places = Rows(
        row=rows["row"].to_numpy(dtype=np.int64),
        step=rows["step"].to_numpy().astype(np.int64) - int(steps[0]),
        first=np.searchsorted(players, rows["nfl_player_id_1"].to_numpy()),
        second=np.where(second == GROUND, GROUND, np.searchsorted(players, second)),
    )
    _say_what_is_missing(play, places)
    return play, places


def _say_what_is_missing(play: Play, rows: Rows) -> None:
    """One line for each kind of evidence that the play's rows lack."""
    untracked = np.isnan(play.position[..., 0])
    never = untracked.all(axis=0)
    if never.any():
        log.warning("%s: players %s have no sensor data; their rows are scored without", play.game_play, play.players[never].tolist())
    second = np.where(rows.is_ground, rows.first, rows.second)
    lost = (untracked & ~never)[rows.step[:, None], np.stack([rows.first, second], axis=1)].any(axis=1)
    if lost.any():
        steps = play.steps[rows.step[lost]]
        log.warning("%s: %d rows between steps %d and %d lack a player's sensor data", play.game_play, lost.sum(), steps.min(), steps.max())
    for name, view in play.views.items():
        frame = view.frame_of(play.times[rows.step])
        if np.isnan(view.boxes).all():
            log.warning("%s %s: there is no helmet box of any of its players", play.game_play, name)
        elif not ((frame >= 0) & (frame < len(view.boxes))).any():
            log.warning("%s %s: by their clocks, sensors and video have no moment in common", play.game_play, name)


def _step_times(tables: PlayTables, steps: np.ndarray) -> np.ndarray:
    """[S] datetime64[ms]. The origin is what most tracking rows say; without tracking it is the snap time floored to a step."""
    tracking = tables.tracking
    if len(tracking):
        origins = tracking["datetime"].to_numpy().astype("datetime64[ms]") - tracking["step"].to_numpy() * clock.STEP
        values, counts = np.unique(origins, return_counts=True)
        origin = values[counts.argmax()]
        if len(values) > 1:
            log.info("%s: %d sensor rows disagree with the clock of the others", tables.game_play, len(origins) - counts.max())
    elif len(tables.videos):
        origin = clock.step_zero(tables.videos["snap_time"].to_numpy()[0])
    else:
        origin = np.datetime64(0, "ms")
    return origin + steps * clock.STEP


def _views(tables: PlayTables, players: np.ndarray) -> dict[str, View]:
    views = {}
    for video in tables.videos.sort_values("view").itertuples():
        start, end = np.datetime64(video.start_time, "ms"), np.datetime64(video.end_time, "ms")
        helmets = tables.helmets[tables.helmets["view"] == video.view]
        known = helmets["nfl_player_id"].isin(players).to_numpy()
        if not known.all():
            log.warning("%s %s: %d boxes of players without rows left out", tables.game_play, video.view, int((~known).sum()))
            helmets = helmets[known]
        last = int(clock.frame_of_time(np.array([end]), start)[0])
        frame = helmets["frame"].to_numpy() - clock.FIRST_FRAME_NUMBER
        if (late := frame > last + FRAMES_TOO_LATE).any():
            log.warning("%s %s: %d boxes after the end of the video left out", tables.game_play, video.view, int(late.sum()))
            helmets, frame = helmets[~late], frame[~late]
        frames = max(last, int(frame.max(initial=0))) + 1
        boxes = np.full((frames, len(players), 4), np.nan, dtype=np.float32)
        boxes[frame, np.searchsorted(players, helmets["nfl_player_id"].to_numpy())] = helmets[["left", "top", "width", "height"]].to_numpy()
        views[video.view] = View(start, boxes, tables.video_folder / f"{tables.game_play}_{video.view}.mp4")
    if stray := sorted(set(map(str, tables.helmets["view"].unique())) - set(views)):
        log.warning("%s: boxes of %s left out, the video metadata has no such view", tables.game_play, ", ".join(stray))
    return {name: views[name] for name in VIEWS if name in views}
