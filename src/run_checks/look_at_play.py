"""One play at first look: its players and labels, its videos, and its views registered."""

from dataclasses import dataclass
from logging import WARNING, LogRecord

import numpy as np

from player_contact.competition.constants import VIEWS
from player_contact.competition.season import PlayTables
from player_contact.play import Play, Rows, build_play
from player_contact.utils.log_capture import captured
from run_checks.look_at_boxes import ViewLook, look_at_view
from run_checks.look_at_videos import VideoLook, look_at_video

USUAL_PLAYERS, FEWER_PLAYERS = 22, 21  # one of the competition's training plays has fewer
MAX_LATE_STEPS = 4  # of the competition's plays: labelled steps after the end of a video


@dataclass(frozen=True)
class PlayLook:
    """What was seen of a play, and sentences on what is wrong with its rows and its metadata."""

    name: str  # the game_play after `split_prefix`
    players: int
    late_steps: int  # labelled steps after the end of a video
    faults: tuple[str, ...]
    no_metadata: tuple[str, ...]
    videos: tuple[VideoLook, ...]
    views: tuple[ViewLook, ...]  # none where boxes were not asked for


def look_at_play(tables: PlayTables, with_boxes: bool) -> PlayLook:
    """Reads a play's videos and, `with_boxes`, registers its views.

    Faults of the rows are what `build_play` warns of, a number of players that no real play has,
    and labels that end long after a video, or begin before it.
    """
    faults: list[str] = []

    def keep(record: LogRecord) -> None:
        if record.levelno >= WARNING:
            faults.append(record.getMessage())

    with captured(keep, propagate=False):
        play, rows = build_play(tables)
    prefix = split_prefix(tables.video_folder.name)
    name, players = f"{prefix}{play.game_play}", len(play.players)
    faults = [f"{prefix}{fault}" for fault in faults]
    if players not in (USUAL_PLAYERS, FEWER_PLAYERS):
        faults.append(f"{name}: {players} players, expected {USUAL_PLAYERS}")
    videos = {view: look_at_video(play.views[view].video, prefix) for view in play.views}
    late_steps = 0
    for view, video in videos.items():
        late, early = _steps_outside(play, rows, view, video.end)
        late_steps = max(late_steps, late)
        if late > MAX_LATE_STEPS:
            faults.append(f"{name} {view}: {late} labelled steps lie after the video's end")
        if early:
            faults.append(f"{name} {view}: {early} labelled steps lie before the video's start")
    views = play.views.items() if with_boxes else ()
    return PlayLook(
        name=name,
        players=players,
        late_steps=late_steps,
        faults=tuple(faults),
        no_metadata=tuple(
            f"{name} {view} is not in the metadata" for view in VIEWS if view not in videos
        ),
        videos=tuple(videos.values()),
        views=tuple(look_at_view(play, view, f"{name} {title}") for title, view in views),
    )


def split_prefix(split: str) -> str:
    """What stands before the names of a split's plays: the public test plays are copies."""
    return "" if split == "train" else f"{split}/"


def _steps_outside(play: Play, rows: Rows, view: str, end: int | None) -> tuple[int, int]:
    """How many steps of the rows lie after and before a video; by its boxes if it can't be read."""
    frame = play.views[view].frame_of(play.times[np.unique(rows.step)])
    last = (len(play.views[view].boxes) if end is None else end) - 1
    return int((frame > last).sum()), int((frame < 0).sum())
