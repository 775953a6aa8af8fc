import json
import os
import re

import numpy as np
import pandas as pd
import pytest

from player_contact.competition.metric import Thresholds
from player_contact.evaluation.scores import thresholds_by_fold
from player_contact.evaluation.viewer import (
    PlayResult,
    jersey_numbers,
    link_video,
    play_data,
    play_page,
    script_json,
)
from player_contact.play import Rows
from player_contact.utils.files import read_json
from tests.makers import all_rows, make_play

THRESHOLDS = Thresholds(pair=0.4, ground=0.6)
COLUMNS = ("contact", "final", "screen", "vision", "blend")


@pytest.fixture
def play():
    return make_play(seed=3, players=5, steps=30)


@pytest.fixture
def rows(play) -> Rows:
    rows = all_rows(play)
    return rows[play.steps[rows.step] >= 0]


@pytest.fixture
def zeros(rows) -> dict[str, np.ndarray]:
    """Columns of oof.parquet without any contact or prediction."""
    return {name: np.zeros(len(rows)) for name in COLUMNS}


@pytest.fixture
def data(play, rows, zeros):
    """Makes the page's data of `zeros`, as the test has changed it."""

    def make(thresholds=THRESHOLDS, jerseys=None, videos=None):
        result = PlayResult(None, pd.DataFrame(zeros), thresholds, jerseys or {})
        return play_data(play, rows, result, videos or {})

    return make


def of_pair(rows: Rows, first: int, second: int) -> np.ndarray:
    return np.flatnonzero((rows.first == first) & (rows.second == second))


def test_a_pair_is_listed_from_half_its_threshold_or_with_a_label(rows, zeros, data):
    zeros["blend"][of_pair(rows, 0, 1)[5]] = 0.21
    zeros["blend"][of_pair(rows, 1, 2)] = 0.19
    zeros["blend"][of_pair(rows, 3, -1)[2]] = 0.31
    zeros["contact"][of_pair(rows, 2, 4)[4]] = 1
    pairs = {(track["first"], track["second"]) for track in data()["tracks"]}
    assert pairs == {(0, 1), (3, -1), (2, 4)}


def test_a_track_holds_label_prediction_and_probabilities(rows, zeros, data):
    index = of_pair(rows, 0, 1)
    zeros["contact"][index[3:6]], zeros["final"][index[5:7]] = 1, 1
    zeros["screen"][index], zeros["blend"][index[5]] = 0.1234, 0.9
    (track,) = data()["tracks"]
    steps = len(index)
    assert track["label"] == "000111".ljust(steps, "0")
    assert track["predicted"] == "0000011".ljust(steps, "0")
    assert track["screen"] == [0.123] * steps
    assert track["vision"] == [None] * steps
    assert track["final"] == [None] * 5 + [0.9] + [None] * (steps - 6)
    assert track["threshold"] == 0.4


def test_a_player_has_his_jersey_number_where_it_is_known(play, data):
    players = data(jerseys={int(play.players[2]): 54, 1: 7})["players"]
    assert [player["jersey"] for player in players] == [None, None, 54, None, None]
    assert [player["id"] for player in players] == play.players.tolist()


def test_jersey_numbers_are_those_of_the_tracking_table(tiny_season):
    path = tiny_season.folder / "train_player_tracking.csv"
    table = tiny_season.table(path.name)
    valid = table.iloc[0]
    broken = table[table["nfl_player_id"] != valid["nfl_player_id"]].iloc[0]
    keys = ["game_play", "nfl_player_id"]
    table.loc[(table[keys] == broken[keys]).all(axis=1), "jersey_number"] = "4x"
    tiny_season.write(path.name, table)
    numbers = jersey_numbers(path)
    number = numbers[valid["game_play"]][int(valid["nfl_player_id"])]
    assert number == int(valid["jersey_number"])
    assert int(broken["nfl_player_id"]) not in numbers[broken["game_play"]]
    sizes = dict.fromkeys(table["game_play"], 22) | {broken["game_play"]: 21}
    assert {play: len(players) for play, players in numbers.items()} == sizes


def test_a_table_without_jersey_numbers_has_none(tiny_season):
    tiny_season.drop_column("train_player_tracking.csv", "jersey_number")
    assert jersey_numbers(tiny_season.folder / "train_player_tracking.csv") == {}


def test_boxes_are_those_of_the_frame(play, data):
    view = play.views["Sideline"]
    shown = data(videos={"Sideline": "s.mp4"})["views"][0]
    assert (shown["name"], shown["video"]) == ("Sideline", "s.mp4")
    start = np.timedelta64(round(shown["start"] * 1000), "ms")
    assert play.times[play.steps == 0][0] + start == view.start_time
    for number in (0, 40):
        boxes = np.array(shown["boxes"][number]).reshape(-1, 6)
        expected = view.boxes[shown["first_frame"] + number]
        boxed = np.flatnonzero(~np.isnan(expected[:, 0]))
        assert boxes[:, 0].tolist() == boxed.tolist()
        np.testing.assert_array_equal(boxes[:, 1:5], np.rint(expected[boxed]))
        assert (boxes[:, 5] == 1).all()


def test_a_play_without_boxes_or_contacts_has_a_page(play, data):
    for view in play.views.values():
        view.boxes[:] = np.nan
    page = play_page(data())
    assert "MCC of this play –" in page
    assert "There is no Endzone video." in page


def test_an_infinite_threshold_is_none(zeros, data):
    zeros["contact"][:] = 1
    shown = data(Thresholds(pair=np.inf, ground=0.6))
    thresholds = {(track["second"] == -1, track["threshold"]) for track in shown["tracks"]}
    assert thresholds == {(False, None), (True, 0.6)}
    assert '"threshold":null' in play_page(shown)


def test_text_from_files_never_becomes_markup(data):
    shown = data(videos={"Sideline": '"><img src=x>.mp4'})
    shown["players"][0]["role"] = "</script><b>&\u2028"
    page = play_page(shown)
    assert "<img" not in page
    assert page.count("</script>") == 2
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert json.loads(found[1])["players"][0]["role"] == "</script><b>&\u2028"


def test_nan_does_not_enter_a_page():
    with pytest.raises(ValueError, match="JSON"):
        script_json([float("nan")])


@pytest.fixture
def video(tmp_path):
    (tmp_path / "plays").mkdir()
    (tmp_path / "v.mp4").write_bytes(b"moving images")
    return tmp_path / "v.mp4"


def test_a_video_beside_the_page_takes_no_space(video, tmp_path):
    folder, link = tmp_path / "plays", tmp_path / "link.mp4"
    link.symlink_to(video)
    assert link_video(link, folder) == "link.mp4"
    assert link_video(link, folder) == "link.mp4"
    assert (folder / "link.mp4").samefile(video)
    assert not (folder / "link.mp4").is_symlink()
    assert link_video(tmp_path / "nothing.mp4", folder) is None


@pytest.mark.parametrize("missing", [["link"], ["link", "symlink"]])
def test_without_hard_links_a_symbolic_link_or_copy_serves(video, tmp_path, monkeypatch, missing):
    def refuse(*_):
        raise OSError("another device")

    for name in missing:
        monkeypatch.setattr(os, name, refuse)
    assert link_video(video, tmp_path / "plays") == "v.mp4"
    target = tmp_path / "plays" / "v.mp4"
    assert target.read_bytes() == b"moving images"
    assert target.is_symlink() == ("symlink" not in missing)


def test_the_thresholds_of_a_fold_decided_its_rows(finished_run):
    oof = pd.read_parquet(finished_run.folder / "oof.parquet")
    ground, fold = oof["contact_id"].str.endswith("_G").to_numpy(), oof["fold"].to_numpy()
    label, blend = oof["contact"].to_numpy(dtype=bool), oof["blend"].to_numpy()
    for number, thresholds in thresholds_by_fold(label, blend, ground, fold).items():
        rows = fold == number
        decided = thresholds.decide(blend[rows], ground[rows])
        np.testing.assert_array_equal(decided, oof["final"].to_numpy()[rows] == 1)


def test_every_filmed_play_has_a_small_page_beside_its_videos(finished_run):
    folder = finished_run.folder / "report" / "plays"
    for play in finished_run.folds["game_play"]:
        assert (folder / f"{play}.html").stat().st_size < 3e6
        name = f"{play}_Sideline.mp4"
        assert (folder / name).samefile(finished_run.input / "train" / name)
    assert read_json(finished_run.folder / "stages.json")["report"]["seconds"] > 0
