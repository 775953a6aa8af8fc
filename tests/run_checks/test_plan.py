import contextlib
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from player_contact.config import BoosterConfig
from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import STAGE_NAMES
from run_checks import plan as plan_module
from run_checks.measured_models import measure_booster
from run_checks.measured_play import Cost, measure_play
from run_checks.measured_vision import VisionCost
from run_checks.plan import make_plan, seconds_to_read, size_of
from run_checks.plan_table import Plan, Size, StagePlan, plan_text
from run_checks.quick_screen import ASSUMED_SHARE
from tests.conftest import ROOT

READING = 1e-6  # seconds a row


@pytest.fixture(scope="module", autouse=True)
def small_measurements():
    """Short ones, and the same kind of model or import once for all plans."""
    small = {"models.MAX_ROWS": 3_000, "models.BOOSTING_ROUNDS": 5, "vision.SECONDS": 0.05}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in small.items():
            patch.setattr(f"run_checks.measured_{name}", value)
        kinds = {
            "measure_vision": lambda play, vision, *_: vision.model_dump_json(),
            "measure_booster": lambda values, label, settings, *_: (values.shape[1], settings),
            "seconds_to_import": lambda *args: args,
        }
        for name, kind in kinds.items():
            patch.setattr(plan_module, name, once(getattr(plan_module, name), kind))
        with contextlib.ExitStack() as open_plays:
            begin = once(lambda *args: open_plays.enter_context(measure_play(*args)), play_kind)
            patch.setattr(
                plan_module, "measure_play", lambda *args: contextlib.nullcontext(begin(*args))
            )
            yield


def play_kind(tables, quick, config, processes) -> tuple:
    """All that the costs of a play depend on: not how a model is trained. The quick screen's
    probabilities follow from the rest."""
    families = config.vision.families
    others = config.model_dump_json(exclude={"vision"})
    return (
        tables.video_folder,
        tables.game_play,
        quick.share,
        quick.contacts,
        families,
        others,
        processes,
    )


def once(measure, kind):
    """The function, which measures each kind of its arguments the first time."""
    measured = {}

    def remembered(*args):
        key = str(kind(*args))
        if key not in measured:
            measured[key] = measure(*args)
        return measured[key]

    return remembered


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
def plan(run, size) -> Plan:
    return make_plan(run, size, READING)


@pytest.fixture(scope="module")
def plans(plan) -> dict[str, StagePlan]:
    return {stage.stage: stage for stage in plan.stages}


def screened(run: Run, min_recall: float) -> Run:
    screen = run.config.screen.model_copy(update={"min_recall": min_recall})
    return dataclasses.replace(run, config=run.config.model_copy(update={"screen": screen}))


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
    plans = make_plan(dataclasses.replace(run, workers=2), size, READING).stages
    starting = [plan.stage for plan in plans if plan.cost.seconds > 1e6]
    assert starting == ["features", "blend", "submission", "report"]


def test_ten_times_the_plays_have_ten_times_the_rows(run, size, plans):
    large = Size(plays=40, rows=10 * size.rows, filmed=40, test_plays=10)
    for plan in make_plan(run, large, READING).stages:
        small = plans[plan.stage]
        assert plan.rows == pytest.approx(10 * small.rows, rel=1e-3, abs=10)
        if plan.stage != "vision":
            assert plan.cost.disk_mb == pytest.approx(10 * small.cost.disk_mb, rel=0.01)


@pytest.mark.slow
def test_without_videos_there_are_no_crops_and_no_vision(tiny_config, season_tables, tmp_path):
    run = Run(tiny_config, season_tables, tmp_path / "run", 1, simulated=True)
    plans = {plan.stage: plan for plan in make_plan(run, size_of(run.season, 1), READING).stages}
    for stage in ("crops", "vision"):
        assert (plans[stage].rows, plans[stage].cost.seconds) == (0, 0)
    assert plans["screen"].cost.seconds > 0


@pytest.mark.parametrize(("image_epochs", "seconds"), [(0, 2 * 3 * 100), (5, 2 * 3 * 100 + 5 * 6)])
def test_images_and_clips_have_steps_of_their_own(run, size, monkeypatch, image_epochs, seconds):
    """Three steps of clips an epoch, each a hundred times as long as the six of images."""
    nothing = VisionCost(*[0.0] * len(dataclasses.fields(VisionCost)))
    cost = dataclasses.replace(nothing, update=1, head=99, load=1e-9, images=1, gmacs=1)
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
    plans = {plan.stage: plan for plan in make_plan(changed, size, READING).stages}
    expected = pytest.approx(run.config.folds * seconds, abs=1e-3)
    assert plans["vision"].cost.seconds == expected


def test_the_open_rows_are_those_that_a_screen_leaves(run, size, plans):
    """One that may lose half of the contacts closes more than one that may lose a tenth."""
    few = {stage.stage: stage for stage in make_plan(screened(run, 0.5), size, READING).stages}
    assert few["screen"].rows == plans["screen"].rows
    assert 0 < few["crops"].rows < 0.8 * plans["crops"].rows < 0.8 * plans["screen"].rows
    assert few["crops"].cost.disk_mb < 0.8 * plans["crops"].cost.disk_mb


def test_the_share_is_assumed_where_contacts_are_too_few_to_lose_one(run, size):
    changed = screened(run, 0.9999)
    plan = make_plan(changed, size, READING)
    rows = {stage.stage: stage.rows for stage in plan.stages}
    assert rows["crops"] == pytest.approx(ASSUMED_SHARE * rows["screen"], rel=0.01)
    assert f"Assumed: {ASSUMED_SHARE:.0%}" in plan_text(plan, size, changed)


def test_the_table_says_what_was_measured_and_scaled(run, size, plan):
    text = plan_text(plan, size, run)
    assert "measured on 4 plays" in text
    vision = next(line for line in text.splitlines() if line.startswith("vision "))
    assert vision.endswith("batches of 4 and 8 images; to 12 rows")
    assert all(stage.source for stage in plan.stages)


def test_the_table_fits_100_columns_and_tells_what_would_not_fit(run, size, plan):
    assert "Would not fit" not in plan_text(plan, size, run)
    huge = StagePlan("crops", 1, Cost(9e5, disk_mb=1e9, memory_mb=1e9))
    large = dataclasses.replace(plan, stages=[*plan.stages, huge])
    text = plan_text(large, size, dataclasses.replace(run, workers=2))
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
