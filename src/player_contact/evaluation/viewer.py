"""The play viewer: a page a play that opens from disk, with both videos in step, boxes and contacts, the field, and every pair along time."""

import json
import os
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition import clock
from player_contact.competition.links import leads_out
from player_contact.competition.metric import Thresholds, count
from player_contact.competition.season import PlayTables
from player_contact.competition.tables import READING
from player_contact.evaluation.numbers import mcc_or_none, mcc_text
from player_contact.files import remove
from player_contact.play import Play, Rows, View, build_play
from player_contact.video.completion import complete_play

MODELS = {"screen": "screen", "vision": "vision", "blend": "final"}  # column of the out-of-fold table -> name on the page
WORTH = 0.5  # of the threshold: a pair or player is listed from there on, or where it has a label or is called a contact
JERSEY = ("game_play", "nfl_player_id", "jersey_number")
MOST_JERSEY = 99
BEFORE, AFTER = 2.0, 1.0  # seconds shown before the first and after the last labelled step


def has_video(tables: PlayTables) -> bool:
    """Whether at least one of the play's views has a video."""
    return any(_is_ours(tables.video_folder / f"{tables.game_play}_{view}.mp4") for view in tables.videos["view"].unique())


@dataclass(frozen=True)
class Shown:
    """What a page shows of a play: its tables, its rows of the out-of-fold table in their order, the thresholds that decided it, and the jersey
    numbers of its players by their ids, where they are known."""

    tables: PlayTables
    oof: pd.DataFrame
    thresholds: Thresholds
    jerseys: dict[int, int]


def jersey_numbers(tracking: Path) -> dict[str, dict[int, int]]:
    """game_play -> player id -> jersey number, of a tracking table that was checked; numbers that are none are left out. No model needs them, so
    `Play` does not carry them."""
    types = {"game_play": "category", "jersey_number": "category"}
    table = pd.read_csv(tracking, usecols=lambda column: column in JERSEY, dtype=types, **READING).drop_duplicates()
    numbers: dict[str, dict[int, int]] = {}
    if "jersey_number" in table:
        number = pd.to_numeric(table["jersey_number"].astype("str"), errors="coerce")
        known = number.between(0, MOST_JERSEY) & (number % 1 == 0)
        for play, player, jersey in zip(table["game_play"][known], table["nfl_player_id"][known], number[known], strict=True):
            numbers.setdefault(str(play), {}).setdefault(int(player), int(jersey))
    return numbers


def write_play_page(shown: Shown, folder: Path, complete: bool) -> int:
    """Writes `<game_play>.html` into `folder` and puts the play's videos beside it; returns the page's size in bytes. With `complete` boxes are put
    right as they were for the models."""
    tables = shown.tables
    play, rows = build_play(tables)
    play = complete_play(play)[0] if complete else play
    videos = {name: place_video(view.video, folder) for name, view in play.views.items()}
    page = play_page(play_data(play, rows, shown.oof, shown.thresholds, videos, shown.jerseys))
    (folder / f"{play.game_play}.html").write_text(page, encoding="utf-8")
    return len(page.encode())


def place_video(video: Path, folder: Path) -> str | None:
    """Puts a video into `folder` and returns its name there; None where it does not exist, or is a link that leads out of the input folder.

    A hard link where the file system allows one: it takes no room, survives that the original is moved or renamed, and becomes a file of its own
    when the folder is copied or packed. Elsewhere a symbolic link, or where there are none, a copy.
    """
    if not _is_ours(video):
        return None
    target, original = folder / video.name, video.resolve()
    remove(target)
    try:
        os.link(original, target)
    except OSError:
        try:
            target.symlink_to(original)
        except OSError:
            shutil.copyfile(original, target)
    return target.name


def _is_ours(video: Path) -> bool:
    return video.is_file() and not leads_out(video, video.parent.parent)


def play_data(
    play: Play, rows: Rows, oof: pd.DataFrame, thresholds: Thresholds, videos: dict[str, str | None], jerseys: dict[int, int]
) -> dict[str, Any]:
    """All that the page of a play shows, as plain values for JSON.

    `oof` holds, for each of the N rows, `contact`, `final` and the models' probabilities. Labelled steps are counted from step 0; a step without a
    row for a pair counts as no contact. Probability 0 means that the model did not look: null.
    """
    zero = play.times[0] - int(play.steps[0]) * clock.STEP
    labelled = int(play.steps[rows.step].max()) + 1
    views = [_view(name, view, videos.get(name), zero) for name, view in play.views.items()]
    until = (labelled - 1) / clock.STEPS_PER_SECOND + AFTER
    begin = max([view["start"] for view in views if view["frames"]], default=-BEFORE)
    near = (play.steps >= -BEFORE * clock.STEPS_PER_SECOND) & (play.steps <= until * clock.STEPS_PER_SECOND)
    counts = count(oof["contact"].to_numpy(dtype=bool), oof["final"].to_numpy(dtype=bool))
    return {
        "game_play": play.game_play,
        "counts": {"found": counts[0], "false": counts[1], "missed": counts[2] - counts[0], "mcc": mcc_text(mcc_or_none(counts))},
        "frames_per_second": clock.FRAMES_PER_SECOND,
        "steps_per_second": clock.STEPS_PER_SECOND,
        "first_frame_number": clock.FIRST_FRAME_NUMBER,
        "labelled": labelled,
        "from": max(-BEFORE, begin),
        "until": until,
        "players": [
            {"id": int(player), "jersey": jerseys.get(int(player)), "role": str(role) or "?", "home": bool(home)}
            for player, role, home in zip(play.players, play.role, play.home, strict=True)
        ],
        "first_step": int(play.steps[near][0]),
        "positions": [[None if np.isnan(x) else [round(float(x), 1), round(float(y), 1)] for x, y in step] for step in play.position[near]],
        "views": views,
        "tracks": _tracks(play, rows, oof, thresholds, labelled),
    }


def _view(name: str, view: View, video: str | None, zero: np.datetime64) -> dict[str, Any]:
    """A view's clock and its boxes: for each frame from `first` on, one flat list with player, left, top, width, height, detected for each box."""
    there = ~np.isnan(view.boxes[..., 0])
    detected = there if view.detected is None else there & view.detected
    seen = np.flatnonzero(there.any(axis=1))
    first, stop = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 0)
    boxes = []
    for frame in range(first, stop):
        players = np.flatnonzero(there[frame])
        flat = np.column_stack([players, np.rint(view.boxes[frame, players]), detected[frame, players]])
        boxes.append(flat.astype(int).ravel().tolist())
    start = float((view.start_time - zero) / np.timedelta64(1, "ms")) / 1000
    return {"name": name, "video": video, "start": start, "frames": len(view.boxes), "first": first, "boxes": boxes}


def _tracks(play: Play, rows: Rows, oof: pd.DataFrame, thresholds: Thresholds, labelled: int) -> list[dict[str, Any]]:
    """Every pair and player that has a label, is called a contact, or comes near it with any model."""
    label, decided = oof["contact"].to_numpy(dtype=bool), oof["final"].to_numpy(dtype=bool)
    limit = np.where(rows.is_ground, thresholds.ground, thresholds.pair)
    worth = label | decided | (oof[list(MODELS)].to_numpy().max(axis=1) >= WORTH * limit)
    key = rows.first * (len(play.players) + 1) + rows.second + 1
    step = play.steps[rows.step]
    kept = np.flatnonzero(np.isin(key, np.unique(key[worth])) & (step >= 0))
    tracks = []
    for here in pd.Series(kept).groupby(key[kept]).indices.values():
        at = kept[here]
        flags = np.zeros((2, labelled), dtype=np.int8)
        flags[:, step[at]] = label[at], decided[at]
        probability = np.zeros((len(MODELS), labelled))
        probability[:, step[at]] = oof[list(MODELS)].to_numpy()[at].T
        threshold = float(limit[at[0]])
        tracks.append(
            {
                "first": int(rows.first[at[0]]),
                "second": int(rows.second[at[0]]),
                "label": "".join(map(str, flags[0])),
                "decided": "".join(map(str, flags[1])),
                "threshold": round(threshold, 3) if np.isfinite(threshold) else None,  # no probability was enough
                **{name: _probabilities(line) for name, line in zip(MODELS.values(), probability, strict=True)},
            }
        )
    return tracks


def _probabilities(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 3) if value > 0 else None for value in values]


def play_page(data: dict[str, Any]) -> str:
    """The page of a play. Text from the data is escaped, in markup and in the script's data."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(loader=jinja2.PackageLoader("player_contact.evaluation"), autoescape=True, undefined=jinja2.StrictUndefined)
    script = (resources.files("player_contact.evaluation") / "templates" / "viewer.js").read_text(encoding="utf-8")
    return environment.get_template("viewer.html").render(data=data, json=Markup(script_json(data)), script=Markup(script))  # noqa: S704 it is escaped


def script_json(value: Any) -> str:
    """JSON that can stand in a `<script>` element: no text in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
