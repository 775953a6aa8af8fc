import pytest

from run_checks.plan_season import PLAN_PLAYS, plan_season
from season_simulator.season_writer import SeasonSettings


@pytest.mark.slow
def test_one_play_is_filmed_and_nothing_is_simulated_twice(tmp_path, monkeypatch):
    season = SeasonSettings(plays=40, test_plays=4, median_steps=8)
    folder = plan_season(tmp_path, season, 2)
    videos = sorted(path.name for path in (folder / "train").glob("*.mp4"))
    assert len(videos) == 2
    assert videos[0][:12] == videos[1][:12]
    labels = (folder / "train_labels.csv").read_text(encoding="utf-8").splitlines()[1:]
    plays = {line.split(",")[1] for line in labels}
    assert len(plays) == PLAN_PLAYS
    assert videos[0][:12] in plays
    monkeypatch.delattr("run_checks.plan_season.simulate_play")
    assert plan_season(tmp_path, season, 2) == folder
