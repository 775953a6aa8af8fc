import json
import os
import re

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.metric import Thresholds
from player_contact.evaluation.ladder import thresholds_by_fold
from player_contact.evaluation.viewer import jersey_numbers, place_video, play_data, play_page, script_json
from player_contact.files import read_json
from player_contact.play import Rows
from tests.makers import all_rows, make_play

LIMITS = Thresholds(pair=0.4, ground=0.6)


def scored(rows: Rows, **columns) -> pd.DataFrame:
    """Rows of an out-of-fold table: nothing touches and no model looked, but for the given columns."""
    return pd.DataFrame(dict.fromkeys(("contact", "final", "screen", "vision", "blend"), np.zeros(len(rows))) | columns)


@pytest.fixture
def play():
    return make_play(seed=3, players=5, steps=30)


@pytest.fixture
def rows(play) -> Rows:
    rows = all_rows(play)
    return rows[play.steps[rows.step] >= 0]


def test_a_pair_is_shown_from_half_its_threshold_on_or_with_a_label(play, rows):
    blend = np.zeros(len(rows))
    pair = np.flatnonzero(~rows.is_ground & (rows.first == 0) & (rows.second == 1))
    low = np.flatnonzero(~rows.is_ground & (rows.first == 1) & (rows.second == 2))
    ground = np.flatnonzero(rows.is_ground & (rows.first == 3))
    touching = np.flatnonzero(~rows.is_ground & (rows.first == 2) & (rows.second == 4))
    blend[pair[5]], blend[low], blend[ground[2]] = 0.21, 0.19, 0.31
    contact = np.zeros(len(rows))
    contact[touching[4]] = 1
    tracks = play_data(play, rows, scored(rows, blend=blend, contact=contact), LIMITS, {}, {})["tracks"]
    assert {(track["first"], track["second"]) for track in tracks} == {(0, 1), (3, -1), (2, 4)}


def test_a_track_holds_label_decision_and_probabilities_step_by_step(play, rows):
    here = np.flatnonzero(~rows.is_ground & (rows.first == 0) & (rows.second == 1))
    columns = {name: np.zeros(len(rows)) for name in ("contact", "final", "screen", "vision", "blend")}
    columns["contact"][here[3:6]], columns["final"][here[5:7]] = 1, 1
    columns["screen"][here], columns["blend"][here[5]] = 0.1234, 0.9
    (track,) = play_data(play, rows, scored(rows, **columns), LIMITS, {}, {})["tracks"]
    steps = len(here)
    assert track["label"] == "000111".ljust(steps, "0")
    assert track["decided"] == "0000011".ljust(steps, "0")
    assert track["screen"] == [0.123] * steps
    assert track["vision"] == [None] * steps
    assert track["final"] == [None] * 5 + [0.9] + [None] * (steps - 6)
    assert track["threshold"] == 0.4


def test_a_player_is_told_by_his_jersey_number_where_it_is_known(play, rows):
    known = int(play.players[2])
    players = play_data(play, rows, scored(rows), LIMITS, {}, {known: 54, 1: 7})["players"]
    assert [player["jersey"] for player in players] == [None, None, 54, None, None]
    assert [player["id"] for player in players] == play.players.tolist()


def test_jersey_numbers_are_those_of_the_tracking_table(tiny_season):
    path = tiny_season.folder / "train_player_tracking.csv"
    table = tiny_season.table(path.name)
    one, other = table.iloc[0], table[table["nfl_player_id"] != table["nfl_player_id"].iloc[0]].iloc[0]
    table.loc[(table["game_play"] == other["game_play"]) & (table["nfl_player_id"] == other["nfl_player_id"]), "jersey_number"] = "4x"
    tiny_season.write(path.name, table)
    numbers = jersey_numbers(path)
    assert numbers[one["game_play"]][int(one["nfl_player_id"])] == int(one["jersey_number"])
    assert int(other["nfl_player_id"]) not in numbers[other["game_play"]]
    assert {play: len(of) for play, of in numbers.items()} == {play: 21 if play == other["game_play"] else 22 for play in table["game_play"].unique()}


def test_a_table_without_jersey_numbers_has_none(tiny_season):
    tiny_season.drop_column("train_player_tracking.csv", "jersey_number")
    assert jersey_numbers(tiny_season.folder / "train_player_tracking.csv") == {}


def test_boxes_are_told_by_frame_with_what_was_detected(play, rows):
    view = play.views["Sideline"]
    shown = play_data(play, rows, scored(rows), LIMITS, {"Sideline": "s.mp4"}, {})["views"][0]
    assert (shown["name"], shown["video"]) == ("Sideline", "s.mp4")
    assert play.times[play.steps == 0][0] + np.timedelta64(round(shown["start"] * 1000), "ms") == view.start_time
    for number in (0, 40):
        boxes = np.array(shown["boxes"][number]).reshape(-1, 6)
        frame = view.boxes[shown["first"] + number]
        there = np.flatnonzero(~np.isnan(frame[:, 0]))
        assert boxes[:, 0].tolist() == there.tolist()
        np.testing.assert_array_equal(boxes[:, 1:5], np.rint(frame[there]))
        assert (boxes[:, 5] == 1).all()


def test_a_play_without_boxes_or_contacts_has_a_page_and_no_score(play, rows):
    for view in play.views.values():
        view.boxes[:] = np.nan
    page = play_page(play_data(play, rows, scored(rows), LIMITS, {}, {}))
    assert "MCC of this play –" in page
    assert "There is no Endzone video." in page


def test_where_no_probability_is_enough_for_a_contact_the_page_has_no_threshold(play, rows):
    data = play_data(play, rows, scored(rows, contact=np.ones(len(rows))), Thresholds(pair=np.inf, ground=0.6), {}, {})
    assert {track["threshold"] for track in data["tracks"] if track["second"] != -1} == {None}
    assert {track["threshold"] for track in data["tracks"] if track["second"] == -1} == {0.6}
    assert '"threshold":null' in play_page(data)


def test_text_from_files_can_neither_end_the_data_nor_become_markup(play, rows):
    data = play_data(play, rows, scored(rows), LIMITS, {"Sideline": '"><img src=x>.mp4'}, {})
    data["players"][0]["role"] = "</script><b>&\u2028"
    page = play_page(data)
    assert "<img" not in page
    assert page.count("</script>") == 2
    told = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert json.loads(told[1])["players"][0]["role"] == "</script><b>&\u2028"


def test_numbers_that_are_none_do_not_enter_a_page():
    with pytest.raises(ValueError, match="JSON"):
        script_json([float("nan")])


def test_a_video_beside_the_page_takes_no_room(tmp_path):
    video, folder = tmp_path / "v.mp4", tmp_path / "plays"
    folder.mkdir()
    video.write_bytes(b"moving pictures")
    link = tmp_path / "link.mp4"
    link.symlink_to(video)
    assert place_video(link, folder) == "link.mp4"
    assert place_video(link, folder) == "link.mp4"
    assert (folder / "link.mp4").samefile(video)
    assert not (folder / "link.mp4").is_symlink()
    assert place_video(tmp_path / "nothing.mp4", folder) is None


def test_where_no_hard_link_is_possible_a_symbolic_one_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another device")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "v.mp4").write_bytes(b"moving pictures")
    (tmp_path / "plays").mkdir()
    assert place_video(tmp_path / "v.mp4", tmp_path / "plays") == "v.mp4"
    assert (tmp_path / "plays" / "v.mp4").readlink() == tmp_path / "v.mp4"


def test_the_thresholds_of_a_fold_are_those_that_decided_its_rows(finished_run):
    oof = pd.read_parquet(finished_run.folder / "oof.parquet")
    ground, fold = oof["contact_id"].str.endswith("_G").to_numpy(), oof["fold"].to_numpy()
    for one, thresholds in thresholds_by_fold(oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy(), ground, fold).items():
        inside = fold == one
        np.testing.assert_array_equal(thresholds.decide(oof["blend"].to_numpy()[inside], ground[inside]), oof["final"].to_numpy()[inside] == 1)


def test_every_filmed_play_has_a_page_below_three_megabytes_beside_its_videos(finished_run):
    folder = finished_run.folder / "report" / "plays"
    for play in finished_run.folds["game_play"]:
        assert (folder / f"{play}.html").stat().st_size < 3e6
        assert (folder / f"{play}_Sideline.mp4").samefile(finished_run.input / "train" / f"{play}_Sideline.mp4")
    assert read_json(finished_run.folder / "stages.json")["report"]["seconds"] > 0
