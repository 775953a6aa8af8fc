"""Some training plays of a season, as a folder of tables without videos."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from player_contact.competition import clock, contact_ids
from player_contact.competition.constants import GROUND_TEXT
from player_contact.competition.season import Season

T = TypeVar("T")


def evenly_spread(plays: Sequence[T], count: int) -> list[T]:
    """`count` plays from the first to the last, or all."""
    places = np.linspace(0, len(plays) - 1, min(count, len(plays)))
    return [plays[place] for place in places.round().astype(int)]


def write_train_tables(season: Season, game_plays: Collection[str], folder: Path) -> None:
    """Writes the rows of `game_plays` of the four training tables into a new `folder`."""
    folder.mkdir(parents=True)
    rows = season.rows[season.rows["game_play"].isin(game_plays)]
    second = rows["nfl_player_id_2"].astype(str).mask(contact_ids.is_ground(rows), GROUND_TEXT)
    tables = {
        "train_labels.csv": rows.assign(nfl_player_id_2=second),
        "train_player_tracking.csv": season.tracking,
        "train_baseline_helmets.csv": season.helmets,
        "train_video_metadata.csv": season.videos,
    }
    for file, table in tables.items():
        table = table[table["game_play"].isin(game_plays)]
        names = table.select_dtypes("datetime").columns
        times = {name: clock.to_text(table[name].to_numpy()) for name in names}
        table.assign(**times).to_csv(folder / file, index=False)
