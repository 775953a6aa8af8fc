"""Rows of players whom no sensor followed are decided by their helmet boxes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.season import read_season
from player_contact.inference.cascade import predict_by_boxes
from player_contact.inference.predict import predict_folder
from player_contact.play import build_play
from player_contact.utils.errors import InputError
from season_simulator.season_writer import SeasonSettings, write_season
from tests.makers import TinySeason, split_files

IDS, TRACKING, HELMETS, VIDEOS = split_files("test")


@pytest.fixture
def predict(bundle, tmp_path):
    """Predicts a season's folder: contact by id, and the counts."""

    def run(season: TinySeason, mend: bool = False):
        counts = predict_folder(bundle, season.folder, tmp_path / "ids.csv", 0, mend=mend)
        return pd.read_csv(tmp_path / "ids.csv", index_col="contact_id")["contact"], counts

    return run


@pytest.fixture
def truth(season_tables) -> pd.Series:
    """Contact by id."""
    return pd.read_csv(season_tables / "truth" / "test_labels.csv", index_col=0)["contact"]


def lose_player(season: TinySeason) -> str:
    tracking = season.table(TRACKING)
    player = tracking["nfl_player_id"].iloc[0]
    season.write(TRACKING, tracking[tracking["nfl_player_id"] != player])
    return player


def lose_play(season: TinySeason) -> None:
    season.write(TRACKING, season.table(TRACKING).iloc[:0])


def lose_positions(season: TinySeason) -> None:
    season.write(TRACKING, season.table(TRACKING).assign(x_position=""))


@pytest.mark.slow
def test_of_boxes_as_many_pairs_lie_near_as_touch(tmp_path):
    write_season(tmp_path / "season", SeasonSettings(10, 0, False, 74, 3), workers=2)
    near, touch = 0, 0
    for tables in read_season(tmp_path / "season", "train").plays():
        play, rows = build_play(tables)
        unknown = replace(play, position=np.full_like(play.position, np.nan))
        near += predict_by_boxes(unknown, rows)[0].sum()
        touch += (tables.rows["contact"].to_numpy(dtype=bool) & ~rows.is_ground).sum()
    assert touch > 1500
    assert 0.75 < near / touch < 1.4


@pytest.mark.parametrize("lose", [lose_play, lose_positions])
def test_an_untracked_play_has_an_ordinary_share_of_contacts(
    predict, truth, tiny_season, caplog, lose
):
    _, usual = predict(tiny_season)
    lose(tiny_season)
    with pytest.raises(InputError, match=f"^{TRACKING} has no "):
        predict(tiny_season)
    contact, counts = predict(tiny_season, mend=True)
    pairs = ~contact.index.str.endswith("_G")
    assert 0.005 < contact[pairs].mean() < 0.02  # in the real season 1.1 %
    assert np.corrcoef(contact[pairs], truth.reindex(contact.index)[pairs])[0, 1] > 0.2
    assert not contact[~pairs].any()
    assert counts["candidates"] <= usual["candidates"]
    assert counts["plays decided by boxes"] == counts["plays"] == 1
    assert counts["rows without tracking"] == len(contact)
    assert f"{len(contact)} rows lack tracking: pairs among them are decided by" in caplog.text


def test_an_untracked_player_costs_no_row_of_the_others(predict, tiny_season):
    before, usual = predict(tiny_season)
    player = lose_player(tiny_season)
    after, counts = predict(tiny_season)
    his = after.index.str.contains(f"_{player}(?:_|$)")
    assert counts["rows without tracking"] == his.sum()
    assert counts["plays decided by screen"] == 1
    assert counts["candidates"] < usual["candidates"]
    assert after[his].mean() < 0.2
    assert (after[~his] != before[~his]).mean() < 0.01


def test_without_boxes_as_well_nobody_is_in_contact(predict, tiny_season, caplog):
    lose_play(tiny_season)
    tiny_season.write(HELMETS, tiny_season.table(HELMETS).iloc[:0])
    contact, counts = predict(tiny_season, mend=True)
    assert not contact.any()
    pairs = (~contact.index.str.endswith("_G")).sum()
    assert counts["pairs without tracking and boxes"] == pairs
    assert counts["plays left at no contact"] == 1
    assert f"{pairs} pairs without boxes" in caplog.text
