import numpy as np
import pandas as pd

from player_contact.competition.constants import GROUND
from player_contact.competition.contact_ids import is_ground, join_ids, split_ids

IDS = pd.Series(["58168_003392_12_38590_43854", "58582_002774_0_38590_G"])


def test_a_contact_id_is_split():
    rows = split_ids(IDS)
    assert rows["game_play"].tolist() == ["58168_003392", "58582_002774"]
    assert rows["step"].tolist() == [12, 0]
    assert rows["nfl_player_id_1"].tolist() == [38590, 38590]
    assert rows["nfl_player_id_2"].tolist() == [43854, GROUND]
    np.testing.assert_array_equal(is_ground(rows), [False, True])


def test_joining_is_the_inverse_of_splitting():
    assert join_ids(split_ids(IDS)).tolist() == IDS.tolist()
