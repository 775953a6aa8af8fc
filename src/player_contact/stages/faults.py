"""Faults of training plays: each stops the run with one sentence, or is passed over where the settings say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from player_contact.competition.names import GROUND, VIEWS
from player_contact.competition.season import PlayTables
from player_contact.config import Config
from player_contact.errors import InputError, PlayerContactError
from player_contact.helmets import step_boxes
from player_contact.play import Play, Rows
from player_contact.video.crops import LATE_FRAMES, Crops, windows
from player_contact.video.decode import VideoError, video_facts

log = logging.getLogger(__name__)


def fault(config: Config, sentence: str) -> None:
    """Raises InputError with the sentence, or logs it where `faults` is `skip`."""
    if config.faults == "stop":
        raise InputError(f"{sentence}. Mend or download the data again, or train without it: --set faults=skip")
    log.warning("%s; passed over", sentence)


@contextmanager
def guarded(config: Config, game_play: str, what: str) -> Iterator[None]:
    """Turns whatever goes wrong in the block into a fault of the play."""
    try:
        yield
    except PlayerContactError:
        raise
    except Exception as error:
        fault(config, f"{game_play}: {what} failed ({type(error).__name__}: {error})")


def check_sensors(config: Config, tables: PlayTables) -> None:
    """Faults: a labelled player whom the sensors do not know, or lose while he is labelled."""
    labelled = {(step, player) for name in ("nfl_player_id_1", "nfl_player_id_2") for step, player in _pairs(tables.rows, name) if player != GROUND}
    lost = labelled - set(_pairs(tables.tracking, "nfl_player_id"))
    if lost:
        players = sorted({player for _, player in lost})
        known = set(tables.tracking["nfl_player_id"].tolist())
        nobody = [player for player in players if player not in known]
        steps = sorted({step for step, player in lost if player in known})
        said = [f"no sensors of players {', '.join(map(str, nobody))}"] if nobody else []
        said += [f"a gap in the tracking between steps {steps[0]} and {steps[-1]}"] if steps else []
        fault(config, f"{tables.game_play} has {' and '.join(said)}: {len(lost)} labelled moments of players are not tracked")


def check_boxes(config: Config, play: Play) -> None:
    """Fault: a view with metadata in which nobody who is labelled has a box."""
    for name, view in play.views.items():
        if np.isnan(view.boxes).all():
            fault(config, f"{play.game_play} {name} has no helmet box of any of its players")


def check_videos(config: Config, play: Play, rows: Rows, crops: Crops) -> None:
    """Faults: a video that is there but can't be opened, or that breaks off before its own end. One that is missing is evidence that is missing."""
    for place, name in enumerate(VIEWS):
        view = play.views.get(name)
        if view is None or not view.video.is_file() or not len(rows):
            continue
        try:
            last = video_facts(view.video).frames - 1
        except VideoError as error:
            fault(config, str(error))
            continue
        boxes = step_boxes(play, view, config.crops.longest_gap)
        frame = boxes.frame[rows.step]
        there = ~np.isnan(windows(boxes, rows, config.crops.helmets_wide).side) & (frame >= -LATE_FRAMES) & (frame <= last + LATE_FRAMES)
        if lost := int((there & ~crops.seen[:, place]).sum()):
            fault(config, f"{view.video.name} breaks off: {lost} rows have no {name} picture")


def _pairs(table, player: str) -> list[tuple[int, int]]:
    return list(zip(table["step"].tolist(), table[player].tolist(), strict=True))
