import numpy as np
import pandas as pd
import pytest

from player_contact.errors import InputError
from player_contact.pipeline import run_pipeline
from player_contact.play import build_play
from player_contact.stages.run import Run

TRACKING, HELMETS = "train_player_tracking.csv", "train_baseline_helmets.csv"


def play_and_player(season) -> tuple[str, str]:
    first = season.table("train_labels.csv").iloc[0]
    return first["game_play"], first["nfl_player_id_1"]


def lose_player(season) -> str:
    play, player = play_and_player(season)
    tracking = season.table(TRACKING)
    season.write(TRACKING, tracking[(tracking["game_play"] != play) | (tracking["nfl_player_id"] != player)])
    return rf"^{play} has no sensors of players {player}: \d+ labelled moments of players are not tracked"


def lose_steps(season) -> str:
    play, _ = play_and_player(season)
    tracking = season.table(TRACKING)
    season.write(TRACKING, tracking[(tracking["game_play"] != play) | ~tracking["step"].isin(["5", "6"])])
    return rf"^{play} has a gap in the tracking between steps 5 and 6: 4[24] labelled moments"


def lose_boxes(season) -> str:
    play, _ = play_and_player(season)
    helmets = season.table(HELMETS)
    season.write(HELMETS, helmets[(helmets["game_play"] != play) | (helmets["view"] != "Sideline")])
    return f"^{play} Sideline has no helmet box of any of its players"


@pytest.mark.parametrize("harm", [lose_player, lose_steps, lose_boxes])
def test_a_damaged_play_stops_training_with_one_sentence_or_is_trained_on_where_asked(tiny_season, tiny_config, tmp_path, caplog, harm):
    words = harm(tiny_season)
    with pytest.raises(InputError, match=rf"{words}.*--set faults=skip"):
        run_pipeline(Run(tiny_config, tiny_season.folder, tmp_path / "run", 1, simulated=True), "features")
    run_pipeline(Run(tiny_config.model_copy(update={"faults": "skip"}), tiny_season.folder, tmp_path / "run", 1, simulated=True), "features")
    assert "passed over" in caplog.text


def test_a_play_whose_features_fail_stops_training_or_counts_as_no_contact_where_asked(tiny_season, tiny_config, tmp_path, monkeypatch, caplog):
    play, _ = play_and_player(tiny_season)
    for stage in ("screen", "crops", "blend"):
        monkeypatch.setattr(f"player_contact.stages.{stage}.build_play", fail_for(play))
    with pytest.raises(InputError, match=rf"^{play}: the features failed \(MemoryError: no 80 GB left\)"):
        run_pipeline(Run(tiny_config, tiny_season.folder, tmp_path / "run", 1, simulated=True), "features")
    config = tiny_config.model_copy(update={"faults": "skip"})
    run = Run(config, tiny_season.folder, tmp_path / "run", 1, simulated=True)
    with caplog.at_level("INFO"):
        run_pipeline(run, "ladder")
    oof = pd.read_parquet(run.folder / "oof.parquet")
    assert oof["contact_id"].tolist() == tiny_season.table("train_labels.csv")["contact_id"].tolist()
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


def break_off(video) -> str:
    """The index at the front says more than there is."""
    content = video.read_bytes()
    video.unlink()
    video.write_bytes(content[: len(content) * 2 // 3])
    return f"{video.name} (breaks off: \\d+ rows have no Sideline picture|can't be opened)"


@pytest.mark.parametrize("harm", [empty, break_off])
def test_a_broken_video_stops_training_or_the_rows_lack_its_view_where_asked(own_run, filmed_season, tmp_path, harm, caplog):
    video = sorted((filmed_season.folder / "train").glob("*_Sideline.mp4"))[0]
    words = harm(video)
    run = own_run()
    stopped = Run(run.config, filmed_season.folder, run.folder, 1, simulated=True)
    with pytest.raises(InputError, match=words):
        run_pipeline(stopped, "crops")
    skipping = Run(run.config.model_copy(update={"faults": "skip"}), filmed_season.folder, run.folder, 1, simulated=True)
    run_pipeline(skipping, "crops")
    seen = np.load(run.folder / "crops" / video.name[:12] / "seen.npy", allow_pickle=False)
    assert not seen[:, 0].all()
    assert "passed over" in caplog.text
