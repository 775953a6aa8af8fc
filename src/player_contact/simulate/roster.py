"""Who plays: the squads of a game and the eleven against eleven of one play, with their places before the snap.

Places are in the offence's own frame: x downfield from the line of scrimmage, y to its left of the ball, both in yards.
"""

from dataclasses import dataclass

import numpy as np

TOP_SPEED = {  # yd/s, about the 99.9th percentile of real tracking
    "QB": 7.6, "RB": 8.8, "FB": 7.8, "WR": 9.4, "TE": 8.0, "T": 5.8, "G": 5.8, "C": 5.8,
    "DE": 7.2, "DT": 6.4, "NT": 6.0, "OLB": 8.0, "ILB": 7.9, "MLB": 7.9, "CB": 9.3, "SS": 8.9, "FS": 9.0,
}  # fmt: skip
HEAVY = ("T", "G", "C", "DE", "DT", "NT")  # they start in a three-point stance

JERSEYS = {  # the numbers a position wears
    "QB": (1, 19), "RB": (20, 39), "FB": (40, 49), "WR": (10, 19), "TE": (80, 89), "T": (70, 79), "G": (63, 69), "C": (60, 66),
    "DE": (90, 99), "DT": (90, 99), "NT": (90, 99), "OLB": (50, 59), "ILB": (40, 59), "MLB": (50, 59), "CB": (20, 39), "SS": (20, 39),
    "FS": (20, 39),
}  # fmt: skip
SQUAD = {
    "offence": ("C", "G", "G", "T", "T", "QB", "RB", "FB", "TE", "TE", "WR", "WR", "WR"),
    "defence": ("DE", "DE", "DT", "DT", "NT", "OLB", "OLB", "ILB", "ILB", "MLB", "CB", "CB", "CB", "SS", "FS"),
}  # fmt: skip

LINE = (("C", -0.8, 0.0), ("G", -1.0, 1.45), ("G", -1.0, -1.45), ("T", -1.2, 2.9), ("T", -1.2, -2.9))
BACKS = {
    "three wide": (("QB", -5.0, 0.0), ("RB", -5.2, 1.6), ("TE", -1.1, 4.4), ("WR", -1.0, 15.0), ("WR", -1.2, -16.0), ("WR", -1.6, -7.5)),
    "two tight": (("QB", -1.7, 0.0), ("RB", -7.0, 0.0), ("TE", -1.1, 4.4), ("TE", -1.1, -4.4), ("WR", -1.0, 14.0), ("WR", -1.5, -13.0)),
    "two backs": (("QB", -1.7, 0.0), ("RB", -7.2, 0.0), ("FB", -4.4, 0.3), ("TE", -1.1, 4.4), ("WR", -1.0, 14.0), ("WR", -1.0, -14.0)),
}
FRONTS = {
    "four three": (
        ("DT", 0.9, 1.1), ("DT", 0.9, -1.1), ("DE", 0.9, 3.8), ("DE", 0.9, -3.8), ("OLB", 4.3, 4.5), ("MLB", 4.8, 0.3), ("OLB", 4.3, -4.5),
    ),
    "three four": (
        ("NT", 0.9, 0.1), ("DE", 0.9, 2.5), ("DE", 0.9, -2.5), ("OLB", 1.2, 5.2), ("OLB", 1.2, -5.2), ("ILB", 4.6, 1.9), ("ILB", 4.6, -1.9),
    ),
    "nickel": (
        ("DT", 0.9, 1.2), ("DT", 0.9, -1.2), ("DE", 0.9, 3.8), ("DE", 0.9, -3.8), ("MLB", 4.6, 1.5), ("OLB", 4.6, -2.5), ("CB", 5.0, -7.5),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Squad:
    """One team of a game: position -> list of (nfl_player_id, jersey number)."""

    players: dict[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class Lineup:
    """The players of one play, in the order of the tables; P players.

    ids       [P] int64, nfl_player_id
    positions [P] texts such as "WR"
    jerseys   [P] int64
    home      [P] bool
    offence   [P] bool
    place     [P, 2] float64, where each stands at the snap, in the offence's frame
    """

    ids: np.ndarray
    positions: tuple[str, ...]
    jerseys: np.ndarray
    home: np.ndarray
    offence: np.ndarray
    place: np.ndarray


def draw_squads(rng: np.random.Generator) -> tuple[Squad, Squad]:
    """The home and the visiting squad of one game."""
    positions = SQUAD["offence"] + SQUAD["defence"]
    ids = rng.choice(np.arange(36_000, 54_000), size=2 * len(positions), replace=False)
    squads = []
    for team in range(2):
        free = set(range(1, 100))
        players: dict[str, list[tuple[int, int]]] = {}
        for position, player in zip(positions, ids[team * len(positions) :], strict=False):
            low, high = JERSEYS[position]
            choice = [number for number in range(low, high + 1) if number in free] or sorted(free)
            jersey = int(rng.choice(choice))
            free.remove(jersey)
            players.setdefault(position, []).append((int(player), jersey))
        squads.append(Squad(players))
    return squads[0], squads[1]


def draw_lineup(rng: np.random.Generator, home: Squad, away: Squad, run_play: bool, missing: int) -> Lineup:
    """Eleven of each squad for one play, less `missing` players of the defence."""
    home_attacks = bool(rng.random() < 0.5)
    attackers, defenders = (home, away) if home_attacks else (away, home)
    formation = rng.choice(["two tight", "two backs", "three wide"] if run_play else ["three wide", "three wide", "two tight"])
    offence = _flip(rng, LINE + BACKS[str(formation)])
    offence = [(p, x, y) if p != "QB" or rng.random() < 0.5 else (p, float(rng.choice([-1.7, -5.0])), y) for p, x, y in offence]
    wide = [(x, y) for p, x, y in offence if p == "WR"]
    front = _flip(rng, FRONTS["nickel" if len(wide) == 3 else str(rng.choice(["four three", "three four"]))])
    outside = sorted(wide, key=lambda place: -abs(place[1]))[:2]
    back = [("CB", rng.uniform(3.0, 7.5), y + rng.normal(0, 0.7)) for _, y in outside]
    back += [("SS", rng.uniform(6.5, 12), rng.uniform(2, 9)), ("FS", rng.uniform(9, 14), rng.uniform(-9, -1))]
    defence = (front + back)[: 11 - missing]
    rows = []
    for players, side, is_home, attacks in ((offence, attackers, home_attacks, True), (defence, defenders, not home_attacks, False)):
        bench = {position: list(people) for position, people in side.players.items()}
        for position, x, y in players:
            player, jersey = bench[position].pop(0)
            rows.append((player, position, jersey, is_home, attacks, x + rng.normal(0, 0.08), y + rng.normal(0, 0.15)))
    order = rng.permutation(len(rows))
    ids, positions, jerseys, at_home, attack, x, y = zip(*(rows[i] for i in order), strict=True)
    return Lineup(np.array(ids), positions, np.array(jerseys), np.array(at_home), np.array(attack), np.column_stack([x, y]))


def _flip(rng: np.random.Generator, places: tuple) -> list:
    """The same formation, or its mirror image."""
    side = rng.choice([-1, 1])
    return [(position, x, side * y) for position, x, y in places]
