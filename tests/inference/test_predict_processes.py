"""A process that dies, hangs or has no time left costs its play the video and nothing else."""

import re
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from player_contact.inference.bundle import load_bundle
from player_contact.inference.time_budget import Patience, PlayTimes, parse_duration
from player_contact.utils import parallel
from player_contact.utils.parallel import fault_tolerant_map
from tests.inference.unruly_plays import (
    breaks_the_gpu,
    dies_of_large_batches,
    dies_when_loaded,
    dying_play,
    hangs_when_loaded,
    without_end,
)
from tests.makers import TinySeason, split_files

IDS, *TABLES = split_files("test")
PREDICT_PLAY = "player_contact.inference.cascade.predict_play"


def copy_play(season: TinySeason, name: str) -> None:
    """The test play once more, under another name, with its videos."""
    ids = season.table(IDS)
    old = ids["contact_id"][0][:12]
    for file in TABLES:
        table = season.table(file)
        copied = table[table["game_play"] == old].assign(game_play=name)
        season.write(file, pd.concat([table, copied]))
    copied = ids[ids["contact_id"].str.startswith(old)]
    copied = copied.assign(contact_id=name + copied["contact_id"].str.slice(12))
    season.write(IDS, pd.concat([ids, copied]))
    for video in (season.folder / "test").glob(f"{old}_*.mp4"):
        video.with_name(video.name.replace(old, name)).symlink_to(video.resolve())


@pytest.fixture(scope="module")
def before(finished_run) -> pd.DataFrame:
    """The submission of the season as it is: a run ends with what `predict` makes of its bundle."""
    return pd.read_csv(finished_run.folder / "submission.csv")


def test_a_play_that_kills_its_process_costs_no_other_play(
    predict, filmed_season, before, monkeypatch, caplog
):
    """As where memory runs out: for one play completing its boxes, for another at its video.

    Both come before the third.
    """
    boxes, video = "10000_000001", "10000_000002"
    for play in (boxes, video):
        copy_play(filmed_season, play)
    dying = partial(dying_play, boxes=boxes, video=video)
    monkeypatch.setattr(PREDICT_PLAY, dying)
    after, counts = predict(filmed_season, workers=1)
    others = after["contact"][~after["contact_id"].str.startswith(video)]
    assert others.tolist() == 2 * before["contact"].tolist()
    assert counts["plays decided by vision"] == 2
    assert counts["plays decided by screen"] == counts["plays where vision failed"] == 1
    died = "failed (its process died twice; did memory run out?)"
    assert f"{boxes}: the screen {died}" in caplog.text
    assert f"{video}: vision {died}; decided by sensors and boxes" in caplog.text


def test_a_budget_that_suffices_changes_nothing(predict, filmed_season, monkeypatch, caplog):
    """But the first play tells how many will fit; without one a line comes once a minute."""
    monkeypatch.setattr("player_contact.inference.vision_pass.SECONDS_BETWEEN_LINES", 3600)
    with caplog.at_level("INFO"):
        unlimited, _ = predict(filmed_season)
        assert "vision: 1 of 1 plays" not in caplog.text
        limited, _ = predict(filmed_season, budget=parse_duration("1h"))
    assert limited.equals(unlimited)
    assert "vision: 1 of 1 plays" in caplog.text
    assert "of the budget left: all of them fit" in caplog.text
    timing = r"a play took [\d.]+ s of a process: start .*, videos [\d.]+, vision [\d.]+, blend"
    assert re.search(timing, caplog.text)


def test_processes_start_only_where_plays_are_left_for_them(predict, tiny_season, monkeypatch):
    starts = []

    def counted(*words):
        starts.append(words)
        return fault_tolerant_map(*words)

    for module in ("predict", "vision_pass"):
        monkeypatch.setattr(f"player_contact.inference.{module}.fault_tolerant_map", counted)
    predict(tiny_season)
    assert len(starts) == 1  # the screen decided it, and it has no video


def test_two_processes_which_start_once_predict_what_this_one_does(
    predict, filmed_season, monkeypatch
):
    copy_play(filmed_season, "10000_000001")
    alone, counts = predict(filmed_season)
    assert counts["plays decided by vision"] == 2
    start_processes, pools = parallel.start_processes, []

    def start(*words):
        pools.extend(started := start_processes(*words))
        return started

    monkeypatch.setattr(parallel, "start_processes", start)
    together, counts = predict(filmed_season, workers=2)
    assert counts["plays decided by vision"] == 2
    assert together.equals(alone)
    assert len(pools) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_budget_that_is_over_at_once_leaves_the_distance(predict, filmed_season, workers):
    _, counts = predict(filmed_season, workers=workers, budget=1e-3)
    assert counts["plays decided by distance"] == 1


def test_where_time_is_short_fewer_vision_models_are_asked(
    predict, bundle, filmed_season, monkeypatch, caplog
):
    """One of two, where both are expected to take longer than there is time."""
    path, models = filmed_season.folder / "said.parquet", [*load_bundle(bundle).vision_models]
    _, counts = predict(filmed_season, probabilities=path)
    by_all = pd.read_parquet(path)["vision"]
    known = PlayTimes([counts["open"]], [400.0], [dict.fromkeys(models, 200.0)])
    monkeypatch.setattr("player_contact.inference.vision_pass.PlayTimes", lambda: known)
    _, counts = predict(filmed_season, budget=400, probabilities=path)
    assert counts["plays with fewer vision models for lack of time"] == 1
    assert counts["plays decided by vision"] == 1
    assert "1 had no time for all vision models" in caplog.text
    assert [*known.by_model[-1]] == models[:1]
    by_one = pd.read_parquet(path)["vision"]
    assert (by_one.isna() == by_all.isna()).all()
    assert not np.allclose(by_one, by_all, equal_nan=True)


@pytest.fixture
def at_video(tmp_path, monkeypatch):
    """A file that is there once a play is at its video, where it stays; ten seconds pass then.

    From then on time goes on, whenever the other process came there.
    """
    path, monotonic = tmp_path / "at_video", time.monotonic

    def seconds() -> float:
        return 10 + monotonic() - start if path.exists() else 0.0

    start, clock = monotonic(), SimpleNamespace(monotonic=seconds)
    for module in ("inference.predict", "inference.vision_pass", "utils.parallel"):
        monkeypatch.setattr(f"player_contact.{module}.time", clock)
    return path


def test_at_the_end_of_the_budget_vision_is_stopped(
    predict, filmed_season, tiny_season, at_video, monkeypatch, caplog
):
    """It is over when the play is at its video, however long that takes."""
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr(PREDICT_PLAY, partial(without_end, at_video=at_video))
    submission, counts = predict(filmed_season, workers=1, budget=1)
    assert counts["plays without vision for lack of time"] == 1
    assert counts["plays decided by screen"] == 1
    assert "No time for the video of 1 plays" in caplog.text
    assert submission.equals(unfilmed)


def test_a_play_that_hangs_at_its_video_is_decided_without(
    predict, filmed_season, tiny_season, at_video, monkeypatch, caplog
):
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr(PREDICT_PLAY, partial(without_end, at_video=at_video))
    monkeypatch.setattr("player_contact.inference.vision_pass.Patience", ShortPatience)
    submission, counts = predict(filmed_season, workers=1)
    assert counts["plays where vision failed"] == 1
    assert "vision failed (nothing came of it for 1 s); decided by sensors and" in caplog.text
    assert submission.equals(unfilmed)


class ShortPatience(Patience):
    def __call__(self) -> float:
        return 1.0


@pytest.mark.parametrize(
    ("load", "patience", "reason"),
    [
        (hangs_when_loaded, 1.0, "nothing came of it for 1 s"),
        (dies_when_loaded, 60.0, "its process died twice; did memory run out?"),
    ],
)
def test_where_the_networks_can_not_be_loaded_sensors_and_boxes_decide(
    predict, filmed_season, tiny_season, monkeypatch, caplog, load, patience, reason
):
    unfilmed, _ = predict(tiny_season)
    monkeypatch.setattr("player_contact.inference.vision_pass._load_vision", load)
    monkeypatch.setattr("player_contact.inference.vision_pass.LOAD_PATIENCE", (patience, patience))
    submission, counts = predict(filmed_season, workers=1)
    assert f"The vision models can't be loaded ({reason})" in caplog.text
    assert counts["plays decided by screen"] == 1
    assert submission.equals(unfilmed)


def test_a_play_whose_process_dies_is_tried_again_with_small_batches(
    predict, filmed_season, before, tmp_path, monkeypatch
):
    tries = tmp_path / "tries"
    monkeypatch.setattr(PREDICT_PLAY, partial(dies_of_large_batches, tries=tries))
    after, counts = predict(filmed_season, workers=1)
    assert counts["plays decided by vision"] == 1
    assert tries.exists()
    assert (after["contact"] == before["contact"]).mean() > 0.99  # sums in another order


def test_a_gpu_that_breaks_takes_its_process_and_no_other_play(
    predict, filmed_season, before, tmp_path, monkeypatch
):
    copy_play(filmed_season, other := "99999_000001")
    breaks = partial(breaks_the_gpu, broken=tmp_path / "broken", play=other)
    monkeypatch.setattr(PREDICT_PLAY, breaks)
    after, counts = predict(filmed_season, workers=1)
    assert (tmp_path / "broken").exists()
    assert counts["plays decided by vision"] == 2
    others = ~after["contact_id"].str.startswith(other)
    assert after["contact"][others].tolist() == before["contact"].tolist()


@pytest.mark.parametrize(
    ("killed_at", "options"),
    [("first", []), ("second", [])],
)
def test_whoever_is_killed_at_a_file_leaves_a_whole_one(
    bundle, filmed_season, tmp_path, killed_at, options
):
    """As by the system where memory runs out, as soon as the first file is there or replaced."""
    for play in ("99999_000001", "99999_000002"):
        copy_play(filmed_season, play)
    path = tmp_path / "submission.csv"
    folders = {"bundle": bundle, "input": filmed_season.folder, "output": path}
    paths = [word for name, value in folders.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "player_contact", "predict", *paths, "--workers", "2"]
    process = subprocess.Popen([*map(str, command), *options], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    try:
        while not path.is_file():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        written = path.stat().st_mtime_ns
        while killed_at == "second" and path.stat().st_mtime_ns == written:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    submission = pd.read_csv(path)
    assert submission["contact_id"].tolist() == filmed_season.table(IDS)["contact_id"].tolist()
    assert submission["contact"].any()
    if killed_at == "first":  # before any model worked
        assert not submission["contact"][submission["contact_id"].str.endswith("_G")].any()
