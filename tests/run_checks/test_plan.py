import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from player_contact.config import BoosterConfig
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import STAGE_NAMES
from run_checks.measured_models import VisionCost, measure_booster
from run_checks.measured_play import Cost
from run_checks.plan import (
    Size,
    StagePlan,
    make_plan,
    plan_text,
    seconds_to_read,
    size_of,
)
from tests.conftest import ROOT

READING = 1e-6  # seconds a row


@pytest.fixture(scope="module", autouse=True)
def small_measurements():
    small = {"MAX_ROWS": 3_000, "BOOSTING_ROUNDS": 5, "MAX_STEPS": 5, "SECONDS": 0.5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("run_checks.measured_play.ROUNDS", 1)
        for name, value in small.items():
            patch.setattr(f"run_checks.measured_models.{name}", value)
        yield


@pytest.fixture(scope="module")
def run(season, tiny_config, tmp_path_factory) -> Run:
    """Its weights don't exist: a plan needs none. One process is timed, where two would train."""
    vision = tiny_config.vision.model_copy(update={"weights": "timm", "devices": 2})
    config = tiny_config.model_copy(update={"vision": vision})
    return Run(config, season, tmp_path_factory.mktemp("planned") / "run", 1, simulated=True)


@pytest.fixture(scope="module")
def size(run) -> Size:
    return size_of(run.season, test_plays=1)


@pytest.fixture(scope="module")
def plans(run, size) -> dict[str, StagePlan]:
    return {plan.stage: plan for plan in make_plan(run, size, READING)}


def test_the_size_is_that_of_the_tables(run, size):
    assert size == Size(plays=4, rows=len(run.season.rows), filmed=4, test_plays=1)


def test_every_long_stage_has_a_line_in_the_order_of_a_run(plans):
    assert list(plans) == [name for name in STAGE_NAMES if name != "bundle"]
    assert all(plan.cost.seconds > 0 for plan in plans.values())


def test_rows_and_disk_of_features_are_about_those_of_a_run(plans, finished_run):
    files = (finished_run.folder / "features").glob("5*")
    disk_mb = sum(path.stat().st_size for path in files) / 1e6
    assert plans["features"].cost.disk_mb == pytest.approx(disk_mb, rel=0.5)
    assert plans["features"].rows == pytest.approx(len(finished_run.candidates), rel=0.5)


def test_disk_of_vision_holds_two_copies_and_a_checkpoint(plans, finished_run):
    files = (finished_run.folder / "vision").glob("*.safetensors")
    weights = [path.stat().st_size / 1e6 for path in files]
    assert len(weights) == finished_run.config.folds
    expected = 2 * sum(weights) + 4 * weights[0]
    assert plans["vision"].cost.disk_mb == pytest.approx(expected, rel=0.05)


def test_reading_is_timed_for_each_label_row(run, size, plans):
    assert 0 < seconds_to_read(dataclasses.replace(run)) < 1
    assert plans["folds"].cost.seconds == pytest.approx(READING * size.rows)


def test_new_processes_of_a_stage_are_counted(run, size, monkeypatch):
    monkeypatch.setattr("run_checks.plan.seconds_to_import", lambda *_: 1e6)
    plans = make_plan(dataclasses.replace(run, workers=2), size, READING)
    starting = [plan.stage for plan in plans if plan.cost.seconds > 1e6]
    assert starting == ["features", "blend", "submission", "report"]


def test_ten_times_the_plays_have_ten_times_the_rows(run, size, plans):
    large = Size(plays=40, rows=10 * size.rows, filmed=40, test_plays=10)
    for plan in make_plan(run, large, READING):
        small = plans[plan.stage]
        assert plan.rows == pytest.approx(10 * small.rows, rel=1e-3, abs=10)
        if plan.stage != "vision":
            assert plan.cost.disk_mb == pytest.approx(10 * small.cost.disk_mb, rel=0.01)


def test_without_videos_there_are_no_crops_and_no_vision(tiny_config, season_tables, tmp_path):
    run = Run(tiny_config, season_tables, tmp_path / "run", 1, simulated=True)
    plans = {plan.stage: plan for plan in make_plan(run, size_of(run.season, 1), READING)}
    for stage in ("crops", "vision"):
        assert (plans[stage].rows, plans[stage].cost.seconds) == (0, 0)
    assert plans["screen"].cost.seconds > 0


@pytest.mark.parametrize(("image_epochs", "seconds"), [(0, 2 * 3), (5, 2 * 3 + 5 * 6 * 100)])
def test_images_and_clips_have_steps_of_their_own(run, size, monkeypatch, image_epochs, seconds):
    """Three steps of clips an epoch, and six of images, each a hundred times as long."""
    cost = VisionCost(0, clip_step=1, image_step=100, ready=0, scoring=0, weights_mb=0, memory_mb=0)
    monkeypatch.setattr("run_checks.plan.measure_vision", lambda *_: cost)
    settings = {
        "image_epochs": image_epochs,
        "clip_epochs": 2,
        "clips_per_epoch": 12,
        "batch_size": 4,
    }
    settings |= {"image_batch_size": 2, "devices": 1, "clip_length": 1}
    vision = run.config.vision.model_copy(update=settings)
    changed = dataclasses.replace(run, config=run.config.model_copy(update={"vision": vision}))
    plans = {plan.stage: plan for plan in make_plan(changed, size, READING)}
    assert plans["vision"].cost.seconds == run.config.folds * seconds


def test_the_table_fits_100_columns_and_tells_what_would_not_fit(run, size, plans):
    assert "Would not fit" not in plan_text(list(plans.values()), size, run)
    huge = StagePlan("crops", 1, Cost(9e5, disk_mb=1e9, memory_mb=1e9))
    text = plan_text([*plans.values(), huge], size, dataclasses.replace(run, workers=2))
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("Would not fit") == 2
    assert "fewer WORKERS" in text


def test_the_command_prints_the_table(command, season_tables):
    words = ["--config", ROOT / "configs" / "demo.yaml", "--input", season_tables, "--workers", 1]
    words += ["--set", "screen.booster.num_boost_round=5"]
    done = command("plan", *words, program="run_checks")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 plays, 0 with videos, 1 to predict; 4 folds; 1 at a time")


def test_reading_rounds_and_scoring_of_a_booster_are_timed_apart(monkeypatch):
    """Of one that takes .3 s to read, .1 s a round and .5 s to score."""
    now = [0.0]

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    def train(*_, after_round):
        pass_by(0.3)
        for _ in range(5):
            pass_by(0.1)
            after_round()
        return "text"

    score = "run_checks.measured_models.staged_probabilities"
    clock = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr("run_checks.measured_models.time", clock)
    monkeypatch.setattr("run_checks.measured_models.train_booster", train)
    monkeypatch.setattr(score, lambda *_: pass_by(0.5))
    values, label = np.zeros((100, 2), dtype=np.float32), np.zeros(100, dtype=bool)
    cost = measure_booster(values, label, BoosterConfig(num_boost_round=50), 1_000, 1, 1)
    assert 1_000 * cost.reading == pytest.approx(0.3)
    assert 1_000 * cost.round == pytest.approx(0.1)
    assert 1_000 * cost.scoring == pytest.approx(5), "of ten times the rounds"
