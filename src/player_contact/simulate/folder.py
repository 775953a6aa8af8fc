"""Where simulated seasons lie: made once, found again by what they are."""

import hashlib
import logging
from pathlib import Path

from player_contact.config import SeasonConfig
from player_contact.parallel import progress
from player_contact.simulate.season import SeasonSize, write_season

log = logging.getLogger(__name__)


def season_folder(parent: Path, season: SeasonConfig, workers: int) -> Path:
    """The folder of a simulated season, which is made where it is not there yet. Seed, size and the simulation's code make its name."""
    digest = hashlib.blake2b(digest_size=3)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    kind = "video" if season.video else "tables"
    name = f"seed{season.seed}-{season.plays}plays-{season.test_plays}test-{season.median_steps}steps-{kind}-{digest.hexdigest()}"
    folder = parent / name
    if not (folder / "train_labels.csv").is_file():
        parent.mkdir(parents=True, exist_ok=True)
        plays = season.plays + season.test_plays
        log.info("== season: simulating %d plays into %s", plays, folder)
        size = SeasonSize(season.plays, season.test_plays, season.video, season.median_steps)
        with progress(plays, "simulating plays") as advance:
            write_season(folder, size, season.seed, workers, on_play=lambda _: advance())
    return folder
