"""The season that a plan is measured on where there is no data: few plays, one with its videos."""

import logging
import shutil
from pathlib import Path

from player_contact.competition.season import read_season
from player_contact.utils.files import atomic_write, remove_drafts
from season_simulator.season_cache import season_folder
from season_simulator.season_writer import SHORT_PLAY, SeasonSettings
from season_simulator.simulated_play import simulate_play
from season_simulator.video_writer import write_videos

PLAN_PLAYS = 8  # as many as a quick screen is trained on

log = logging.getLogger(__name__)


def plan_season(parent: Path, season: SeasonSettings, workers: int) -> Path:
    """The folder of PLAN_PLAYS plays like the season's under `parent`, simulated if missing.

    With videos of one play, of about the median length, if the season has videos: they take most
    of the time.
    """
    tables = SeasonSettings(PLAN_PLAYS, 1, False, season.median_steps, season.seed)
    folder = season_folder(parent, tables, workers)
    if not season.video:
        return folder
    filmed = folder.with_name(f"{folder.name}-one-filmed-every{season.image_every}")
    if not filmed.is_dir():
        remove_drafts(filmed)
        log.info("simulating the videos of a play into %s", filmed)
        index = _median_play(folder)
        with atomic_write(filmed) as draft:
            shutil.copytree(folder, draft, dirs_exist_ok=True)
            play = simulate_play(season.seed, index, season.median_steps)
            write_videos(play, draft / "train", season.seed, season.image_every)
    return filmed


def _median_play(folder: Path) -> int:
    """The index of a play of about the median number of rows, whole in players."""
    rows = read_season(folder, "train").rows
    counts = rows.groupby("game_play", observed=True, sort=False).size().to_numpy()
    order = [index for index in counts.argsort(kind="stable").tolist() if index != SHORT_PLAY]
    return order[len(order) // 2]
