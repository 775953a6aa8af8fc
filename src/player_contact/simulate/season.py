"""Writes a simulated season in the competition's format."""

import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from player_contact.competition import names
from player_contact.parallel import end_with_parent
from player_contact.simulate import play as plays
from player_contact.simulate.play import SimulatedPlay

LOG = logging.getLogger(__name__)
SHORT_PLAY, SHORT_SEASON = 5, 8  # this play has 21 players in seasons of at least so many plays
STRAY_PLAY, STRAY_SEASON = 3, 6  # this play's helmets spell a view in a stray way in seasons of at least so many plays


@dataclass(frozen=True)
class SeasonSize:
    """How much to simulate."""

    plays: int = 16  # training plays
    test_plays: int = 2  # plays of the test set
    video: bool = True  # False: tables only
    median_steps: int = 74  # labelled steps of a play; real plays run 36..172


def write_season(folder: Path, size: SeasonSize, seed: int, workers: int = 1, on_play: Callable[[str], None] | None = None) -> None:
    """Writes a whole season into `folder`, which must not exist or be empty; it appears only when everything is written.

    The same seed and size give the same bytes in every table, whatever `workers` (plays simulated at a time). `on_play` is called with the
    game_play of each play that is done. Beside the competition's files, `truth/` holds what only a simulation knows: `{game_play}.npz` and
    `test_labels.csv`.
    """
    from joblib import Parallel, delayed

    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder, or delete this one first.")
    draft = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    for part in ("train", "test", "truth", "parts"):
        (draft / part).mkdir(parents=True)
    first_test = _first_test_index(size)
    jobs = [("train", index) for index in range(size.plays)] + [("test", first_test + k) for k in range(size.test_plays)]
    run = Parallel(n_jobs=workers, return_as="generator")
    for game_play in run(delayed(_write_play_in_worker if workers > 1 else _write_play)(draft, size, seed, part, index) for part, index in jobs):
        LOG.debug("%s is simulated", game_play)
        if on_play is not None:
            on_play(game_play)
    _join_tables(draft, jobs)
    shutil.rmtree(draft / "parts")
    if folder.exists():
        folder.rmdir()
    draft.rename(folder)


def _first_test_index(size: SeasonSize) -> int:
    """The first play of the first game that has no training play."""
    game = int((size.plays - 1) / plays.PLAYS_A_GAME) + 1 if size.plays else 0
    return int(np.ceil(game * plays.PLAYS_A_GAME))


def _write_play_in_worker(*words: Any) -> str:
    end_with_parent()
    return _write_play(*words)


def _write_play(draft: Path, size: SeasonSize, seed: int, part: str, index: int) -> str:
    """Simulates play `index` and writes its share of every table into `draft/parts`, its truth and its videos. Returns its game_play."""
    missing = int(size.plays >= SHORT_SEASON and index == SHORT_PLAY)
    stray = size.plays >= STRAY_SEASON and index == STRAY_PLAY
    play = plays.simulate_play(seed, index, size.median_steps, missing)
    spelling = {view: alias for alias, view in names.VIEW_ALIASES.items()} if stray else {}
    labels = plays.labels_table(play)
    tables = {
        f"{part}_player_tracking.csv": (plays.tracking_table(play), names.TRACKING_COLUMNS),
        f"{part}_baseline_helmets.csv": (plays.helmets_table(play, spelling), names.HELMET_COLUMNS),
        f"{part}_video_metadata.csv": (plays.video_table(play), names.VIDEO_COLUMNS),
    }
    if part == "train":
        tables["train_labels.csv"] = (labels, names.LABEL_COLUMNS)
    else:
        tables["truth/test_labels.csv"] = (labels, names.LABEL_COLUMNS)
        tables["sample_submission.csv"] = (labels.assign(contact=0), names.SUBMISSION_COLUMNS)
    for name, (table, columns) in tables.items():
        path = _part(draft, name, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, columns=list(columns), index=False, float_format="%.6g", lineterminator="\n")
    np.savez(draft / "truth" / f"{play.game_play}.npz", **_truth(play))
    if size.video:
        from player_contact.simulate.video import write_videos

        write_videos(play, draft / part, seed)
    return play.game_play


def _truth(play: SimulatedPlay) -> dict[str, Any]:
    """What only the simulation knows, as plain arrays; S labelled steps, F frames, P players."""
    arrays = {
        "steps": play.steps.astype(np.int32),  # [S]
        "players": play.lineup.ids.astype(np.int64),  # [P]
        "position": play.position.astype(np.float32),  # [S, P, 2] yd
        "pair_contact": play.pair_truth,  # [S, P, P] bool
        "ground_contact": play.ground_truth,  # [S, P] bool
        "sensor_lag": np.float64(play.sensor_lag),  # s, a report shows the world so long ago
    }
    for name, view in play.views.items():
        arrays[f"boxes_{name}"] = view.boxes.astype(np.float32)  # [F, P, 4] left, top, width, height
        arrays[f"visibility_{name}"] = view.visible.astype(np.float32)  # [F, P] 0..1
        arrays[f"homography_{name}"] = view.camera.ground()  # [F, 3, 3] ground (x, y, 1) to homogeneous pixels
    return arrays


def _part(draft: Path, name: str, index: int) -> Path:
    return draft / "parts" / f"{index:04d}" / name


def _join_tables(draft: Path, jobs: Iterable[tuple[str, int]]) -> None:
    """Appends the plays' tables in order, one at a time, keeping one header."""
    columns_of: dict[str, tuple[str, ...]] = {
        f"{part}_{name}": columns
        for part in ("train", "test")
        for name, columns in (
            ("player_tracking.csv", names.TRACKING_COLUMNS),
            ("baseline_helmets.csv", names.HELMET_COLUMNS),
            ("video_metadata.csv", names.VIDEO_COLUMNS),
        )
    }
    columns_of |= dict.fromkeys(("train_labels.csv", "truth/test_labels.csv"), names.LABEL_COLUMNS)
    columns_of["sample_submission.csv"] = names.SUBMISSION_COLUMNS
    for name, columns in columns_of.items():
        with (draft / name).open("w", encoding="utf-8", newline="\n") as whole:
            whole.write(",".join(columns) + "\n")
            for _, index in jobs:
                path = _part(draft, name, index)
                if path.exists():
                    whole.write(path.read_text(encoding="utf-8").split("\n", 1)[1])
