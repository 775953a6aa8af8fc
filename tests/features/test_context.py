import dataclasses

import numpy as np
import pytest

from player_contact.features.context import ROLE_ALIASES, ROLE_ORDER, attackers, pair_roles, play_state, player_place, role_number
from player_contact.play import Rows
from tests.makers import make_play

PAIR = Rows(np.array([0]), np.array([2]), np.array([0]), np.array([1]))


@pytest.mark.parametrize(("home", "same"), [((True, True), 1), ((False, False), 1), ((True, False), 0)])
def test_players_of_one_team_are_told_from_opponents(home, same):
    play = dataclasses.replace(make_play(players=2), home=np.array(home))
    assert pair_roles(play, PAIR)["same_team"] == same


def test_the_step_counts_from_the_snap():
    play = make_play()
    assert play_state(play)["step"].tolist() == play.steps.tolist()


def test_the_middle_of_the_field_is_nowhere_off_centre():
    play = make_play(players=2)
    position = np.full_like(play.position, 60)
    position[..., 1] = 80 / 3
    places = player_place(dataclasses.replace(play, position=position))
    assert places["off_centre_along"].max() < 1e-5
    assert places["off_centre_across"].max() < 1e-5


def test_the_team_with_the_passer_attacks():
    play = dataclasses.replace(make_play(players=6), role=np.array(["QB", "CB", "C", "DE", "WR", "SS"]))
    assert attackers(play).tolist() == play.home.tolist() == [True, False] * 3


@pytest.mark.parametrize("way", [1, -1])
def test_downfield_is_where_the_offence_wants_to_go(way):
    play = dataclasses.replace(make_play(players=4), role=np.array(["C", "NT", "QB", "FS"]))
    position = np.zeros_like(play.position)
    position[..., 0] = 60 + way * np.array([0, 1, -5, 12])
    places = player_place(dataclasses.replace(play, position=position))
    np.testing.assert_allclose(places["downfield"][0], [0, 1, -5, 12])


@pytest.mark.parametrize("alias", ROLE_ALIASES)
def test_a_role_by_another_name_is_the_same_role(alias):
    assert role_number(alias) == ROLE_ORDER.index(ROLE_ALIASES[alias])


def test_an_unknown_role_is_not_known():
    assert np.isnan(role_number("XX"))


def test_the_roles_of_the_real_play_are_all_known(real_folder):
    roles = set(real_folder.table("test_player_tracking.csv")["position"])
    assert not [role for role in roles if np.isnan(role_number(role))]
