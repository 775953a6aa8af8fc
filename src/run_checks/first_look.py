"""The first look at data that were just downloaded: does the project understand them?

A line a topic, each ok or with what is wrong, in minutes and before any training.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from logging import WARNING, LogRecord
from pathlib import Path

from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.evaluation.frame_sheet import draw_frame_sheet
from player_contact.evaluation.viewer import has_video
from player_contact.utils import progress
from player_contact.utils.errors import InputError
from player_contact.utils.log_capture import captured
from player_contact.utils.parallel import Failure, fault_tolerant_map
from run_checks import topic_lines as lines
from run_checks.look_at_play import PlayLook, look_at_play, split_prefix
from run_checks.quick_scores import quick_scores, score_faults, scores_text
from run_checks.season_sample import evenly_spread
from run_checks.topic_lines import Line

ROWS = {"train": "train_labels.csv", "test": "sample_submission.csv"}
SHEET_PLAYS = 4
PATIENCE = 600.0  # s for a play


def first_look(folder: Path, output: Path, plays: int, workers: int) -> Iterator[Line]:
    """Yields a line a topic on the competition's files in a folder, as soon as it is known.

    All videos are read; views of `plays` plays of each split, evenly spread, are registered; frames
    of some are drawn into the file `output`. A play that fails is named in a line. Raises
    InputError where the folder holds neither labels nor ids.
    """
    if not any((folder / name).is_file() for name in ROWS.values()):
        raise InputError(f"{folder} holds neither {' nor '.join(ROWS.values())}: name another")
    seasons, line = read_tables(folder)
    yield line
    outcomes = [outcome for season in seasons for outcome in look_at_plays(season, plays, workers)]
    looks = [look for look in outcomes if isinstance(look, PlayLook)]
    if failures := [failure for failure in outcomes if isinstance(failure, str)]:
        advice = "Mend or leave out these plays: what fails here may stop training"
        yield Line("plays", f"{len(looks)} plays could be looked at", failures, advice)
    yield lines.labels_line(looks)
    yield lines.videos_line(looks)
    yield lines.times_line(looks)
    views = [view for look in looks for view in look.views]
    yield lines.clock_line(views)
    yield lines.boxes_line(views, draw_boxes(seasons, looks, output))
    yield lines.names_line(views)
    yield from (scores_line(season, workers) for season in seasons if season.split == "train")


def read_tables(folder: Path) -> tuple[list[Season], Line]:
    """The splits that can be read, without faulty rows, and what was wrong with their tables."""
    seasons, faults, sizes = [], list[str](), []

    def keep(record: LogRecord) -> None:
        if record.levelno >= WARNING:
            faults.append(record.getMessage())

    for split in ROWS:
        try:
            with captured(keep, propagate=False):
                season = read_season(folder, split, mend=True)
        except InputError as error:
            faults.append(str(error))
            continue
        seasons.append(season)
        sizes.append(
            f"{split} {len(season.game_plays)} plays, {len(season.rows):,} rows, "
            f"{len(season.tracking):,} of tracking, {len(season.helmets):,} helmet boxes"
        )
    advice = "Mend or download again: training refuses faulty rows; empty cells are not measured"
    return seasons, Line("tables", "; ".join(sizes) or "nothing could be read", faults, advice)


def look_at_plays(season: Season, count: int, workers: int) -> list[PlayLook | str]:
    """What was seen of each play in the tables' order, or why it failed.

    The views of `count` plays are registered.
    """
    plays = season.game_plays
    work = partial(_look, with_boxes=frozenset(evenly_spread(plays, count)))
    with captured(_only_progress, propagate=False):
        outcomes = progress.progress_bar(
            fault_tolerant_map(work, season.plays(), workers, patience=lambda: PATIENCE),
            len(plays),
            f"looking at {season.split} plays",
            max(1, workers),
        )
        found = {tables.game_play: outcome for tables, outcome in outcomes}
    return [
        f"{split_prefix(season.split)}{name}: {look.reason}" if isinstance(look, Failure) else look
        for name in plays
        for look in [found[name]]
    ]


def _look(tables: PlayTables, with_boxes: frozenset[str]) -> PlayLook:
    return look_at_play(tables, tables.game_play in with_boxes)


def _only_progress(record: LogRecord) -> None:
    """Of what is logged: the lines say the rest."""
    if record.name == progress.__name__:
        print(record.getMessage(), file=sys.stderr, flush=True)


def draw_boxes(seasons: Sequence[Season], looks: Sequence[PlayLook], output: Path) -> str:
    """Draws frames of some registered plays; returns what to open, or why there is nothing."""
    registered = {look.name for look in looks if look.views}
    for season in seasons:
        names = [f"{split_prefix(season.split)}{play}" for play in season.game_plays]
        chosen = [
            play for play, name in zip(season.game_plays, names, strict=True) if name in registered
        ]
        filmed = [tables for tables in season.plays(chosen) if has_video(tables)]
        if not filmed:
            continue
        try:
            draw_frame_sheet(evenly_spread(filmed, SHEET_PLAYS), output)
        except Exception as error:  # whatever it is, the other topics stand
            return f"no frame could be drawn ({type(error).__name__}: {error})"
        return f"look whether boxes lie on helmets: {output}"
    return "no video, so no frame to look at"


def scores_line(season: Season, workers: int) -> Line:
    """What distance and a quick screen score."""
    advice = (
        "Compare units and steps of tracking and labels; what is chosen on such data may not carry "
        "over"
    )
    try:
        with captured(_only_progress, propagate=False):
            table, plays = quick_scores(season, workers)
    except Exception as error:  # whatever it is, the other topics stand
        return Line("scores", "none", [f"no screen could be trained ({error})"], advice)
    return Line("scores", scores_text(table, plays), score_faults(table, plays), advice)
