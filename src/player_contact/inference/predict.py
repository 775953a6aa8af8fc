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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from player_contact.competition.constants import VIEWS
from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.features.table import feature_names
from player_contact.inference import cascade, summary
from player_contact.inference.bundle import Bundle, load_bundle
from player_contact.inference.cascade import PlayPrediction
from player_contact.inference.submission_writer import SubmissionWriter, write_probabilities
from player_contact.inference.time_budget import Patience, PlayTimes, timing_text
from player_contact.utils.errors import BundleError, InputError, PlayerContactError
from player_contact.utils.files import check_writable, ensure_temporary_folder, refuse_folder
from player_contact.utils.parallel import Failure, ProcessTeam, fault_tolerant_map
from player_contact.utils.progress import SECONDS_BETWEEN_LINES, progress_bar

log = logging.getLogger(__name__)

LOAD_PATIENCE = 60.0, 600.0  # s for the vision models: without time, and at most
RESERVE = 0.03  # share of a time budget that is kept for stopping and writing
NO_VIDEO, NO_VISION = "plays without video", "plays where vision failed"
NO_TIME, NO_CONTACT = "plays without vision for lack of time", "plays left at no contact"
FEWER_MODELS = "plays with fewer vision models for lack of time"

Predictions = dict[str, PlayPrediction]  # by game_play


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
            with_vision = with_vision and _can_load_vision(bundle, team, deadline)
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
        for _ in _add_vision(season, bundle, predictions, team, deadline, counts):
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


def _can_load_vision(bundle: Bundle, team: ProcessTeam, deadline: float) -> bool:
    """Whether this machine can, tried where plays are worked on; logs where not, whatever it lacks.

    Raises what the user can mend, such as BundleError: what of this is the bundle's fault.
    """
    shortest, longest = LOAD_PATIENCE
    seconds = min(longest, max(shortest, deadline - time.monotonic()))
    outcomes = fault_tolerant_map(_load_vision, [bundle.folder], team, patience=lambda: seconds)
    ((_, outcome),) = outcomes
    if isinstance(outcome, Failure):  # mostly of torch, which needs most
        text = "The vision models can't be loaded (%s): sensors and boxes decide all plays"
        log.warning(text, outcome.reason)
        return False
    if outcome is not None:
        raise outcome
    return True


def _load_vision(bundle_folder: Path) -> PlayerContactError | None:
    """What is wrong with the vision models of a bundle; they stay loaded in this process."""
    try:
        _ = load_bundle(bundle_folder).vision_models
    except PlayerContactError as error:
        return error
    return None


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


def _add_vision(
    season: Season,
    bundle: Bundle,
    predictions: Predictions,
    team: ProcessTeam,
    deadline: float,
    counts: Counter,
) -> Iterator[None]:
    """Replaces `predictions` of plays with videos while there is time, and yields for each; adds
    to `counts`."""
    counts.update({NO_VIDEO: 0, NO_VISION: 0, NO_TIME: 0, FEWER_MODELS: 0})
    if not bundle.vision_files:
        return
    plays, unfilmed = _plays_with_video(season, predictions)
    counts[NO_VIDEO] = len(unfilmed)
    if not plays:
        return
    rows = {play: predictions[play].num_open for play in plays}
    remaining, times, all_models = dict(rows), PlayTimes(), len(bundle.vision_files)
    processes = max(team.count, 1)
    # With a budget the first play tells already how many will fit.
    last_line = -math.inf if math.isfinite(deadline) else time.monotonic()
    patience = Patience()
    complete, seconds = bundle.config.boxes.complete, dict[str, dict[str, float]]()
    work = partial(cascade.predict_play, folder=bundle.folder, complete=complete, with_video=True)
    limits = deadline, patience, partial(_ask, partial(work, small_batches=True))
    chosen = times.plays_in_time(
        rows,
        lambda: bundle.models_by_use(times.rate),
        lambda: deadline - time.monotonic(),
        processes,
    )
    plays_of, models_of = itertools.tee(chosen)  # both ask for the next play when it is begun
    items = zip(
        season.plays(play for play, _ in plays_of), (of for _, of in models_of), strict=True
    )
    for (tables, _), outcome in fault_tolerant_map(partial(_ask, work), items, team, *limits):
        play, seconds_left = tables.game_play, deadline - time.monotonic()
        if isinstance(outcome, Failure):
            if seconds_left > 0:
                text = "%s: vision failed (%s); decided by sensors and boxes"
                log.warning(text, play, outcome.reason)
                counts[NO_VISION] += 1
                del remaining[play]
            yield
            continue
        predictions[play], seconds[play] = outcome, outcome.seconds
        counts[NO_VIDEO] += int(outcome.source != cascade.VISION)
        counts[FEWER_MODELS] += int(0 < len(outcome.model_seconds) < all_models)
        times.add(remaining.pop(play), sum(outcome.seconds.values()), outcome.model_seconds)
        patience.add(times.seconds[-1])
        if time.monotonic() - last_line > SECONDS_BETWEEN_LINES:
            open_rows, total = list(remaining.values()), len(plays)
            models = bundle.models_by_use(times.rate)
            log.info(times.progress_text(open_rows, total, processes, seconds_left, models))
            last_line = time.monotonic()
        yield
    if seconds:
        log.info(timing_text(seconds))
    counts[NO_TIME] = len(remaining)
    if remaining:
        text = "No time for the video of %d plays; decided by sensors and boxes: %s"
        log.warning(text, len(remaining), ", ".join(sorted(remaining)))


def _ask(
    work: Callable[..., PlayPrediction], item: tuple[PlayTables, Sequence[str]]
) -> PlayPrediction:
    """A play by some of the vision models."""
    return work(item[0], models=item[1])


def _plays_with_video(season: Season, predictions: Predictions) -> tuple[list[str], list[str]]:
    """The plays with open rows that have a video, the most doubtful first; and those without."""
    plays = [play for play, prediction in predictions.items() if prediction.num_open]
    plays.sort(key=lambda play: (-predictions[play].expected_errors, play))
    paths = {play: [season.video_folder / f"{play}_{view}.mp4" for view in VIEWS] for play in plays}
    filmed = [play for play in plays if any(path.is_file() for path in paths[play])]
    unfilmed = sorted(set(plays) - set(filmed))
    if filmed and unfilmed:
        log.warning("%s: no video; decided by sensors and boxes", ", ".join(unfilmed))
    return filmed, unfilmed


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
