import numpy as np
import pytest

from benchmarks import bench_families as bench
from benchmarks import bench_vision
from benchmarks.bench_families import PLAYERS, plot_growth, random_players


def test_of_few_rows_only_the_players_in_them_are_looked_at(tiny_config):
    rows = random_players(tiny_config, 4, length=3)
    assert len(rows) == 4 * 3
    assert rows.is_ground.sum() == 3
    in_rows = set(rows.first) | set(rows.second)
    assert len(rows.image_rows) == len(in_rows) <= 7 * 3


def test_of_many_rows_every_player_is_looked_at_once(tiny_config):
    rows = random_players(tiny_config, 60, length=2)
    assert len(rows) == 60 * 2
    assert len(np.unique(rows.track)) == 60
    assert len(rows.image_rows) == PLAYERS * 2


@pytest.mark.slow
def test_both_families_are_timed_by_turns_and_drawn(monkeypatch, tiny_config, tmp_path):
    monkeypatch.setattr(bench, "OPEN_ROWS", (2, 5))
    monkeypatch.setattr(bench, "STEPS", 3)
    monkeypatch.setattr(bench_vision, "ROUNDS", 1)
    results = bench.bench_families(tiny_config)
    assert [result.rows for result in results] == [2 * 3, 5 * 3]
    for result, count in zip(results, (2, 5), strict=True):
        ours, peer = (result.more[f"ms a step, {name}"] for name in ("tokens", "pairs"))
        assert ours == pytest.approx(1000 * count / result.rows_per_s)
        assert result.ratio_to_peer == pytest.approx(peer / ours)
    plot_growth(results, tmp_path / "bench" / "families.svg")
    drawn = (tmp_path / "bench" / "families.svg").read_text()
    assert "<svg" in drawn
