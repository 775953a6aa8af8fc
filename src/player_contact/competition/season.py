"""A split (train or test) of the competition's input folder as checked tables, and its plays."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import contact_ids
from player_contact.competition.constants import VIEW_ALIASES, VIEWS
from player_contact.competition.tables import empty_table, read_table, rows_error
from player_contact.utils.errors import InputError

log = logging.getLogger(__name__)

MAX_VIDEO_LENGTH = pd.Timedelta(seconds=300)


@dataclass(frozen=True)
class PlayTables:
    """The rows of every table that belong to one play.

    `rows`: row (position in the season's rows), contact_id, step, nfl_player_id_1, nfl_player_id_2
    and, in training, contact.
    """

    game_play: str
    rows: pd.DataFrame
    tracking: pd.DataFrame
    helmets: pd.DataFrame
    videos: pd.DataFrame
    video_folder: Path


@dataclass(frozen=True)
class Season:
    """All tables of one split.

    `rows`: what must be predicted, in the order of the file: contact_id, game_play, step,
    nfl_player_id_1, nfl_player_id_2 and, in training, contact.
    """

    split: str
    rows: pd.DataFrame
    tracking: pd.DataFrame
    helmets: pd.DataFrame
    videos: pd.DataFrame
    video_folder: Path

    @property
    def game_plays(self) -> list[str]:
        """The plays with rows to predict, in the order in which they first appear."""
        return [str(play) for play in self.rows["game_play"].unique()]

    def plays(self, game_plays: Iterable[str] | None = None) -> Iterator[PlayTables]:
        """The tables of each play, or of each of `game_plays`, one after the other."""
        frames = (self.rows, self.tracking, self.helmets, self.videos)
        positions = [_positions(frame) for frame in frames]
        for play in self.game_plays if game_plays is None else game_plays:
            rows, tracking, helmets, videos = (
                frame.iloc[index.get(play, slice(0, 0))]
                for frame, index in zip(frames, positions, strict=True)
            )
            rows = rows.rename_axis("row").reset_index()
            yield PlayTables(play, rows, tracking, helmets, videos, self.video_folder)


def _positions(frame: pd.DataFrame) -> dict[str, np.ndarray | slice]:
    """game_play -> its rows, ascending: a slice, which copies nothing, where they are adjacent."""
    positions: dict[str, np.ndarray | slice] = {}
    for play, rows in frame.groupby("game_play", observed=True).indices.items():
        start, stop = int(rows.min()), int(rows.max()) + 1
        positions[str(play)] = slice(start, stop) if stop - start == len(rows) else np.sort(rows)
    return positions


def read_season(folder: Path, split: str, mend: bool = False) -> Season:
    """Reads and checks the tables of `train` (with labels) or `test` (ids of sample_submission).

    With `mend`, faulty rows of all tables but the labels or ids are left out, and counted. A
    missing table of helmets has no rows, which is logged. Raises InputError as `read_table` does,
    where labels and their ids disagree, and, without `mend`, where the tracking has no rows, no
    values in a column, or nothing of a play of `test`. Training names plays without tracking
    itself, since it can pass them over.
    """
    from player_contact.competition import schemas  # pandera takes 0.2 s to load

    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"The input folder {folder} does not exist")
    rows_path, tracking_path, helmets_path, videos_path = _paths(folder, split)
    rows = read_table(rows_path, schemas.LABELS if split == "train" else schemas.SUBMISSION)
    if rows.empty:
        raise InputError(f"{rows_path.name} has no rows. Download it again: {rows_path}")
    if split == "train":
        rows["nfl_player_id_2"] = contact_ids.player_or_ground(rows["nfl_player_id_2"])
        _check_ids(rows, rows_path)
    else:
        rows = contact_ids.split_ids(rows["contact_id"])
    _check_order(rows, rows_path)
    plays = set(rows["game_play"].astype(str)) if split == "test" else set()
    tracking = read_table(tracking_path, schemas.TRACKING, mend)
    _check_whole(tracking, tracking_path, plays, mend)
    if helmets_path.is_file():
        helmets = read_table(helmets_path, schemas.HELMETS, mend)
    else:  # own footage may have none
        log.warning("%s is missing in %s: no helmet boxes", helmets_path.name, folder)
        helmets = empty_table(schemas.HELMETS)
    helmets = _without_aliases(helmets, helmets_path, schemas.HELMETS.unique)
    videos = read_table(videos_path, schemas.VIDEOS, mend)
    videos = _without_aliases(videos, videos_path, schemas.VIDEOS.unique)
    videos = _check_times(videos, videos_path, mend)
    for table, path, lost in (
        (helmets, helmets_path, "have no helmet boxes but those found in their videos"),
        (videos, videos_path, "are decided without helmet boxes and videos"),
    ):
        if missing := plays - set(table["game_play"].astype(str)):
            text = "%s: no rows of %d of %d plays, which %s: %s"
            log.warning(text, path.name, len(missing), len(plays), lost, _shown(missing))
    return Season(split, rows, tracking, helmets, videos, folder / split)


def _paths(folder: Path, split: str) -> list[Path]:
    """The labels or ids, tracking, helmets and videos of a split."""
    rows = "train_labels" if split == "train" else "sample_submission"
    names = ("player_tracking", "baseline_helmets", "video_metadata")
    return [folder / f"{name}.csv" for name in (rows, *(f"{split}_{name}" for name in names))]


def _without_aliases(frame: pd.DataFrame, path: Path, key: list[str]) -> pd.DataFrame:
    """Views under their usual names; of a row under both, the one with the usual name is kept."""
    alias = frame["view"].isin(list(VIEW_ALIASES)).to_numpy()
    names = frame["view"].astype(str).replace(VIEW_ALIASES)
    frame = frame.assign(view=pd.Categorical(names, categories=list(VIEWS)))
    if alias.any():
        spellings = ", ".join(f"{alias} read as {view}" for alias, view in VIEW_ALIASES.items())
        log.info("%s: %d rows of view %s", path.name, alias.sum(), spellings)
        copies = frame.duplicated(key, keep=False).to_numpy() & alias
        if copies.any():
            text = (
                "%s: %d rows stand under a view and under its other name; the latter are left out"
            )
            log.warning(text, path.name, copies.sum())
            frame = frame[~copies].reset_index(drop=True)
    return frame


def _check_whole(tracking: pd.DataFrame, path: Path, plays: set[str], mend: bool) -> None:
    """A broken download, or a column lost on the way, must not pass for plays without sensors."""
    positions = tracking.dropna(subset=["x_position", "y_position"])
    lost = plays - set(positions["game_play"].astype(str))
    empty = [name for name in tracking if tracking[name].isna().all()]
    if not (empty or lost):
        return
    if tracking.empty:
        text = "has no rows"
    elif empty:
        text = f"has no value in the column {empty[0]!r}"
    else:
        text = f"has no positions of {len(lost)} of {len(plays)} plays to predict ({_shown(lost)})"
    if not mend:
        raise InputError(f"{path.name} {text}. Mend or download again: {path}")
    log.warning("%s %s. Going on with what there is", path.name, text)


def _shown(plays: set[str]) -> str:
    """The first plays by name."""
    return ", ".join([*sorted(plays)[:3], *["..."] * (len(plays) > 3)])


def _check_times(videos: pd.DataFrame, path: Path, mend: bool) -> pd.DataFrame:
    """Start, snap and end must follow each other within minutes, else plays were absurdly long."""
    start, snap, end = (videos[f"{name}_time"] for name in ("start", "snap", "end"))
    bad = ~((start <= snap) & (snap < end) & (end - start <= MAX_VIDEO_LENGTH)).to_numpy()
    if not bad.any():
        return videos
    if mend:
        text = "%s: the times of %d rows can't be true. Going on without them"
        log.warning(text, path.name, bad.sum())
        return videos[~bad].reset_index(drop=True)
    row = videos.iloc[np.argmax(bad)]
    text = (
        f"{row['game_play']} {row['view']} runs from {row['start_time']} to {row['end_time']} with "
        f"the snap at {row['snap_time']}, expected start, snap, end within "
        f"{MAX_VIDEO_LENGTH.seconds} s"
    )
    raise rows_error(path, bad, text)


def _check_order(rows: pd.DataFrame, path: Path) -> None:
    """A pair is named once: the lower player id first."""
    is_pair = ~contact_ids.is_ground(rows)
    bad = is_pair & (rows["nfl_player_id_1"] >= rows["nfl_player_id_2"]).to_numpy()
    if bad.any():
        text = "names the higher or the same player first, expected the lower one"
        raise rows_error(path, bad, f"{rows['contact_id'].iloc[np.argmax(bad)]!r} {text}")


def _check_ids(labels: pd.DataFrame, path: Path) -> None:
    """The columns of the labels must agree with their contact_id."""
    if (contact_ids.join_ids(labels) == labels["contact_id"]).all():
        return
    expected = contact_ids.split_ids(labels["contact_id"])
    for name in contact_ids.ID_COLUMNS:
        bad = (labels[name].astype(str) != expected[name].astype(str)).to_numpy()
        if bad.any():
            row = labels.iloc[np.argmax(bad)]
            text = f"{name!r} is {row[name]}, but contact_id is {row['contact_id']!r}"
            raise rows_error(path, bad, text)


def fingerprint(folder: Path, split: str) -> str:
    """A hash of the bytes of a split's tables."""
    digest = hashlib.blake2b(digest_size=16)
    for path in _paths(Path(folder), split):
        digest.update(path.name.encode())
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def video_fingerprint(folder: Path, split: str) -> str:
    """A hash of the names, sizes and modification times of a split's videos of VIEWS."""
    digest = hashlib.blake2b(digest_size=16)
    for view in VIEWS:
        for video in sorted((Path(folder) / split).glob(f"*_{view}.mp4")):
            stat = video.stat()
            digest.update(f"{video.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()
