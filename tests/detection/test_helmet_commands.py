import numpy as np
import pandas as pd
import pytest

from player_contact.__main__ import app
from player_contact.competition.constants import HELMET_COLUMNS
from player_contact.competition.season import read_season
from player_contact.detection.detect import load_detector
from player_contact.utils.errors import ConfigError, InputError
from tests.conftest import ROOT
from tests.invoke import invoke
from tests.makers import split_files

_, _, HELMETS, _ = split_files("test")
TINY = (
    *("detector.tiles=16", "detector.batch_size=4", "detector.tile_size=64"),
    *("detector.frames_per_view=1", "detector.encoder_options.widths=[8,8,8,8]"),
)


def test_a_detector_is_trained_on_a_seasons_videos(season, tmp_path):
    path = tmp_path / "own.safetensors"
    words = ["detector", "--config", ROOT / "configs" / "helmets.yaml", "--input", season]
    done = invoke(app, [*words, "--output", path, "--workers", "1", "--set", *TINY])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == str(path)
    assert load_detector(path).config.tiles == 16


def test_a_wrong_encoder_is_told_before_anything_is_read(tmp_path):
    config = ["--config", ROOT / "configs" / "helmets.yaml", "--set", "detector.encoder=nope"]
    with pytest.raises(ConfigError, match=r"'nope', which is not a timm model"):
        app.run([str(word) for word in ["detector", *config, "--input", tmp_path / "none"]])


def test_a_season_without_videos_trains_and_finds_nothing(season_tables, tmp_path):
    words = ["--input", season_tables, "--output", tmp_path / "x", "--workers", "1"]
    config = ["--config", ROOT / "configs" / "helmets.yaml"]
    with pytest.raises(InputError, match="holds no video with helmets to train on"):
        app.run([str(word) for word in ["detector", *config, *words]])
    with pytest.raises(InputError, match="No video was found"):
        app.run([str(word) for word in ["helmets", "--split", "test", *words]])


def test_a_table_is_written_from_videos_and_one_that_lacks_boxes_filled(own_short_films, tmp_path):
    given = own_short_films.table(HELMETS)
    paths = [tmp_path / f"{name}.csv" for name in ("found", "filled")]
    for path, options in zip(paths, (["--workers", "1"], ["--fill"]), strict=True):
        words = ["helmets", "--input", own_short_films.folder, "--split", "test"]
        done = invoke(app, [*words, "--output", path, *options])
        assert done.exit_code == 0, done.output
        assert "of them named" in done.output
    found, filled = map(pd.read_csv, paths)
    assert tuple(found.columns) == HELMET_COLUMNS
    assert len(filled) > len(given)
    own_short_films.write(HELMETS, found)
    again = read_season(own_short_films.folder, "test").helmets
    assert len(again) == len(found)
    players = set(own_short_films.table("test_player_tracking.csv")["nfl_player_id"].astype(int))
    assert set(found["nfl_player_id"]) <= players
    assert np.isfinite(found[["left", "top", "width", "height"]]).all().all()
