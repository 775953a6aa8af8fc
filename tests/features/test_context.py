import dataclasses

import numpy as np
import pytest

from player_contact.features import context
from player_contact.features.context import ROLE_ALIASES, ROLE_ORDER, role_code
from player_contact.play import Rows
from tests.makers import make_play

PAIR = Rows(np.array([0]), np.array([2]), np.array([0]), np.array([1]))


@pytest.mark.parametrize("home", [(True, True), (False, False), (True, False)])
def test_team_mates_differ_from_opponents(home):
    play = dataclasses.replace(make_play(players=2), home=np.array(home))
    assert context.pair_context(play, PAIR)["same_team"] == (home[0] == home[1])


def test_the_step_counts_from_the_snap():
    play = make_play()
    assert context.play_context(play)["step"].tolist() == play.steps.tolist()


def test_the_middle_of_the_field_is_not_off_centre():
    play = make_play(players=2)
    position = np.broadcast_to(np.float32([60, 80 / 3]), play.position.shape)
    columns = context.player_context(dataclasses.replace(play, position=position))
    assert columns["off_centre_along"].max() < 1e-5
    assert columns["off_centre_across"].max() < 1e-5


def test_the_team_with_the_passer_is_the_offence():
    role = np.array(["QB", "CB", "C", "DE", "WR", "SS"])
    play = dataclasses.replace(make_play(players=6), role=role)
    assert context.is_offence(play).tolist() == play.home.tolist() == [True, False] * 3


@pytest.mark.parametrize("sign", [1, -1])
def test_downfield_is_where_the_offence_wants_to_go(sign):
    play = dataclasses.replace(make_play(players=4), role=np.array(["C", "NT", "QB", "FS"]))
    position = np.zeros_like(play.position)
    position[..., 0] = 60 + sign * np.array([0, 1, -5, 12])
    columns = context.player_context(dataclasses.replace(play, position=position))
    np.testing.assert_allclose(columns["downfield"][0], [0, 1, -5, 12])


@pytest.mark.parametrize("alias", ROLE_ALIASES)
def test_an_alias_is_the_same_role(alias):
    assert role_code(alias) == ROLE_ORDER.index(ROLE_ALIASES[alias])


def test_an_unknown_role_is_nan():
    assert np.isnan(role_code("XX"))


def test_the_roles_of_the_real_play_are_all_known(real_folder):
    roles = set(real_folder.table("test_player_tracking.csv")["position"])
    assert not [role for role in roles if np.isnan(role_code(role))]
