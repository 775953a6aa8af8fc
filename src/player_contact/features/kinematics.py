"""How the two players move now, each alone and against each other."""

import numpy as np

from player_contact.competition.clock import STEPS_PER_SECOND
from player_contact.features.gather import Values, angle_between, later, unit_vectors
from player_contact.play import Play, Rows


def motion(play: Play) -> Values:
    """Of a player: speed (yd/s), acceleration and its change (yd/s2 and yd/s3), way since the last step (yd), angles of body and motion (degrees)."""
    return {
        "speed": play.speed,
        "acceleration": play.acceleration,
        "sa": play.sa,
        "step_length": play.distance,
        "jerk": (later(play.sa, 1) - later(play.sa, -1)) * (STEPS_PER_SECOND / 2),
        "sideways": angle_between(play.direction, play.orientation),
        "turning": angle_between(later(play.orientation, 1), later(play.orientation, -1)) * (STEPS_PER_SECOND / 2),
        "veering": angle_between(later(play.direction, 1), later(play.direction, -1)) * (STEPS_PER_SECOND / 2),
    }


def approach(play: Play, pairs: Rows) -> Values:
    """Of a pair: distance (yd), speeds (yd/s) and body angles along and across the line between the two, and when and how near they would pass.

    The line from each player to the other is his own `ahead`; `across` is told without its sign, which a mirror would change.
    """
    at, one, other = pairs.step, pairs.first, pairs.second
    offset = play.position[at, other] - play.position[at, one]
    distance = np.linalg.norm(offset, axis=-1)
    line = offset / np.maximum(distance, 0.1)[:, None]
    velocity = unit_vectors(play.direction) * play.speed[..., None]
    relative = velocity[at, other] - velocity[at, one]
    closing = -(relative * line).sum(-1)
    drift = np.abs(_cross(line, relative))
    ahead = (velocity[at, one] * line).sum(-1), -(velocity[at, other] * line).sum(-1)
    across = np.abs(_cross(line, velocity[at, one])), np.abs(_cross(line, velocity[at, other]))
    facing = unit_vectors(play.orientation)
    looks = (facing[at, one] * line).sum(-1), -(facing[at, other] * line).sum(-1)
    seconds = np.where(closing > 0.1, distance / np.maximum(closing, 0.1), 10).clip(0, 10)
    nearest = np.clip(-(offset * relative).sum(-1) / np.maximum((relative**2).sum(-1), 0.01), 0, 2)
    return {
        "distance": distance,
        "distance_along_field": np.abs(offset[:, 0]),
        "distance_across_field": np.abs(offset[:, 1]),
        "closing_speed": closing,
        "drift_speed": drift,
        "relative_speed": np.linalg.norm(relative, axis=-1),
        "seconds_to_contact": seconds,
        "seconds_to_nearest": nearest,
        "nearest_pass": np.linalg.norm(offset + relative * nearest[:, None], axis=-1),
        "distance_in_half_a_second": np.linalg.norm(offset + relative * 0.5, axis=-1),
        "heading_difference": angle_between(play.direction[at, one], play.direction[at, other]),
        "body_difference": angle_between(play.orientation[at, one], play.orientation[at, other]),
        "looks_low": np.minimum(*looks),
        "looks_high": np.maximum(*looks),
        "ahead_low": np.minimum(*ahead),
        "ahead_high": np.maximum(*ahead),
        "across_low": np.minimum(*across),
        "across_high": np.maximum(*across),
        "speed_difference": np.abs(play.speed[at, one] - play.speed[at, other]),
        "sa_difference": np.abs(play.sa[at, one] - play.sa[at, other]),
    }


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[N] the component of `other` across the unit vectors `one`, both [N, 2]."""
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
