import dataclasses
import time

import numpy as np
import pytest

from player_contact.config import BoosterConfig
from player_contact.pipeline import STAGE_NAMES
from player_contact.planning.measured import VisionPace, booster_pace
from player_contact.planning.plan import Size, StagePlan, make_plan, plan_text, seconds_to_read, size_of, span
from player_contact.stages.run import Run
from tests.conftest import ROOT

READING = 1e-6  # seconds a row


@pytest.fixture(scope="module", autouse=True)
def few_rows():
    """Everything is timed on less than a user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("MOST_ROWS", 3_000), ("ROUNDS", 5), ("TURNS", 1), ("MOST_STEPS", 5), ("SECONDS", 0.5)):
            patch.setattr(f"player_contact.planning.measured.{name}", value)
        yield


@pytest.fixture(scope="module")
def run(season, tiny_config, tmp_path_factory) -> Run:
    # Weights that nobody has for this encoder: planning must not ask for them. And it times one process, where two would train together.
    asking = tiny_config.vision.model_copy(update={"weights": "timm", "devices": 2})
    config = tiny_config.model_copy(update={"vision": asking})
    return Run(config, season, tmp_path_factory.mktemp("planned") / "run", 1, simulated=True)


@pytest.fixture(scope="module")
def size(run) -> Size:
    return size_of(run.season, test_plays=1)


@pytest.fixture(scope="module")
def plans(run, size) -> dict[str, StagePlan]:
    return {one.stage: one for one in make_plan(run, size, READING)}


def test_the_size_is_that_of_the_tables(run, size):
    assert size == Size(plays=4, rows=len(run.season.rows), filmed=4, test_plays=1)


def test_every_stage_that_takes_long_has_a_line_in_the_order_of_the_run(plans):
    assert list(plans) == [name for name in STAGE_NAMES if name != "bundle"]
    assert all(one.seconds > 0 for one in plans.values())


def test_the_rows_and_the_disk_of_the_features_are_about_those_of_the_run(plans, finished_run):
    made = sum(path.stat().st_size for path in (finished_run.folder / "features").glob("5*")) / 1e6
    assert plans["features"].disk_mb == pytest.approx(made, rel=0.5)
    assert plans["features"].rows == pytest.approx(len(finished_run.candidates), rel=0.5)


def test_the_disk_of_vision_holds_weights_their_copies_in_the_bundle_and_the_checkpoint_of_a_fold(plans, finished_run):
    weights = [path.stat().st_size / 1e6 for path in (finished_run.folder / "vision").glob("*.safetensors")]
    assert len(weights) == finished_run.config.folds
    assert plans["vision"].disk_mb == pytest.approx(2 * sum(weights) + 4 * weights[0], rel=0.05)


def test_reading_is_timed_for_each_label_row(run, size, plans):
    assert 0 < seconds_to_read(dataclasses.replace(run)) < 1
    assert plans["folds"].seconds == pytest.approx(READING * size.rows)


def test_processes_that_a_stage_has_to_start_are_counted(run, size, monkeypatch):
    monkeypatch.setattr("player_contact.planning.plan.seconds_to_start", lambda *_: 1e6)
    stages = make_plan(dataclasses.replace(run, workers=2), size, READING)
    assert [one.stage for one in stages if one.seconds > 1e6] == ["features", "blend", "submission", "report"]


def test_ten_times_the_plays_have_ten_times_the_rows(run, size, plans):
    large = dataclasses.replace(size, plays=40, rows=10 * size.rows, filmed=40, test_plays=10)
    for one in make_plan(run, large, READING):
        assert one.rows == pytest.approx(10 * plans[one.stage].rows, rel=1e-3, abs=10)
        if one.stage != "vision":
            assert one.disk_mb == pytest.approx(10 * plans[one.stage].disk_mb, rel=0.01)


def test_plays_without_videos_cost_no_crops_and_no_vision(tiny_config, season_tables, tmp_path):
    run = Run(tiny_config, season_tables, tmp_path / "run", 1, simulated=True)
    plans = {one.stage: one for one in make_plan(run, size_of(run.season, 1), READING)}
    assert [(plans[stage].rows, plans[stage].seconds) for stage in ("crops", "vision")] == [(0, 0), (0, 0)]
    assert plans["screen"].seconds > 0


@pytest.mark.parametrize(("picture_epochs", "training"), [(0, 2 * 3), (5, 2 * 3 + 5 * 6 * 100)])
def test_steps_of_pictures_and_of_stretches_have_a_pace_each(run, size, monkeypatch, picture_epochs, training):
    """Three steps of stretches an epoch, and six of pictures, of which each takes a hundred times as long; four folds, one at a time."""
    pace = VisionPace(start=0, step=1, picture_step=100, ready=0, scoring=0, weights_mb=0, memory_mb=0)
    monkeypatch.setattr("player_contact.planning.plan.vision_pace", lambda *_: pace)
    settings = {"picture_epochs": picture_epochs, "epochs": 2, "stretches": 12, "batch": 4, "picture_batch": 2, "devices": 1, "steps": 1}
    vision = run.config.vision.model_copy(update=settings)
    again = dataclasses.replace(run, config=run.config.model_copy(update={"vision": vision}))
    assert {one.stage: one.seconds for one in make_plan(again, size, READING)}["vision"] == run.config.folds * training


def test_the_table_fits_100_columns_and_tells_what_would_not_fit(run, size, plans):
    assert "Would not fit" not in plan_text(list(plans.values()), size, run)
    text = plan_text([*plans.values(), StagePlan("crops", 1, 9e5, disk_mb=1e9, memory_mb=1e9)], size, run)
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("Would not fit") == 2
    assert "fewer WORKERS" in text


def test_times_are_said_as_people_say_them():
    assert [span(seconds) for seconds in (3.4, 130, 9000)] == ["3 s", "2 min", "2.5 h"]


def test_the_command_prints_the_table_for_the_data_that_is_there(command, season_tables):
    done = command("plan", "--config", ROOT / "configs" / "demo.yaml", "--input", season_tables, "--workers", 1, "--set", "screen.booster.rounds=5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 plays, 0 with videos, 1 to predict; 4 folds; 1 at a time")


def test_reading_and_rounds_of_a_booster_are_timed_apart(monkeypatch):
    """Of one that takes .3 s to read, .1 s a round and .5 s to score."""

    def train(*_, after_round):
        time.sleep(0.3)
        for _ in range(5):
            time.sleep(0.1)
            after_round()
        return "text"

    monkeypatch.setattr("player_contact.planning.measured.train_booster", train)
    monkeypatch.setattr("player_contact.planning.measured.staged_probability", lambda *_: time.sleep(0.5))
    pace = booster_pace(np.zeros((100, 2), dtype=np.float32), np.zeros(100, dtype=bool), BoosterConfig(rounds=50), 1_000, 1, 1)
    assert 1_000 * pace.reading == pytest.approx(0.3, abs=0.1)
    assert 1_000 * pace.round == pytest.approx(0.1, abs=0.05)
    assert 1_000 * pace.scoring == pytest.approx(5, rel=0.3), "of ten times the rounds"
