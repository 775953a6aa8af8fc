"""A split (train or test) of the competition's input folder as checked tables, and their part of one play."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import mending, tables
from player_contact.competition.names import GROUND, VIEW_ALIASES, VIEWS
from player_contact.errors import InputError

log = logging.getLogger(__name__)

LONGEST_VIDEO = pd.Timedelta(seconds=300)


@dataclass(frozen=True)
class PlayTables:
    """The rows of every table that belong to one play; `rows` keeps, in `row`, where each stood in the whole table."""

    game_play: str
    rows: pd.DataFrame  # row, contact_id, step, nfl_player_id_1, nfl_player_id_2 and, in training, contact
    tracking: pd.DataFrame
    helmets: pd.DataFrame
    videos: pd.DataFrame
    video_folder: Path


@dataclass(frozen=True)
class Season:
    """All tables of one split. `rows` is what must be predicted: its order and its `contact_id`s are kept to the end."""

    split: str
    rows: pd.DataFrame  # contact_id, game_play, step, nfl_player_id_1, nfl_player_id_2 and, in training, contact
    tracking: pd.DataFrame
    helmets: pd.DataFrame
    videos: pd.DataFrame
    video_folder: Path

    @property
    def game_plays(self) -> list[str]:
        """The plays with rows to predict, in the order in which they first appear."""
        return [str(play) for play in self.rows["game_play"].unique()]

    def plays(self, chosen: Iterable[str] | None = None) -> Iterator[PlayTables]:
        """The tables of each play, one after the other; of the `chosen` ones, in that order, where given."""
        slices = [_slices(frame) for frame in (self.rows, self.tracking, self.helmets, self.videos)]
        for game_play in self.game_plays if chosen is None else chosen:
            parts = [
                frame.iloc[index.get(game_play, slice(0, 0))]
                for frame, index in zip((self.rows, self.tracking, self.helmets, self.videos), slices, strict=True)
            ]
            rows = parts[0].rename_axis("row").reset_index()
            yield PlayTables(game_play, rows, tracking=parts[1], helmets=parts[2], videos=parts[3], video_folder=self.video_folder)


def _slices(frame: pd.DataFrame) -> dict[str, np.ndarray | slice]:
    """game_play -> positions of its rows, ascending: a slice, which copies nothing, where they lie together as in the competition's files."""
    places: dict[str, np.ndarray | slice] = {}
    for key, positions in frame.groupby("game_play", observed=True).indices.items():
        low, high = int(positions.min()), int(positions.max()) + 1
        places[str(key)] = slice(low, high) if high - low == len(positions) else np.sort(positions)
    return places


def read_season(folder: Path, split: str, mend: bool = False) -> Season:
    """Reads and checks a split's tables. `split` is `train` (labels) or `test` (ids of sample_submission.csv).

    With `mend`, faulty rows of all tables but the labels or ids are left out, and counted. Raises InputError as `tables.read_table` does, and where
    labels and their ids disagree.
    """
    read = mending.read_mended if mend else tables.read_table
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"The input folder {folder} does not exist")
    if split == "train":
        path = folder / "train_labels.csv"
        rows = tables.read_table(path, tables.LABELS)
        rows["nfl_player_id_2"] = tables.player_or_ground(rows["nfl_player_id_2"])
        _check_ids(rows, path)
    else:
        path = folder / "sample_submission.csv"
        rows = tables.contact_rows(tables.read_table(path, tables.SUBMISSION)["contact_id"])
    _check_order(rows, path)
    tracking_path, helmets_path, videos_path = (folder / f"{split}_{name}.csv" for name in ("player_tracking", "baseline_helmets", "video_metadata"))
    tracking = _timed(read(tracking_path, tables.TRACKING), ("datetime",), tracking_path, mend)
    helmets = _plain_views(read(helmets_path, tables.HELMETS), helmets_path, tables.HELMETS)
    videos = _plain_views(read(videos_path, tables.VIDEOS), videos_path, tables.VIDEOS)
    videos = _timed(videos, ("start_time", "end_time", "snap_time"), videos_path, mend)
    if mend and not (well := _runs_well(videos)).all():
        log.warning("%s: the times of %d rows can't be true. Going on without them", videos_path.name, int((~well).sum()))
        videos = videos[well].reset_index(drop=True)
    _check_times(videos, videos_path)
    return Season(split, rows, tracking, helmets, videos, folder / split)


def _plain_views(frame: pd.DataFrame, path: Path, table: tables.Table) -> pd.DataFrame:
    """The views under their usual names. Where a row stands under both names, the usual one is kept."""
    stray = frame["view"].isin(list(VIEW_ALIASES))
    if stray.any():
        log.info("%s: %d rows of view %s read as %s", path.name, int(stray.sum()), ", ".join(VIEW_ALIASES), ", ".join(VIEW_ALIASES.values()))
    text = frame["view"].astype(str).replace(VIEW_ALIASES)
    frame = frame.assign(view=pd.Categorical(text, categories=list(VIEWS)))
    if stray.any() and (twice := frame.duplicated(list(table.key), keep=False).to_numpy() & stray.to_numpy()).any():
        log.warning("%s: %d rows stand under a view and under its other name; the latter are left out", path.name, int(twice.sum()))
        frame = frame[~twice].reset_index(drop=True)
    return frame


def _check_order(rows: pd.DataFrame, path: Path) -> None:
    """A pair is named once: the lower player id first."""
    wrong = ((rows["nfl_player_id_1"] >= rows["nfl_player_id_2"]) & ~is_ground(rows)).to_numpy()
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{path.name}, line {first + 2}: {rows['contact_id'].iloc[first]!r} names the higher or the same player first, expected the lower one. "
            f"{int(wrong.sum()) - 1} more rows like it. Mend or download again: {path}"
        )


def _timed(frame: pd.DataFrame, columns: tuple[str, ...], path: Path, mend: bool) -> pd.DataFrame:
    """The table with its texts of times as times; where it may be mended, without the rows in which one is none."""
    if mend:
        frame = mending.with_times(frame, columns, path)
    return frame.assign(**{column: tables.times_of(frame, column, path) for column in columns})


def _runs_well(videos: pd.DataFrame) -> np.ndarray:
    """[N] bool: start, snap and end follow each other within LONGEST_VIDEO."""
    length = videos["end_time"] - videos["start_time"]
    return ((videos["start_time"] <= videos["snap_time"]) & (videos["snap_time"] < videos["end_time"]) & (length <= LONGEST_VIDEO)).to_numpy()


def _check_times(videos: pd.DataFrame, path: Path) -> None:
    """A video starts, sees the snap, and ends within minutes; anything else would make absurdly long plays."""
    wrong = ~_runs_well(videos)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{path.name}: {videos['game_play'].iloc[first]} {videos['view'].iloc[first]} runs from {videos['start_time'].iloc[first]} to "
            f"{videos['end_time'].iloc[first]} with the snap at {videos['snap_time'].iloc[first]}, expected start, snap, end within "
            f"{LONGEST_VIDEO.seconds} s. {int(wrong.sum()) - 1} more rows like it. Mend or download again: {path}"
        )


def _check_ids(labels: pd.DataFrame, path: Path) -> None:
    """The columns of the labels must say what their contact_id says."""
    differ = np.flatnonzero((tables.contact_ids(labels) != labels["contact_id"]).to_numpy())
    if not differ.size:
        return
    told = labels.iloc[differ]
    said = tables.contact_rows(told["contact_id"])
    for column in ("game_play", "step", "nfl_player_id_1", "nfl_player_id_2"):
        wrong = np.flatnonzero((told[column].astype(str) != said[column].astype(str)).to_numpy())
        if wrong.size:
            raise InputError(
                f"{path.name}, line {told.index[wrong[0]] + 2}: {column!r} is {told[column].iloc[wrong[0]]}, but contact_id is "
                f"{told['contact_id'].iloc[wrong[0]]!r}. {wrong.size - 1} more rows like it. Download again: {path}"
            )


def is_ground(rows: pd.DataFrame) -> np.ndarray:
    """[N] bool: the row asks about a player and the ground."""
    return (rows["nfl_player_id_2"] == GROUND).to_numpy()


def fingerprint(folder: Path, split: str) -> str:
    """A hash of the bytes of a split's tables."""
    digest = hashlib.blake2b(digest_size=16)
    names = ["train_labels.csv"] if split == "train" else ["sample_submission.csv"]
    names += [f"{split}_player_tracking.csv", f"{split}_baseline_helmets.csv", f"{split}_video_metadata.csv"]
    for name in names:
        path = Path(folder) / name
        digest.update(name.encode())
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def video_fingerprint(folder: Path, split: str) -> str:
    """A hash of the names, sizes and times of the videos of a split that are looked at."""
    digest = hashlib.blake2b(digest_size=16)
    for view in VIEWS:
        for video in sorted((Path(folder) / split).glob(f"*_{view}.mp4")):
            facts = video.stat()
            digest.update(f"{video.name} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()
