"""Vision for the plays that have a video, after all are decided without, while there is time."""

import itertools
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from player_contact.competition.constants import VIEWS
from player_contact.competition.season import PlayTables, Season
from player_contact.inference import cascade
from player_contact.inference.bundle import Bundle, load_bundle
from player_contact.inference.cascade import PlayPrediction
from player_contact.inference.time_budget import Patience, PlayTimes, timing_text
from player_contact.utils.errors import PlayerContactError
from player_contact.utils.parallel import Failure, ProcessTeam, fault_tolerant_map
from player_contact.utils.progress import SECONDS_BETWEEN_LINES

log = logging.getLogger(__name__)

LOAD_PATIENCE = 60.0, 600.0  # s for the vision models: without time, and at most
NO_VIDEO, NO_VISION = "plays without video", "plays where vision failed"
NO_TIME = "plays without vision for lack of time"
FEWER_MODELS = "plays with fewer vision models for lack of time"

Predictions = dict[str, PlayPrediction]  # by game_play


def can_load_vision(bundle: Bundle, team: ProcessTeam, deadline: float) -> bool:
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


def add_vision(
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
