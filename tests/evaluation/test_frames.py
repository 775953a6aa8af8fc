import cv2
import pytest
from typer.testing import CliRunner

from player_contact.__main__ import app
from player_contact.errors import InputError
from player_contact.evaluation.frames import CONTACT, TEAMS, write_frame_sheet


def test_a_frame_sheet_shows_three_moments_in_both_views(season, tmp_path):
    write_frame_sheet(season, "train", "", tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (3 * (360 + 26) + 26, 1280, 3)
    for line in range(3):
        for column in range(2):
            assert picture[line * 386 + 30 : (line + 1) * 386, column * 640 : (column + 1) * 640].std() > 20


def test_below_the_frames_stands_what_colours_lines_and_discs_mean(season, tmp_path, monkeypatch):
    written = []
    put = cv2.putText
    monkeypatch.setattr(cv2, "putText", lambda picture, text, *rest: written.append(text) or put(picture, text, *rest))
    write_frame_sheet(season, "train", "", tmp_path / "sheet.png")
    legend = cv2.imread(str(tmp_path / "sheet.png"))[-26:]
    assert written[-5:] == ["helmet boxes as they were detected:", "away", "home", "two players in contact", "in contact with the ground"]
    for colour in (*TEAMS, CONTACT):
        assert (legend == colour).all(axis=-1).sum() > 20
    assert (legend[:, -200:] == 255).all()  # nothing is cut off


def test_test_plays_without_labels_can_be_looked_at_too(season, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(cv2, "putText", lambda picture, text, *rest: written.append(text))
    write_frame_sheet(season, "test", "", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
    assert written[-3:] == ["away", "home", "who touches whom is not known of test plays"]


def test_a_split_that_does_not_exist_is_refused(season, tmp_path):
    with pytest.raises(InputError, match="'tset' is no split: train or test"):
        write_frame_sheet(season, "tset", "", tmp_path / "sheet.png")


def test_without_data_the_simulated_seasons_are_listed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    none = CliRunner().invoke(app, ["look-frames"])
    assert isinstance(none.exception, InputError)
    assert str(none.exception) == (
        "input/nfl-player-contact-detection holds no data. Name another folder with INPUT=, or make a simulated season: make season"
    )
    for name in ("seed1", "seed2", ".seed3.partial"):
        (tmp_path / "outputs" / "seasons" / name).mkdir(parents=True)
        (tmp_path / "outputs" / "seasons" / name / "train_labels.csv").touch()
    some = CliRunner().invoke(app, ["look-frames"])
    assert str(some.exception) == (
        "input/nfl-player-contact-detection holds no data. Name a simulated season, such as INPUT=outputs/seasons/seed1 "
        "(outputs/seasons holds seed1, seed2)"
    )


def test_a_play_that_is_not_there_is_named(season, tmp_path):
    with pytest.raises(InputError, match="has no train play 58168_000000"):
        write_frame_sheet(season, "train", "58168_000000", tmp_path / "sheet.png")


def test_a_season_without_videos_has_no_frames(season_tables, tmp_path):
    with pytest.raises(InputError, match="has no train play with videos"):
        write_frame_sheet(season_tables, "train", "", tmp_path / "sheet.png")


def test_a_name_that_is_no_picture_s_is_refused(season, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png or \.jpg"):
        write_frame_sheet(season, "train", "", tmp_path / "sheet.pdf")
