import dataclasses

import numpy as np
import pytest

from player_contact.features.image import pair_helmets, player_helmets
from player_contact.play import Rows
from tests.makers import all_rows, make_play

PAIR = Rows(np.array([0]), np.array([12]), np.array([0]), np.array([1]))


def with_boxes(first, second, sink=0.0):
    """A play of three players whose boxes stand still; `sink` pixels a step for the first one."""
    play = make_play(players=3)
    frames = len(play.views["Sideline"].boxes)
    boxes = np.broadcast_to(np.array([first, second, [400, 100, 20, 20]], dtype=np.float32), (frames, 3, 4)).copy()
    boxes[:, 0, 1] += sink * np.arange(frames) / 6
    view = dataclasses.replace(play.views["Sideline"], boxes=boxes)
    return dataclasses.replace(play, views={"Sideline": view})


def test_the_gap_between_two_boxes_is_counted_in_helmets():
    columns = pair_helmets(with_boxes([100, 100, 20, 20], [160, 180, 20, 20]), PAIR)
    assert [float(columns[f"sideline_{name}"][0]) for name in ("gap", "gap_across", "gap_up")] == pytest.approx([5, 3, 4])


def test_zoom_changes_no_gap():
    near = with_boxes([100, 100, 20, 20], [160, 180, 20, 20])
    view = dataclasses.replace(near.views["Sideline"], boxes=near.views["Sideline"].boxes * 2)
    far = dataclasses.replace(near, views={"Sideline": view})
    for name, values in (pair_helmets(near, PAIR) | player_helmets(near)).items():
        again = (pair_helmets(far, PAIR) | player_helmets(far))[name]
        np.testing.assert_allclose(again, values, rtol=1e-5, atol=1e-5, err_msg=name)


def test_boxes_that_cover_each_other_overlap_wholly_and_boxes_apart_not_at_all():
    same = pair_helmets(with_boxes([100, 100, 20, 20], [100, 100, 20, 20]), PAIR)
    apart = pair_helmets(with_boxes([100, 100, 20, 20], [160, 100, 20, 20]), PAIR)
    assert (float(same["sideline_overlap"][0]), float(apart["sideline_overlap"][0])) == (1, 0)


def test_a_helmet_that_goes_down_has_sunk():
    columns = player_helmets(with_boxes([100, 100, 20, 20], [160, 100, 20, 20], sink=4))
    assert columns["sideline_sank_-10"][12] == pytest.approx([2, 0, 0], abs=0.1)


def test_a_view_without_metadata_has_the_same_columns_without_values():
    play = make_play()
    blind = dataclasses.replace(play, views={"Sideline": play.views["Sideline"]})
    pairs = all_rows(play)[~all_rows(play).is_ground]
    with np.errstate(invalid="ignore"):
        both, one = ({**pair_helmets(which, pairs), **player_helmets(which)} for which in (play, blind))
    assert list(one) == list(both)
    for name, values in one.items():
        if name.startswith("endzone_") and "box_share" not in name:
            assert np.isnan(values).all(), name
        elif name.startswith("sideline_") and "endzone" not in name:
            np.testing.assert_array_equal(values, both[name])
