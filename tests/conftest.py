import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # tests ask for the same bytes: make gpu-check tries GPUs
os.environ.setdefault("OMP_NUM_THREADS", "1")  # each core has a process of the tests already

from player_contact.config import Config, load_config
from player_contact.pipeline.run import Run
from season_simulator.season_writer import SeasonSettings, write_season
from tests.makers import FAULTS, REAL, TinySeason, copy_season
from tests.short_season import shorten_season, shorten_video
from tests.stage_calls import run_and_record_calls

# The same examples every time: a test that passed on one machine passes on the next.
settings.register_profile(
    "tests",
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fast", settings.get_profile("tests"), max_examples=10)
settings.load_profile("tests")

ROOT = Path(__file__).resolve().parents[1]
SEED, PLAYS, TEST_PLAYS, STEPS = 1, 4, 1, 24


# What makes a test slow: films, a run of all stages, programs in processes of their own.
SLOW_FIXTURES = {"season", "finished_run", "command", "tiny", "plays", "checked_boxes"}


def pytest_configure(config: pytest.Config) -> None:
    if "not slow" in config.option.markexpr:
        settings.load_profile("fast")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks slow tests, and puts files that hold one first, so that none is left for the end.

    Of these, one file that needs the finished run comes first, and those that do not come next:
    while one process makes the run, the others need not wait for it.
    """
    names = [(item.path, set(getattr(item, "fixturenames", ()))) for item in items]
    for item, (_, used) in zip(items, names, strict=True):
        if SLOW_FIXTURES & used:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    filmed = {path for path, used in names if "season" in used}
    run = [path for path, used in names if "finished_run" in used]

    def order(item: pytest.Item) -> tuple[bool, ...]:
        path = item.path
        return path not in slow, path not in run[:1], path in run, path in filmed

    items.sort(key=order)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder by its name, once for all the processes that the tests run in."""
    beside = (
        "PYTEST_XDIST_WORKER" in os.environ
    )  # then the session's folder has one for each process
    root = tmp_path_factory.getbasetemp().parent if beside else tmp_path_factory.getbasetemp()

    def make(name: str, write: Callable[[Path], object]) -> Path:
        folder, made = root / "shared" / name, root / "shared" / f"{name}.made"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed half way
                write(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def season(made_once) -> Path:
    """A simulated season with videos. Tests read it; they don't write."""
    size = SeasonSettings(PLAYS, TEST_PLAYS, True, STEPS, SEED, image_every=6)
    return made_once("filmed", lambda folder: write_season(folder, size, workers=2))


@pytest.fixture(scope="session")
def season_tables(made_once) -> Path:
    """The same without videos, for what needs none: it is made in two seconds."""
    size = SeasonSettings(PLAYS, TEST_PLAYS, False, STEPS, SEED)
    return made_once("tables", lambda folder: write_season(folder, size))


@pytest.fixture
def tiny_season(season_tables, tmp_path) -> TinySeason:
    """A season without videos that the test may edit."""
    return copy_season(season_tables, tmp_path / "season")


@pytest.fixture(scope="session")
def short_tables(season_tables, made_once) -> Path:
    """The same with few rows, where one row is as good as a thousand."""
    return made_once("short", lambda folder: shorten_season(season_tables, folder))


@pytest.fixture
def short_season(short_tables, tmp_path) -> TinySeason:
    """A season of few rows that the test may edit."""
    return copy_season(short_tables, tmp_path / "short_season")


@pytest.fixture(scope="session")
def short_films(season, made_once) -> Path:
    """The filmed season with videos that end soon after the snap: few frames to search."""

    def write(folder: Path) -> None:
        copy_season(season, folder)
        for video in folder.glob("t*/*.mp4"):
            shorten_video(video)
        shutil.copytree(season / "truth", folder / "truth")

    return made_once("short_films", write)


@pytest.fixture
def own_short_films(short_films, tmp_path) -> TinySeason:
    """The same for a test that edits it."""
    return copy_season(short_films, tmp_path / "short_films")


@pytest.fixture
def filmed_season(season, tmp_path) -> TinySeason:
    """A season that the test may edit. Videos are links: replace them, don't write into them."""
    return copy_season(season, tmp_path / "filmed_season")


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """Every stage in seconds."""
    return load_config(ROOT / "configs" / "tiny.yaml")


@pytest.fixture(scope="session")
def finished_run(season, tiny_config, made_once) -> Run:
    """A whole run with one worker, and what its stages called. Tests read it; `own_run` is for
    those that write."""

    def run(folder: Path) -> Run:
        return Run(tiny_config, season, folder, 1, simulated=True)

    return run(made_once("tiny", lambda folder: run_and_record_calls(run(folder))))


@pytest.fixture(scope="session")
def bundle(finished_run) -> Path:
    return finished_run.folder / "bundle"


@pytest.fixture
def own_run(finished_run, tmp_path) -> Callable[..., Run]:
    """A copy of the finished run that the test may change, with other settings where given."""

    def copy(config: Config = finished_run.config, workers: int = 1) -> Run:
        folder = tmp_path / "tiny"
        shutil.copytree(
            finished_run.folder, folder, ignore=shutil.ignore_patterns("*.mp4")
        )  # the viewer's links, which a copy would make files
        return Run(config, finished_run.input, folder, workers, simulated=True)

    return copy


@pytest.fixture
def own_bundle(bundle, tmp_path) -> Path:
    """A copy of the bundle that the test may damage."""
    return Path(shutil.copytree(bundle, tmp_path / "own_bundle"))


@pytest.fixture
def command(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program, such as `python -m player_contact`, in a folder of its own."""

    def run(*words: object, program: str = "player_contact") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", program, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def real_files() -> Path:
    if not REAL.is_dir():
        pytest.skip("the real files are not here")
    return REAL


@pytest.fixture
def fault_files() -> Path:
    """Small files that were once read wrongly."""
    if not FAULTS.is_dir():
        pytest.skip("the faulty files are not here")
    return FAULTS


@pytest.fixture
def real_folder(real_files, tmp_path) -> TinySeason:
    """The competition's tables of one real play, without videos."""
    folder = tmp_path / "real"
    folder.mkdir()
    for name in (
        "test_player_tracking.csv",
        "test_baseline_helmets.csv",
        "test_video_metadata.csv",
        "sample_submission.csv",
    ):
        shutil.copyfile(real_files / name, folder / name)
    return TinySeason(folder)
