import cv2
import pytest

from player_contact.errors import InputError
from player_contact.evaluation.frames import write_frame_sheet


def test_a_frame_sheet_shows_three_moments_in_both_views(season, tmp_path):
    write_frame_sheet(season, "train", "", tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (3 * (360 + 26), 1280, 3)
    for line in range(3):
        for column in range(2):
            assert picture[line * 386 + 30 : (line + 1) * 386, column * 640 : (column + 1) * 640].std() > 20


def test_test_plays_without_labels_can_be_looked_at_too(season, tmp_path):
    write_frame_sheet(season, "test", "", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()


def test_a_play_that_is_not_there_is_named(season, tmp_path):
    with pytest.raises(InputError, match="has no train play 58168_000000"):
        write_frame_sheet(season, "train", "58168_000000", tmp_path / "sheet.png")


def test_a_season_without_videos_has_no_frames(season_tables, tmp_path):
    with pytest.raises(InputError, match="has no train play with videos"):
        write_frame_sheet(season_tables, "train", "", tmp_path / "sheet.png")


def test_a_name_that_is_no_picture_s_is_refused(season, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png or \.jpg"):
        write_frame_sheet(season, "train", "", tmp_path / "sheet.pdf")
