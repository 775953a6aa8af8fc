import dataclasses
import logging

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player_contact.competition.clock import FRAMES_PER_SECOND, STEPS_PER_SECOND
from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.config import CropsConfig
from player_contact.play import Play, Rows
from player_contact.video.crops import (
    GROUND_BELOW,
    LATE_FRAMES,
    PAIR_BELOW,
    cut_crops,
    follow,
    windows,
)
from player_contact.video.step_boxes import StepBoxes, no_boxes, step_boxes
from tests.makers import all_rows, make_play, plays, swapped, write_video

CONFIG = CropsConfig(size=64, frame_offsets=(-1, 0, 1), max_other_boxes=2)
GRAY, WHITE = 60, 220
ENDZONE = VIEWS.index("Endzone")
BLANK = np.full((FRAME_HEIGHT, FRAME_WIDTH), GRAY, dtype=np.uint8)


def filmed_play(folder, boxes, frames=12) -> Play:
    """Two steps of a play whose players' helmets are white squares at `boxes` [P, 4] in every frame
    of both videos."""
    boxes = np.array(boxes, dtype=np.float32)
    play, image = make_play(players=len(boxes), steps=2, folder=folder), BLANK.copy()
    for left, top, width, height in boxes.astype(int):
        image[max(top, 0) : top + height, max(left, 0) : left + width] = WHITE
    boxes, views = np.tile(boxes, (frames, 1, 1)), {}
    for name, view in play.views.items():
        write_video(view.video, [image] * frames)
        views[name] = dataclasses.replace(view, boxes=boxes)
    return dataclasses.replace(play, views=views)


def one_row(first=0, second=-1, step=0) -> Rows:
    return Rows(*(np.array([value]) for value in (0, step, first, second)))


def still_boxes(boxes) -> StepBoxes:
    """Boxes [P, 4] left, top, width, height at a single step."""
    boxes = np.array(boxes, dtype=np.float32)[None]
    size = boxes[..., 2:]
    return dataclasses.replace(
        no_boxes(1, boxes.shape[1]), centre=boxes[..., :2] + size / 2, size=size
    )


def bright_part(image) -> np.ndarray:
    """left, top, right, bottom of what is white, counting each pixel by how white it is."""
    share = np.clip((image.astype(float) - GRAY) / (WHITE - GRAY), 0, 1)
    pixel = np.arange(image.shape[-1]) + 0.5
    centre = np.array([(share.sum(axis) * pixel).sum() / share.sum() for axis in (0, 1)])
    half = np.array([share.sum(axis).max() / 2 for axis in (1, 0)])
    return np.concatenate([centre - half, centre + half])


@pytest.mark.parametrize("size", [10, 16, 30, 50])
@pytest.mark.parametrize("corner", [(600, 300), (601, 333), (20, 20), (1200, 40), (3, 640)])
def test_a_crop_shows_a_helmet_where_its_box_is(tmp_path, corner, size):
    crops = cut_crops(filmed_play(tmp_path, [[*corner, size, size]]), one_row(), CONFIG)
    assert crops.visible.all()
    for view, channel in np.ndindex(2, 3):
        bright = bright_part(crops.images[0, view, channel])
        np.testing.assert_allclose(bright, crops.boxes[0, view, 0], atol=0.6)


def test_the_centre_of_the_window_is_that_of_the_crop(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]])
    window = windows(step_boxes(play, play.views["Endzone"], 0), one_row(), CONFIG)
    left, top, right, bottom = cut_crops(play, one_row(), CONFIG).boxes[0, ENDZONE, 0]
    scale = CONFIG.size / window.side[0]
    centre = CONFIG.stored_size / 2 + (np.array([610, 310]) - window.centre[0]) * scale
    assert [(left + right) / 2, (top + bottom) / 2] == pytest.approx(centre)
    assert right - left == pytest.approx(20 * scale)


def test_a_window_lies_between_players_below_their_helmets():
    window = windows(still_boxes([[600, 300, 20, 20], [640, 300, 20, 20]]), one_row(0, 1), CONFIG)
    assert window.centre[0].tolist() == pytest.approx([630, 310 + PAIR_BELOW * 20])
    assert window.side[0] == pytest.approx(20 * CONFIG.pair_window_helmets)


def test_a_window_around_the_ground_is_wider_and_lower():
    window = windows(still_boxes([[600, 300, 20, 20]]), one_row(), CONFIG)
    assert window.centre[0].tolist() == pytest.approx([610, 310 + GROUND_BELOW * 20])
    assert window.side[0] == pytest.approx(20 * CONFIG.ground_window_helmets)


@pytest.mark.parametrize("apart", [(160, 0), (0, 160), (-160, 90)])
def test_a_window_holds_both_players_of_a_pair_however_far_apart(apart):
    corners = np.array([[600, 300], [600, 300]]) + np.outer([0, 1], apart)
    boxes = still_boxes(np.hstack([corners, np.full((2, 2), 20)]))
    window = windows(boxes, one_row(0, 1), CONFIG)
    left, top = window.centre[0] - window.side[0] / 2
    right, bottom = window.centre[0] + window.side[0] / 2
    (first_left, first_top), (last_left, last_top) = corners.min(0), corners.max(0)
    body = np.array([first_left - 20, first_top, last_left + 40, last_top + 20 * 4.5])  # to knees
    assert (np.array([left, top]) <= body[:2]).all()
    assert (np.array([right, bottom]) >= body[2:]).all()


def real_boxes(real) -> StepBoxes:
    table = pd.read_csv(real / "endzone_frame_boxes.csv")
    return still_boxes(table[["left", "top", "width", "height"]].to_numpy())


def test_around_a_real_player_the_window_reaches_the_turf_below_the_feet(real_files):
    boxes = real_boxes(real_files)
    players = np.arange(boxes.size.shape[1])
    rows = Rows(players, np.zeros_like(players), players, np.full_like(players, -1))
    window, helmet = windows(boxes, rows, CONFIG), boxes.size[0].mean(-1)
    top = boxes.centre[0, :, 1] - boxes.size[0, :, 1] / 2
    assert ((window.centre[:, 1] + window.side / 2 - top) / helmet).min() > 6.5


def test_around_a_real_pair_the_window_reaches_the_knees_of_both(real_files):
    boxes = real_boxes(real_files)
    first, second = np.triu_indices(boxes.size.shape[1], 1)
    window = windows(boxes, Rows(first, np.zeros_like(first), first, second), CONFIG)
    helmet = np.median(boxes.size.mean(-1))
    top = boxes.centre[0, :, 1] - boxes.size[0, :, 1] / 2
    lower = np.maximum(top[first], top[second])
    assert ((window.centre[:, 1] + window.side / 2 - lower) / helmet).min() > 4


@given(plays(), st.floats(2, 12))
def test_a_row_has_a_window_if_one_of_its_players_has_a_box(play, helmets):
    rows = all_rows(play)
    boxes = step_boxes(play, play.views["Sideline"], 3)
    config = CropsConfig(pair_window_helmets=helmets, ground_window_helmets=helmets)
    window = windows(boxes, rows, config)
    known = ~np.isnan(boxes.centre[..., 0])
    expected = known[rows.step, rows.first] | (known[rows.step, rows.second] & ~rows.is_ground)
    np.testing.assert_array_equal(~np.isnan(window.side), expected)
    np.testing.assert_array_equal(~np.isnan(window.centre[:, 0]), expected)


@given(plays())
def test_the_order_of_the_players_moves_no_window(play):
    rows = all_rows(play)
    boxes = step_boxes(play, play.views["Sideline"], 3)
    window, other = (windows(boxes, one, CONFIG) for one in (rows, swapped(rows)))
    moves, others = (follow(boxes, one, CONFIG.frame_offsets) for one in (rows, swapped(rows)))
    np.testing.assert_allclose(moves, others, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(window.centre, other.centre, rtol=1e-5)
    np.testing.assert_allclose(window.side, other.side, rtol=1e-5)


def test_windows_follow_the_players_from_frame_to_frame():
    still = still_boxes([[600, 300, 20, 20], [700, 300, 20, 20]])
    moved = [still.centre + np.float32([10, -4]) * step for step in range(3)]
    boxes = dataclasses.replace(
        no_boxes(3, 2), centre=np.concatenate(moved), size=np.tile(still.size, (3, 1, 1))
    )
    step = FRAMES_PER_SECOND / STEPS_PER_SECOND
    moves = follow(boxes, one_row(0, 1, step=1), (-12, -6, 0, 3, 6))[0]
    expected = np.outer(np.clip(np.array([-12, -6, 0, 3, 6]) / step, -1, 1), [10, -4])
    np.testing.assert_allclose(moves, expected, atol=0.1)


def test_a_window_rests_where_another_player_of_the_pair_has_a_box():
    still = still_boxes([[600, 300, 20, 20], [700, 300, 20, 20]])
    centre = np.tile(still.centre, (3, 1, 1))
    centre[2, 1] = np.nan
    boxes = dataclasses.replace(no_boxes(3, 2), centre=centre, size=np.tile(still.size, (3, 1, 1)))
    assert not follow(boxes, one_row(0, 1, step=1), (-6, 0, 6)).any()


def test_the_border_of_the_frame_is_replicated(tmp_path):
    play = filmed_play(tmp_path, [[4, 360, 16, 16]])
    assert cut_crops(play, one_row(), CONFIG).images[0, 0, 0].min() > GRAY - 10


def test_boxes_are_those_of_the_pair_then_of_the_nearest_others(tmp_path):
    boxes = [[600, 300, 20, 20], [630, 300, 20, 20], [1100, 300, 20, 20], [600, 340, 20, 20]]
    boxes = cut_crops(filmed_play(tmp_path, boxes), one_row(1, 0), CONFIG).boxes[0, 0]
    assert boxes[0, 0] > boxes[1, 0]
    assert boxes[2, 1] > boxes[0, 1]
    assert np.isnan(boxes[3]).all(), "a player far outside the window has no box in it"


def test_crops_tell_which_boxes_are_detected(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [630, 300, 20, 20], [640, 310, 20, 20]])
    detected = np.tile([True, False, True], (12, 1))
    views = {name: dataclasses.replace(v, detected=detected) for name, v in play.views.items()}
    crops = cut_crops(dataclasses.replace(play, views=views), one_row(1, 0), CONFIG)
    assert crops.detected.tolist() == [[[False, True, True, False]] * 2]


def test_a_ground_row_has_one_box(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20], [1100, 300, 20, 20]])
    boxes = cut_crops(play, one_row(0), CONFIG).boxes[0, 0]
    np.testing.assert_array_equal(np.isnan(boxes[:, 0]), [False, True, True, True])


def test_the_frames_around_a_step_are_taken_in_order(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]], frames=20)
    view, config = play.views["Endzone"], CropsConfig(size=16, frame_offsets=(-2, 0, 3))
    write_video(view.video, [np.full_like(BLANK, 20 + 10 * frame) for frame in range(20)])
    frame = int(view.frame_of(play.times)[1])
    images = cut_crops(play, one_row(step=1), config).images[0, ENDZONE]
    expected = [20 + 10 * (frame + offset) for offset in config.frame_offsets]
    np.testing.assert_allclose(images.mean(axis=(1, 2)), expected, atol=2)


def test_a_play_without_views_is_not_visible(tmp_path):
    crops = cut_crops(dataclasses.replace(make_play(), views={}), one_row(), CONFIG)
    assert not crops.visible.any()


def test_rows_after_the_end_of_a_video_are_not_visible(tmp_path, caplog):
    play = make_play(players=1, steps=6, folder=tmp_path)
    view = dataclasses.replace(play.views["Endzone"], boxes=np.full((40, 1, 4), 300, np.float32))
    play = dataclasses.replace(play, views={"Endzone": view})
    write_video(view.video, [BLANK] * 10)
    with caplog.at_level(logging.INFO):
        visible = cut_crops(play, all_rows(play), CONFIG).visible[:, ENDZONE]
    np.testing.assert_array_equal(visible, view.frame_of(play.times) <= 9 + LATE_FRAMES)
    lost = 6 - visible.sum()
    assert 0 < lost < 6
    assert f"Endzone.mp4 ends before the play: {lost} rows have no Endzone view" in caplog.text


def test_a_step_just_after_the_last_frame_shows_it(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]], frames=20)
    view = play.views["Endzone"]
    write_video(view.video, [BLANK] * int(view.frame_of(play.times)[1]))
    assert cut_crops(play, one_row(step=1), CONFIG).visible[0, ENDZONE]


def test_a_crop_does_not_depend_on_the_other_rows(tmp_path):
    boxes = [[600, 300, 20, 20], [630, 310, 18, 20], [700, 300, 20, 24]]
    play = filmed_play(tmp_path, boxes, frames=20)
    rows = all_rows(play)
    crops = cut_crops(play, rows, CONFIG)
    for index in (0, 4, len(rows) - 1):
        alone = cut_crops(play, rows[np.array([index])], CONFIG)
        for name in ("images", "boxes", "detected", "visible"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(crops, name)[index])


def test_no_rows_have_no_crops(tmp_path):
    play = filmed_play(tmp_path, [[600, 300, 20, 20]])
    assert cut_crops(play, all_rows(play)[:0], CONFIG).images.shape == (0, 2, 3, 72, 72)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (960, 720)])
def test_boxes_are_scaled_to_a_video_of_another_size(tmp_path, caplog, width, height):
    play = filmed_play(tmp_path, [[600, 300, 24, 24]])
    expected, image = cut_crops(play, one_row(), CONFIG), BLANK.copy()
    image[300:324, 600:624] = WHITE
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    for view in play.views.values():
        write_video(view.video, [image] * 12)
    with caplog.at_level(logging.WARNING):
        crops = cut_crops(play, one_row(), CONFIG)
    assert crops.visible.all()
    np.testing.assert_array_equal(crops.boxes, expected.boxes)
    np.testing.assert_allclose(bright_part(crops.images[0, 0, 1]), crops.boxes[0, 0, 0], atol=1.2)
    assert f"has {width}x{height} pixels: boxes are scaled to fit" in caplog.text
