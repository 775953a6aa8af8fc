"""Writes a simulated season in the competition's format."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition import clock, constants
from player_contact.utils.files import atomic_write
from player_contact.utils.parallel import parallel_map
from season_simulator.simulated_play import PLAYS_PER_GAME, SimulatedPlay, simulate_play

# Seasons of at least so many plays have one of 21 players, and one with an alias of a view.
SHORT_PLAY, SHORT_SEASON = 5, 8
ALIAS_PLAY, ALIAS_SEASON = 3, 6
PLAY_COLUMNS = {
    "player_tracking": constants.TRACKING_COLUMNS,
    "baseline_helmets": constants.HELMET_COLUMNS,
    "video_metadata": constants.VIDEO_COLUMNS,
}
COLUMNS = {  # of every file
    "train_labels.csv": constants.LABEL_COLUMNS,
    "truth/test_labels.csv": constants.LABEL_COLUMNS,
    "sample_submission.csv": constants.SUBMISSION_COLUMNS,
    **{f"{p}_{name}.csv": PLAY_COLUMNS[name] for p in ("train", "test") for name in PLAY_COLUMNS},
}


@dataclass(frozen=True)
class SeasonSettings:
    """How much to simulate."""

    plays: int = 16  # training plays
    test_plays: int = 2
    video: bool = True  # False: tables only
    median_steps: int = 74  # labelled steps of a play; real plays have 36..172
    seed: int = 1
    image_every: int = 1  # see `video_writer.drawn_frames`


def write_season(folder: Path, season: SeasonSettings, workers: int = 1) -> None:
    """Writes a season into `folder`, which must be absent or empty; it appears when complete.

    The same settings give the same bytes, whatever `workers` (processes). Beside the competition's
    files, `truth/` holds what only a simulation knows: `{game_play}.npz` and `test_labels.csv`.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder, or delete this one first")
    games = int((season.plays - 1) / PLAYS_PER_GAME) + 1 if season.plays else 0
    first_test = math.ceil(games * PLAYS_PER_GAME)  # of the first game without training plays
    plays = [("train", index) for index in range(season.plays)]
    plays += [("test", first_test + k) for k in range(season.test_plays)]
    with atomic_write(folder) as draft:
        for part in ("train", "test", "truth"):
            (draft / part).mkdir(parents=True)
        for name, columns in COLUMNS.items():
            (draft / name).write_text(",".join(columns) + "\n", encoding="utf-8", newline="\n")
        write = partial(_write_play, draft, season)
        for rows in parallel_map(write, plays, len(plays), "simulating plays", workers):
            for name, text in rows.items():
                with (draft / name).open("a", encoding="utf-8", newline="\n") as table:
                    table.write(text)


def _write_play(draft: Path, season: SeasonSettings, play_index: tuple[str, int]) -> dict[str, str]:
    """Writes the truth and the videos of a play; returns its rows of every table as CSV text."""
    part, index = play_index
    missing = int(season.plays >= SHORT_SEASON and index == SHORT_PLAY)
    has_alias = season.plays >= ALIAS_SEASON and index == ALIAS_PLAY
    play = simulate_play(season.seed, index, season.median_steps, missing)
    aliases = {view: alias for alias, view in constants.VIEW_ALIASES.items()} if has_alias else {}
    np.savez(draft / "truth" / f"{play.game_play}.npz", **_truth(play))
    if season.video:
        from season_simulator.video_writer import write_videos

        write_videos(play, draft / part, season.seed, season.image_every)
    csv = partial(pd.DataFrame.to_csv, index=False, header=False, float_format="%.6g")
    tables = play_tables(play, part, aliases)
    return {name: csv(table, lineterminator="\n") for name, table in tables.items()}


def _truth(play: SimulatedPlay) -> dict[str, Any]:
    """What only the simulation knows, as plain arrays; S labelled steps, F frames, P players."""
    arrays = {
        "steps": play.timing.labelled.astype(np.int32),  # [S]
        "players": play.lineup.ids.astype(np.int64),  # [P]
        "position": play.position.astype(np.float32),  # [S, P, 2] yd
        "pair_contact": play.pair_truth,  # [S, P, P] bool
        "ground_contact": play.ground_truth,  # [S, P] bool
        "lowest": play.lowest.astype(np.float32),  # [S, P] yd, see `Poses.lowest`
        "sensor_lag": np.float64(play.sensor_lag),  # s by which the sensors report late
    }
    for name, view in play.views.items():
        # [F, P, 4] left, top, width, height; [F, P] 0..1; [F, 3, 3] see Camera.homography
        arrays[f"boxes_{name}"] = view.boxes.astype(np.float32)
        arrays[f"visibility_{name}"] = view.visible.astype(np.float32)
        arrays[f"homography_{name}"] = view.camera.homography()
    return arrays


def play_tables(play: SimulatedPlay, part: str, aliases: dict[str, str]) -> dict[str, pd.DataFrame]:
    """File name -> the play's rows; `part` is train or test, `aliases` rename views of helmets."""
    game_key, play_id = play.game_play.split("_")
    keys = {"game_play": play.game_play, "game_key": int(game_key), "play_id": int(play_id)}
    labels = _labels(play)
    tables = {
        f"{part}_player_tracking.csv": _tracking(play),
        f"{part}_baseline_helmets.csv": _helmets(play, aliases),
        f"{part}_video_metadata.csv": _videos(play),
        "train_labels.csv" if part == "train" else "truth/test_labels.csv": labels,
    }
    if part == "test":
        tables["sample_submission.csv"] = labels.assign(contact=0)
    return {name: table.assign(**keys)[list(COLUMNS[name])] for name, table in tables.items()}


def _step_text(play: SimulatedPlay, steps: np.ndarray) -> np.ndarray:
    return clock.to_text(clock.step_zero(play.timing.snap_time) + steps * clock.STEP)


def _tracking(play: SimulatedPlay) -> pd.DataFrame:
    lineup, steps = play.lineup, play.timing.tracked
    return play.tracking.assign(
        nfl_player_id=np.tile(lineup.ids, len(steps)),
        step=np.repeat(steps, len(lineup.ids)),
        datetime=np.repeat(_step_text(play, steps), len(lineup.ids)),
        team=np.tile(np.where(lineup.home, "home", "away"), len(steps)),
        position=np.tile(np.array(lineup.positions), len(steps)),
        jersey_number=np.tile(lineup.jerseys, len(steps)),
    )


def _helmets(play: SimulatedPlay, aliases: dict[str, str]) -> pd.DataFrame:
    lineup = play.lineup
    label = np.char.add(np.where(lineup.home, "H", "V"), lineup.jerseys.astype(str))
    tables = []
    for view in sorted(play.views):
        name, detections = aliases.get(view, view), play.views[view].detections
        player = detections.player.to_numpy()
        players = {"nfl_player_id": lineup.ids[player], "player_label": label[player]}
        video = f"{play.game_play}_{name}.mp4"
        tables.append(detections.assign(view=name, video=video, **players))
    return pd.concat(tables, ignore_index=True)


def _videos(play: SimulatedPlay) -> pd.DataFrame:
    names = ("start_time", "end_time", "snap_time")
    times = clock.to_text(np.array([getattr(play.timing, name) for name in names]))
    return pd.DataFrame({"view": sorted(play.views)}).assign(**dict(zip(names, times, strict=True)))


def _labels(play: SimulatedPlay) -> pd.DataFrame:
    """Every step all pairs (smaller id first), then every player with the ground."""
    ids, steps = play.lineup.ids, play.timing.labelled
    i, j = np.nonzero(ids[:, None] < ids)
    ground = np.full(len(ids), constants.GROUND_TEXT)
    first = np.concatenate([ids[i], ids]).astype(str)
    second = np.concatenate([ids[j].astype(str), ground])
    contact = np.concatenate([play.pair_label[:, i, j], play.ground_label], axis=1)
    columns = {
        "datetime": np.repeat(_step_text(play, steps), len(first)),
        "step": np.repeat(steps, len(first)),
        "nfl_player_id_1": np.tile(first, len(steps)),
        "nfl_player_id_2": np.tile(second, len(steps)),
    }
    table = pd.DataFrame({**columns, "contact": contact.ravel().astype(int)})
    key = f"{play.game_play}_" + table.step.astype(str)
    contact_id = key + "_" + table.nfl_player_id_1 + "_" + table.nfl_player_id_2
    return table.assign(contact_id=contact_id)
