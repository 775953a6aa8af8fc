"""How good completed helmet boxes are, over the plays of a folder."""

from functools import partial
from pathlib import Path

from player_contact.competition.season import read_season
from player_contact.evaluation.boxes_check import Line, boxes_of_play, boxes_table
from player_contact.parallel import run_all


def check_boxes(folder: Path, workers: int = 1) -> list[Line]:
    """The table for a season's training plays; for its test plays where it has no labels. Raises InputError as `read_season` does."""
    season = read_season(folder, "train" if (folder / "train_labels.csv").is_file() else "test")
    work = partial(boxes_of_play, truth=folder / "truth")
    return boxes_table(run_all(work, season.plays(), len(season.game_plays), "checking boxes", workers))
