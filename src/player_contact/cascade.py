"""What one play is decided by: the whole cascade, the sensors and boxes alone, or no more than the distance of the players."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.boosting.blend import blend_table
from player_contact.boosting.booster import booster_probability
from player_contact.bundle import Bundle, load_bundle
from player_contact.competition.names import GROUND, VIEWS
from player_contact.competition.season import PlayTables
from player_contact.features.table import feature_table, is_candidate
from player_contact.odds import sigmoid
from player_contact.pace import Laps
from player_contact.play import Play, Rows, build_play
from player_contact.video.completion import complete_play
from player_contact.video.crops import Crops, cut_crops

VISION, SCREEN, DISTANCE, NOTHING = "vision", "screen", "distance", "nothing"  # what decided a play, the best first


@dataclass(frozen=True)
class PlayPrediction:
    """Decisions [N] bool for the season's rows `row` [N], what made them, and what was counted on the way.

    rows_open  rows that the screen leaves open
    doubt      how many of them it expects to decide wrongly by itself: what a look at the video may mend
    seconds    that each part of the work took
    """

    row: np.ndarray
    decided: np.ndarray
    level: str
    rows_open: int = 0
    doubt: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    counted: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class Screened:
    """A play's candidate rows with what the sensors and boxes say of them. K features.

    kept      [M] rows, `candidate` [M] their places among all N rows of the play
    features  [M, K]
    screen    [M] float32 probability
    """

    play: Play
    rows: Rows
    candidate: np.ndarray
    kept: Rows
    features: pd.DataFrame
    screen: np.ndarray
    counted: Counter


def decide_without_video(tables: PlayTables, bundle_folder: Path, complete: bool) -> PlayPrediction:
    """A play by sensors and boxes alone, with its boxes completed or as they were detected."""
    laps = Laps()
    bundle = load_bundle(bundle_folder)
    laps.lap("start")
    screened = screen_play(tables, bundle, complete, laps)
    return _blended(bundle, screened, np.full(len(screened.kept), np.nan, dtype=np.float32), SCREEN, laps)


def decide_by_distance(tables: PlayTables, yards: float) -> PlayPrediction:
    """Pairs whose players are within `yards` of each other touch; nobody touches the ground, and nobody who is not tracked touches anything."""
    places = tables.tracking.set_index(["step", "nfl_player_id"])[["x_position", "y_position"]]
    step = tables.rows["step"]
    one, other = (places.reindex(pd.MultiIndex.from_arrays([step, tables.rows[f"nfl_player_id_{number}"]])).to_numpy() for number in (1, 2))
    with np.errstate(invalid="ignore"):
        near = np.linalg.norm(one - other, axis=1) <= yards
    return PlayPrediction(tables.rows["row"].to_numpy(dtype=np.int64), near & (tables.rows["nfl_player_id_2"] != GROUND).to_numpy(), DISTANCE)


def decide_with_video(tables: PlayTables, bundle_folder: Path) -> PlayPrediction:
    """The whole cascade on one play: screen, crops and vision where the screen leaves a row open, blend, thresholds."""
    laps = Laps()
    bundle = load_bundle(bundle_folder)
    config = bundle.config
    _ = bundle.vision_models, bundle.sights  # once in a process
    laps.lap("start")
    screened = screen_play(tables, bundle, config.boxes.complete, laps)
    is_open = screened.screen >= bundle.cut
    vision, counted = np.full(len(screened.kept), np.nan, dtype=np.float32), screened.counted
    crops = cut_crops(screened.play, screened.kept[is_open], config.crops)
    laps.lap("videos")
    seen = np.asarray(crops.seen.any(axis=1))
    places = np.flatnonzero(is_open)[seen]
    if len(places):
        from player_contact.vision.device import taking_gpus

        with taking_gpus():
            vision[places] = _vision(bundle, screened.kept[places], screened.features.iloc[places], screened.screen[places], _only(crops, seen))
    laps.lap("vision")
    counted.update({f"seen in {name}": int(crops.seen[:, place].sum()) for place, name in enumerate(VIEWS)})
    counted["with vision"] = len(places)
    return _blended(bundle, screened, vision, VISION if len(places) else SCREEN, laps)


def screen_play(tables: PlayTables, bundle: Bundle, complete: bool, laps: Laps) -> Screened:
    """The first model on one play, with its boxes completed or as they were detected."""
    play, rows = build_play(tables)
    play, counted = complete_play(play) if complete else (play, Counter())
    laps.lap("boxes")
    candidate = np.flatnonzero(is_candidate(play, rows, bundle.config.screen.max_distance))
    kept = rows[candidate]
    features = feature_table(play, kept)
    laps.lap("features")
    screen = mean_probability(bundle.screen, features, bundle.config.threads)
    laps.lap("screen")
    counted.update(candidates=len(kept), open=int((screen >= bundle.cut).sum()))
    return Screened(play, rows, candidate, kept, features, screen, counted)


def mean_probability(boosters: list[str], table: pd.DataFrame, threads: int) -> np.ndarray:
    """[N] float32 mean of the boosters' probabilities."""
    return np.stack([booster_probability(text, table, threads) for text in boosters]).mean(axis=0, dtype=np.float64).astype(np.float32)


def _blended(bundle: Bundle, screened: Screened, vision: np.ndarray, level: str, laps: Laps) -> PlayPrediction:
    table = blend_table(screened.play, screened.kept, screened.screen, vision, bundle.config.blend.reach)
    probability = mean_probability(bundle.blend, table, bundle.config.threads)
    decided = np.zeros(len(screened.rows), dtype=bool)
    decided[screened.candidate] = bundle.thresholds.decide(probability, screened.kept.is_ground)
    laps.lap("blend")
    doubtful = screened.screen[screened.screen >= bundle.cut].astype(np.float64)
    doubt = float(np.minimum(doubtful, 1 - doubtful).sum())
    return PlayPrediction(screened.rows.row, decided, level, len(doubtful), doubt, laps.seconds, screened.counted)


def _vision(bundle: Bundle, rows: Rows, features: pd.DataFrame, screen: np.ndarray, crops: Crops) -> np.ndarray:
    from player_contact.vision.score import score_rows
    from player_contact.vision.tracks import OpenRows, sensor_values, track_numbers

    scores = []
    for name, (vision, model) in bundle.vision_models.items():
        open_rows = OpenRows(
            track=track_numbers(rows.first, rows.second),
            step=rows.step,
            sensors=sensor_values(features, screen, vision.tabular),
            crops=[crops],
            play=np.zeros(len(rows), dtype=np.int64),
            place=np.arange(len(rows)),
        )
        scores.append(score_rows(model, open_rows, vision, bundle.config.threads, bundle.sights[name]))
    return sigmoid(np.mean(scores, axis=0))


def _only(crops: Crops, chosen: np.ndarray) -> Crops:
    return crops if chosen.all() else Crops(np.asarray(crops.pictures)[chosen], crops.boxes[chosen], crops.detected[chosen], crops.seen[chosen])
