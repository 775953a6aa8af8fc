"""Who goes down: slowing down, staying where one is, and in what company."""

import numpy as np

from player_contact.features.gather import Values, later, mean, most, nan_reduce, steps_since, steps_until
from player_contact.features.neighbours import nearest_opponent
from player_contact.play import Play

LONG = 50  # steps: longer ago is long ago
PACES = (0.5, 1.0, 2.0, 4.0)  # yd/s
TOUCH = 1.0  # yd


def falling(play: Play) -> Values:
    """Of a player: steps since he was last and until he is next faster than some paces, and close to an opponent; how he compares with all others.

    All steps are at most 50.
    """
    columns: Values = {}
    for pace in PACES:
        name = f"{pace:g}".replace(".", "_")
        columns[f"steps_since_faster_{name}"] = steps_since(play.speed > pace, LONG)
        columns[f"steps_until_faster_{name}"] = steps_until(play.speed > pace, LONG)
    columns["steps_still"] = np.minimum(columns["steps_since_faster_1"] + columns["steps_until_faster_1"], LONG)
    opponent = nearest_opponent(play)
    columns["steps_since_touch"] = steps_since(opponent < TOUCH, LONG)
    columns["steps_until_touch"] = steps_until(opponent < TOUCH, LONG)
    slowdown = later(mean(play.speed, 10, 0), -2) - later(mean(play.speed, 0, 10), 2)
    columns["slowed_down"] = slowdown
    columns["slowed_down_most_15"] = most(slowdown, 15, 0)
    behind = nan_reduce(np.nanmean, play.speed, axis=1)[:, None] - play.speed
    columns["slower_than_all"] = behind
    columns["slower_than_all_20"] = mean(behind, 20, 20)
    columns["opponent_left"] = later(opponent, 10) - opponent
    return columns
