"""Simulated seasons on disk, each in a folder named by its settings and the code."""

import ast
import hashlib
import logging
import time
from pathlib import Path

from player_contact.utils.files import remove_drafts, write_json
from player_contact.utils.progress import stage_line
from player_contact.utils.syntax import code_text
from season_simulator.season_writer import SeasonSettings, write_season

log = logging.getLogger(__name__)


def season_folder(parent: Path, season: SeasonSettings, workers: int) -> Path:
    """The folder of this season under `parent`; it is simulated if missing.

    How long that took is kept in `truth/simulation.json`.
    """
    size = f"{season.plays}plays-{season.test_plays}test-{season.median_steps}steps"
    kind = f"every{season.image_every}" if season.video else "tables"
    folder = parent / f"seed{season.seed}-{size}-{kind}-{_code_hash()}"
    if not (folder / "train_labels.csv").is_file():
        remove_drafts(folder)
        plays = season.plays + season.test_plays
        log.info("simulating %d plays into %s", plays, folder)
        started = time.monotonic()
        write_season(folder, season, workers)
        seconds = round(time.monotonic() - started, 1)
        if (folder / "truth").is_dir():
            write_json({"seconds": seconds}, folder / "truth" / "simulation.json")
        log.info("%s", stage_line("season", seconds, f"{plays} plays"))
    return folder


def _code_hash() -> str:
    """Of the syntax trees without docstrings: comments, layout and __main__ do not count."""
    digest = hashlib.blake2b(digest_size=3)
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        digest.update(code_text(ast.parse(path.read_text(encoding="utf-8"))).encode())
    return digest.hexdigest()
