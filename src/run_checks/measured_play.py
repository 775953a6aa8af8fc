"""What the stages cost on one play with all workers busy: cores share memory, and slow down."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition.metric import Thresholds
from player_contact.competition.season import PlayTables
from player_contact.config import Config, VisionConfig
from player_contact.evaluation.viewer import PlayResult, has_video, write_play_page
from player_contact.features.feature_store import candidate_rows, open_features, read_candidates
from player_contact.features.table import feature_names
from player_contact.pipeline.blend_stage import BlendItem, play_blend_table
from player_contact.pipeline.crops_stage import write_play_crops
from player_contact.pipeline.screen_stage import write_play_features
from player_contact.utils.parallel import parallel_map
from player_contact.utils.resources import track_resources
from player_contact.video.crop_store import open_crops, read_geometry
from player_contact.vision.clips import NO_CROP, OpenRows, open_rows, tabular_values
from player_contact.vision.token_rows import TokenRows, rows_with_images, token_rows
from run_checks.quick_screen import QuickScreen

ROUNDS = 1  # timed plays per process
SAMPLE_SECONDS = 0.5  # between memory samples: frequent ones slow the sampled processes
MEGABYTE = 1e6


@dataclass(frozen=True)
class Cost:
    """Of work: disk space that its outputs take, peak memory of all processes together."""

    seconds: float = 0.0
    disk_mb: float = 0.0
    memory_mb: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """Of one after the other."""
        seconds, disk_mb = self.seconds + other.seconds, self.disk_mb + other.disk_mb
        return Cost(seconds, disk_mb, max(self.memory_mb, other.memory_mb))

    def times(self, items: float, memory_mb: float = 0.0) -> "Cost":
        """Of so many items, with so much more memory."""
        return Cost(self.seconds * items, self.disk_mb * items, self.memory_mb + memory_mb)


@dataclass(frozen=True)
class MeasuredPlay:
    """What models are measured on, and costs of features, blend features, crops and report."""

    label: np.ndarray  # [M] bool, of the candidates
    features: np.ndarray  # [M, K]
    blend_features: np.ndarray  # [M, K]
    open_rows: OpenRows | None  # None: the play has no video
    token_rows: TokenRows | None  # None: nor has the run a model of this family
    open_label: np.ndarray
    costs: dict[str, Cost]

    def rows_for(self, vision: VisionConfig) -> OpenRows | TokenRows:
        """The open rows as a model of these settings takes them, with a screen that says 0.5."""
        assert self.open_rows is not None
        rows, tokens = _with_tabular(self.open_rows, vision), self.token_rows
        if tokens is None or vision.family == "pairs":
            return rows
        return token_rows(rows, _with_tabular(tokens.players, vision), tokens.geometry)


def _with_tabular(rows: OpenRows, vision: VisionConfig) -> OpenRows:
    """Of rows with all features."""
    features = pd.DataFrame(rows.tabular, columns=feature_names())
    screen = np.full(len(features), 0.5, dtype=np.float32)
    return replace(rows, tabular=tabular_values(features, screen, vision.tabular))


@contextmanager
def measure_play(
    tables: PlayTables, screen: QuickScreen, config: Config, processes: int
) -> Iterator[MeasuredPlay]:
    """Does the work of each stage on a play; its crops stay on disk while the block lasts.

    Its open rows are as many as `screen` says: the most probable, or nearest, ones.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, costs = Path(name), {"crops": Cost(), "report": Cost()}

        def measure(stage: str, work: Callable[[Path], Any]) -> Path:
            costs[stage], output = _cost(work, folder / stage, processes)
            return output

        output = measure("features", partial(write_play_features, tables, config=config))
        candidates = read_candidates(output, tables.game_play)
        features = np.array(open_features(output, tables.game_play))
        half = np.random.default_rng(0).random(len(candidates), dtype=np.float32)
        item, window = (tables, candidates, half, half), config.blend.max_lag
        output = measure("blend", partial(_write_blend_features, item=item, window=window))
        blend_features = np.load(output / "blend.npy", allow_pickle=False)
        label = candidates["contact"].to_numpy(dtype=bool)
        opened, tokens, open_label = None, None, label[:0]
        if has_video(tables):
            nearness = -np.nan_to_num(features[:, feature_names().index("distance")])
            likely = screen.probability.get(tables.game_play, nearness)
            order = np.argsort(-likely, kind="stable")
            index = np.sort(order[: max(1, round(len(features) * screen.share))])
            rows, is_open = candidate_rows(candidates), np.zeros(len(candidates), dtype=bool)
            is_open[index] = True
            has_crop = rows_with_images(rows, is_open, config.vision.families)
            crops_item = (tables, rows.row[has_crop])
            output = measure("crops", partial(write_play_crops, crops_item, config=config))
            crops, open_label = open_crops(output / tables.game_play), label[index]
            crop_index = np.where(has_crop, np.cumsum(has_crop) - 1, NO_CROP)

            def rows_of(index: np.ndarray) -> OpenRows:
                return open_rows(rows[index], features[index], [crops], crop_index[index])

            opened = rows_of(index)
            if "tokens" in config.vision.families:
                players = np.flatnonzero(has_crop & rows.is_ground)
                geometry = read_geometry(output / tables.game_play)[crop_index[players]]
                tokens = token_rows(opened, rows_of(players), geometry)
            oof = tables.rows.assign(fold=0, screen=0.0, vision=np.nan, blend=0.0, final=0)
            result = PlayResult(tables, oof, Thresholds(0.5, 0.5), {})
            measure("report", partial(write_play_page, result, complete=config.boxes.complete))
        yield MeasuredPlay(label, features, blend_features, opened, tokens, open_label, costs)


def _write_blend_features(folder: Path, item: BlendItem, window: int) -> None:
    """To disk, as they go from one process to another."""
    np.save(folder / "blend.npy", play_blend_table(item, window).to_numpy(), allow_pickle=False)


def _cost(work: Callable[[Path], Any], folder: Path, processes: int) -> tuple[Cost, Path]:
    """Of one item when all processes are warm and busy, each item in a folder of its own; and one
    of these folders. Videos are links."""
    for name, count in (("warm", processes), ("timed", ROUNDS * processes)):
        folders = [folder / f"{name}-{number}" for number in range(count)]
        for path in folders:
            path.mkdir(parents=True)
        with track_resources(SAMPLE_SECONDS) as usage:
            timed = partial(_seconds, work)
            seconds = list(parallel_map(timed, folders, count, "measuring", processes))
    files = [path for path in folders[0].rglob("*") if path.is_file() and path.suffix != ".mp4"]
    disk_mb = sum(path.stat().st_size for path in files) / MEGABYTE
    return Cost(float(np.mean(seconds)) / processes, disk_mb, usage.peak_mb), folders[0]


def _seconds(work: Callable[[Path], Any], folder: Path) -> float:
    started = time.perf_counter()
    work(folder)
    return time.perf_counter() - started
