import dataclasses

import numpy as np
import pytest

from player_contact.features.helmet_boxes import box_distance, pair_helmets, player_helmets
from player_contact.play import Rows
from tests.makers import all_rows, make_play

PAIR = Rows(np.array([0]), np.array([12]), np.array([0]), np.array([1]))


def with_boxes(second, sink=0.0, zoom=1):
    """A play of three players whose boxes stand still; `sink` pixels a step for the first one."""
    play = make_play(players=3)
    view = play.views["Sideline"]
    still = np.float32([[100, 100, 20, 20], second, [400, 100, 20, 20]])
    boxes = np.tile(still, (len(view.boxes), 1, 1))
    boxes[:, 0, 1] += sink * np.arange(len(boxes)) / 6
    view = dataclasses.replace(view, boxes=zoom * boxes)
    return dataclasses.replace(play, views={"Sideline": view})


def test_the_gap_between_two_boxes_is_in_helmet_sizes():
    columns = pair_helmets(with_boxes([160, 180, 20, 20]), PAIR)
    gaps = [float(columns[f"sideline_{name}"][0]) for name in ("gap", "gap_across", "gap_up")]
    assert gaps == pytest.approx([5, 3, 4])


def test_zoom_changes_no_feature():
    near, far = (with_boxes([160, 180, 20, 20], zoom=zoom) for zoom in (1, 2))
    for features in (player_helmets, lambda play: pair_helmets(play, PAIR)):
        zoomed = features(far)
        for name, values in features(near).items():
            np.testing.assert_allclose(zoomed[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("left", "overlap"), [(100, 1), (160, 0)])
def test_the_overlap_of_boxes(left, overlap):
    columns = pair_helmets(with_boxes([left, 100, 20, 20]), PAIR)
    assert float(columns["sideline_overlap"][0]) == overlap


def test_the_distance_of_boxes_is_that_of_the_views_that_show_both():
    play = with_boxes([160, 180, 20, 20])
    assert box_distance(play, PAIR) == pytest.approx([5])
    other = with_boxes([120, 100, 20, 20]).views["Sideline"]
    play = dataclasses.replace(play, views=play.views | {"Endzone": other})
    assert box_distance(play, PAIR) == pytest.approx([np.sqrt((25 + 1) / 2)])
    other.boxes[:, 1] = np.nan
    assert box_distance(play, PAIR) == pytest.approx([5])


def test_a_box_that_is_near_for_a_moment_is_not_near():
    play = with_boxes([300, 100, 20, 20])
    play.views["Sideline"].boxes[70:76, 1, 0] = 100
    (distance,) = box_distance(play, PAIR)
    assert pair_helmets(play, PAIR)["sideline_gap"] == pytest.approx([0])
    assert distance == pytest.approx(10 * 10 / 11, rel=0.1)


def test_without_boxes_at_the_step_there_is_no_distance():
    play = with_boxes([160, 180, 20, 20])
    play.views["Sideline"].boxes[20:, 1] = np.nan
    assert np.isnan(box_distance(play, PAIR)).all()


def test_a_helmet_that_goes_down_has_sunk():
    columns = player_helmets(with_boxes([160, 100, 20, 20], sink=4))
    assert columns["sideline_sank_-10"][12] == pytest.approx([2, 0, 0], abs=0.1)


def test_a_view_without_metadata_has_the_same_columns_of_nan():
    play = make_play()
    half = dataclasses.replace(play, views={"Sideline": play.views["Sideline"]})
    pairs = all_rows(play)[~all_rows(play).is_ground]
    with np.errstate(invalid="ignore"):
        expected, columns = (pair_helmets(p, pairs) | player_helmets(p) for p in (play, half))
    assert list(columns) == list(expected)
    for name, values in columns.items():
        if name.startswith("endzone_") and "box_share" not in name:
            assert np.isnan(values).all(), name
        elif name.startswith("sideline_") and "endzone" not in name:
            np.testing.assert_array_equal(values, expected[name])
