"""A sheet of whole frames: the snap, the first contact and the pile of a play, or many piles."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from player_contact.competition.constants import FRAME_HEIGHT, FRAME_WIDTH, VIEWS
from player_contact.competition.season import PlayTables, Season, read_season
from player_contact.evaluation import sheet
from player_contact.evaluation.viewer import has_video
from player_contact.play import Play, Rows, build_play
from player_contact.utils.errors import InputError
from player_contact.video.decode import VideoError, color_frames

TEAMS = ("#ff9600", "#1eaaff")  # away, home
CONTACT = "#ffff3c"
SIZE = (
    FRAME_WIDTH / 2 / sheet.DPI,
    FRAME_HEIGHT / 2 / sheet.DPI,
)  # inches of a frame at half its size
MARGIN = 0.26  # inches above each frame, and of the legend
EDGE = 3  # points of black below what is yellow: on white it can hardly be seen


def write_frame_sheet(folder: Path, split: str, game_plays: Sequence[str], output: Path) -> None:
    """Writes a .png or .jpg with three steps of a play, or the last of them of each of several.

    One line a step, Sideline left. Boxes are those of the helmets table at that frame. Without
    `game_plays`: the first play with videos. Where the labels are not known, the steps are the
    snap, the middle and the end. Raises InputError where the season can't be read, holds no such
    play, or a play has no video.
    """
    if split not in ("train", "test"):
        raise InputError(f"{split!r} is no split: train or test")
    season = read_season(folder, split)
    draw_frame_sheet([_find_play(season, folder, name) for name in game_plays or [""]], output)


def draw_frame_sheet(plays: Iterable[PlayTables], output: Path) -> None:
    """As `write_frame_sheet`, of plays that were read; one whose video is missing has no image."""
    moments: list[tuple[Play, str, int, Rows]] = []
    plays, labelled = list(plays), False
    for tables in plays:
        play, rows = build_play(tables)
        labelled = "contact" in tables.rows
        contacts = rows[tables.rows["contact"].to_numpy(dtype=bool)] if labelled else rows[:0]
        steps = list(_chosen_steps(play, rows, contacts).items())
        for title, step in steps[-1:] if len(plays) > 1 else steps:
            moments.append((play, title, step, contacts[contacts.step == step]))
    figure, axes = sheet.image_grid(len(moments), len(VIEWS), SIZE, (0, MARGIN, MARGIN))
    for line, (play, title, step, contacts) in zip(axes, moments, strict=True):
        for ax, name in zip(line, VIEWS, strict=True):
            text = f"{play.game_play} {name}, step {play.steps[step]}: {title}"
            ax.set_title(text, fontsize=9, loc="left", x=0.01, pad=4)
            if name in play.views:
                _draw_frame(ax, play, name, step, contacts)
    sheet.add_legend(figure, _legend(labelled))
    sheet.write_sheet(figure, output)


def _find_play(season: Season, folder: Path, game_play: str) -> PlayTables:
    for tables in season.plays():
        filmed = has_video(tables)
        if tables.game_play == game_play and not filmed:
            raise InputError(
                f"{tables.video_folder} holds no video of {game_play}: there is no frame to plot"
            )
        if filmed and game_play in ("", tables.game_play):
            return tables
    raise InputError(f"{folder} has no {season.split} play {game_play or 'with videos'}")


def _chosen_steps(play: Play, rows: Rows, contacts: Rows) -> dict[str, int]:
    """Title -> index on the S axis."""
    steps = np.unique(rows.step)
    if not len(contacts):
        return {"snap": steps[0], "middle": steps[len(steps) // 2], "end": steps[-1]}
    opponents = ~contacts.is_ground & (play.home[contacts.first] != play.home[contacts.second])
    return {
        "snap": steps[0],
        "first contact of opponents": contacts.step[opponents if opponents.any() else ...].min(),
        "most contacts": int(np.bincount(contacts.step).argmax()),
    }


def _draw_frame(ax, play: Play, name: str, step: int, contacts: Rows) -> None:
    import cv2

    view, frame = play.views[name], play.views[name].frame_of(play.times[[step]])
    try:
        image = next((image for _, image in color_frames(view.video, frame)), None)
    except VideoError:
        return
    if image is None:
        return
    image = cv2.resize(image, (FRAME_WIDTH, FRAME_HEIGHT))  # what boxes are measured in
    sheet.show_image(ax, image[..., ::-1])  # BGR
    boxes = view.boxes[int(frame[0])]
    center = boxes[:, :2] + boxes[:, 2:] / 2
    for box, home in zip(boxes, play.home, strict=True):
        sheet.draw_box(ax, box[:2], box[2:], edgecolor=TEAMS[int(home)])
    line, disc = _contact_styles()
    for first, second in zip(contacts.first, contacts.second, strict=True):
        points = center[[first] if second < 0 else [first, second]]
        ax.plot(*points.T, **(disc if second < 0 else line))  # NaN draws nothing


def _contact_styles() -> tuple[dict, dict]:
    """Of a line between two players, and of a disc on a player in contact with the ground."""
    from matplotlib.patheffects import Normal, Stroke

    edge = [Stroke(linewidth=EDGE, foreground="black"), Normal()]
    style = {"color": CONTACT, "path_effects": edge}
    disc = {"marker": "o", "markersize": 4, "linestyle": "none"}
    return style | {"linewidth": 2}, style | disc


def _legend(labelled: bool) -> dict[str, dict]:
    box = {"marker": "s", "markersize": 9, "markerfacecolor": "none", "linestyle": "none"}
    teams = zip(("away", "home"), TEAMS, strict=True)
    entries = {f"detected helmet, {team}": box | {"markeredgecolor": c} for team, c in teams}
    if not labelled:
        return entries | {"the contacts of test plays are not known": {"linestyle": "none"}}
    texts = ("contact of two players", "contact with the ground")
    return entries | dict(zip(texts, _contact_styles(), strict=True))
