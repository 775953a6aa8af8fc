"""What one play shows, in the world: field, figures, ball, light, and what stands about."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from season_simulator.bystanders import Bystanders
from season_simulator.figure import Appearance
from season_simulator.geometry import direction, lift
from season_simulator.pose import Poses


@dataclass(frozen=True)
class Scene:
    """What one play shows; F frames of the longer video, N figures (players, then officials)."""

    field: np.ndarray  # the texture, see `draw_field`
    poses: Poses
    appearances: tuple[Appearance, ...]
    ball: np.ndarray  # [F, 3] yd
    lights: np.ndarray  # [L, 3] x and y of a shadow, yd per yd of height; share of all light
    bystanders: Bystanders
    cables: np.ndarray  # [C, 3] of the cables before the Endzone camera: px at the top, at the
    # bottom, and brightness


def draw_lights(rng: Generator) -> np.ndarray:
    """[L, 3] the sun, floodlights all round, or an overcast sky without a shadow."""
    kind, angle = rng.choice(3, p=[0.5, 0.3, 0.2]), rng.uniform(-np.pi, np.pi)
    if kind == 0:
        length, share = rng.uniform(0.25, 1.6), rng.uniform(0.25, 0.6)
        return np.array([[*(length * direction(angle)), share]])
    if kind == 1:
        angles = angle + np.array([0.0, 1.2, 3.1, 4.4]) + rng.normal(0, 0.2, 4)
        return lift(rng.uniform(0.6, 1.1) * direction(angles), rng.uniform(0.04, 0.16, 4))
    return np.array([[0.0, 0.0, 0.1]])


def draw_cables(rng: Generator) -> np.ndarray:
    """[C, 3] see `Scene.cables`; most games have none."""
    if rng.random() < 0.65:
        return np.zeros((0, 3))
    x = rng.uniform(150, 1130) + np.array([0.0, rng.uniform(20, 90)])
    return np.stack([x, x + rng.normal(0, 25, 2), rng.choice([25, 60, 225], 2)], -1)
