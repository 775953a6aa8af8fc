"""Whether a bundle that learned from a simulated season finds the tackles of real tracking.

Other public tracking of the league has no contact labels, but marks by hand the step of the first
contact with the ball carrier. The check predicts such plays from tracking alone and looks whether
an opponent touches the carrier there.
"""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from player_contact.competition import clock, constants
from player_contact.competition.contact_ids import split_ids
from player_contact.inference.predict import predict_folder
from player_contact.utils.errors import InputError
from run_checks.damages import HELMETS, IDS, TRACKING, VIDEOS

log = logging.getLogger(__name__)

WINDOW = 5  # steps before and after the event within which a touch counts
STEPS_BEFORE, STEPS_AFTER = 30, 25  # tracked before the snap; labelled after the last event
EVENT, TACKLE = "first_contact", "tackle"
NEAR_BALL = 1.5  # yd
GAME_KEY = 90_000  # of no game
NUMBERS = ("step", "nfl_player_id", "x", "y", "speed", "orientation", "direction")
TEXTS = ("play", "home", "position", "event", "is_ball")
ENOUGH = 0.85  # share of the events that must be found
REAL = {  # of the competition's 240 training plays
    "ground rows in contact, %": 4.09,
    "pair rows in contact, %": 1.11,
    "ground rows in contact a play": 70,
    "pair rows in contact a play": 199,
    "contacts of a play, median": 235,
}
MEASURED = ("distance", "closing", "speed")


@dataclass(frozen=True)
class MotionCheck:
    """`events` has a line a play: found, near_ball (opponents touch within NEAR_BALL of the ball),
    step, distance (yd, of the nearest opponent's closest approach within WINDOW), closing (yd/s, of
    that opponent at the event), speed (yd/s, of the carrier), down (s from the tackle until who has
    the ball touches the ground; NaN: no tackle is marked, or he does not); `rates` has what `REAL`
    has, of the predictions."""

    events: pd.DataFrame
    rates: dict[str, float]

    @property
    def found(self) -> float:
        """Share of the events at which an opponent touches the carrier."""
        return float(self.events["found"].mean())

    @property
    def is_enough(self) -> bool:
        """Whether so many were found as should be."""
        return self.found >= ENOUGH


def read_tracking(path: Path) -> pd.DataFrame:
    """Tracking at 10 Hz, CSV or Parquet, of plays with the event: a line a step and player.

    Columns: play (any text), step (0 is the snap), nfl_player_id, home, is_ball (0 or 1), position
    ("WR"), x, y (yd), speed (yd/s), orientation, direction (degrees), event (text, or nothing).
    The ball has lines of its own. Raises InputError: file, column and first bad row.
    """
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        text = f"{path} can't be read as CSV or Parquet ({error})"
        raise InputError(f"{text}. Name a table with INPUT=, see docs/checks.md") from error
    if missing := [name for name in (*NUMBERS, *TEXTS) if name not in table]:
        raise InputError(f"{path.name} has no column {missing[0]!r}. Name a table with it: {path}")
    players = ~table["is_ball"].astype(bool)
    for name in NUMBERS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & (players | (name in ("step", "x", "y"))))
        if len(wrong):
            text = f"{path.name}, row {wrong[0] + 1} of {len(table)}: {name!r} is no number"
            raise InputError(f"{text}. Leave out the play: {path}")
        table[name] = numbers.astype(float)
    table["play"], table["is_ball"] = table["play"].astype(str), ~players
    usable = table.loc[table["is_ball"] & (table["event"] == EVENT), "play"].unique()
    if not len(usable):
        text = f"{path.name} has no ball at an event {EVENT!r}"
        raise InputError(f"{text}. Name a table with both: {path}")
    table = table[table["play"].isin(usable)]
    copies = table.duplicated(["play", "step", "nfl_player_id"]) & ~table["is_ball"]
    if copies.any():
        log.warning("%s: %d copies of rows are left out", path.name, copies.sum())
    return table[~copies].reset_index(drop=True)


def check_motion(bundle: Path, path: Path, workers: int) -> MotionCheck:
    """Predicts the plays of `read_tracking` with a bundle. Raises as that does."""
    table = read_tracking(path)
    events: list[Mapping[str, float | str]] = []
    with tempfile.TemporaryDirectory() as folder:
        names = _write_plays(table, Path(folder))
        submission = Path(folder) / "submission.csv"
        predict_folder(bundle, Path(folder), submission, workers)
        predicted = pd.read_csv(submission)
    ids = split_ids(predicted["contact_id"]).assign(contact=predicted["contact"].astype(bool))
    for play, part in table.groupby("play", sort=False):
        contacts = ids[ids["game_play"].astype(str) == names[str(play)]]
        contacts = contacts[contacts["contact"]]
        events.append(_event(part, contacts) | {"down": _down(part, contacts), "play": play})
    return MotionCheck(pd.DataFrame(events).set_index("play"), _rates(ids))


def _rates(ids: pd.DataFrame) -> dict[str, float]:
    """The values of `REAL`, of rows with game_play, nfl_player_id_2 and contact."""
    ground = ids["nfl_player_id_2"] == constants.GROUND
    kinds = ids["contact"][ground], ids["contact"][~ground]
    a_play = ids.groupby("game_play")["contact"].sum()
    shares = [100 * float(kind.mean()) for kind in kinds]
    counts = [float(kind.sum()) / len(a_play) for kind in kinds]
    return dict(zip(REAL, (*shares, *counts, float(a_play.median())), strict=True))


def _event_step(part: pd.DataFrame, event: str = EVENT) -> float:
    """Of the first such event of the ball; NaN: there is none."""
    return float(part.loc[part["is_ball"] & (part["event"] == event), "step"].min())


def _carrier(part: pd.DataFrame, step: float) -> pd.Series:
    """The row of the player nearest to the ball at `step`."""
    now = part[part["step"] == step]
    ball, players = now[now["is_ball"]].iloc[0], now[~now["is_ball"]]
    return players.loc[np.hypot(players["x"] - ball["x"], players["y"] - ball["y"]).idxmin()]


def _down(part: pd.DataFrame, contacts: pd.DataFrame) -> float:
    """s from the tackle until who has the ball touches the ground; NaN: none, or he does not."""
    if np.isnan(tackle := _event_step(part, TACKLE)):
        return np.nan
    his = contacts["nfl_player_id_1"] == _carrier(part, tackle)["nfl_player_id"]
    his &= contacts["nfl_player_id_2"] == constants.GROUND
    steps = contacts.loc[his & (contacts["step"] >= tackle - 2 * WINDOW), "step"]
    return float(steps.min() - tackle) / clock.STEPS_PER_SECOND


def _touch_near_ball(window: pd.DataFrame, contacts: pd.DataFrame) -> bool:
    """Whether two opponents touch, one of them within NEAR_BALL of the ball."""
    ball = window[window["is_ball"]].set_index("step")
    players = window[~window["is_ball"]].join(ball[["x", "y"]], on="step", rsuffix="_ball")
    apart = np.hypot(players["x"] - players["x_ball"], players["y"] - players["y_ball"])
    players = players.assign(near=apart < NEAR_BALL)[["step", "nfl_player_id", "home", "near"]]
    pairs = contacts
    for side in "12":
        own = players.add_suffix(f"_{side}").rename(columns={f"step_{side}": "step"})
        pairs = pairs.merge(own, on=["step", f"nfl_player_id_{side}"])
    return bool(((pairs["home_1"] != pairs["home_2"]) & (pairs["near_1"] | pairs["near_2"])).any())


def _event(part: pd.DataFrame, contacts: pd.DataFrame) -> dict[str, float]:
    """Whether, and from where, the carrier is touched around the event of a play."""
    step = _event_step(part)
    window, carrier = part[(part["step"] - step).abs() <= WINDOW], _carrier(part, step)
    players = part[(part["step"] == step) & ~part["is_ball"]]
    opponents = players[players["home"] != carrier["home"]]["nfl_player_id"]
    distance = {}
    track = window.set_index("step")
    his = track[track["nfl_player_id"] == carrier["nfl_player_id"]][["x", "y"]]
    for opponent in opponents:
        offset = track[track["nfl_player_id"] == opponent][["x", "y"]] - his
        distance[opponent] = np.hypot(offset["x"], offset["y"])
    nearest = min(distance, key=lambda opponent: float(distance[opponent].min()))
    near = contacts[(contacts["step"] - step).abs() <= WINDOW]
    pairs = near[["nfl_player_id_1", "nfl_player_id_2"]].to_numpy()
    others = pairs[(pairs == carrier["nfl_player_id"]).any(axis=1)]
    approach = distance[nearest].loc[: float(distance[nearest].idxmin())]
    closing = -clock.STEPS_PER_SECOND * approach.diff().tail(3).mean()
    return {
        "found": bool(np.isin(others, opponents).any()),
        "near_ball": _touch_near_ball(window, near),
        "step": step,
        "distance": float(distance[nearest].min()),
        "closing": float(closing),
        "speed": float(carrier["speed"]),
    }


def _write_plays(table: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Writes the plays as the competition's test tables; the game_play of each play."""
    tracking, ids, names = [], [], {}
    for number, (play, part) in enumerate(table.groupby("play", sort=False)):
        last = np.nanmax([_event_step(part), _event_step(part, TACKLE)]) + STEPS_AFTER
        players = part[~part["is_ball"] & part["step"].between(-STEPS_BEFORE, last)]
        keys = {"game_key": GAME_KEY + number, "play_id": 1}
        names[str(play)] = game_play = f"{GAME_KEY + number}_000001"
        tracking.append(_competition_tracking(players).assign(game_play=game_play, **keys))
        ids.append(_contact_ids(players[players["step"] >= 0], game_play))
    pd.concat(tracking)[list(constants.TRACKING_COLUMNS)].to_csv(folder / TRACKING, index=False)
    contact_id = np.concatenate(ids)
    pd.DataFrame({"contact_id": contact_id, "contact": 0}).to_csv(folder / IDS, index=False)
    for name, columns in ((HELMETS, constants.HELMET_COLUMNS), (VIDEOS, constants.VIDEO_COLUMNS)):
        pd.DataFrame(columns=columns).to_csv(folder / name, index=False)
    return names


def _competition_tracking(players: pd.DataFrame) -> pd.DataFrame:
    """The columns of the competition; distance and accelerations from position and velocity."""
    players = players.sort_values(["nfl_player_id", "step"])
    by_player = players.groupby("nfl_player_id")
    radians = np.radians(players["direction"])
    velocity = {"x": players["speed"] * np.sin(radians), "y": players["speed"] * np.cos(radians)}

    def change(values: pd.Series) -> pd.Series:
        """A second, from a central difference."""
        groups = values.groupby(players["nfl_player_id"])
        half = clock.STEPS_PER_SECOND / 2
        return ((groups.shift(-1) - groups.shift(1)) * half).fillna(0)

    along = sum(change(v) * v for v in velocity.values()) / players["speed"].clip(lower=0.05)
    acceleration = np.hypot(*(change(v) for v in velocity.values()))
    moved = np.hypot(by_player["x"].diff().fillna(0), by_player["y"].diff().fillna(0))
    time = np.datetime64("2020-09-10T17:00:00.000", "ms") + players["step"].to_numpy() * clock.STEP
    return pd.DataFrame(
        {
            "nfl_player_id": players["nfl_player_id"].astype(int),
            "datetime": clock.to_text(time.astype("datetime64[ms]")),
            "step": players["step"].astype(int),
            "team": np.where(players["home"].astype(bool), "home", "away"),
            "position": players["position"].astype(str),
            "jersey_number": 0,
            "x_position": players["x"].round(2),
            "y_position": players["y"].round(2),
            "speed": players["speed"],
            "distance": moved.round(2),
            "direction": players["direction"] % 360,
            "orientation": players["orientation"] % 360,
            "acceleration": acceleration.round(2),
            "sa": along.clip(-acceleration, acceleration).round(2),
        }
    )


def _contact_ids(players: pd.DataFrame, game_play: str) -> np.ndarray:
    """[N] every step's pairs, then every player with the ground."""
    player = np.sort(players["nfl_player_id"].unique()).astype(int)
    i, j = np.triu_indices(len(player), 1)
    first = np.concatenate([player[i], player]).astype(str)
    ground = np.full(len(player), constants.GROUND_TEXT)
    second = np.concatenate([player[j].astype(str), ground])
    row = np.char.add(np.char.add(first, "_"), second)
    steps = np.unique(players["step"]).astype(int).astype(str)
    head = np.char.add(np.char.add(f"{game_play}_", steps), "_")
    return np.char.add(head[:, None], row).ravel()


def motion_text(check: MotionCheck) -> str:
    """The share of the events that were found, the rates, and the events that were missed."""
    events, found = check.events, check.found
    lines = [
        f"first contacts found: {events['found'].sum()} of {len(events)}, {100 * found:.0f} %"
        + ("" if check.is_enough else f"; at least {100 * ENOUGH:.0f} % should be")
    ]
    share = 100 * events["near_ball"].mean()
    lines.append(f"opponents touch within {NEAR_BALL} yd of the ball: {share:.0f} %")
    for name, value in check.rates.items():
        lines.append(f"{name}: {value:.2f}, of real plays {REAL[name]}")
    if len(down := events["down"].dropna()):
        text = "ground contact of who has the ball, after the tackle, median of"
        lines.append(f"{text} {len(down)}: {down.median():.1f} s")
    for kind, part in events.groupby("found"):
        middle = part[list(MEASURED)].median()
        lines.append(
            f"{'found' if kind else 'missed'}, medians: nearest opponent {middle['distance']:.2f} "
            f"yd away, closing at {middle['closing']:.1f} yd/s, carrier at {middle['speed']:.1f}"
        )
    missed = events[~events["found"]].sort_values("distance")
    if len(missed):
        lines.append(f"{'missed':30}{'step':>6}{'yd':>8}{'closing':>9}{'carrier':>9}")
    for play, *values in missed[["step", *MEASURED]].itertuples():
        step, distance, closing, speed = values
        lines.append(f"{play!s:30}{step:6.0f}{distance:8.2f}{closing:9.1f}{speed:9.1f}")
    return "\n".join(lines)
