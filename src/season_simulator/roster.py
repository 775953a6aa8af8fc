"""Squads and lineups; the offence's frame: x downfield from the ball, y to its left, yards."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

TOP_SPEED = (  # yd/s, about the 99.9th percentile of real tracking
    {"QB": 7.6, "RB": 8.8, "FB": 7.8, "WR": 9.4, "TE": 8.0, "T": 5.8, "G": 5.8, "C": 5.8}
    | {"DE": 7.2, "DT": 6.4, "NT": 6.0, "OLB": 8.0, "ILB": 7.9, "MLB": 7.9}
    | {"CB": 9.3, "SS": 8.9, "FS": 9.0}
)
LINEMEN = ("T", "G", "C", "DE", "DT", "NT")  # they start in a three-point stance
JERSEYS = (  # the numbers a position wears
    {"QB": (1, 19), "RB": (20, 39), "FB": (40, 49), "WR": (10, 19), "TE": (80, 89)}
    | {"T": (70, 79), "G": (63, 69), "C": (60, 66), "OLB": (50, 59), "ILB": (40, 59)}
    | dict.fromkeys(("DE", "DT", "NT"), (90, 99))
    | {"MLB": (50, 59), "CB": (20, 39), "SS": (20, 39), "FS": (20, 39)}
)
SQUAD = "C G G T T QB RB FB TE TE WR WR WR DE DE DT DT NT OLB OLB ILB ILB MLB CB CB CB SS FS"
# Formations: position, x and y of each player.
LINE = "C -0.8 0, G -1 1.45, G -1 -1.45, T -1.2 2.9, T -1.2 -2.9, "
BACKS = {
    "three wide": "QB -5 0, RB -5.2 1.6, TE -1.1 4.4, WR -1 15, WR -1.2 -16, WR -1.6 -7.5",
    "two tight": "QB -1.7 0, RB -7 0, TE -1.1 4.4, TE -1.1 -4.4, WR -1 14, WR -1.5 -13",
    "two backs": "QB -1.7 0, RB -7.2 0, FB -4.4 0.3, TE -1.1 4.4, WR -1 14, WR -1 -14",
}
RUN_BACKS = ("two tight", "two backs", "three wide")
PASS_BACKS = ("three wide", "three wide", "two tight")
FRONTS = {
    "4-3": "DT .9 1.1, DT .9 -1.1, DE .9 3.8, DE .9 -3.8, OLB 4.3 4.5, MLB 4.8 .3, OLB 4.3 -4.5",
    "3-4": "NT .9 .1, DE .9 2.5, DE .9 -2.5, OLB 1.2 5.2, OLB 1.2 -5.2, ILB 4.6 1.9, ILB 4.6 -1.9",
    "nickel": "DT .9 1.2, DT .9 -1.2, DE .9 3.8, DE .9 -3.8, MLB 4.6 1.5, OLB 4.6 -2.5, CB 5 -7.5",
}

Squad = dict[str, list[tuple[int, int]]]  # position -> (nfl_player_id, jersey number) of each
Formation = list[tuple[str, float, float]]  # position, x, y


@dataclass(frozen=True)
class Lineup:
    """The P players of one play, in the order of the tables."""

    ids: np.ndarray  # [P] int64, nfl_player_id
    positions: tuple[str, ...]  # such as "WR"
    jerseys: np.ndarray  # [P] int64
    home: np.ndarray  # [P] bool
    offence: np.ndarray  # [P] bool
    start: np.ndarray  # [P, 2] yd, where each stands at the snap, in the offence's frame


def draw_squads(rng: Generator) -> tuple[Squad, Squad]:
    """The home and the visiting squad of one game."""
    positions = SQUAD.split()
    ids = rng.choice(np.arange(36_000, 54_000), size=(2, len(positions)), replace=False)
    squads: tuple[Squad, Squad] = {}, {}
    for squad, players in zip(squads, ids.tolist(), strict=True):
        free = set(range(1, 100))
        for position, player in zip(positions, players, strict=True):
            low, high = JERSEYS[position]
            choice = [number for number in range(low, high + 1) if number in free] or sorted(free)
            jersey = int(rng.choice(choice))
            free.remove(jersey)
            squad.setdefault(position, []).append((player, jersey))
    return squads


def draw_lineup(rng: Generator, home: Squad, away: Squad, run_play: bool, missing: int) -> Lineup:
    """Eleven of each squad for one play, less `missing` players of the defence."""
    home_attacks = bool(rng.random() < 0.5)
    offence, defence = _draw_formations(rng, run_play)
    rows = []
    for formation, attacks in ((offence, True), (defence[: 11 - missing], False)):
        is_home = attacks == home_attacks
        squad = home if is_home else away
        bench = {position: iter(players) for position, players in squad.items()}
        for position, x, y in formation:
            player, jersey = next(bench[position])
            x, y = x + rng.normal(0, 0.08), y + rng.normal(0, 0.15)
            rows.append((player, position, jersey, is_home, attacks, (x, y)))
    order = rng.permutation(len(rows))
    ids, positions, *columns = zip(*(rows[i] for i in order), strict=True)
    return Lineup(np.array(ids), positions, *map(np.array, columns))


def _draw_formations(rng: Generator, run_play: bool) -> tuple[Formation, Formation]:
    """The offence, and a defence that answers its receivers."""
    names = RUN_BACKS if run_play else PASS_BACKS
    offence = _mirror(rng, LINE + BACKS[str(rng.choice(names))])
    offence = [
        (p, x if p != "QB" or rng.random() < 0.5 else float(rng.choice([-1.7, -5.0])), y)
        for p, x, y in offence
    ]
    wide = [(x, y) for p, x, y in offence if p == "WR"]
    front = "nickel" if len(wide) == 3 else str(rng.choice(["4-3", "3-4"]))
    defence = _mirror(rng, FRONTS[front])
    outside = sorted(wide, key=lambda position: -abs(position[1]))[:2]
    defence += [("CB", rng.uniform(3.0, 7.5), y + rng.normal(0, 0.7)) for _, y in outside]
    defence.append(("SS", rng.uniform(6.5, 12), rng.uniform(2, 9)))
    defence.append(("FS", rng.uniform(9, 14), rng.uniform(-9, -1)))
    return offence, defence


def _mirror(rng: Generator, formation: str) -> Formation:
    """The formation, or its mirror image."""
    side = rng.choice([-1, 1])
    players = (player.split() for player in formation.split(", "))
    return [(position, float(x), side * float(y)) for position, x, y in players]
