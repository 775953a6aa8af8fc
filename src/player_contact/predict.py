"""From a bundle and a folder of plays to a submission: the only way in which this project predicts."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table
from player_contact.boosting.booster import booster_probability
from player_contact.bundle import Bundle, load_bundle
from player_contact.competition.names import VIEWS
from player_contact.competition.season import PlayTables, read_season
from player_contact.errors import BundleError, PlayerContactError
from player_contact.features.table import feature_names, feature_table, is_candidate
from player_contact.files import refuse_folder, replacing
from player_contact.odds import sigmoid
from player_contact.parallel import run_all
from player_contact.play import Rows, build_play
from player_contact.video.completion import complete_play
from player_contact.video.crops import Crops, cut_crops

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlayPrediction:
    """Decisions [N] bool for the season's rows `row` [N], and what was counted on the way."""

    row: np.ndarray
    decided: np.ndarray
    counted: Counter = field(default_factory=Counter)


def predict_folder(bundle_folder: Path, input_folder: Path, output: Path, workers: int) -> Counter:
    """Writes a submission for the ids of `input_folder`'s sample_submission.csv, in their order; returns what was counted.

    The file is replaced only by a complete one. Raises InputError and BundleError.
    """
    refuse_folder(output)
    bundle = load_bundle(bundle_folder)
    if bundle.manifest["features"] != feature_names():
        raise BundleError(f"{bundle.folder} was made with other features than this version computes. Train again or use the version that wrote it")
    if bundle.has_vision:
        from player_contact.vision.train import vision_workers

        workers = vision_workers(workers)
    season = read_season(input_folder, "test")
    if season.video_folder.is_dir() and any(season.video_folder.glob("*.mp4")):
        log.info("%d plays, %d rows to predict", len(season.game_plays), len(season.rows))
    else:
        log.warning("No video was found in %s: predicting from sensors and helmet boxes alone", season.video_folder)
    decided = np.zeros(len(season.rows), dtype=bool)
    counted: Counter = Counter({"plays": len(season.game_plays), "rows": len(season.rows), "plays without video": 0, "plays where vision failed": 0})
    predictions = run_all(partial(predict_play, bundle_folder=bundle.folder), season.plays(), len(season.game_plays), "predicting plays", workers)
    for prediction in predictions:
        decided[prediction.row] = prediction.decided
        counted.update(prediction.counted)
    counted["contacts"] = int(decided.sum())
    with replacing(output) as temporary:
        pd.DataFrame({"contact_id": season.rows["contact_id"], "contact": decided.astype(np.int8)}).to_csv(temporary, index=False)
    return counted


def predict_play(tables: PlayTables, bundle_folder: Path) -> PlayPrediction:
    """The whole cascade on one play: screen, crops and vision where the screen leaves a row open, blend, thresholds."""
    bundle = load_bundle(bundle_folder)
    config = bundle.config
    play, rows = build_play(tables)
    play, repaired = complete_play(play) if config.boxes.complete else (play, Counter())
    decided = np.zeros(len(rows), dtype=bool)
    candidate = np.flatnonzero(is_candidate(play, rows, config.screen.max_distance))
    kept = rows[candidate]
    features = feature_table(play, kept)
    screen = mean_probability(bundle.screen, features, config.threads)
    is_open = screen >= bundle.cut
    vision, counted = np.full(len(kept), np.nan, dtype=np.float32), Counter(candidates=len(kept), open=int(is_open.sum()))
    counted.update(repaired)
    try:
        crops = cut_crops(play, kept[is_open], config.crops)
        seen = np.asarray(crops.seen.any(axis=1))
        places = np.flatnonzero(is_open)[seen]
        if len(places) and bundle.has_vision:
            vision[places] = _vision(bundle, kept[places], features.iloc[places], screen[places], _only(crops, seen))
        counted.update({f"seen in {name}": int(crops.seen[:, place].sum()) for place, name in enumerate(VIEWS)})
        counted["plays without video"] = int(is_open.any() and not seen.any())
    except PlayerContactError:
        raise
    except Exception as error:  # a submission must come out: this play is decided without its video
        log.warning("%s: vision failed (%s: %s); the play is decided without it", play.game_play, type(error).__name__, error)
        vision[:] = np.nan
        counted["plays where vision failed"] = 1
    table = blend_table(play, kept, screen, vision, config.blend.reach)
    probability = mean_probability(bundle.blend, table, config.threads)
    decided[candidate] = bundle.thresholds.decide(probability, kept.is_ground)
    counted["with vision"] = int((~np.isnan(vision)).sum())
    return PlayPrediction(rows.row, decided, counted)


def mean_probability(boosters: list[str], table: pd.DataFrame, threads: int) -> np.ndarray:
    """[N] float32 mean of the boosters' probabilities."""
    return np.stack([booster_probability(text, table, threads) for text in boosters]).mean(axis=0, dtype=np.float64).astype(np.float32)


def _vision(bundle: Bundle, rows: Rows, features: pd.DataFrame, screen: np.ndarray, crops: Crops) -> np.ndarray:
    from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers
    from player_contact.vision.train import score_rows

    config = bundle.config
    open_rows = OpenRows(
        track=track_numbers(rows.first, rows.second),
        step=rows.step,
        sensors=sensor_values(features, screen, config.vision.tabular),
        crops=[crops],
        play=np.zeros(len(rows), dtype=np.int64),
        place=np.arange(len(rows)),
    )
    scores = [score_rows(model, open_rows, config.vision, config.threads) for model in bundle.vision_models]
    return sigmoid(np.mean(scores, axis=0))


def _only(crops: Crops, chosen: np.ndarray) -> Crops:
    return crops if chosen.all() else Crops(crops.pictures[chosen], crops.boxes[chosen], crops.detected[chosen], crops.seen[chosen])
