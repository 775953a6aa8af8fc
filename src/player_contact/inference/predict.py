"""From a bundle and a folder of plays to a submission. Nothing in a play can stop it.

Every play is first decided by distance, then by sensors and boxes, then those with videos again,
the most doubtful first; the submission is written after each of these and now and then in between.
The fallbacks: vision -> screen -> screen without completed boxes -> distance -> no contact.
Rows of players without tracking: distance of the helmet boxes -> no contact.
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

from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.features.table import feature_names
from player_contact.inference import cascade, summary
from player_contact.inference.bundle import Bundle, load_bundle
from player_contact.inference.cascade import PlayPrediction
from player_contact.inference.submission_writer import SubmissionWriter, write_probabilities
from player_contact.inference.time_budget import Patience
from player_contact.inference.vision_pass import (
    FEWER_MODELS,
    NO_TIME,
    NO_VISION,
    Predictions,
    add_vision,
    can_load_vision,
)
from player_contact.utils.errors import BundleError, InputError
from player_contact.utils.files import check_writable, ensure_temporary_folder, refuse_folder
from player_contact.utils.parallel import Failure, ProcessTeam, fault_tolerant_map
from player_contact.utils.progress import progress_bar

log = logging.getLogger(__name__)

RESERVE = 0.03  # share of a time budget that is kept for stopping and writing
NO_CONTACT = "plays left at no contact"


def predict_folder(
    bundle_folder: Path,
    input_folder: Path,
    output: Path,
    workers: int,
    budget: float = math.inf,
    mend: bool = False,
    with_vision: bool = True,
    probabilities: Path | None = None,
) -> Counter:
    """Writes a submission for sample_submission.csv, in its order, and returns counts.

    The file is complete each time it is written. No videos are used after `budget` seconds, or
    without `with_vision`. A parquet file `probabilities`, if one is named, gets what the models say
    of each row. Plays are worked on by `workers` processes: one that dies or hangs costs its play
    the video and nothing else. With 0 all happens in this process, where nothing is caught but
    errors. Raises BundleError, and InputError where a file can't be written and for faulty tables:
    with `mend` only for sample_submission.csv.
    """
    deadline = time.monotonic() + budget * (1 - RESERVE)
    if probabilities is not None and (
        probabilities.suffix != ".parquet" or probabilities.resolve() == output.resolve()
    ):
        raise InputError(f"Probabilities go to a file of their own, .parquet, not {probabilities}")
    for path in filter(None, (output, probabilities)):
        refuse_folder(path)
        check_writable(path)
    ensure_temporary_folder(output)
    bundle = _check_bundle(load_bundle(bundle_folder))
    season = read_season(input_folder, "test", mend)
    with ProcessTeam(workers) as team:
        if any(season.video_folder.glob("*.mp4")):
            log.info("%d plays, %d rows to predict", len(season.game_plays), len(season.rows))
            with_vision = with_vision and can_load_vision(bundle, team, deadline)
        else:
            text = "No video was found in %s: predicting from sensors and helmet boxes alone"
            log.warning(text, season.video_folder)
        return _predict(season, bundle, output, team, deadline, with_vision, probabilities)


def _predict(
    season: Season,
    bundle: Bundle,
    output: Path,
    team: ProcessTeam,
    deadline: float,
    with_vision: bool,
    probabilities: Path | None,
) -> Counter:
    """The work of `predict_folder`, once all has been checked."""
    writer = SubmissionWriter(season.rows["contact_id"], output)
    predictions = {
        tables.game_play: _predict_by_distance(tables, bundle.contact_distance)
        for tables in season.plays()
    }
    writer.write_or_warn(predictions.values())
    for _ in _add_screen(season, bundle, predictions, team, deadline):
        writer.write_if_due(predictions.values())
    writer.write_or_warn(predictions.values())
    counts = Counter({"plays": len(predictions), "rows": len(season.rows)})
    if with_vision:
        for _ in add_vision(season, bundle, predictions, team, deadline, counts):
            writer.write_if_due(predictions.values())
    contacts = writer.write(predictions.values())
    if probabilities is not None:
        write_probabilities(season.rows, predictions.values(), bundle.thresholds, probabilities)
    for prediction in predictions.values():
        counts.update(prediction.counts)
    sources = Counter(prediction.source for prediction in predictions.values())
    for source in (cascade.VISION, cascade.SCREEN, cascade.BOXES, cascade.DISTANCE):
        counts[f"plays decided by {source}"] = sources[source]
    counts.update({NO_CONTACT: sources[cascade.NOTHING], "contacts": contacts})
    _log_fallbacks(counts)
    return counts


def _check_bundle(bundle: Bundle) -> Bundle:
    """Raises BundleError before the first play: its faults would be those of every play."""
    if bundle.manifest["features"] != feature_names():
        raise BundleError(
            f"{bundle.folder} was made with other features than this version computes. Train again "
            "or use the version that wrote it"
        )
    return bundle


def _add_screen(
    season: Season, bundle: Bundle, predictions: Predictions, team: ProcessTeam, deadline: float
) -> Iterator[None]:
    """Replaces `predictions` by those of sensors and boxes while there is time; yields for each."""
    remaining, patience, first = season.plays(), Patience(), True
    undecided = len(season.game_plays)
    for complete in (True, False) if bundle.config.boxes.complete else (False,):
        work = partial(
            cascade.predict_play, folder=bundle.folder, complete=complete, with_video=False
        )
        outcomes = fault_tolerant_map(work, remaining, team, deadline, patience)
        if first:
            total, title = len(season.game_plays), "sensors and boxes"
            outcomes = progress_bar(outcomes, total, title, max(1, team.count))
        failed, boxes = [], "" if complete else " without completed boxes"
        for tables, outcome in outcomes:
            if isinstance(outcome, Failure):
                failed.append(tables)
                log.warning("%s: the screen%s failed (%s)", tables.game_play, boxes, outcome.reason)
            else:
                predictions[tables.game_play] = outcome
                patience.add(sum(outcome.seconds.values()))
                undecided -= 1
            yield
        if not undecided:  # or processes would be started for nothing
            return
        remaining, first = itertools.chain(failed, remaining), False


def _predict_by_distance(tables: PlayTables, max_distance: float) -> PlayPrediction:
    """By distance or, where even that fails, no contact at all."""
    try:
        return cascade.predict_by_distance(tables, max_distance)
    except Exception as error:  # a submission must come out
        reason = f"{type(error).__name__}: {error}"
        text = "%s: distances failed (%s); without sensors all its rows count as no contact"
        log.warning(text, tables.game_play, reason)
        row, counts = tables.rows["row"].to_numpy(), Counter({summary.NO_CONTACT: len(tables.rows)})
        no_contact = np.zeros(len(row), dtype=bool)
        return PlayPrediction(row, no_contact, cascade.NOTHING, counts=counts)


def _log_fallbacks(counts: Counter) -> None:
    fallbacks = {
        "lacked vision, which failed": counts[NO_VISION],
        "had no time for all vision models": counts[FEWER_MODELS],
        "had no time for vision": counts[NO_TIME],
        "were decided by distance": counts[f"plays decided by {cascade.DISTANCE}"],
        "are left at no contact": counts[NO_CONTACT],
    }
    if any(fallbacks.values()):
        text = ", ".join(f"{number} {name}" for name, number in fallbacks.items() if number)
        log.warning("Of %d plays, %s", counts["plays"], text)
    if untracked := counts[cascade.UNTRACKED]:
        text = "%d rows lack tracking: pairs among them are decided by their helmet boxes; %d pairs"
        text += " without boxes, and these players with the ground, are left at no contact"
        log.warning(text, untracked, counts[cascade.NO_BOXES])
