import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from player_contact.detection.tripod import (
    CENTRE,
    HELMET_HEIGHT,
    Aim,
    joined,
    look_at,
    project,
    unproject,
)

coordinates = st.tuples(st.floats(5, 115), st.floats(3, 50))
places = st.tuples(st.floats(-60, 180), st.floats(-60, -20), st.floats(8, 45))


@given(places, coordinates, st.floats(20, 90))
def test_what_a_camera_looks_at_is_in_the_middle_and_as_large_as_asked(place, point, scale):
    place, point = np.array(place), np.array([point])
    aim = look_at(place, point, np.array([scale]))
    np.testing.assert_allclose(project(place, aim, point[None])[0, 0], CENTRE, atol=1e-6)
    ray = np.append(point[0], HELMET_HEIGHT) - place
    across = np.array([ray[1], -ray[0]]) / np.hypot(ray[0], ray[1])
    beside = project(place, aim, (point + 0.01 * across)[None])[0, 0]
    np.testing.assert_allclose(beside - CENTRE, [0.01 * scale, 0], atol=1e-3)


@given(places, coordinates, coordinates)
def test_a_pixel_leads_back_to_the_field(place, point, other):
    place, field = np.array(place), np.array([[point, other]])
    aim = look_at(place, field[:, 0], np.array([40.0]))
    pixels = project(place, aim, field)
    np.testing.assert_allclose(unproject(place, aim, pixels), field, atol=1e-6)
    horizon = np.array([[[CENTRE[0], CENTRE[1] - 1e6]]])
    assert np.isnan(unproject(place, aim, horizon)).all()


def test_farther_players_are_higher_and_those_behind_the_camera_are_nowhere():
    place = np.array([60.0, -40.0, 25.0])
    aim = look_at(place, np.array([[60.0, 20.0]]), np.array([40.0]))
    near, far, behind = project(place, aim, np.array([[[60.0, 10], [60, 40], [60, -80]]]))[0]
    assert near[1] > CENTRE[1] > far[1]
    assert np.isnan(behind).all()


@given(st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=2, max_size=6))
def test_an_aim_reaches_another_by_what_lies_between_them(values):
    aim = Aim(*np.array(values).T)
    other = aim.moved(np.tile([4 * np.pi + 0.2, -0.1, 0.05], (len(values), 1)))
    np.testing.assert_allclose(aim.to(other), np.tile([0.2, -0.1, 0.05], (len(values), 1)))
    again = joined([aim[k] for k in range(len(values))])
    np.testing.assert_array_equal(again.pan, aim.pan)
