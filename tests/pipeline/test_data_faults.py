import dataclasses

import numpy as np
import pandas as pd
import pytest

from player_contact.pipeline.run import Run
from player_contact.pipeline.runner import run_pipeline
from player_contact.play import build_play
from player_contact.utils.errors import InputError

TRACKING, HELMETS = "train_player_tracking.csv", "train_baseline_helmets.csv"


def skipping(run: Run) -> Run:
    """The same run, with faults skipped."""
    return dataclasses.replace(run, config=run.config.model_copy(update={"on_fault": "skip"}))


@pytest.fixture
def run(tiny_season, tiny_config, tmp_path) -> Run:
    return Run(tiny_config, tiny_season.folder, tmp_path / "run", 1, simulated=True)


def first_label(season) -> tuple[str, str]:
    first = season.table("train_labels.csv").iloc[0]
    return first["game_play"], first["nfl_player_id_1"]


def lose_player(season) -> str:
    (play, player), table = first_label(season), season.table(TRACKING)
    season.write(TRACKING, table[(table["game_play"] != play) | (table["nfl_player_id"] != player)])
    return rf"^{play} has no tracking of players {player}: \d+ labelled steps of players are not"


def lose_steps(season) -> str:
    (play, _), table = first_label(season), season.table(TRACKING)
    season.write(TRACKING, table[(table["game_play"] != play) | ~table["step"].isin(["5", "6"])])
    return rf"^{play} has a gap in the tracking between steps 5 and 6: 4[24] labelled steps"


def lose_boxes(season) -> str:
    (play, _), table = first_label(season), season.table(HELMETS)
    season.write(HELMETS, table[(table["game_play"] != play) | (table["view"] != "Sideline")])
    return f"^{play} Sideline has no helmet box of any of its players"


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lose_player, lose_steps, lose_boxes])
def test_a_damaged_play_stops_training_or_is_skipped(run, tiny_season, caplog, damage):
    message = damage(tiny_season)
    with pytest.raises(InputError, match=rf"{message}.*--set on_fault=skip"):
        run_pipeline(run, "features")
    run_pipeline(skipping(run), "features")
    assert "passed over" in caplog.text


@pytest.mark.slow
def test_a_play_whose_features_fail_stops_training_or_is_no_contact(
    run, tiny_season, monkeypatch, caplog
):
    play, _ = first_label(tiny_season)
    for stage in ("screen", "crops", "blend"):
        monkeypatch.setattr(f"player_contact.pipeline.{stage}_stage.build_play", fail_for(play))
    message = rf"^{play}: the features failed \(MemoryError: no 80 GB left\)"
    with pytest.raises(InputError, match=message):
        run_pipeline(run, "features")
    with caplog.at_level("INFO"):
        run_pipeline(skipping(run), "scores")
    oof = pd.read_parquet(run.folder / "oof.parquet")
    labels = tiny_season.table("train_labels.csv")
    assert oof["contact_id"].tolist() == labels["contact_id"].tolist()
    assert not oof.loc[oof["game_play"] == play, "blend"].any()
    assert oof.loc[oof["game_play"] != play, "blend"].any()
    assert "1 plays without features" in caplog.text


def fail_for(game_play: str):
    def fail(tables):
        if tables.game_play == game_play:
            raise MemoryError("no 80 GB left")
        return build_play(tables)

    return fail


def empty(video) -> str:
    video.unlink()
    video.touch()
    return f"{video.name} can't be opened"


def cut_off(video) -> str:
    """The index at the front says more than there is."""
    content = video.read_bytes()
    video.unlink()
    video.write_bytes(content[: len(content) * 2 // 3])
    return f"{video.name} (breaks off: \\d+ rows have no Sideline image|can't be opened)"


@pytest.mark.parametrize("damage", [empty, cut_off])
def test_a_broken_video_stops_training_or_costs_its_view(own_run, filmed_season, damage, caplog):
    video, *others = sorted((filmed_season.folder / "train").glob("*_Sideline.mp4"))
    for other in others:  # a play without videos costs no time
        other.unlink()
        other.with_name(other.name.replace("Sideline", "Endzone")).unlink()
    message = damage(video)
    run = dataclasses.replace(own_run(), input=filmed_season.folder)
    with pytest.raises(InputError, match=message):
        run_pipeline(run, "crops")
    run_pipeline(skipping(run), "crops")
    visible = np.load(run.folder / "crops" / video.name[:12] / "visible.npy", allow_pickle=False)
    assert not visible[:, 0].all()
    assert caplog.text.count("passed over") == 1
