"""How the two players move, each alone and against each other."""

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.features.gather import Columns, angle_between, low_high, of_pair, pair_distance, pair_offsets, unit_vectors, window
from player_contact.play import Play, Rows


def motion(play: Play, rows: Rows) -> Columns:
    """Speed (yd/s), acceleration (yd/s2), way since the last step (yd), and the angle between body and motion (degrees) of each player."""
    columns: Columns = {}
    for name in ("speed", "acceleration", "sa", "distance"):
        columns |= low_high(name if name != "distance" else "step_length", getattr(play, name), rows)
    columns |= low_high("sideways", angle_between(play.direction, play.orientation), rows)
    around = window(play.orientation, 1, 1)
    return columns | low_high("turning", angle_between(around[..., 2], around[..., 0]) * (STEPS_PER_SECOND / 2), rows)


def approach(play: Play, rows: Rows) -> Columns:
    """Distance (yd), closing and relative speed (yd/s), seconds to contact, and angles (degrees) between the players of a pair."""
    offset, distance = pair_offsets(play), pair_distance(play)
    velocity = unit_vectors(play.direction) * play.speed[..., None]
    relative = velocity[:, None, :, :] - velocity[:, :, None, :]
    closing = -(relative * offset).sum(-1) / np.maximum(distance, 0.1)
    facing = unit_vectors(play.orientation)
    # Cosine of the angle between a player's body and the line to the other one: 1 looks at him. First of the pair, then the second.
    looks = (facing[:, :, None, :] * offset).sum(-1) / np.maximum(distance, 0.1)
    looked_at = looks.transpose(0, 2, 1)
    return {
        "distance": of_pair(distance, rows),
        "distance_along_field": np.abs(of_pair(offset[..., 0], rows)),
        "distance_across_field": np.abs(of_pair(offset[..., 1], rows)),
        "closing_speed": of_pair(closing, rows),
        "relative_speed": of_pair(np.linalg.norm(relative, axis=-1), rows),
        "seconds_to_contact": of_pair(np.where(closing > 0.1, distance / np.maximum(closing, 0.1), 10).clip(0, 10), rows),
        "distance_in_half_a_second": of_pair(np.linalg.norm(offset + relative * 0.5, axis=-1), rows),
        "heading_difference": of_pair(angle_between(play.direction[:, :, None], play.direction[:, None, :]), rows),
        "body_difference": of_pair(angle_between(play.orientation[:, :, None], play.orientation[:, None, :]), rows),
        "looks_low": of_pair(np.minimum(looks, looked_at), rows),
        "looks_high": of_pair(np.maximum(looks, looked_at), rows),
    }
