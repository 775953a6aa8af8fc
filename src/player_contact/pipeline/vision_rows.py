"""The rows that vision models see: whose crops are cut, and what models are trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND
from player_contact.features.feature_store import candidate_rows
from player_contact.pipeline.run import Run
from player_contact.video.crop_store import open_crops, read_crop_rows, read_geometry
from player_contact.video.crops import Crops
from player_contact.vision.clips import NO_CROP, OpenRows, open_rows, tabular_values
from player_contact.vision.token_rows import is_seen, rows_with_images


@dataclass(frozen=True)
class PlayerRows:
    """For the token family: N rows of players and the ground that have crops, of all folds.

    table     play_index, step_index, first, second, screen, crop_index
    tabular   [N, K] float32
    geometry  [N, G] float32
    """

    table: pd.DataFrame
    tabular: np.ndarray
    geometry: np.ndarray


def rows_to_cut(run: Run) -> list[np.ndarray]:
    """Of each play, the season's rows whose images the vision models need."""
    candidates, families = run.candidates, run.config.vision.families
    is_open = candidates.index.isin(run.open_rows().index)
    by_play, chosen = candidates.groupby("play_index").indices, []
    for play in range(len(run.folds)):
        index = by_play.get(play, np.empty(0, dtype=np.int64))
        rows = candidate_rows(candidates.iloc[index])
        chosen.append(rows.row[rows_with_images(rows, is_open[index], families)])
    return chosen


def visible_rows(run: Run, crop_folders: list[Path]) -> tuple[pd.DataFrame, PlayerRows | None]:
    """The open rows that a view shows, with `crop_index` in their play's crops; and the players in
    them, yet without tabular features, where a model of the run is of the token family."""
    parts = [read_crop_rows(folder) for folder in crop_folders]
    cut = pd.Series(np.concatenate([np.arange(len(part)) for part in parts]), np.concatenate(parts))

    def with_crops(table: pd.DataFrame) -> pd.DataFrame:
        index = cut.reindex(table["row"]).fillna(NO_CROP).to_numpy(dtype=np.int64)
        return table.assign(crop_index=index)

    crops = [open_crops(folder) for folder in crop_folders]
    table, players, of_players = with_crops(run.open_rows()), None, None
    if "tokens" in run.config.vision.families:
        screened = with_crops(run.candidates.assign(screen=run.oof("screen")["screen"].to_numpy()))
        screened = screened[screened["second"].eq(GROUND) & screened["crop_index"].ne(NO_CROP)]
        geometry = np.concatenate([read_geometry(folder) for folder in crop_folders])
        geometry = geometry[cut.index.get_indexer(screened["row"])]
        players = PlayerRows(screened, _nothing(screened), geometry)
        of_players = model_rows(screened, players.tabular, crops)
    rows = model_rows(table, _nothing(table), crops)
    return table[is_seen(rows, of_players)], players


def _nothing(table: pd.DataFrame) -> np.ndarray:
    return np.empty((len(table), 0), dtype=np.float32)


def model_rows(table: pd.DataFrame, tabular: np.ndarray, crops: list[Crops]) -> OpenRows:
    """Rows of any plays, with [M, K] tabular features, as models take them."""
    indices = table["crop_index"].to_numpy(), table["play_index"].to_numpy()
    return open_rows(candidate_rows(table), tabular, crops, *indices)


def tabular_of(run: Run, table: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """[M, K] float32 tabular features of some candidates, by the index of the table."""
    features = run.features_of([name for name in names if name != "screen"]).loc[table.index]
    return tabular_values(features, table["screen"].to_numpy(), names)
