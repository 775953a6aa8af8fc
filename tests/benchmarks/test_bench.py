import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks import bench_families
from benchmarks import bench_vision as bench
from benchmarks.__main__ import app
from benchmarks.bench_features import bench_features, build_candidates, merge_and_shift
from benchmarks.bench_helmets import bench_helmets
from benchmarks.bench_table import BenchResult, bench_text
from benchmarks.bench_video import bench_video
from player_contact.competition.season import read_season
from player_contact.detection.play_helmets import frames_of_steps
from player_contact.features.table import feature_table
from player_contact.utils.files import read_json
from season_simulator import season_cache
from tests.conftest import ROOT
from tests.invoke import invoke
from tests.makers import first_play


@pytest.mark.slow
def test_the_peer_of_the_features_computes_the_same_values(season_tables):
    for tables in read_season(season_tables, "train").plays():
        play, rows = build_candidates(tables, 3.0)
        expected = merge_and_shift(tables, rows)
        assert expected.shape == (len(rows), 20)
        features = feature_table(play, rows)[list(expected.columns)]
        np.testing.assert_allclose(features.to_numpy(), expected.to_numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_every_result_has_a_rate_and_is_compared(season_tables):
    results = bench_features(season_tables, 3.0, 1)
    assert len({result.stage for result in results}) == len(results) == 3
    for result in results:
        assert result.rows > 0
        assert result.rows_per_s > 0
        assert result.more or result.ratio_to_limit


def test_crops_are_timed_where_there_are_videos(benched):
    registration, crops = (
        benched.stages[name]
        for name in ("registration and completed boxes", "decoding, cutting and storing crops")
    )
    assert registration["rows"] > crops["rows"] > 0
    assert crops["ratio_to_limit"] > 0
    assert crops["ratio_to_peer"] > 0
    assert crops["more"]["crops/s"] == pytest.approx(6 * crops["rows_per_s"])
    assert 20 < crops["peak_mb"] < 700
    assert crops["more"]["% of 700 MB"] == pytest.approx(crops["peak_mb"] / 7)


def test_helmets_are_timed_beside_the_network_alone(benched, short_films):
    result = benched.stages["helmets found and named"]
    play, _ = first_play(read_season(short_films, "train"))
    frames = sum(len(frames_of_steps(play, view)) for view in play.views.values())
    assert result["rows"] == frames > 0
    assert result["ratio_to_limit"] > 1
    assert result["more"]["s a play"] == pytest.approx(frames / result["rows_per_s"])
    assert 5 < result["more"]["helmets a frame"] < 40


def test_without_videos_neither_is_timed(season_tables, tiny_config):
    assert bench_video(season_tables, tiny_config) == []
    assert bench_helmets(season_tables) == []


ALLOCATING = """
import time
import numpy as np
from player_contact.utils.resources import track_resources
with track_resources() as before:
    pass
with track_resources() as usage:
    block = np.ones(300_000_000, dtype=np.uint8)
    while usage.peak_mb < before.peak_mb + 200:
        time.sleep(0.01)
    del block
print(before.peak_mb, usage.peak_mb)
"""


@pytest.mark.slow
def test_peak_memory_is_the_largest():
    """In a process of its own: this one frees meanwhile what other tests took."""
    command = [sys.executable, "-c", ALLOCATING]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    before, peak = map(float, done.stdout.split())
    assert peak > before + 200


def test_the_table_names_what_was_compared():
    more = {"label rows/s": 9.0}
    result = BenchResult("features", 1000, 5000.0, 12.0, "a copy", 3.0, "pandas", 20.0, more)
    assert [line.strip() for line in bench_text([result]).splitlines()[2:]] == [
        "3.0x the time of a copy",
        "20.0x as fast as pandas",
        "label rows/s 9",
    ]


@dataclass
class Benched:
    """What the command printed, and wrote by stage."""

    output: str
    stages: dict[str, dict]


@pytest.fixture(scope="module")
def run_bench(short_films, season_tables, tmp_path_factory):
    """Runs the command on seasons that exist."""

    def season_folder(_, size, *__):
        return short_films if size.video else season_tables

    def run(*words: object) -> Benched:
        folder = tmp_path_factory.mktemp("bench")
        options = ("--config", ROOT / "configs" / "tiny.yaml", "--outputs", folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(season_cache, "season_folder", season_folder)
            scored = BenchResult("vision, scored", 8, 2.0)
            patch.setattr(bench, "bench_vision", lambda _: [scored])
            ms = {f"ms a step, {name}": 1.0 for name in ("pairs", "tokens")}
            tokens = BenchResult("tokens, 10 open rows a step", 8, 2.0, more=ms)
            patch.setattr(bench_families, "bench_families", lambda _: [tokens])
            done = invoke(app, ["bench", *options, "--workers", "1", *words])
        assert done.exit_code == 0, done.output
        return Benched(done.output, read_json(folder / "bench" / "bench.json"))

    return run


@pytest.fixture(scope="module")
def benched(run_bench) -> Benched:
    return run_bench()


def test_the_command_prints_the_table_and_writes_json(benched):
    assert len(benched.stages) == 8
    assert all(stage in benched.output for stage in benched.stages)
    names = {"rows_per_s", "peak_mb", "ratio_to_limit", "ratio_to_peer"}
    assert all(names <= set(stage) for stage in benched.stages.values())


def test_video_and_vision_can_be_left_out(run_bench):
    assert len(run_bench("--set", "season.video=false", "--vision", "0").stages) == 3


@pytest.mark.slow
def test_vision_is_timed_beside_its_encoder_and_a_peer(monkeypatch, tiny_config):
    small = {"TRACKS": 2, "LENGTH": 4, "ROUNDS": 1, "PEER_SIZE": 32, "PEER_FRAMES": 2}
    for name, value in small.items():
        monkeypatch.setattr(bench, name, value)
    results = bench.bench_vision(tiny_config)
    stages = ["trained on single images", "trained on clips", "scored"]
    assert [result.stage for result in results] == [f"vision, {stage}" for stage in stages]
    for result in results:
        assert result.rows == 8
        assert result.ratio_to_limit > 0
        ratio = result.rows_per_s / result.more["rows/s of the peer"]
        assert ratio == pytest.approx(result.ratio_to_peer)
