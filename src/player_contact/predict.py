"""From a bundle and a folder of plays to a submission: the only way in which this project predicts. Nothing in a play can stop it.

Every play is first decided by sensors and boxes; then those that have videos are looked at, the most doubtful first. So there is always an answer to
fall back to: vision -> screen -> the screen without completed boxes -> distance -> no contact.
"""

import itertools
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.bundle import Bundle, load_bundle
from player_contact.cascade import DISTANCE, NOTHING, SCREEN, VISION, PlayPrediction, decide_by_distance, decide_with_video, decide_without_video
from player_contact.competition.names import VIEWS
from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.errors import BundleError
from player_contact.features.table import feature_names
from player_contact.files import refuse_folder, replacing
from player_contact.pace import Pace, fitting, pace_text, parts_text
from player_contact.parallel import SECONDS_BETWEEN_LINES, Failure, run_surviving, show_progress

log = logging.getLogger(__name__)

KEPT_BACK = 0.03  # share of a time budget that is kept for stopping and writing

Answers = dict[str, PlayPrediction]  # game_play -> what is known so far


def predict_folder(bundle_folder: Path, input_folder: Path, output: Path, workers: int, budget: float = math.inf, mend: bool = False) -> Counter:
    """Writes a submission for the ids of `input_folder`'s sample_submission.csv, in their order; returns what was counted.

    The file is replaced only by a complete one. After `budget` seconds no play is looked at any more. A play works in a process of its own, whose
    end costs that play its video and nothing else; with one worker all happens in this process. Raises BundleError, and InputError where a table is
    not what it should be: with `mend` only sample_submission.csv need be.
    """
    started = time.monotonic()
    refuse_folder(output)
    bundle = _checked(load_bundle(bundle_folder))
    season = read_season(input_folder, "test", mend)
    if season.video_folder.is_dir() and any(season.video_folder.glob("*.mp4")):
        log.info("%d plays, %d rows to predict", len(season.game_plays), len(season.rows))
    else:
        log.warning("No video was found in %s: predicting from sensors and helmet boxes alone", season.video_folder)
    deadline = started + budget * (1 - KEPT_BACK)
    answers = _first_answers(season, bundle, workers if workers > 1 else 0, deadline)
    counted = Counter({"plays": len(answers), "rows": len(season.rows)})
    counted.update(_look(season, bundle, answers, workers, deadline))
    decided = np.zeros(len(season.rows), dtype=bool)
    for answer in answers.values():
        decided[answer.row] = answer.decided
        counted.update(answer.counted)
    counted.update({f"plays decided by {level}": sum(answer.level == level for answer in answers.values()) for level in (VISION, SCREEN, DISTANCE)})
    counted["plays left at no contact"] = sum(answer.level == NOTHING for answer in answers.values())
    counted["contacts"] = int(decided.sum())
    _say_fallbacks(counted)
    with replacing(output) as temporary:
        pd.DataFrame({"contact_id": season.rows["contact_id"], "contact": decided.astype(np.int8)}).to_csv(temporary, index=False)
    return counted


def _checked(bundle: Bundle) -> Bundle:
    """What is wrong with a bundle is wrong for every play: it is said before the first one."""
    if bundle.manifest["features"] != feature_names():
        raise BundleError(f"{bundle.folder} was made with other features than this version computes. Train again or use the version that wrote it")
    if bundle.has_vision:
        _ = bundle.vision_models
    return bundle


def _first_answers(season: Season, bundle: Bundle, processes: int, deadline: float) -> Answers:
    """An answer for every play without its video, from the best that works and that there is time for."""
    answers: Answers = {}
    waiting: Iterator[PlayTables] = season.plays()
    for complete in (True, False) if bundle.config.boxes.complete else (False,):
        way = partial(decide_without_video, bundle_folder=bundle.folder, complete=complete)
        failed = []
        outcomes = run_surviving(way, waiting, processes, deadline)
        for tables, outcome in show_progress(outcomes, len(season.game_plays), "sensors and boxes") if not answers else outcomes:
            if isinstance(outcome, Failure):
                failed.append(tables)
                log.warning("%s: the screen%s failed (%s)", tables.game_play, "" if complete else " without completed boxes", outcome.reason)
            else:
                answers[tables.game_play] = outcome
        waiting = itertools.chain(failed, waiting)
    for tables in waiting:
        try:
            answers[tables.game_play] = decide_by_distance(tables, bundle.touching)
        except Exception as error:  # a submission must come out
            log.warning("%s: distances failed (%s: %s); all its rows count as no contact", tables.game_play, type(error).__name__, error)
            answers[tables.game_play] = PlayPrediction(tables.rows["row"].to_numpy(), np.zeros(len(tables.rows), dtype=bool), NOTHING)
    return answers


def _look(season: Season, bundle: Bundle, answers: Answers, workers: int, deadline: float) -> Counter:
    """Puts better answers into `answers` for the plays that have videos, the most doubtful first, as long as there is time; returns what was
    counted."""
    counted = Counter({"plays without video": 0, "plays where vision failed": 0, "plays without vision for lack of time": 0})
    if not bundle.has_vision:
        return counted
    from player_contact.vision.device import vision_processes

    asked = sorted((play for play, answer in answers.items() if answer.rows_open), key=lambda play: (-answers[play].doubt, play))
    plays = [play for play in asked if any((season.video_folder / f"{play}_{view}.mp4").is_file() for view in VIEWS)]
    counted["plays without video"] = len(asked) - len(plays)
    if plays and len(plays) < len(asked):
        log.warning("%s: no video; decided by sensors and boxes", ", ".join(sorted(set(asked) - set(plays))))
    processes = vision_processes(workers) if workers > 1 else 0
    laps: dict[str, dict[str, float]] = {}
    pace, rows, open_plays, said = Pace(), {play: answers[play].rows_open for play in plays}, dict.fromkeys(plays), -math.inf
    chosen = season.plays(fitting(plays, rows, pace, lambda: deadline - time.monotonic()))
    for tables, outcome in run_surviving(partial(decide_with_video, bundle_folder=bundle.folder), chosen, processes, deadline):
        play, now = tables.game_play, time.monotonic()
        if isinstance(outcome, Failure):
            if now < deadline:
                log.warning("%s: vision failed (%s); decided by sensors and boxes", play, outcome.reason)
                counted["plays where vision failed"] += 1
                del open_plays[play]
            continue
        answers[play] = outcome
        counted["plays without video"] += int(outcome.level != VISION)
        laps[play] = outcome.seconds
        pace.add(rows[play], sum(outcome.seconds.values()))
        del open_plays[play]
        if now - said > SECONDS_BETWEEN_LINES:
            log.info(pace_text([rows[one] for one in open_plays], pace, len(plays), max(processes, 1), deadline - now))
            said = now
    if laps:
        log.info(parts_text(laps))
    counted["plays without vision for lack of time"] = len(open_plays)
    if open_plays:
        log.warning("No time for the video of %d plays; decided by sensors and boxes: %s", len(open_plays), ", ".join(sorted(open_plays)))
    return counted


def _say_fallbacks(counted: Counter) -> None:
    lost = {
        "lacked vision, which failed": counted["plays where vision failed"],
        "had no time for vision": counted["plays without vision for lack of time"],
        "were decided by distance": counted[f"plays decided by {DISTANCE}"],
        "are left at no contact": counted["plays left at no contact"],
    }
    if any(lost.values()):
        log.warning("Of %d plays, %s", counted["plays"], ", ".join(f"{number} {what}" for what, number in lost.items() if number))
