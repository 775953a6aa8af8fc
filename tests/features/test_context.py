import dataclasses

import numpy as np
import pytest

from player_contact.features.context import ROLE_ALIASES, ROLE_ORDER, play_state, role_number
from player_contact.play import Rows
from tests.makers import make_play

PAIR = Rows(np.array([0]), np.array([2]), np.array([0]), np.array([1]))


@pytest.mark.parametrize(("home", "same"), [((True, True), 1), ((False, False), 1), ((True, False), 0)])
def test_players_of_one_team_are_told_from_opponents(home, same):
    play = dataclasses.replace(make_play(players=2), home=np.array(home))
    assert play_state(play, PAIR)["same_team"] == same


def test_the_ground_plays_for_no_team():
    ground = Rows(np.array([0]), np.array([2]), np.array([0]), np.array([-1]))
    assert np.isnan(play_state(make_play(), ground)["same_team"])[0]


def test_the_step_counts_from_the_snap():
    play = make_play()
    assert play_state(play, PAIR)["step"] == play.steps[2]


def test_the_middle_of_the_field_is_nowhere_off_centre():
    play = make_play(players=2)
    position = np.full_like(play.position, 60)
    position[..., 1] = 80 / 3
    columns = play_state(dataclasses.replace(play, position=position), PAIR)
    assert [float(columns[f"off_centre_{way}_high"][0]) for way in ("along", "across")] == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("alias", ROLE_ALIASES)
def test_a_role_by_another_name_is_the_same_role(alias):
    assert role_number(alias) == ROLE_ORDER.index(ROLE_ALIASES[alias])


def test_an_unknown_role_is_not_known():
    assert np.isnan(role_number("XX"))


def test_the_roles_of_the_real_play_are_all_known(real_folder):
    roles = set(real_folder.table("test_player_tracking.csv")["position"])
    assert not [role for role in roles if np.isnan(role_number(role))]
