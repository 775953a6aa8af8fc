"""Helmets of a frame as points, and which of them are at which player."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from player_contact.detection.helmets import Helmets


@dataclass(frozen=True)
class Points:
    """The helmets of a frame as points."""

    centre: np.ndarray  # [K, 2] px
    size: float  # px, median; the unit of all distances

    @classmethod
    def of(cls, helmets: Helmets) -> "Points":
        """The centres of a frame's boxes."""
        boxes = helmets.boxes.astype(np.float64)
        size = float(np.median(boxes[:, 2:].mean(1))) if len(boxes) else 1.0
        return cls(boxes[:, :2] + boxes[:, 2:] / 2, size)

    @property
    def count(self) -> int:
        """K."""
        return len(self.centre)


def match(helmets: np.ndarray, players: np.ndarray, gate: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of helmets [K, 2] and players [P, 2] that are each other's, no farther than `gate`.

    The pairs whose squared distances sum to least, where leaving two alone costs as much as the
    gate's distance.
    """
    return assign(gated_cost(np.linalg.norm(helmets[:, None] - players[None], axis=-1) / gate))


def gated_cost(distance: np.ndarray) -> np.ndarray:
    """Of distances in gates: squares, no more than 1; NaN costs as much."""
    return np.minimum(np.nan_to_num(distance, nan=1.0) ** 2, 1.0)


def assign(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pairs of least total cost, without those of cost 1."""
    row, column = linear_sum_assignment(cost)
    near = cost[row, column] < 1.0
    return row[near], column[near]
