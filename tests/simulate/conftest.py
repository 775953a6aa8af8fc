from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from player_contact.simulate.play import SimulatedPlay, simulate_play
from player_contact.simulate.season import SeasonSize, write_season

SEED = 11


@dataclass(frozen=True)
class Season:
    folder: Path
    done: list[str]

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / name)

    def truth(self, game_play: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / "truth" / f"{game_play}.npz") as arrays:
            return dict(arrays)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Season:
    """A training play of about a second, with videos."""
    folder, done = tmp_path_factory.mktemp("simulated") / "tiny", []
    write_season(folder, SeasonSize(plays=1, test_plays=0, median_steps=10), SEED, on_play=done.append)
    return Season(folder, done)


@pytest.fixture(scope="session")
def tables_only(tmp_path_factory: pytest.TempPathFactory) -> Season:
    """Eight short training plays without videos: long enough for the odd play with 21 players and the odd view name."""
    folder, done = tmp_path_factory.mktemp("simulated") / "tables", []
    write_season(folder, SeasonSize(plays=8, test_plays=2, video=False, median_steps=12), SEED, on_play=done.append)
    return Season(folder, done)


@pytest.fixture(scope="session")
def plays() -> list[SimulatedPlay]:
    """Five plays of full length, in memory."""
    return [simulate_play(SEED, index, 74) for index in range(5)]
