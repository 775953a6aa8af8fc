"""The play viewer: a page a play that opens from disk, with videos, boxes, field and timelines."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from player_contact.competition import clock
from player_contact.competition.metric import Thresholds, count
from player_contact.competition.season import PlayTables
from player_contact.competition.tables import READ_OPTIONS
from player_contact.evaluation.report import templates
from player_contact.evaluation.scores import mcc_or_none, mcc_text
from player_contact.play import Play, Rows, View, build_play
from player_contact.utils.files import is_outside, remove
from player_contact.video.completion import complete_play

MODELS = {"screen": "screen", "vision": "vision", "blend": "final"}  # of oof.parquet -> on the page
LISTED_FROM = 0.5  # of the threshold; a pair with a label or a predicted contact is always listed
JERSEY_COLUMNS = ("game_play", "nfl_player_id", "jersey_number")
MAX_JERSEY = 99
BEFORE, AFTER = 2.0, 1.0  # seconds shown before the first and after the last labelled step


@dataclass(frozen=True)
class PlayResult:
    """A play's tables, its rows of oof.parquet, its fold's thresholds, and player id -> jersey."""

    tables: PlayTables
    oof: pd.DataFrame
    thresholds: Thresholds
    jerseys: dict[int, int]


def has_video(tables: PlayTables) -> bool:
    """Whether at least one of the play's views has a video."""
    return any(
        _is_usable(tables.video_folder / f"{tables.game_play}_{view}.mp4")
        for view in tables.videos["view"].unique()
    )


def jersey_numbers(tracking: Path) -> dict[str, dict[int, int]]:
    """game_play -> player id -> jersey number, of a checked tracking table.

    What is no number from 0 to 99 is left out. No model uses them, so `Play` does not hold them.
    """
    types = {"game_play": "category", "jersey_number": "category"}
    table = pd.read_csv(
        tracking, usecols=lambda column: column in JERSEY_COLUMNS, dtype=types, **READ_OPTIONS
    ).drop_duplicates()
    if "jersey_number" not in table:
        return {}
    number = pd.to_numeric(table["jersey_number"].astype("str"), errors="coerce")
    table = table.assign(jersey_number=number)[number.between(0, MAX_JERSEY) & (number % 1 == 0)]
    table = table.drop_duplicates(["game_play", "nfl_player_id"]).astype({"jersey_number": int})
    return {
        str(play): dict(zip(part["nfl_player_id"], part["jersey_number"], strict=True))
        for play, part in table.groupby("game_play", observed=True)
    }


def write_play_page(result: PlayResult, folder: Path, complete: bool) -> int:
    """Writes `<game_play>.html` into `folder` beside the play's videos; returns its bytes.

    With `complete` boxes are completed as they were for the models.
    """
    play, rows = build_play(result.tables)
    play = complete_play(play)[0] if complete else play
    videos = {name: link_video(view.video, folder) for name, view in play.views.items()}
    page = play_page(play_data(play, rows, result, videos))
    (folder / f"{play.game_play}.html").write_text(page, encoding="utf-8")
    return len(page.encode())


def link_video(video: Path, folder: Path) -> str | None:
    """Puts a video into `folder` and returns its name there.

    None where it does not exist, or is a link out of the input folder. A hard link where possible:
    it takes no space and survives renaming the original; else a symbolic link, else a copy.
    """
    if not _is_usable(video):
        return None
    target, original = folder / video.name, video.resolve()
    remove(target)
    for put in (os.link, os.symlink):
        with suppress(OSError):
            put(original, target)
            return target.name
    shutil.copyfile(original, target)
    return target.name


def _is_usable(video: Path) -> bool:
    return video.is_file() and not is_outside(video, video.parent.parent)


def play_data(
    play: Play, rows: Rows, result: PlayResult, videos: dict[str, str | None]
) -> dict[str, Any]:
    """What the page of a play shows, as values for JSON; `videos` by view.

    Labelled steps count from step 0; a step without a row of a pair counts as no contact.
    """
    zero = play.times[0] - int(play.steps[0]) * clock.STEP
    labelled = int(play.steps[rows.step].max()) + 1
    views = [_view(name, view, videos.get(name), zero) for name, view in play.views.items()]
    end = (labelled - 1) / clock.STEPS_PER_SECOND + AFTER
    start = max([view["start"] for view in views if view["frames"]], default=-BEFORE)
    seconds = play.steps / clock.STEPS_PER_SECOND
    shown = (seconds >= -BEFORE) & (seconds <= end)
    counts = count(*(result.oof[name].to_numpy(dtype=bool) for name in ("contact", "final")))
    tp, fp, positives, _ = counts
    players = zip(play.players.tolist(), play.role, play.home.tolist(), strict=True)
    return {
        "game_play": play.game_play,
        "counts": {"tp": tp, "fp": fp, "fn": positives - tp, "mcc": mcc_text(mcc_or_none(counts))},
        "frames_per_second": clock.FRAMES_PER_SECOND,
        "steps_per_second": clock.STEPS_PER_SECOND,
        "first_frame_number": clock.FIRST_FRAME_NUMBER,
        "labelled_steps": labelled,
        "start": max(-BEFORE, start),
        "end": end,
        "players": [
            {"id": id_, "jersey": result.jerseys.get(id_), "role": str(role) or "?", "home": home}
            for id_, role, home in players
        ],
        "first_step": int(play.steps[shown][0]),
        "positions": [
            [None if np.isnan(x) else [round(float(x), 1), round(float(y), 1)] for x, y in step]
            for step in play.position[shown]
        ],
        "views": views,
        "tracks": _tracks(play, rows, result, labelled),
    }


def _view(name: str, view: View, video: str | None, zero: np.datetime64) -> dict[str, Any]:
    """`boxes`: by frame from `first_frame`, flat: player, left, top, width, height, detected."""
    boxed = ~np.isnan(view.boxes[..., 0])
    detected = boxed if view.detected is None else boxed & view.detected
    frames = np.flatnonzero(boxed.any(axis=1))
    first, stop = (int(frames[0]), int(frames[-1]) + 1) if len(frames) else (0, 0)
    boxes = []
    for frame in range(first, stop):
        player = np.flatnonzero(boxed[frame])
        corners = np.rint(view.boxes[frame, player])
        table = np.column_stack([player, corners, detected[frame, player]])
        boxes.append(table.astype(int).ravel().tolist())
    return {
        "name": name,
        "video": video,
        "start": float((view.start_time - zero) / np.timedelta64(1, "ms")) / 1000,
        "frames": len(view.boxes),
        "first_frame": first,
        "boxes": boxes,
    }


def _tracks(play: Play, rows: Rows, result: PlayResult, labelled: int) -> list[dict[str, Any]]:
    """Every pair, or player and ground, that is listed; a model without prediction: null."""
    oof, ids = result.oof, rows.first * (len(play.players) + 1) + rows.second + 1
    flags = oof[["contact", "final"]].to_numpy(dtype=np.int8).T
    probability = oof[list(MODELS)].to_numpy().T
    threshold = np.where(rows.is_ground, result.thresholds.ground, result.thresholds.pair)
    listed = flags.any(axis=0) | (probability.max(axis=0) >= LISTED_FROM * threshold)
    step = play.steps[rows.step]
    shown = np.flatnonzero(np.isin(ids, ids[listed]) & (step >= 0))
    tracks = []
    for indices in pd.Series(shown).groupby(ids[shown]).indices.values():
        index = shown[indices]
        by_step = np.zeros((len(flags) + len(probability), labelled))
        by_step[:, step[index]] = np.concatenate([flags[:, index], probability[:, index]])
        label, predicted = ("".join(map(str, line)) for line in by_step[:2].astype(int))
        limit = float(threshold[index[0]])
        tracks.append(
            {
                "first": int(rows.first[index[0]]),
                "second": int(rows.second[index[0]]),
                "label": label,
                "predicted": predicted,
                "threshold": round(limit, 3) if np.isfinite(limit) else None,  # none is enough
            }
            | dict(zip(MODELS.values(), map(_probabilities, by_step[2:]), strict=True))
        )
    return tracks


def _probabilities(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 3) if value > 0 else None for value in values]


def play_page(data: dict[str, Any]) -> str:
    """The page of a play. Text from the data is escaped, in markup and in the script's data."""
    from markupsafe import Markup

    folder = resources.files("player_contact.evaluation") / "templates"
    script = Markup((folder / "viewer.js").read_text(encoding="utf-8"))  # noqa: S704 our own
    json_text = Markup(script_json(data))  # noqa: S704 it is escaped
    template = templates().get_template("viewer.html")
    return template.render(data=data, json=json_text, script=script)


def script_json(value: Any) -> str:
    """JSON for a `<script>` element: no text in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
