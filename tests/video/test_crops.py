import dataclasses
import logging

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.names import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.helmets import step_boxes
from player_contact.play import Play, Rows
from player_contact.video.crops import BODY_BELOW_HELMET, LATE_FRAMES, cut_crops, windows
from tests.makers import all_rows, make_play, plays, write_video

CONFIG = CropsConfig(size=72, frames=(-1, 0, 1), others=2)
GREY, WHITE = 60, 220


def filmed_play(folder, boxes, frames=12) -> Play:
    """Two steps of a play whose players' helmets are white squares at `boxes` [P, 4] in every frame of both videos."""
    boxes = np.array(boxes, dtype=np.float32)
    play = make_play(players=len(boxes), steps=2, folder=folder)
    picture = np.full((FRAME_HEIGHT, FRAME_WIDTH), GREY, dtype=np.uint8)
    for left, top, width, height in boxes.astype(int):
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = WHITE
    views = {}
    for name, view in play.views.items():
        write_video(view.video, [picture] * frames)
        views[name] = dataclasses.replace(view, boxes=np.broadcast_to(boxes, (frames, *boxes.shape)))
    return dataclasses.replace(play, views=views)


def one_row(first=0, second=-1, step=0) -> Rows:
    return Rows(*(np.array([value]) for value in (0, step, first, second)))


def bright_part(picture) -> np.ndarray:
    """left, top, right, bottom of what is white, counting each pixel by how white it is."""
    share = np.clip((picture.astype(float) - GREY) / (WHITE - GREY), 0, 1)
    centre = [(share.sum(axis) * (np.arange(picture.shape[-1]) + 0.5)).sum() / share.sum() for axis in (0, 1)]
    extent = [share.sum(axis).max() for axis in (1, 0)]
    return np.array([centre[0] - extent[0] / 2, centre[1] - extent[1] / 2, centre[0] + extent[0] / 2, centre[1] + extent[1] / 2])


@pytest.mark.parametrize("size", [10, 16, 30, 50], ids=lambda size: f"helmet of {size} px")
@pytest.mark.parametrize("corner", [(600, 300), (601, 333), (20, 20), (1200, 40), (3, 640)])
def test_a_helmet_is_seen_in_the_crop_where_its_box_is(tmp_path, corner, size):
    play = filmed_play(tmp_path, [[*corner, size, size]])
    crops = cut_crops(play, one_row(), CONFIG)
    assert crops.seen.all()
    for view in range(2):
        for channel in range(3):
            np.testing.assert_allclose(bright_part(crops.pictures[0, view, channel]), crops.boxes[0, view, 0], atol=0.6)


def test_the_middle_of_the_window_is_the_middle_of_the_crop(tmp_path):
    size = 20
    play = filmed_play(tmp_path, [[600, 300, size, size]])
    window = windows(step_boxes(play, play.views["Endzone"], 0), one_row(), CONFIG.helmets_wide)
    left, top, right, bottom = cut_crops(play, one_row(), CONFIG).boxes[0, VIEWS.index("Endzone"), 0]
    scale = CONFIG.size / window.side[0]
    centre = CONFIG.size / 2 + (np.array([610, 310]) - window.centre[0]) * scale
    assert [(left + right) / 2, (top + bottom) / 2] == pytest.approx(centre)
    assert right - left == pytest.approx(size * scale)


def test_a_window_lies_between_the_players_and_below_their_helmets(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [640, 300, 20, 20]])
    window = windows(step_boxes(play, play.views["Endzone"], 0), one_row(0, 1), helmets_wide=7)
    assert window.centre[0].tolist() == pytest.approx([630, 310 + BODY_BELOW_HELMET * 20])
    assert window.side[0] == pytest.approx(140)


@given(plays(), st.floats(2, 12))
def test_a_row_has_a_window_exactly_where_one_of_its_players_has_a_box(play, wide):
    rows = all_rows(play)
    boxes = step_boxes(play, play.views["Sideline"], 3)
    window = windows(boxes, rows, wide)
    seen = ~np.isnan(boxes.centre[..., 0])
    expected = seen[rows.step, rows.first] | (seen[rows.step, rows.second] & ~rows.is_ground)
    np.testing.assert_array_equal(~np.isnan(window.side), expected)
    np.testing.assert_array_equal(~np.isnan(window.centre[:, 0]), expected)


@given(plays())
def test_the_order_of_the_players_moves_no_window(play):
    rows = all_rows(play)[~all_rows(play).is_ground]
    boxes = step_boxes(play, play.views["Sideline"], 3)
    window, other = windows(boxes, rows, 7), windows(boxes, Rows(rows.row, rows.step, rows.second, rows.first), 7)
    np.testing.assert_allclose(window.centre, other.centre, rtol=1e-5)
    np.testing.assert_allclose(window.side, other.side, rtol=1e-5)


def test_beyond_the_frame_its_edge_goes_on(tmp_path):
    play = filmed_play(tmp_path, [[4, 360, 16, 16]])
    picture = cut_crops(play, one_row(), CONFIG).pictures[0, 0, 0]
    assert picture.min() > GREY - 10


def test_the_boxes_of_a_row_are_its_two_players_then_the_nearest_others(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [630, 300, 20, 20], [1100, 300, 20, 20], [600, 340, 20, 20]])
    boxes = cut_crops(play, one_row(1, 0), CONFIG).boxes[0, 0]
    assert boxes[0, 0] > boxes[1, 0]
    assert boxes[2, 1] > boxes[0, 1]
    assert np.isnan(boxes[3]).all(), "a player far outside the window has no box in it"


def test_a_crop_tells_which_of_its_boxes_the_detector_found(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [630, 300, 20, 20], [640, 310, 20, 20]])
    detected = np.zeros((12, 3), dtype=bool)
    detected[:, [0, 2]] = True
    views = {name: dataclasses.replace(view, detected=detected) for name, view in play.views.items()}
    crops = cut_crops(dataclasses.replace(play, views=views), one_row(1, 0), CONFIG)
    assert crops.detected.tolist() == [[[False, True, True, False]] * 2]


def test_a_player_and_the_ground_have_one_box(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [1100, 300, 20, 20]])
    boxes = cut_crops(play, one_row(0), CONFIG).boxes[0, 0]
    np.testing.assert_array_equal(np.isnan(boxes[:, 0]), [False, True, True, True])


def test_the_frames_around_a_step_are_taken_in_order(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]], frames=20)
    flashes = [np.full((FRAME_HEIGHT, FRAME_WIDTH), 20 + 10 * frame, dtype=np.uint8) for frame in range(20)]
    write_video(play.views["Sideline"].video, flashes)
    frame = int(play.views["Sideline"].frame_of(play.times)[1])
    pictures = cut_crops(play, one_row(step=1), CropsConfig(size=16, frames=(-2, 0, 3))).pictures[0, VIEWS.index("Sideline")]
    np.testing.assert_allclose(pictures.mean(axis=(1, 2)), [20 + 10 * (frame + offset) for offset in (-2, 0, 3)], atol=2)


def test_a_play_without_views_is_unseen(tmp_path):
    crops = cut_crops(dataclasses.replace(make_play(), views={}), one_row(), CONFIG)
    assert not crops.seen.any()


def test_a_video_that_ends_long_before_the_play_leaves_the_late_rows_unseen(tmp_path, caplog):
    boxes = np.full((40, 1, 4), 300, dtype=np.float32)
    play = make_play(players=1, steps=6, folder=tmp_path)
    play = dataclasses.replace(play, views={"Endzone": dataclasses.replace(play.views["Endzone"], boxes=boxes)})
    write_video(play.views["Endzone"].video, [np.full((FRAME_HEIGHT, FRAME_WIDTH), GREY, dtype=np.uint8)] * 10)
    with caplog.at_level(logging.INFO):
        crops = cut_crops(play, all_rows(play), CONFIG)
    frames = play.views["Endzone"].frame_of(play.times)
    np.testing.assert_array_equal(crops.seen[:, VIEWS.index("Endzone")], frames <= 9 + LATE_FRAMES)
    assert 0 < crops.seen.sum() < 6
    assert f"Endzone.mp4 ends before the play: {6 - crops.seen.sum()} rows have no Endzone view" in caplog.text


def test_a_step_just_after_the_last_frame_is_shown_by_it(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]], frames=20)
    view = play.views["Endzone"]
    last = int(view.frame_of(play.times)[1])
    write_video(view.video, [np.full((FRAME_HEIGHT, FRAME_WIDTH), GREY, dtype=np.uint8)] * last)
    assert cut_crops(play, one_row(step=1), CONFIG).seen[0, VIEWS.index("Endzone")]


def test_the_crop_of_a_row_does_not_depend_on_the_other_rows(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [630, 310, 18, 20], [700, 300, 20, 24]], frames=20)
    rows = all_rows(play)
    whole = cut_crops(play, rows, CONFIG)
    for place in (0, 4, len(rows) - 1):
        alone = cut_crops(play, rows[np.array([place])], CONFIG)
        for name in ("pictures", "boxes", "detected", "seen"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(whole, name)[place])


def test_no_rows_no_crops(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]])
    crops = cut_crops(play, all_rows(play)[:0], CONFIG)
    assert crops.pictures.shape == (0, 2, 3, 72, 72)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (960, 720)])
def test_in_a_video_of_another_size_the_helmet_is_where_its_box_is_too(tmp_path, caplog, width, height):
    play = filmed_play(tmp_path, [[600, 300, 24, 24]])
    full = cut_crops(play, one_row(), CONFIG)
    picture = np.full((FRAME_HEIGHT, FRAME_WIDTH), GREY, dtype=np.uint8)
    picture[300:324, 600:624] = WHITE
    for view in play.views.values():
        write_video(view.video, [cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)] * 12)
    with caplog.at_level(logging.WARNING):
        crops = cut_crops(play, one_row(), CONFIG)
    assert crops.seen.all()
    np.testing.assert_array_equal(crops.boxes, full.boxes)
    np.testing.assert_allclose(bright_part(crops.pictures[0, 0, 1]), crops.boxes[0, 0, 0], atol=1.2)
    assert f"has {width}x{height} pixels: boxes are moved to fit" in caplog.text
