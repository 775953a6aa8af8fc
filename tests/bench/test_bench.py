import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.bench import vision as bench
from player_contact.bench.measure import Line, bench_text
from player_contact.bench.sensors import bench_sensors, merge_and_shift
from player_contact.bench.video import bench_video
from player_contact.competition.season import read_season
from player_contact.features.table import feature_table, is_candidate
from player_contact.play import build_play
from player_contact.simulate import folder


def test_the_peer_that_the_features_are_timed_against_computes_the_same_values(season_tables):
    for tables in read_season(season_tables, "train").plays():
        play, rows = build_play(tables)
        kept = rows[is_candidate(play, rows, 3.0)]
        theirs = merge_and_shift(tables, kept)
        assert theirs.shape == (len(kept), 20)
        ours = feature_table(play, kept)[list(theirs.columns)]
        np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=1e-4, atol=1e-4)


def test_every_line_has_a_rate_and_something_beside_it(season_tables):
    lines = bench_sensors(season_tables, 3.0, 1)
    assert len({line.stage for line in lines}) == len(lines) == 3
    for line in lines:
        assert line.rows > 0
        assert line.rows_per_s > 0
        assert line.more or line.ratio_to_limit


def test_the_video_part_is_timed_where_there_are_videos(season, season_tables, tiny_config):
    registering, cutting = bench_video(season, tiny_config)
    assert registering.rows > cutting.rows > 0
    assert cutting.ratio_to_limit > 0
    assert cutting.ratio_to_peer > 0
    assert cutting.more["crops/s"] == pytest.approx(6 * cutting.rows_per_s)
    assert 20 < cutting.peak_mb < 700
    assert cutting.more["% of 700 MB"] == pytest.approx(cutting.peak_mb / 7)
    assert bench_video(season_tables, tiny_config) == []


ALLOCATING = """
import time
import numpy as np
from player_contact.measuring import measuring
with measuring() as before:
    time.sleep(0.2)
with measuring() as cost:
    block = np.ones(300_000_000, dtype=np.uint8)
    block[::4096] += 1
    taken = sum(block[::4096] for _ in range(200)).sum()
print(before.peak_mb, cost.peak_mb)
"""


def test_memory_is_that_of_the_moment_it_is_largest():
    """In a process of its own: this one gives back, in the middle of it, what other tests took."""
    printed = subprocess.run([sys.executable, "-c", ALLOCATING], capture_output=True, text=True, check=True).stdout
    before, peak = map(float, printed.split())
    assert peak > before + 200


def test_the_table_names_what_was_compared():
    text = bench_text([Line("features", 1000, 5000.0, 12.0, "a copy", 3.0, "pandas", 20.0, {"label rows/s": 9.0})])
    assert [line.strip() for line in text.splitlines()[2:]] == ["3.0x the time of a copy", "20.0x as fast as pandas", "label rows/s 9"]


def test_the_command_writes_json_and_prints_the_table(monkeypatch, season, season_tables, tmp_path):
    """The seasons are those that are there already: making others takes a minute."""
    monkeypatch.setattr(folder, "season_folder", lambda _, wanted, *__: season if wanted.video else season_tables)
    config = tmp_path / "c.yaml"
    config.write_text("seed: 1\n")
    monkeypatch.setattr(bench, "bench_vision", lambda settings: [Line("vision, scored", settings.vision.batch, 2.0)])
    done = CliRunner().invoke(app, ["bench", "--config", str(config), "--output", str(tmp_path / "bench"), "--workers", "1"])
    assert done.exit_code == 0, done.output
    stages = json.loads((tmp_path / "bench" / "bench.json").read_text())
    assert len(stages) == 6
    assert all(stage in done.output for stage in stages)
    assert {"rows_per_s", "peak_mb", "ratio_to_limit", "ratio_to_peer"} <= set(next(iter(stages.values())))


def test_the_parts_of_video_and_vision_can_be_left_out(monkeypatch, season_tables, tmp_path):
    asked = []
    monkeypatch.setattr(folder, "season_folder", lambda _, wanted, *__: asked.append(wanted.video) or season_tables)
    config = tmp_path / "c.yaml"
    config.write_text("season: {video: false}\n")
    done = CliRunner().invoke(app, ["bench", "--config", str(config), "--output", str(tmp_path / "bench"), "--workers", "1", "--no-vision"])
    assert done.exit_code == 0, done.output
    assert asked == [False]
    assert len(json.loads((tmp_path / "bench" / "bench.json").read_text())) == 3


def test_training_and_scoring_are_timed_beside_the_encoder_and_the_design_that_scores_row_by_row(monkeypatch, tiny_config):
    for name, small in {"TRACKS": 2, "LENGTH": 4, "ROUNDS": 1, "PEER_SIZE": 32, "PEER_FRAMES": 2}.items():
        monkeypatch.setattr(bench, name, small)
    lines = bench.bench_vision(tiny_config)
    assert [line.stage for line in lines] == ["vision, trained on single pictures", "vision, trained on stretches", "vision, scored"]
    for line in lines:
        assert line.rows == 8
        assert line.ratio_to_limit > 0
        assert line.rows_per_s / line.more["rows/s of the peer"] == pytest.approx(line.ratio_to_peer)
