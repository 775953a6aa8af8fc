from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from season_simulator.motion import Motion
from season_simulator.season_writer import SeasonSettings, write_season
from season_simulator.simulated_play import SimulatedPlay, simulate_play
from season_simulator.state import NOBODY

SEED = 11


@dataclass(frozen=True)
class Season:
    folder: Path
    settings: SeasonSettings

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / name)

    @property
    def game_plays(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "truth").glob("*.npz"))

    def truth(self, game_play: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / "truth" / f"{game_play}.npz") as arrays:
            return dict(arrays)


def make_season(folder: Path, **settings) -> Season:
    season = Season(folder, SeasonSettings(**settings))
    write_season(season.folder, season.settings)
    return season


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Season:
    """A training play of about a second, with videos."""
    folder = tmp_path_factory.mktemp("simulated") / "tiny"
    return make_season(folder, plays=1, test_plays=0, median_steps=10, seed=SEED)


@pytest.fixture(scope="session")
def tables_only(tmp_path_factory: pytest.TempPathFactory) -> Season:
    """Long enough for a play with 21 players and for an alias of a view."""
    folder = tmp_path_factory.mktemp("simulated") / "tables"
    return make_season(folder, plays=8, test_plays=2, video=False, median_steps=12, seed=SEED)


@pytest.fixture(scope="session")
def plays() -> list[SimulatedPlay]:
    """Five plays of full length, in memory."""
    return [simulate_play(SEED, index, 74) for index in range(5)]


def make_motion(time: np.ndarray, position: np.ndarray, **changes: np.ndarray) -> Motion:
    """Upright players who face x, with a ball that lies at the origin."""
    zero, nobody = np.zeros(position.shape[:2]), np.full(position.shape[:2], NOBODY)
    ball, spot = np.zeros((len(time), 2)), np.zeros(2)
    motion = Motion(time, position, zero, zero, zero, zero, nobody, ball, nobody[:, 0], spot, False)
    return replace(motion, **changes)
