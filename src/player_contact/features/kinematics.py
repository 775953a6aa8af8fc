"""How the two players move at the step, each alone and relative to the other."""

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.features.gather import Columns, angle_between, lead, symmetric, unit_vectors
from player_contact.play import Play, Rows

RATE = STEPS_PER_SECOND / 2  # of central differences


def player_kinematics(play: Play) -> Columns:
    """Of a player: speed (yd/s), acceleration and its change (yd/s2 and yd/s3), distance since the
    last step (yd), angles of body and motion (degrees)."""
    orientation, direction = play.orientation, play.direction
    return {
        "speed": play.speed,
        "acceleration": play.acceleration,
        "sa": play.sa,
        "step_length": play.distance,
        "jerk": (lead(play.sa, 1) - lead(play.sa, -1)) * RATE,
        "sideways": angle_between(direction, orientation),
        "turning": angle_between(lead(orientation, 1), lead(orientation, -1)) * RATE,
        "veering": angle_between(lead(direction, 1), lead(direction, -1)) * RATE,
    }


def pair_kinematics(play: Play, pairs: Rows) -> Columns:
    """Of a pair: distance (yd), speeds (yd/s) and body angles along and across the line between
    the two, and when and how near they would pass.

    `ahead` is towards the other player; `across` is unsigned, as mirroring changes its sign.
    """
    first, second = (pairs.step, pairs.first), (pairs.step, pairs.second)
    offset = play.position[second] - play.position[first]
    distance = np.linalg.norm(offset, axis=-1)
    line = offset / np.maximum(distance, 0.1)[:, None]
    velocity = unit_vectors(play.direction) * play.speed[..., None]
    facing = unit_vectors(play.orientation)
    relative = velocity[second] - velocity[first]
    closing = -(relative * line).sum(-1)
    seconds = np.where(closing > 0.1, distance / np.maximum(closing, 0.1), 10).clip(0, 10)
    nearest = np.clip(-(offset * relative).sum(-1) / np.maximum((relative**2).sum(-1), 0.01), 0, 2)

    def ahead(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (vectors[first] * line).sum(-1), -(vectors[second] * line).sum(-1)

    def difference(values: np.ndarray) -> np.ndarray:
        return np.abs(values[first] - values[second])

    return {
        "distance": distance,
        "distance_along_field": np.abs(offset[:, 0]),
        "distance_across_field": np.abs(offset[:, 1]),
        "closing_speed": closing,
        "drift_speed": _across(line, relative),
        "relative_speed": np.linalg.norm(relative, axis=-1),
        "seconds_to_contact": seconds,
        "seconds_to_nearest": nearest,
        "nearest_pass": np.linalg.norm(offset + relative * nearest[:, None], axis=-1),
        "distance_in_half_a_second": np.linalg.norm(offset + relative * 0.5, axis=-1),
        "heading_difference": angle_between(play.direction[first], play.direction[second]),
        "body_difference": angle_between(play.orientation[first], play.orientation[second]),
        **symmetric("facing", *ahead(facing)),
        **symmetric("ahead", *ahead(velocity)),
        **symmetric("across", _across(line, velocity[first]), _across(line, velocity[second])),
        "speed_difference": difference(play.speed),
        "sa_difference": difference(play.sa),
    }


def _across(line: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """[M] component of [M, 2] `vectors` across the unit vectors `line`, unsigned."""
    return np.abs(line[:, 0] * vectors[:, 1] - line[:, 1] * vectors[:, 0])
