"""Faults of training plays: each stops the run, or is skipped where `on_fault` says so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND, VIEWS
from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.play import Play, Rows
from player_contact.utils.errors import InputError, PlayerContactError
from player_contact.video.crops import LATE_FRAMES, Crops, windows
from player_contact.video.decode import VideoError, video_info
from player_contact.video.step_boxes import step_boxes

log = logging.getLogger(__name__)

TRACKED = ["step", "nfl_player_id"]


def fault(config: Config, message: str) -> None:
    """Raises InputError with the message, or logs it where `on_fault` is "skip"."""
    if config.on_fault == "raise":
        raise InputError(
            f"{message}. Mend or download the data again, or train without it: --set on_fault=skip"
        )
    log.warning("%s; passed over", message)


@contextmanager
def guarded(config: Config, game_play: str, task: str) -> Iterator[None]:
    """Makes any error of the block a fault of the play."""
    try:
        yield
    except PlayerContactError:
        raise
    except Exception as error:
        fault(config, f"{game_play}: {task} failed ({type(error).__name__}: {error})")


def check_tracking(config: Config, tables: PlayTables) -> None:
    """Faults: a labelled player is never tracked, or not at a step at which he is labelled."""
    id_columns = ["nfl_player_id_1", "nfl_player_id_2"]
    labelled = tables.rows.melt("step", id_columns, value_name="nfl_player_id")[TRACKED]
    labelled = labelled[labelled["nfl_player_id"] != GROUND].drop_duplicates()
    tracked = pd.MultiIndex.from_frame(tables.tracking[TRACKED])
    lost = labelled[~pd.MultiIndex.from_frame(labelled).isin(tracked)]
    if lost.empty:
        return
    never = ~lost["nfl_player_id"].isin(tables.tracking["nfl_player_id"])
    faults = []
    if never.any():
        players = sorted(set(lost.loc[never, "nfl_player_id"]))
        faults.append(f"no tracking of players {', '.join(map(str, players))}")
    if not never.all():
        steps = lost.loc[~never, "step"]
        faults.append(f"a gap in the tracking between steps {steps.min()} and {steps.max()}")
    fault(
        config,
        f"{tables.game_play} has {' and '.join(faults)}: {len(lost)} labelled steps of players are "
        "not tracked",
    )


def check_boxes(config: Config, play: Play) -> None:
    """Fault: a view with metadata has no helmet box of a labelled player."""
    for name, view in play.views.items():
        if np.isnan(view.boxes).all():
            fault(config, f"{play.game_play} {name} has no helmet box of any of its players")


def check_videos(config: Config, play: Play, rows: Rows, crops: Crops) -> None:
    """Faults: a video can't be opened, or breaks off early. A missing video is no fault."""
    for index, name in enumerate(VIEWS):
        view = play.views.get(name)
        if view is None or not view.video.is_file() or not len(rows):
            continue
        try:
            last = video_info(view.video).frames - 1
        except VideoError as error:
            fault(config, str(error))
            continue
        boxes = step_boxes(play, view, config.crops.max_gap)
        frame = boxes.frame[rows.step]
        has_window = ~np.isnan(windows(boxes, rows, config.crops).side)
        expected = has_window & (frame >= -LATE_FRAMES) & (frame <= last + LATE_FRAMES)
        if lost := int((expected & ~crops.visible[:, index]).sum()):
            fault(config, f"{view.video.name} breaks off: {lost} rows have no {name} image")
