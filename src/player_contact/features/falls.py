"""Who goes down: slowing down, lying still, and near whom."""

import numpy as np

from player_contact.features import gather
from player_contact.features.gather import Columns, lead, rolling_mean
from player_contact.features.neighbours import nearest_opponent
from player_contact.play import Play

MAX_STEPS = 50
SPEEDS = {"0_5": 0.5, "1": 1.0, "2": 2.0, "4": 4.0}  # yd/s
TOUCH = 1.0  # yd


def player_falls(play: Play) -> Columns:
    """Of a player: steps since and until he is faster than some speeds, and close to an opponent
    (at most 50); how he slows down (yd/s), and how much slower he is than all others."""
    columns: Columns = {}

    def add_steps(name: str, happens: np.ndarray) -> None:
        columns[f"steps_since_{name}"] = gather.steps_since(happens, MAX_STEPS)
        columns[f"steps_until_{name}"] = gather.steps_until(happens, MAX_STEPS)

    for name, speed in SPEEDS.items():
        add_steps(f"faster_{name}", play.speed > speed)
    still = columns["steps_since_faster_1"] + columns["steps_until_faster_1"]
    columns["steps_still"] = np.minimum(still, MAX_STEPS)
    opponent = nearest_opponent(play)
    add_steps("touch", opponent < TOUCH)
    slowdown = lead(rolling_mean(play.speed, 10, 0), -2) - lead(rolling_mean(play.speed, 0, 10), 2)
    slower = gather.nan_reduce(np.nanmean, play.speed, axis=1)[:, None] - play.speed
    return columns | {
        "slowed_down": slowdown,
        "slowed_down_max_15": gather.rolling_max(slowdown, 15, 0),
        "slower_than_all": slower,
        "slower_than_all_20": rolling_mean(slower, 20, 20),
        "opponent_left": lead(opponent, 10) - opponent,
    }
