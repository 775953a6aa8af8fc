"""A helmets table in the competition's format, from videos and tracking."""

import dataclasses
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.clock import FIRST_FRAME_NUMBER
from player_contact.competition.constants import HELMET_COLUMNS
from player_contact.competition.season import PlayTables, Season
from player_contact.detection.play_helmets import detect_play
from player_contact.play import Play, build_play
from player_contact.utils.files import atomic_write
from player_contact.utils.parallel import parallel_map

DIGITS = 1  # of pixels


def write_helmets(
    season: Season, detector: Path, fill: bool, output: Path, workers: int
) -> Counter:
    """Writes the boxes of all plays as CSV, and returns counts as `detect_play` does.

    With `fill` those of the season's table, and beside them what it lacks; else those of the videos
    alone. The same bytes, whatever the number of workers.
    """
    work = partial(play_helmets, detector=detector, fill=fill)
    counts = Counter[str]()
    with atomic_write(output) as draft:
        pd.DataFrame(columns=list(HELMET_COLUMNS)).to_csv(draft, index=False)
        plays = len(season.game_plays)
        for table, found in parallel_map(work, season.plays(), plays, "helmets", workers):
            table.to_csv(draft, index=False, header=False, mode="a", lineterminator="\n")
            counts.update(found)
    return counts


def play_helmets(tables: PlayTables, detector: Path, fill: bool) -> tuple[pd.DataFrame, Counter]:
    """The rows of a play, and counts, as `write_helmets`."""
    import torch

    from player_contact.detection.detect import load_detector

    torch.set_num_threads(1)  # a play is the work of one core
    if not fill:
        tables = dataclasses.replace(tables, helmets=tables.helmets.iloc[:0])
    play, _ = build_play(tables)
    play, counts = detect_play(play, load_detector(detector), fill)
    return helmet_rows(play), counts


def helmet_rows(play: Play) -> pd.DataFrame:
    """The boxes of a play's views, a row each, by view and frame; H or V is a player's team."""
    game_key, play_id = play.game_play.split("_")
    parts = []
    for name, view in sorted(play.views.items()):
        frame, player = np.nonzero(~np.isnan(view.boxes[..., 0]))
        boxes = view.boxes[frame, player].astype(np.float64).round(DIGITS)
        left, top, width, height = boxes.T
        columns = {
            "view": name,
            "video": view.video.name,
            "frame": frame + FIRST_FRAME_NUMBER,
            "nfl_player_id": play.players[player],
            "player_label": np.where(play.home, "H", "V")[player],
            "left": left,
            "width": width,
            "top": top,
            "height": height,
        }
        parts.append(pd.DataFrame(columns))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(HELMET_COLUMNS))
    keys = {"game_play": play.game_play, "game_key": int(game_key), "play_id": int(play_id)}
    return table.assign(**keys)[list(HELMET_COLUMNS)]
